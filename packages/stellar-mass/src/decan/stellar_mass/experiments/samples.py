"""What several experiments share: samples by preset, records of components and masses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.experiment import REAL, SIMULATED, Provenance, Run
from decan.core.metrics import Estimate

from ..simulate import EXTINCTION

if TYPE_CHECKING:
    import pandas as pd

    from ..densities import BinnedDensity
    from ..estimator import StellarMassEstimator

__all__ = [
    "component",
    "dustpedia_like",
    "galaxies",
    "mass_model",
    "record_parts",
    "resolve_like",
    "sample",
]

UGRIZ, WISE = ("u", "g", "r", "i", "z"), ("w1", "w2", "w3")


def sample(run: Run, name: str) -> tuple[pd.DataFrame, Provenance]:
    """A data set of the registry, or simulated galaxies in its columns where it is not at hand.

    A quarter of it in the preset 'quick'; only that one makes do with simulated galaxies.

    Parameters
    ----------
    run : Run
        The run.
    name : {'resolve_galaxies', 'dustpedia_sed'}
        Name in the registry.

    Returns
    -------
    DataFrame
        The galaxies; those of DustPedia with ugriz and W1 only.
    Provenance
        REAL or SIMULATED, which is what whatever is recorded from them must carry.

    Examples
    --------
    >>> sample.__name__
    'sample'
    """
    if run.has(name) or run.preset != "quick":
        table: pd.DataFrame = run.load(name)
        provenance = REAL
    else:
        run.note(f"The data set {name} is not at hand; simulated galaxies stand in for it.")
        made = galaxies(run, 700)
        table = resolve_like(made) if name == "resolve_galaxies" else dustpedia_like(made)
        provenance = SIMULATED
    if name == "dustpedia_sed":
        needed = [f"flux_{band}_mjy" for band in (*UGRIZ, "w1")]
        return table[table[needed].notna().all(axis=1)], provenance
    return (table.iloc[: max(600, len(table) // 4)] if run.preset == "quick" else table), provenance


def resolve_like(made: pd.DataFrame) -> pd.DataFrame:
    """Simulated galaxies in the columns of RESOLVE.

    Parameters
    ----------
    made : DataFrame
        What :func:`~decan.stellar_mass.simulate.simulate_galaxies` gives.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> from decan.stellar_mass.simulate import simulate_galaxies
    >>> resolve_like(simulate_galaxies(5, rng=0))["mag_nuv"].isna().all().item()
    True
    """
    import pandas as pd

    out = {f"mag_{band}": made[f"petroMag_{band}"] for band in UGRIZ}
    out |= {f"ext_{band}": EXTINCTION[band] * made["EBV"] for band in UGRIZ}
    blank = ("nuv", "ukidss_y", "ukidss_h", "ukidss_k", "twomass_j", "twomass_h", "twomass_k")
    table = pd.DataFrame(out).assign(**{f"mag_{band}": np.nan for band in blank})
    # What takes the place of near-infrared magnitudes is the mid-infrared one.
    table["mag_ukidss_k"] = made["w1mpro"]
    table["r50_arcsec"], table["r90_arcsec"] = made["petroR50_r"], made["petroR90_r"]
    table["axis_ratio"] = table["axis_ratio_inner"] = made["expAB_r"]
    table["bulge_fraction_2c"] = np.clip(np.log(made["sersic_n_r"]) / np.log(4), 0, 1)
    table["dgr_mag"], table["morph_t"] = np.nan, np.where(made["passive"], -2.0, 4.0)
    table["cz_kms"] = 299_792.458 * made["z"]
    table["logmstar"], table["group_id"] = made["lgm_tot_p50"], np.arange(len(made))
    table["morph_el"] = np.where(made["passive"], "E", "L")
    table["split"] = np.where(np.arange(len(made)) % 10 < 7, "train", "test")
    return table


def dustpedia_like(made: pd.DataFrame) -> pd.DataFrame:
    """Simulated galaxies in the columns of DustPedia.

    Parameters
    ----------
    made : DataFrame
        What :func:`~decan.stellar_mass.simulate.simulate_galaxies` gives.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> from decan.stellar_mass.simulate import simulate_galaxies
    >>> bool((dustpedia_like(simulate_galaxies(5, rng=0))["flux_r_mjy"] > 0).all())
    True
    """
    import pandas as pd

    out: dict[str, Any] = {}
    for band in UGRIZ:
        out[f"flux_{band}_mjy"] = 3.631e6 * 10 ** (-0.4 * made[f"petroMag_{band}"])
        out[f"flux_{band}_err_mjy"] = 0.02 * out[f"flux_{band}_mjy"]
    for band, zero in (("w1", 309.5e3), ("w2", 171.8e3), ("w3", 31.7e3)):
        out[f"flux_{band}_mjy"] = zero * 10 ** (-0.4 * made[f"{band}mpro"])
        out[f"flux_{band}_err_mjy"] = 0.03 * out[f"flux_{band}_mjy"]
    return pd.DataFrame(out).assign(log_mstar_10pc=made["lgm_tot_p50"] - 13)


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

    members = {"quick": 2, "standard": 20, "paper": 20}[run.preset]
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
