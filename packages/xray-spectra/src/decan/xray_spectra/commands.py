"""The command ``decan xray-spectra``: encode, classify, simulate, a page a source, train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decan.core.errors import DecanError
from decan.core.library import Library

if TYPE_CHECKING:
    from .latents import Latents

__all__ = ["library"]

commands = typer.Typer(help="Eight numbers for an X-ray spectrum.")

library = Library(
    name="xray-spectra",
    title="Eight numbers for an X-ray spectrum, of the source and not of the instrument",
    paper="Pinciroli Vago, Martínez-Galarza & Amato 2025 (arXiv 2510.14102)",
    try_it="decan xray-spectra encode *.pha --out latents.parquet",
    commands=commands,
)
"""What this library tells the house about itself."""

_AT_ONCE = 2000
_NOTES_SHOWN = 20

Files = Annotated[list[Path], typer.Argument(help="PHA files, or pha3 files of the CSC.")]
Weights = Annotated[
    str, typer.Option(help="source (with responses), channels (without), or a folder.")
]


ARF = Annotated[Path | None, typer.Option(help="ARF, instead of what the files name.")]
RMF = Annotated[Path | None, typer.Option(help="RMF, instead of what the files name.")]
Background = Annotated[Path | None, typer.Option(help="Background, instead of theirs.")]


@commands.command()
def encode(
    files: Files,
    out: Annotated[Path, typer.Option(help="Table to write: Parquet, CSV, ECSV, FITS.")] = Path(
        "latents.parquet"
    ),
    model: Weights = "source",
    arf: ARF = None,
    rmf: RMF = None,
    background: Background = None,
) -> None:
    """Latents with errors, a row a file; a bad file is a row that says why."""
    from decan.core.data.tables import writable, write_table

    out = writable(out)
    latents = _latents(_model(model), files, arf=arf, rmf=rmf, background=background)
    typer.echo(repr(latents))
    _tell_flags(latents)
    typer.echo(f"written: {write_table(latents.to_table(), out).resolve()}")
    _fail_where_nothing_was_read(latents)


@commands.command()
def classify(
    files: Files,
    out: Annotated[
        Path | None, typer.Option(help="Table to write: Parquet, CSV, ECSV, FITS.")
    ] = None,
    model: Weights = "source",
    arf: ARF = None,
    rmf: RMF = None,
    background: Background = None,
) -> None:
    """Probabilities of eight classes, taken as equally common."""
    from decan.core.data.tables import writable, write_table

    out = None if out is None else writable(out)
    encoder = _model(model)
    latents = _latents(encoder, files, arf=arf, rmf=rmf, background=background)
    table = encoder.class_probabilities(latents)
    table.insert(0, "name", latents.names)
    best = table.iloc[:, 1:].fillna(0).to_numpy().argmax(axis=1)
    table.insert(1, "class", [table.columns[1 + i] for i in best])
    table.loc[~latents.encoded, "class"] = ""
    table["flag"] = latents.flags
    if out is not None:
        typer.echo(f"written: {write_table(table, out).resolve()}")
    typer.echo(table.to_string(index=False, float_format=lambda p: f"{p:.2f}", na_rep=""))
    _tell_flags(latents)
    _fail_where_nothing_was_read(latents)


@commands.command()
def page(
    file: Annotated[Path, typer.Argument(help="PHA file, or a pha3 of the CSC.")],
    out: Annotated[Path, typer.Option(help="Page (HTML) to write.")] = Path("source.html"),
    arf: ARF = None,
    rmf: RMF = None,
    background: Background = None,
) -> None:
    """One source on a page: data, reconstruction, photon spectrum, neighbours, classes."""
    import warnings

    from .pages import source_page
    from .spectrum import Spectrum

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # told below, and on the page
        spectrum = Spectrum.from_ogip(file, arf=arf, rmf=rmf, background=background)
    typer.echo(repr(spectrum))
    for note in spectrum.notes:
        typer.echo(f"  {note}")
    typer.echo(f"written: {source_page(spectrum).save(out).resolve()}")


@commands.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("simulated"),
    n: Annotated[int, typer.Option(help="Number of spectra.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    arf: Annotated[Path | None, typer.Option(help="ARF; an ACIS-like one by default.")] = None,
    rmf: Annotated[Path | None, typer.Option(help="RMF.")] = None,
) -> None:
    """Spectra of eight classes with known truth: counts and background (npz), truth (Parquet)."""
    import warnings

    import numpy as np

    from decan.core.data.tables import write_table
    from decan.core.files import replacing

    from .response_files import read_response
    from .simulate import simulate_spectra

    if (arf is None) != (rmf is None) and rmf is None:
        raise DecanError("--arf needs --rmf")
    responses = None
    if rmf is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # told below
            responses = {rmf.name: read_response(arf, rmf)}
        _tell_notes(dict.fromkeys(responses[rmf.name].notes, 1))
    simulated = simulate_spectra(n, responses=responses, rng=seed)
    out.mkdir(parents=True, exist_ok=True)
    with replacing(out / "spectra.npz") as path, path.open("wb") as file:
        np.savez_compressed(
            file, counts=simulated.counts, background=simulated.background, shapes=simulated.shapes
        )
    write_table(simulated.table, out / "truth.parquet")
    typer.echo(f"{simulated!r}\nwritten: {out.resolve()}")


@commands.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder for the weights.")] = Path("xray-weights"),
    preset: Annotated[str, typer.Option(help="shipped (minutes) or quick.")] = "shipped",
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Train the weights that are shipped; interrupted training goes on where it stopped."""
    from .shipped import train_shipped

    for folder in train_shipped(out, preset=preset, seed=seed):
        typer.echo(f"written: {folder}")


def _latents(encoder: Any, files: list[Path], **given: Path | None) -> Latents:
    """Of all files, some thousands in memory at a time."""
    from dataclasses import replace

    from .batch import read_spectra
    from .latents import Latents
    from .spectrum import Spectrum

    notes: dict[str, int] = {}

    def read(path: Path) -> Spectrum:
        spectrum = Spectrum.from_ogip(path, **given)
        for note in spectrum.notes if spectrum.response is not None else ():
            notes[note] = notes.get(note, 0) + 1
        return spectrum

    parts = []
    for start in range(0, len(files), _AT_ONCE):
        batch = read_spectra(files[start : start + _AT_ONCE], read=read, progress=len(files) > 20)
        parts.append(encoder.encode(batch))
    _tell_notes(notes)
    alone = len({file.name for file in files}) == len(files)
    names = tuple(file.name if alone else str(file) for file in files)
    return replace(Latents.concatenate(parts), names=names)


def _tell_notes(notes: dict[str, int]) -> None:
    """What was assumed in reading, each said once, however many files it concerns."""
    for note, n in list(notes.items())[:_NOTES_SHOWN]:
        typer.echo(f"  {note}" + (f" ({n:,} files)" if n > 1 else ""))
    if len(notes) > _NOTES_SHOWN:
        typer.echo(f"  and {len(notes) - _NOTES_SHOWN:,} more notes like these")


def _tell_flags(latents: Latents) -> None:
    for name, flag, reason in zip(latents.names, latents.flags, latents.reasons, strict=True):
        if flag:
            # A reader's message begins with the file's name already.
            typer.echo(f"  {name}: {flag}: {reason.removeprefix(f'{name}: ')}")
    if "NO_RESPONSE" in latents.flags:
        typer.echo("  Give --rmf and --arf, or use --model channels.")


def _fail_where_nothing_was_read(latents: Latents) -> None:
    if latents.flags and all(flag == "NOT_READ" for flag in latents.flags):
        raise typer.Exit(1)


def _model(name: str) -> Any:
    from .autoencoder import SpectralAutoencoder

    if name in ("source", "channels"):
        return SpectralAutoencoder.pretrained(name)
    return SpectralAutoencoder.load(name)
