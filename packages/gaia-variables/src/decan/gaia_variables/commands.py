"""The command ``decan gaia-variables``: embed a table, draw a map, find look-alikes, train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decan.core.library import Library

__all__ = ["library"]

commands = typer.Typer(help="Gaia variable stars as fifteen numbers.")

library = Library(
    name="gaia-variables",
    title="Gaia variable stars as fifteen numbers: embed, map, classify, find the odd one out",
    paper="Huijse et al. 2025, A&A 701, A150 (arXiv 2505.16320)",
    try_it="decan gaia-variables embed LIGHTCURVES --out portraits.parquet",
    commands=commands,
)
"""What this library tells the house about itself."""

Weights = Annotated[
    Path | None, typer.Option(help="Folder of a trained pipeline; the shipped one by default.")
]


@commands.command()
def embed(
    lightcurves: Annotated[
        Path,
        typer.Argument(help="Own table (source_id, time, mag, mag_err), or a file of the archive."),
    ],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")] = Path("portraits.parquet"),
    xp: Annotated[
        Path | None, typer.Option(help="XP_CONTINUOUS file of the archive, for the same stars.")
    ] = None,
    infer_missing: Annotated[
        bool, typer.Option("--infer-missing", help="Infer missing latents from the others.")
    ] = False,
    weights: Weights = None,
) -> None:
    """Portraits of the stars of one file: latents, their σ, frequency, statuses."""
    from decan.core.data.tables import writable, write_table

    from .mapping import load_curves, load_spectra
    from .pipeline import VariablesPipeline

    out = writable(out)
    pipeline = VariablesPipeline.load(weights) if weights else VariablesPipeline.pretrained()
    curves = load_curves(lightcurves)
    typer.echo(repr(curves))
    spectra = None if xp is None else load_spectra(xp, curves.source_id)
    if spectra is not None:
        typer.echo(f"{(spectra.status == 'ok').sum():,} of {len(curves):,} stars have a spectrum")
    portraits = pipeline.transform(curves, spectra, infer_missing=infer_missing, progress=True)
    typer.echo(f"{portraits!r}\nwritten: {write_table(portraits.to_table(), out).resolve()}")


@commands.command()
def stream(
    source: Annotated[Path, typer.Argument(help="Parquet folder or HATS catalogue, a star a row.")],
    out: Annotated[Path, typer.Option(help="Parquet folder to write.")] = Path("portraits"),
    batch_rows: Annotated[int, typer.Option(help="Stars of a batch.")] = 2000,
    weights: Weights = None,
) -> None:
    """Portraits of a catalogue of any size, at constant memory; a killed run goes on."""
    from decan.core.data.stream import map_table

    from .stream import PortraitTable

    typer.echo(str(map_table(PortraitTable(weights), source, out, batch_rows=batch_rows)))


@commands.command("map")
def draw_map(
    lightcurves: Annotated[
        Path | None,
        typer.Argument(help="Light curves; the real ones of the data folder, or simulated."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Page (HTML) to write.")] = Path("map.html"),
    xp: Annotated[Path | None, typer.Option(help="XP_CONTINUOUS file, for the same stars.")] = None,
    most: Annotated[int, typer.Option(help="Stars on the map at most.")] = 2500,
    seed: Annotated[int, typer.Option(help="Seed of the map.")] = 0,
) -> None:
    """Write a map that one can explore: every star's curve and spectrum in one page."""
    from .mapping import map_of_file, map_of_known

    page = (
        map_of_known(most=most, rng=seed)
        if lightcurves is None
        else map_of_file(lightcurves, xp, most=most, rng=seed)
    )
    typer.echo(f"written: {page.save(out).resolve()}")


@commands.command()
def similar(
    portraits: Annotated[Path, typer.Argument(help="What 'embed' wrote.")],
    source_id: Annotated[int, typer.Argument(help="The star.")],
    n: Annotated[int, typer.Option(help="How many look-alikes.")] = 10,
) -> None:
    """List the stars that look most like one star."""
    from .explore import find_similar
    from .mapping import load_portraits
    from .pipeline import latent_names

    table, names = load_portraits(portraits), latent_names()
    found = find_similar(
        table[names].to_numpy(),
        table["source_id"].to_numpy(),
        source_id,
        n=n,
        std=table[[f"{name}_std" for name in names]].to_numpy(),
    )
    typer.echo(found[["source_id", "distance"]].to_string(index=False))


@commands.command()
def outliers(
    portraits: Annotated[Path, typer.Argument(help="What 'embed' wrote.")],
    n: Annotated[int, typer.Option(help="How many.")] = 20,
) -> None:
    """List the strangest stars, and why they are."""
    from .explore import find_outliers
    from .mapping import load_portraits
    from .pipeline import MODALITIES, latent_names

    table = load_portraits(portraits)
    names = [name for name in latent_names() if table[name].notna().any()]
    found = find_outliers(
        table[names].to_numpy(),
        nll=table[[f"{name}_nll" for name in MODALITIES]].to_numpy(),
        source_id=table["source_id"].to_numpy(),
    )
    typer.echo(found.drop(columns="row").head(n).to_string(index=False, float_format="%.3f"))


@commands.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("gaia-variables-weights"),
    preset: Annotated[str, typer.Option(help="shipped (most of an hour) or quick.")] = "shipped",
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Train the weights that are shipped; interrupted training goes on where it stopped."""
    from .shipped import train_shipped

    typer.echo(f"written: {train_shipped(out, preset=preset, seed=seed)}")
