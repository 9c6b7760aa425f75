"""The shipped emulator: how it is made, and on what."""

from __future__ import annotations

import os
from pathlib import Path

from decan.core.errors import DataNotAvailable

from .archive import DATASETS
from .emulator import FieldEmulator
from .grid import PlanetGrid
from .simulate import random_planets, simulate_grid

__all__ = ["train_shipped", "training_grid"]


def training_grid(seed: int = 0) -> tuple[PlanetGrid, str]:
    """The sixty simulated planets: the fixed benchmark where it is at hand, simulated otherwise.

    Parameters
    ----------
    seed : int
        Of the weather, where they are simulated.

    Returns
    -------
    grid : PlanetGrid
    name : str
        What it is.

    Examples
    --------
    >>> grid, name = training_grid()
    >>> len(grid)
    60
    """
    try:
        return DATASETS.load("sim_grid60"), "sim_grid60"
    except DataNotAvailable:
        return simulate_grid(rng=seed), f"simulate_grid(rng={seed})"


def train_shipped(out: str | os.PathLike[str], *, preset: str = "shipped", seed: int = 0) -> Path:
    """Fit the emulator that is shipped, score it on twelve other planets, and write it.

    Parameters
    ----------
    out : path-like
        Folder for the weights; the emulator goes into ``out/sim-grid60``.
    preset : {'shipped', 'quick'}
        'quick' takes a third of the planets and few modes.
    seed : int
        Of the weather, and of the test planets.

    Returns
    -------
    pathlib.Path
        The emulator's folder.

    Raises
    ------
    ValueError
        If there is no such preset.

    Examples
    --------
    >>> train_shipped("nowhere", preset="large")
    Traceback (most recent call last):
    ...
    ValueError: preset must be 'shipped' or 'quick', found 'large'
    """
    if preset not in ("shipped", "quick"):
        raise ValueError(f"preset must be 'shipped' or 'quick', found {preset!r}")
    grid, name = training_grid(seed)
    if preset == "quick":
        emulator = FieldEmulator(n_modes=8).fit(grid.select(slice(None, None, 3)))
    else:
        emulator = FieldEmulator().fit(grid)
    truth = simulate_grid(random_planets(12, rng=seed + 1), weather=None)
    errors = emulator.errors_on(truth).median(numeric_only=True)
    return emulator.save(
        Path(out) / "sim-grid60",
        metrics={
            f"{field}: rms error of 12 planets off the grid, median": float(value)
            for field, value in errors.items()
        },
        training={
            "data": name,
            "licence": "free, synthetic",
            "citation": "simulator of decan-gcm-emulator; after Komacek & Showman 2016, "
            "Parmentier et al. 2015, Plaschzug et al. 2025",
            "provenance": "SIMULATED",
            "command": f"decan gcm-emulator train --preset {preset} --seed {seed}",
            "seed": seed,
        },
    )
