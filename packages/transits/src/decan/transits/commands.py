"""The command ``decan transits``: vet a light curve, score a table, train the shipped weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from decan.core.library import Library

if TYPE_CHECKING:
    from decan.core.report import Page

    from .pixels import DifferenceImage
    from .verdict import Verdict

__all__ = ["library"]

commands = typer.Typer(help="Vetting of transit signals.")

library = Library(
    name="transits",
    title="Vetting of transit signals: from a light curve to a calibrated, explained verdict",
    paper="Devora-Pajares et al. 2025, WATSON-Net (arXiv 2511.08768)",
    try_it="decan transits vet LIGHTCURVE --period 3.29 --epoch 1327.51 --duration 3.3",
    commands=commands,
)
"""What this library tells the house about itself."""


@commands.command()
def vet(
    lightcurve: Annotated[
        list[Path], typer.Argument(help="One table, or the FITS files of a star.")
    ],
    period: Annotated[float, typer.Option(help="Period, days.")],
    epoch: Annotated[float, typer.Option(help="Mid-time of a transit, days.")],
    duration: Annotated[float, typer.Option(help="Duration, hours.")],
    time_format: Annotated[
        str | None,
        typer.Option(help="System of the epoch: bjd, bkjd or btjd; the light curve's by default."),
    ] = None,
    radius: Annotated[float | None, typer.Option(help="Radius of the star, solar radii.")] = None,
    pixels: Annotated[
        Path | None, typer.Option(help="Target-pixel file: whose light is missing in transit?")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Page (HTML) to write.")] = None,
) -> None:
    """Vet one signal of one light curve, and print the verdict with its reasons."""
    from .lightcurve import LightCurve
    from .pixels import TargetPixels
    from .signals import TransitSignal
    from .vetter import TransitVetter

    curve = LightCurve.read(*lightcurve)
    signal = TransitSignal(period, epoch, duration, time_format=time_format)
    star = {} if radius is None else {"radius": radius}
    cube = None if pixels is None else TargetPixels.read(pixels)
    verdict = TransitVetter.pretrained().vet(curve, signal, star=star, pixels=cube)
    _show(verdict)
    if out is not None:
        image = None
        if cube is not None and verdict.offset is not None:
            image = cube.difference_image(signal)
        page = _page(verdict, repr(curve), image)
        typer.echo(f"\nwritten: {page.save(out).resolve()}")


@commands.command()
def score(
    table: Annotated[Path, typer.Argument(help="KOI table (any format), DR25 column names.")],
    out: Annotated[Path, typer.Option(help="Table to write: CSV, Parquet, ECSV, FITS.")] = Path(
        "scores.csv"
    ),
) -> None:
    """Score Kepler objects of interest from their catalogue columns."""
    from decan.core.data.tables import writable, write_table

    from .scorer import KoiScorer, read_kois

    out = writable(out)
    scorer = KoiScorer.pretrained()
    frame = read_kois(table, scorer.columns)
    names = [name for name in ("kepid", "kepoi_name") if name in frame]
    result = frame[names].copy()
    result["planet_probability"] = scorer.predict(frame)
    result["reasons"] = scorer.reasons(frame)
    result = result.sort_values("planet_probability", ascending=False)
    typer.echo(f"written: {write_table(result, out).resolve()} ({len(result):,} rows)")


@commands.command()
def survey(
    catalogue: Annotated[
        Path, typer.Argument(help="Parquet with nested light curves, a row a signal.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("verdicts"),
) -> None:
    """Vet a whole catalogue with constant memory; an interrupted run goes on."""
    from .survey import vet_catalogue

    typer.echo(vet_catalogue(catalogue, out))


@commands.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder for the weights.")] = Path("transits-weights"),
    preset: Annotated[str, typer.Option(help="shipped (half an hour) or quick.")] = "shipped",
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Train the weights that are shipped; interrupted training goes on where it stopped."""
    from .shipped import train_shipped

    for folder in train_shipped(out, preset=preset, seed=seed):
        typer.echo(f"written: {folder}")


def _show(verdict: Verdict) -> None:
    from rich.console import Console
    from rich.table import Table

    colours = {1: "green", 0: "", -1: "yellow", -2: "red"}
    console = Console()
    console.print(f"[bold]{verdict.headline}[/]")
    console.print(str(verdict.signal), style="dim")
    for reason in verdict.reasons:
        console.print(f"  {reason}", style=colours[reason.weight], markup=False)
    for note in verdict.notes:
        console.print(f"  {note}", style="italic", markup=False)
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("quantity", "value", "error", "unit"):
        table.add_column(name, justify="right" if name in ("value", "error") else "left")
    for quantity, value, error, unit in verdict.table().to_numpy():
        table.add_row(quantity, _number(value), _number(error), unit)
    console.print(table)


def _number(value: float) -> str:
    return "" if value != value else f"{value:.4g}"


def _page(verdict: Verdict, about: str, image: DifferenceImage | None) -> Page:
    from decan.core.report import Page

    page = Page(f"Vetting of {verdict.target or 'a signal'}", verdict.headline)
    section = page.section("Verdict").text(str(verdict.signal)).text(about)
    tones = {1: "good", 0: "", -1: "bad", -2: "bad"}
    section.badges((reason.text, tones[reason.weight]) for reason in verdict.reasons)
    for note in verdict.notes:
        section.text(note)
    section.figure(verdict.plot(), caption="Views on one depth scale, and what speaks for and "
                   "against a planet.")  # fmt: skip
    if image is not None:
        from .plots import plot_difference

        section.figure(plot_difference(image), caption="The star, and what is missing in transit: "
                       "the circle is the source, the cross the star.")  # fmt: skip
    frame = verdict.table()
    frame["value"], frame["error"] = frame["value"].map(_number), frame["error"].map(_number)
    section.table(frame, caption="All measurements with their errors.")
    return page
