"""The shipped weights: how they are made, from the simulator alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .cutouts import simulate_cutouts
from .estimator import StellarMassEstimator
from .simulate import simulate_galaxies

if TYPE_CHECKING:
    import os

    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "IMAGE_COLUMNS",
    "PHOTOMETRY_COLUMNS",
    "train_images",
    "train_photometry",
    "train_shipped",
]

PHOTOMETRY_COLUMNS = (
    *(f"petroMag_{band}" for band in "ugriz"), "w1mpro", "w2mpro", "w3mpro", "EBV", "z",
)  # fmt: skip
"""What the shipped photometry model reads; NaN where it was not observed."""

IMAGE_COLUMNS = ("EBV", "z")
"""What the shipped image model reads beside cutouts of 32 pixels of 0.792 arcsec."""

SIZES = {"shipped": (20_000, 20_000), "quick": (1_000, 300)}
"""Galaxies for the photometry model and for the image model."""

EPOCHS = {"shipped": (24, 8), "quick": (3, 1)}
"""Passes over them."""

_BLANKED = {"w": 0.3, "z": 0.2, "petroMag_u": 0.1, "EBV": 0.05}


def train_photometry(
    n: int, *, random_state: int = 0, epochs: int | None = None, progress: bool = True
) -> tuple[StellarMassEstimator, dict[str, Any]]:
    """Ten small networks on simulated photometry, some of it blanked, so that gaps are learned.

    Parameters
    ----------
    n : int
        Galaxies.
    random_state : int
        Seed.
    epochs : int, optional
        Passes over the data.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    StellarMassEstimator
        Fitted.
    dict
        How well it does on galaxies of its own.

    Examples
    --------
    >>> model, metrics = train_photometry(300, epochs=2, progress=False)
    >>> sorted(metrics)[:2]
    ['coverage of 68 %', 'n']
    """
    rng = np.random.default_rng(random_state)
    galaxies = simulate_galaxies(n, rng=rng)
    model = StellarMassEstimator(epochs=epochs, random_state=random_state, progress=progress)
    columns = list(PHOTOMETRY_COLUMNS)
    model.fit(_blanked(galaxies[columns], rng), galaxies["lgm_tot_p50"])
    others = simulate_galaxies(max(n // 8, 200), rng=rng)
    return model, _judged(model, others[columns], others["lgm_tot_p50"].to_numpy())


def train_images(
    n: int,
    *,
    random_state: int = 0,
    epochs: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> tuple[StellarMassEstimator, dict[str, Any]]:
    """One small convolutional network on simulated cutouts, E(B-V) and redshift.

    Parameters
    ----------
    n : int
        Galaxies.
    random_state : int
        Seed.
    epochs : int, optional
        Passes over the data.
    checkpoint : path-like, optional
        Where training saves itself, and from where it goes on.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    StellarMassEstimator
        Fitted.
    dict
        How well it does on galaxies of its own.

    Examples
    --------
    >>> model, metrics = train_images(60, epochs=1, progress=False)
    >>> model.inputs
    'images+extra'
    """
    rng = np.random.default_rng(random_state)
    made = [simulate_galaxies(size, rng=rng) for size in (n, max(n // 8, 50))]
    cutouts = [simulate_cutouts(galaxies, size=32, gradient=0.3, rng=rng) for galaxies in made]
    tables = [galaxies[list(IMAGE_COLUMNS)] for galaxies in made]
    model = StellarMassEstimator(
        inputs="images+extra", epochs=epochs, random_state=random_state, progress=progress
    )
    model.fit((cutouts[0], tables[0]), made[0]["lgm_tot_p50"], checkpoint=checkpoint)
    truth = made[1]["lgm_tot_p50"].to_numpy()
    return model, _judged(model, (cutouts[1], tables[1]), truth)


def train_shipped(
    out: str | os.PathLike[str], *, preset: str = "shipped", seed: int = 0
) -> list[Path]:
    """Train and write everything that the library ships.

    Parameters
    ----------
    out : path-like
        Folder for the weights.
    preset : {'shipped', 'quick'}
        Size.
    seed : int
        Seed.

    Returns
    -------
    list of pathlib.Path
        The artifacts written.

    Raises
    ------
    ValueError
        If the preset is not known.

    Examples
    --------
    What it made ships with the library:

    >>> StellarMassEstimator.pretrained().manifest_["training"]["command"]
    'decan stellar-mass train --preset shipped'
    """
    if preset not in SIZES:
        raise ValueError(f"preset: {preset!r} is none of {', '.join(SIZES)}")
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    many, few = SIZES[preset]
    passes = EPOCHS[preset]
    training = {
        "data": "galaxies of decan.stellar_mass.simulate, SIMULATED",
        "licence": "BSD-3-Clause",
        "citation": "Baldry et al. 2012, MNRAS 421, 621; Shen et al. 2003, MNRAS 343, 978",
        "command": f"decan stellar-mass train --preset {preset}",
        "seed": seed,
    }
    model, metrics = train_photometry(many, random_state=seed, epochs=passes[0])
    written = [model.save(folder / "photometry", metrics=metrics, training=training | {"n": many})]
    checkpoint = folder / "images.checkpoint"
    model, metrics = train_images(few, random_state=seed, epochs=passes[1], checkpoint=checkpoint)
    written.append(model.save(folder / "images", metrics=metrics, training=training | {"n": few}))
    for left in folder.glob("images.[0-9]*"):
        left.unlink()
    return written


def _blanked(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The table without some of its values, whole instruments at once."""
    out = table.copy()
    for start, share in _BLANKED.items():
        columns = [name for name in out if str(name).startswith(start)]
        out.loc[rng.uniform(size=len(out)) < share, columns] = np.nan
    return out


def _judged(model: StellarMassEstimator, X: Any, truth: NDArray[np.float64]) -> dict[str, Any]:
    from decan.core.metrics import pit_uniformity, rmse, sigma_mad

    density = model.predict_density(X)
    low, high = density.interval(0.68).T
    return {
        "sigma_mad": round(sigma_mad(truth, density.mean()).value, 4),
        "rmse": round(rmse(truth, density.mean()).value, 4),
        "coverage of 68 %": round(float(np.mean((truth > low) & (truth < high))), 4),
        "pit_ks": round(pit_uniformity(density.cdf(truth)).statistic, 4),
        "n": len(truth),
    }
