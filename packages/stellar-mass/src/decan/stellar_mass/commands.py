"""The command ``decan stellar-mass``: masses of a table, and what its columns say about them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from decan.core.errors import SchemaError
from decan.core.library import Library

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["library"]

commands = typer.Typer(help="Stellar masses, and what each input adds to them.")

library = Library(
    name="stellar-mass",
    title="Stellar masses with densities, and what each kind of data really adds to them",
    paper="Zhang, Lin et al. 2025, information decomposition (arXiv 2509.23901)",
    try_it="decan stellar-mass decompose TABLE --target logmstar --first u,g,r --second w1,w2",
    commands=commands,
)
"""What this library tells the house about itself."""


@commands.command()
def predict(
    table: Annotated[Path, typer.Argument(help="Table of any format.")],
    model: Annotated[
        Path | None, typer.Option(help="Folder of a saved model; the shipped one by default.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Column to learn from: fits and predicts out of fold.")
    ] = None,
    inputs: Annotated[str, typer.Option(help="Columns to use with --target, by commas.")] = "",
    groups: Annotated[str | None, typer.Option(help="Column of groups for the folds.")] = None,
    members: Annotated[int, typer.Option(help="Networks to train with --target.")] = 10,
    low: Annotated[float, typer.Option(help="Lowest target.")] = 6.0,
    high: Annotated[float, typer.Option(help="Highest target.")] = 12.5,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    out: Annotated[Path, typer.Option(help="Table to write (CSV, Parquet, ECSV, FITS).")] = Path(
        "masses.csv"
    ),
) -> None:
    """Predict the mass of every row with its interval, by a saved model or out of fold."""
    from decan.core.data.tables import read_table, writable, write_table

    from .estimator import StellarMassEstimator, out_of_fold_density

    out = writable(out)
    frame = read_table(table)
    with _telling(table):
        if target is None:
            kind = StellarMassEstimator
            density = (kind.load(model) if model else kind.pretrained()).predict_density(frame)
        else:
            frame = _with_target(frame, target)
            density = out_of_fold_density(
                StellarMassEstimator(members=members, low=low, high=high, random_state=seed),
                _columns(frame, inputs, "--inputs"), _one(frame, target, "--target"),
                groups=None if groups is None else _one(frame, groups, "--groups"), rng=seed,
            )  # fmt: skip
    interval = density.interval(0.68)
    result = frame.iloc[:, :1].copy()
    result["log_mass"], result["log_mass_sd"] = density.mean(), density.std()
    result["log_mass_16"], result["log_mass_84"] = interval.T
    typer.echo(f"written: {write_table(result, out).resolve()} ({len(result):,} rows)")


@commands.command()
def decompose(
    table: Annotated[Path, typer.Argument(help="Table of any format.")],
    target: Annotated[str, typer.Option(help="Column of the target.")],
    first: Annotated[str, typer.Option(help="Columns of the first input, by commas.")],
    second: Annotated[str, typer.Option(help="Columns of the second input, by commas.")],
    groups: Annotated[str | None, typer.Option(help="Column of groups.")] = None,
    classes: Annotated[str | None, typer.Option(help="Column of classes to show apart.")] = None,
    measure: Annotated[
        str, typer.Option(help="mmi, pointwise_min, ccs or broja_gaussian.")
    ] = "mmi",
    estimator: Annotated[
        str, typer.Option(help="crossfit, network, copula, gaussian or ksg.")
    ] = "crossfit",
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    out: Annotated[Path, typer.Option(help="Page (HTML) to write.")] = Path("decomposition.html"),
    objects: Annotated[
        Path | None, typer.Option(help="Table to write as well: the parts of every object.")
    ] = None,
) -> None:
    """Take apart what two sets of columns say about a target, and write one page."""
    from decan.core.data.tables import read_table, writable, write_table

    from .decomposition import decompose as take_apart
    from .pages import decomposition_page

    objects = None if objects is None else writable(objects)
    frame = read_table(table)
    with _telling(table):
        frame = _with_target(frame, target)
        y = _one(frame, target, "--target")
        result = take_apart(
            _columns(frame, first, "--first"),
            _columns(frame, second, "--second"),
            y,
            names=(first.replace(",", " "), second.replace(",", " ")),
            groups=None if groups is None else _one(frame, groups, "--groups"),
            measure=measure,
            estimator=estimator,
            rng=seed,
        )
        labels = None if classes is None else _one(frame, classes, "--classes")
    typer.echo(result)
    with _telling(table):
        page = decomposition_page(result, title=f"What {table.name} says about {target}",
                                  target=target, classes=labels)  # fmt: skip
    typer.echo(f"\nwritten: {page.save(out).resolve()}")
    if objects is not None:
        parts = frame.iloc[:, :1].reset_index(drop=True).join(result.per_object())
        typer.echo(f"written: {write_table(parts, objects).resolve()} ({len(parts):,} rows)")


@commands.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder for the weights.")] = Path(
        "stellar-mass-weights"
    ),
    preset: Annotated[str, typer.Option(help="shipped (half an hour) or quick.")] = "shipped",
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Train the weights that are shipped, on simulated galaxies."""
    from .shipped import train_shipped

    for folder in train_shipped(out, preset=preset, seed=seed):
        typer.echo(f"written: {folder}")


@contextmanager
def _telling(table: Path) -> Iterator[None]:
    """What is wrong with a table is said with the name of its file."""
    try:
        yield
    except ValueError as error:
        raise SchemaError(f"{table}: {error}") from error


def _with_target(frame: pd.DataFrame, target: str) -> pd.DataFrame:
    """Rows whose target is known; how many are not is told."""
    import numpy as np

    from .inputs import without_sentinels_of

    known = np.isfinite(without_sentinels_of(_one(frame, target, "--target"), target))
    if not known.all():
        typer.echo(f"{int((~known).sum()):,} rows without {target} left out")
    return frame[known]


def _one(frame: pd.DataFrame, name: str, option: str) -> pd.Series:
    return _columns(frame, name, option).iloc[:, 0]


def _columns(frame: pd.DataFrame, names: str, option: str) -> pd.DataFrame:
    from .inputs import selected

    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if not wanted:
        raise typer.BadParameter(f"{option}: give at least one column")
    found: pd.DataFrame = selected(frame, wanted, option)
    return found
