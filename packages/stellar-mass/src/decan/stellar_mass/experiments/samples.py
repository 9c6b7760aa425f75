"""What several experiments share: samples by preset, records of components and masses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.experiment import SIMULATED, Provenance, Run
from decan.core.metrics import Estimate

if TYPE_CHECKING:
    import pandas as pd

    from ..densities import BinnedDensity
    from ..estimator import StellarMassEstimator

__all__ = ["component", "dustpedia_sample", "galaxies", "mass_model", "record_parts", "sample"]

UGRIZ, WISE = ("u", "g", "r", "i", "z"), ("w1", "w2", "w3")


def sample(run: Run, name: str) -> pd.DataFrame:
    """A data set of the registry; a third of it in the preset 'quick'.

    Parameters
    ----------
    run : Run
        The run.
    name : str
        Name in the registry.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> sample.__name__
    'sample'
    """
    table: pd.DataFrame = run.load(name)
    return table.iloc[: max(450, len(table) // 4)] if run.preset == "quick" else table


def dustpedia_sample(run: Run) -> pd.DataFrame:
    """Galaxies of DustPedia with ugriz and W1.

    Parameters
    ----------
    run : Run
        The run.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> dustpedia_sample.__name__
    'dustpedia_sample'
    """
    table: pd.DataFrame = run.load("dustpedia_sed")
    needed = [f"flux_{band}_mjy" for band in (*UGRIZ, "w1")]
    return table[table[needed].notna().all(axis=1)]


def galaxies(run: Run, n: int, **keywords: Any) -> pd.DataFrame:
    """Simulated galaxies, written down as an input of the run.

    Parameters
    ----------
    run : Run
        The run.
    n : int
        How many.
    **keywords
        For :func:`~decan.stellar_mass.simulate.simulate_galaxies`.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> galaxies.__name__
    'galaxies'
    """
    from ..simulate import simulate_galaxies

    made = simulate_galaxies(n, rng=run.seed, **keywords)
    run.used("Simulated flux-limited galaxies, r <= 17.8", provenance=SIMULATED, n=n)
    return made


def mass_model(run: Run, **keywords: Any) -> StellarMassEstimator:
    """The estimator in the size of the preset.

    Parameters
    ----------
    run : Run
        The run.
    **keywords
        For :class:`~decan.stellar_mass.StellarMassEstimator`.

    Returns
    -------
    StellarMassEstimator

    Examples
    --------
    >>> mass_model.__name__
    'mass_model'
    """
    from ..estimator import StellarMassEstimator

    members = {"quick": 2, "standard": 5, "paper": 10}[run.preset]
    settings: dict[str, Any] = {
        "members": members, "epochs": {"quick": 40, "standard": 60, "paper": None}[run.preset],
        "random_state": run.seed, "progress": False,
    }  # fmt: skip
    return StellarMassEstimator(**(settings | keywords))


def component(part: Any, n: int) -> Estimate:
    """A component of a decomposition as an estimate.

    Parameters
    ----------
    part : Component
        What was measured.
    n : int
        Objects.

    Returns
    -------
    Estimate

    Examples
    --------
    >>> from decan.stellar_mass.components import Component
    >>> component(Component(0.1, 0.0, 0.2, 0.0), 50).n
    50
    """
    return Estimate(part.value, part.low, part.high, n=n)


def record_parts(run: Run, name: str, found: Any, provenance: Provenance, *parts: str) -> None:
    """Record components of a decomposition, each with its floor as a note.

    Parameters
    ----------
    run : Run
        The run.
    name : str
        What the two inputs are.
    found : Decomposition
        What was measured.
    provenance : Provenance
        Of the objects.
    *parts : str
        Names of components.

    Examples
    --------
    >>> record_parts.__name__
    'record_parts'
    """
    for part in parts:
        measured = getattr(found, part)
        note = f"{found.measure}, {found.estimator}"
        if np.isfinite(measured.floor):
            note += f"; floor {measured.floor:+.3f}"
        run.record(
            f"{name}: {part}", component(measured, len(found)), provenance=provenance,
            unit="nats", note=note,
        )  # fmt: skip


def density_row(name: str, density: BinnedDensity, truth: Any) -> dict[str, Any]:
    """Scatter, score and calibration of densities, one row of a table."""
    from decan.core.metrics import bias, pit_uniformity, rmse, sigma_mad

    mean = density.mean()
    low, high = density.interval(0.68).T
    return {
        "inputs": name, "n": len(truth), "sigma_mad": sigma_mad(truth, mean).value,
        "rmse": rmse(truth, mean).value, "bias": bias(truth, mean).value,
        "crps": float(density.crps(truth).mean()),
        "PIT KS": pit_uniformity(density.cdf(truth)).statistic,
        "68 % covers": float(np.mean((truth >= low) & (truth <= high))),
        "log density": float(density.logpdf(truth).mean()),
    }  # fmt: skip
