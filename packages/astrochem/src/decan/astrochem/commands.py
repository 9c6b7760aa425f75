"""The command ``decan astrochem``: explain or group a grid, retrieve clouds, extend the grid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decan.core.library import Library

__all__ = ["library"]

commands = typer.Typer(help="Which molecular ratio tells which physics.")

library = Library(
    name="astrochem",
    title="Which molecular ratio tells which physics: grids, emulators, exact explanations",
    paper="Vermariën et al. 2025, A&A 699, A18 (arXiv 2505.08410)",
    try_it="decan astrochem retrieve RATIOS.csv",
    commands=commands,
)
"""What this library tells the house about itself."""

Table = Annotated[
    list[Path], typer.Argument(help="Tables of models (Parquet, CSV), HDF5, or UCLCHEM's folder.")
]
Ratio = Annotated[
    list[str] | None, typer.Option("--ratio", help="A ratio such as HNC/HCN; may be repeated.")
]
Time = Annotated[float | None, typer.Option(help="Time of the chemistry, yr.")]
Seed = Annotated[int, typer.Option(help="Seed.")]


@commands.command()
def explain(
    table: Table,
    ratio: Ratio = None,
    time: Time = None,
    refits: Annotated[int, typer.Option(help="Refitted emulators for the intervals.")] = 20,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("astrochem-explain"),
) -> None:
    """Say which parameter each ratio of a grid rests on, and how sure that is."""
    from .grid import ModelGrid
    from .pages import explain_grid

    page = explain_grid(
        ModelGrid.read(*table), out, ratios=ratio, time_yr=time, n_boot=refits, seed=seed
    )
    typer.echo(f"written: {page.resolve()}")


@commands.command()
def group(
    table: Table,
    ratio: Ratio = None,
    time: Time = None,
    smallest: Annotated[int, typer.Option(help="Fewest models of a group.")] = 30,
    seeds: Annotated[int, typer.Option(help="Maps whose groups must agree.")] = 10,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("astrochem-group"),
) -> None:
    """Find models of a grid that look alike, and how stable the groups are."""
    from .grid import ModelGrid
    from .pages import group_grid

    page = group_grid(
        ModelGrid.read(*table),
        out,
        ratios=ratio,
        time_yr=time,
        min_cluster_size=smallest,
        n_seeds=seeds,
        seed=seed,
    )
    typer.echo(f"written: {page.resolve()}")


@commands.command()
def retrieve(
    table: Annotated[
        Path,
        typer.Argument(help="Columns source, ratio, log10_value, err_low, err_high, limit."),
    ],
    emulators: Annotated[
        Path | None, typer.Option(help="Folder of emulators; the shipped ones by default.")
    ] = None,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("astrochem-retrieve"),
) -> None:
    """Find the clouds that give observed ratios, and the ratio to observe next."""
    from .emulators import EmulatorSet
    from .observation import Observation
    from .pages import retrieve_sources

    known = EmulatorSet.pretrained() if emulators is None else EmulatorSet.load(emulators)
    page = retrieve_sources(known, Observation.read(table), out, seed=seed)
    typer.echo(f"written: {page.resolve()}")


@commands.command("extend-grid")
def extend_grid(
    n: Annotated[int, typer.Option(help="Models to have in all.")] = 1024,
    jobs: Annotated[int, typer.Option(help="Models at a time.")] = 1,
    cpu_limit: Annotated[float, typer.Option(help="CPU seconds a model.")] = 8.0,
    skip: Annotated[
        list[Path] | None, typer.Option(help="Grids whose models are there already.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on where an earlier call stopped.")] = True,
    out: Annotated[Path, typer.Option(help="Folder of the grid.")] = Path("grid"),
) -> None:
    """Compute more models of the same design with UCLCHEM, which must be installed."""
    from .archive import DATASETS
    from .grid import ModelGrid
    from .runner import UCLCHEMRunner

    done = [ModelGrid.read(path) for path in skip or []]
    if not done and DATASETS.where("uclchem_grid") is not None:
        done = [DATASETS.load("uclchem_grid")]
    known = {number for grid in done for number in grid.inputs.index}
    runner = UCLCHEMRunner(out=out, n_jobs=jobs, cpu_limit_s=cpu_limit, resume=resume)
    status = runner.run(n, skip=known)
    for word, count in status.value_counts().items():
        typer.echo(f"{count:6d} {word}")
    typer.echo(f"The grid: {out.resolve()}")


@commands.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder for the weights.")] = Path("nine-ratios"),
    preset: Annotated[
        str, typer.Option(help="shipped (minutes) or quick (simulated).")
    ] = "shipped",
    seed: Seed = 0,
) -> None:
    """Train the emulators that are shipped."""
    from .shipped import train_shipped

    typer.echo(f"written: {train_shipped(out, preset=preset, seed=seed)}")
