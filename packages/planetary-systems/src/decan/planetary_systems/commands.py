"""The command ``decan planetary-systems``: generate, complete, compare, train."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from decan.core.errors import SchemaError
from decan.core.library import Library

if TYPE_CHECKING:
    import pandas as pd

    from .systems import Systems

__all__ = ["library"]

commands = typer.Typer(help="A generator of planetary systems that can be asked questions.")

library = Library(
    name="planetary-systems",
    title="A generator of planetary systems that can be asked questions",
    paper="Alibert, Davoult & Marques 2025, A&A 701, A149 (arXiv 2509.07226)",
    try_it="decan planetary-systems complete PLANETS.csv --star-mass 0.9 --k-limit 1",
    commands=commands,
)
"""What this library tells the house about itself."""


@commands.command()
def generate(
    n: Annotated[int, typer.Argument(help="Systems.")] = 1000,
    out: Annotated[Path, typer.Option(help="Table to write, a row a planet.")] = Path(
        "systems.csv"
    ),
    population: Annotated[
        str | None, typer.Option(help="Bern population: ng96, ng74, ng75, ng76, ngm12, ...")
    ] = None,
    star_mass: Annotated[float | None, typer.Option(help="Stellar mass, solar masses.")] = None,
    age_gyr: Annotated[float | None, typer.Option(help="Age, Gyr.")] = None,
    page: Annotated[
        Path | None, typer.Option(help="Page (HTML) to write, with a mosaic of the systems.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Draw systems from the shipped generator."""
    from decan.core.data.tables import writable, write_table

    from .generator import SystemGenerator
    from .pages import generation_page

    out = writable(out)
    given = {"population": population, "star_mass": star_mass, "age_gyr": age_gyr}
    context: Any = {k: v for k, v in given.items() if v is not None} or "prior"
    systems = SystemGenerator.pretrained().sample(n, context=context, rng=seed)
    empty = int((systems.counts == 0).sum())
    typer.echo(f"{systems!r}; {empty} without planets have no row")
    typer.echo(f"written: {write_table(systems.to_table(), out).resolve()}")
    if page is not None:
        typer.echo(f"written: {generation_page(systems).save(page).resolve()}")


@commands.command()
def complete(
    planets: Annotated[
        Path,
        typer.Argument(
            help="Known planets: period_day or a_au, mass_earth (or radius_earth), mass_err, "
            "mass_kind."
        ),
    ],
    star_mass: Annotated[
        float | None,
        typer.Option(help="Stellar mass, solar masses; else column star_mass or st_mass."),
    ] = None,
    star_radius: Annotated[
        float | None, typer.Option(help="Stellar radius, solar radii; by the mass if not given.")
    ] = None,
    k_limit: Annotated[
        float | None, typer.Option(help="RV survey: planets above this K (m/s) would be known.")
    ] = None,
    transit_snr: Annotated[
        float | None, typer.Option(help="Transit survey: signal to noise that would be seen.")
    ] = None,
    n: Annotated[int, typer.Option(help="Draws.")] = 20_000,
    out: Annotated[Path, typer.Option(help="Page (HTML) to write.")] = Path("completion.html"),
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Ask what else a star may have, given its known planets and what was looked for."""
    from decan.core.data.tables import read_table

    from .generator import SystemGenerator
    from .pages import completion_page
    from .surveys import RV, Star, Survey, Transit

    surveys: list[Survey] = []
    if k_limit is not None:
        surveys.append(RV(k_limit))
    if transit_snr is not None:
        surveys.append(Transit(transit_snr))
    generator = SystemGenerator.pretrained()
    known = read_table(planets)
    with _about(planets):
        if known.empty:  # without a known planet the answer would be the generator's alone
            raise SchemaError(f"no planet in it, only columns {', '.join(known.columns)}")
        if star_mass is None and (star_mass := _star_mass(known)) is None:
            typer.echo("star mass not given: that of the Sun is taken (--star-mass)", err=True)
            star_mass = 1.0
        star = Star(mass=star_mass, radius=star_radius, name=planets.stem)
        posterior = generator.complete(known, star=star, survey=surveys or None, n=n, rng=seed)
    typer.echo(repr(posterior))
    typer.echo(f"written: {completion_page(posterior).save(out).resolve()}")


@commands.command()
def compare(
    one: Annotated[Path, typer.Argument(help="Real systems: a table with a row a planet.")],
    other: Annotated[Path, typer.Argument(help="Generated systems.")],
    reference: Annotated[
        Path | None, typer.Option(help="More real systems, for the floor and memorisation.")
    ] = None,
    system: Annotated[str, typer.Option(help="Column of the system.")] = "system",
    a: Annotated[str, typer.Option(help="Column of semi-major axis, au.")] = "semi_major_axis",
    mass: Annotated[str, typer.Option(help="Column of mass, Earth masses.")] = "mass",
    out: Annotated[Path, typer.Option(help="Page (HTML) to write.")] = Path("fidelity.html"),
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Compare two tables of systems in everything that tells them apart."""
    from decan.core.data.tables import read_table

    from .fidelity import fidelity_report
    from .pages import comparison_page
    from .systems import Systems

    def read(path: Path) -> Systems:
        table = read_table(path)
        with _about(path):
            return Systems.from_table(table, system=system, a=a, mass=mass)

    real, generated = read(one), read(other)
    report = fidelity_report(
        real, generated, reference=None if reference is None else read(reference), rng=seed
    )
    typer.echo(str(report))
    typer.echo(f"written: {comparison_page(report, real, generated).save(out).resolve()}")


@commands.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder for the weights.")] = Path(
        "planetary-systems-weights"
    ),
    preset: Annotated[str, typer.Option(help="shipped (under 20 minutes) or quick.")] = "shipped",
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Train the weights that are shipped; interrupted training goes on where it stopped."""
    from .shipped import train_shipped

    for folder in train_shipped(out, preset=preset, seed=seed):
        typer.echo(f"written: {folder}")


def _star_mass(known: pd.DataFrame) -> float | None:
    """What a table of one star's planets says of the star's mass, solar masses."""
    from .rows import numbers

    for name in ("star_mass", "st_mass"):
        if name in known:
            found = numbers(known, name)
            if (found > 0).any():
                return float(np.median(found[found > 0]))
    return None


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Name the file in what is wrong with its columns or rows."""
    try:
        yield
    except ValueError as error:
        raise SchemaError(f"{path}: {error}") from error
