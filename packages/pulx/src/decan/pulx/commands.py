"""The commands ``decan pulx rank`` and ``decan pulx search``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decan.core.library import Library

commands = typer.Typer(help="Rank X-ray sources by likeness to known pulsars, and search photons.")

library = Library(
    name="pulx",
    title="Candidates for pulsating ultraluminous X-ray sources: rank a catalogue, search photons",
    paper="Pinciroli Vago, Amato et al. 2025, A&A, doi 10.1051/0004-6361/202553739, "
    "arXiv 2507.15032",
    try_it="decan pulx search EVENTS.fits --fmin 0.02 --fmax 5",
    commands=commands,
)


@commands.command()
def rank(
    catalogue: Annotated[
        Path,
        typer.Argument(
            help="Detections: FITS, VOTable, CSV or Parquet; or a folder of Swift curves."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the table and the page.")] = Path(
        "decan-pulx-rank"
    ),
    known: Annotated[
        str, typer.Option(help="Column that marks known pulsars, or names separated by commas.")
    ] = "known_pulsar",
    method: Annotated[
        str,
        typer.Option(
            help="gmm, bgmm, kmeans, ward, fcm, spectral, hdbscan; or from labels: pu, odds."
        ),
    ] = "gmm",
    recall: Annotated[float, typer.Option(help="Share of known rows to select.")] = 1.0,
    missing: Annotated[
        str, typer.Option(help="Band fluxes of 0: floor, drop or impute.")
    ] = "floor",
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Rank the sources of a catalogue by likeness to known pulsars, with the honest recall."""
    from .pages import rank_catalogue

    page = rank_catalogue(
        catalogue, out, known=known, method=method, recall=recall, missing=missing, seed=seed
    )
    typer.echo(f"written: {page.resolve()}")


@commands.command()
def search(
    events: Annotated[list[Path], typer.Argument(help="Event files (FITS).")],
    out: Annotated[Path, typer.Option(help="Folder for tables and the page.")] = Path(
        "decan-pulx-search"
    ),
    fmin: Annotated[float, typer.Option(help="Lowest frequency, Hz.")] = 0.02,
    fmax: Annotated[float, typer.Option(help="Highest frequency, Hz.")] = 5.0,
    nharm: Annotated[int, typer.Option(help="Harmonics to sum, for sharp pulses.")] = 1,
    zmax: Annotated[
        float | None,
        typer.Option(help="Largest drift, Fourier bins over the span; physical if not given."),
    ] = None,
    energy: Annotated[str, typer.Option(help="Energies in keV, as 0.3-10.")] = "",
    jobs: Annotated[int, typer.Option(help="Files at once.")] = 1,
    resume: Annotated[bool, typer.Option(help="Keep what an earlier call finished.")] = True,
) -> None:
    """Search event files for pulsations: peaks, aliases, significance, and upper limits.

    A file that cannot be read is named and does not stop the others; the exit code is then 1.
    """
    import csv

    from .pages import search_files

    page = search_files(
        events, out, fmin=fmin, fmax=fmax, nharm=nharm, zmax=zmax, energy=energy, jobs=jobs,
        resume=resume,
    )  # fmt: skip
    typer.echo(f"written: {page.resolve()}")
    with (out / "summary.csv").open(encoding="utf-8", newline="") as summary:
        faults = [row["error"] for row in csv.DictReader(summary) if row.get("error")]
    for fault in faults:
        typer.secho(f"decan: {fault}", fg="red", err=True)
    if faults:
        raise typer.Exit(1)


@commands.command()
def train(
    preset: Annotated[str, typer.Option(help="shipped: the finders that come along.")] = "shipped",
    out: Annotated[Path, typer.Option(help="Folder for the folders swift and xmm.")] = Path(
        "decan-pulx-finders"
    ),
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Make the shipped finders again."""
    from .shipped import train_finders

    if preset != "shipped":
        raise typer.BadParameter("there is one preset, shipped", param_hint="--preset")
    for folder in train_finders(out, seed=seed):
        typer.echo(f"written: {folder}")
