"""Planets that the experiments train on and test on, and small things they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.experiment import SIMULATED, Run
from decan.core.metrics import bootstrap

from ..grid import PlanetGrid
from ..simulate import random_planets, simulate_grid

if TYPE_CHECKING:
    from ..opacity import GreyOpacity, KTables

__all__ = ["median_over_planets", "off_grid", "opacities", "training"]

_OTHERS = 9
_SEED_OF_OTHERS = 2508


def training(run: Run) -> PlanetGrid:
    """The grid of sixty planets with weather: the fixed file, or simulated anew.

    Parameters
    ----------
    run : Run
        The run.

    Returns
    -------
    PlanetGrid

    Examples
    --------
    >>> training.__name__
    'training'
    """
    if run.has("sim_grid60"):
        grid: PlanetGrid = run.load("sim_grid60", provenance=SIMULATED)
        return grid
    run.used("sixty planets with weather, simulated here", provenance=SIMULATED, n=60)
    return simulate_grid(rng=run.seed)


def off_grid(run: Run) -> PlanetGrid:
    """Seventeen planets between those of the grid, without weather: five targets, twelve random.

    The fixed file holds eight of them; nothing was tuned on the other nine.

    Parameters
    ----------
    run : Run
        The run.

    Returns
    -------
    PlanetGrid

    Examples
    --------
    >>> off_grid.__name__
    'off_grid'
    """
    from ..planets import PLATO_LIKE

    if run.has("sim_dev8"):
        known = run.load("sim_dev8", provenance=SIMULATED)
        count = _OTHERS
    else:
        known = simulate_grid(PLATO_LIKE, weather=None)
        count = 12
    run.used(f"{count} random planets off the grid, simulated here", provenance=SIMULATED, n=count)
    others = simulate_grid(random_planets(count, rng=_SEED_OF_OTHERS), weather=None)
    return known + others


def opacities(run: Run) -> tuple[KTables | GreyOpacity, str]:
    """The k tables where they are at hand, grey bands otherwise.

    Parameters
    ----------
    run : Run
        The run.

    Returns
    -------
    opacity : KTables or GreyOpacity
    name : str
        What it is, for notes.

    Examples
    --------
    >>> opacities.__name__
    'opacities'
    """
    from ..opacity import GreyOpacity

    if run.has("wasp43b_opacities"):
        return run.load("wasp43b_opacities")[0], "17 correlated-k bands, 1.1 to 4.5 um"
    return GreyOpacity(), "five grey bands"


def median_over_planets(values: Any, run: Run) -> Any:
    """Median over planets with an interval by bootstrap.

    Parameters
    ----------
    values : array_like, shape (n,)
        One a planet.
    run : Run
        The run.

    Returns
    -------
    Estimate

    Examples
    --------
    >>> median_over_planets.__name__
    'median_over_planets'
    """
    return bootstrap(np.median, np.asarray(values, dtype=float), n_boot=300, rng=run.seed)
