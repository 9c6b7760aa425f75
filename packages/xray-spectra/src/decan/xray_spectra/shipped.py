"""The shipped weights: how they are made, and on what.

They are trained on simulated sources seen through the real responses of six Chandra
observations (and through these aged and bent), not on real spectra: no large set of those is
public in one piece. :meth:`SpectralAutoencoder.fit` goes on with spectra of one's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .archive import REFERENCE_RESPONSES, reference_responses
from .autoencoder import SpectralAutoencoder
from .grid import ENERGY_EDGES
from .instrument import analytic_response
from .networks import halve
from .populations import draw_sources, photon_spectra

if TYPE_CHECKING:
    import os

    import pandas as pd

    from .response import Response

__all__ = ["shipped_responses", "train_autoencoder", "train_shipped", "training_sources"]

SIZES = {"shipped": (40_000, 24), "quick": (4_000, 2)}
"""Simulated sources and passes over them; channels are learnt in a third of the passes."""

_FINE: NDArray[np.float64] = np.round(np.arange(0.3, 9.2001, 0.01), 4)
GUIDE, INVARIANCE = 0.05, 0.3


def training_sources(
    n: int, *, rng: np.random.Generator | int | None = None
) -> tuple[NDArray[np.float32], pd.DataFrame]:
    """Photon spectra of simulated sources on the common energies, and the truth behind them.

    Parameters
    ----------
    n : int
        Number of sources, equally many of each class.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    photons : ndarray of float32, shape (n, 160)
        Photons / cm² / s / keV, one photon between 0.5 and 8 keV.
    truth : DataFrame
        As :func:`~decan.xray_spectra.populations.draw_sources` gives it.

    Examples
    --------
    >>> photons, truth = training_sources(16, rng=0)
    >>> photons.shape, len(truth)
    ((16, 160), 16)
    """
    table = draw_sources(n, rng=rng)
    low, high = _FINE[:-1], _FINE[1:]
    overlap = np.clip(
        np.minimum(high, ENERGY_EDGES[1:, None]) - np.maximum(low, ENERGY_EDGES[:-1, None]), 0, None
    )
    mean = (overlap / np.maximum(overlap.sum(axis=1, keepdims=True), 1e-12)).T.astype(np.float32)
    pieces = [
        photon_spectra(table.iloc[start : start + 4000], low, high) @ mean
        for start in range(0, n, 4000)
    ]
    return np.concatenate(pieces), table


def shipped_responses() -> list[Response]:
    """The six real responses where they are at hand, the analytic one otherwise.

    Returns
    -------
    list of Response

    Examples
    --------
    >>> len(shipped_responses()) in (1, 6)
    True
    """
    from .archive import DATASETS

    if all(DATASETS.where(f"acis_{name}") for name in REFERENCE_RESPONSES.values()):
        return list(reference_responses().values())
    return [analytic_response()]


def train_autoencoder(
    responses: list[Response],
    *,
    n_sources: int,
    epochs: int,
    forward_fold: bool = True,
    guide: float = GUIDE,
    random_state: int = 0,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = False,
    **settings: Any,
) -> SpectralAutoencoder:
    """Train an autoencoder on simulated sources.

    Parameters
    ----------
    responses : list of Response
        Responses that are drawn from.
    n_sources, epochs : int
        Simulated sources and passes over them.
    forward_fold, guide, random_state
        As of :class:`SpectralAutoencoder`.
    checkpoint : path-like, optional
        Where training saves itself.
    progress : bool
        Whether to show a bar.
    **settings : object
        Other settings of :class:`SpectralAutoencoder`.

    Returns
    -------
    SpectralAutoencoder
        Fitted.

    Examples
    --------
    >>> train_autoencoder([analytic_response()], n_sources=64, epochs=1, width=16)
    SpectralAutoencoder(8 latents, residual, photon spectra through responses)
    """
    photons, truth = training_sources(n_sources, rng=random_state + 1000)
    model = SpectralAutoencoder(
        forward_fold=forward_fold, guide=guide, invariance=INVARIANCE if forward_fold else 0.0,
        epochs=epochs, random_state=random_state, **settings,
    )  # fmt: skip
    return model.fit_simulated(
        photons, responses, truth=truth, checkpoint=checkpoint, progress=progress
    )


def train_shipped(
    out: str | os.PathLike[str],
    *,
    preset: str = "shipped",
    seed: int = 0,
    only: str | None = None,
    progress: bool = True,
) -> list[Path]:
    """Train the weights that are shipped: ``source`` and ``channels``.

    Parameters
    ----------
    out : path-like
        Folder; an interrupted training goes on in it.
    preset : {'shipped', 'quick'}
        Size.
    seed : int
        Seed.
    only : {'source', 'channels'}, optional
        One of the two.
    progress : bool
        Whether to show bars.

    Returns
    -------
    list of pathlib.Path
        The artifacts.

    Raises
    ------
    ValueError
        If the preset is not known.

    Examples
    --------
    >>> train_shipped("weights", preset="huge")
    Traceback (most recent call last):
    ...
    ValueError: preset: 'huge' is none of shipped, quick
    """
    if preset not in SIZES:
        raise ValueError(f"preset: {preset!r} is none of {', '.join(SIZES)}")
    n_sources, epochs = SIZES[preset]
    responses = shipped_responses()
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in ("source", "channels") if only is None else (only,):
        passes = epochs if name == "source" else max(1, epochs // 3)
        model = train_autoencoder(
            responses, n_sources=n_sources, epochs=passes, forward_fold=name == "source",
            random_state=seed, checkpoint=folder / f"{name}.checkpoint", progress=progress,
        )  # fmt: skip
        # Half of the bytes, at a ten-thousandth of the spread of the latents.
        halve(model._guided)
        halve(model.errors_)
        written.append(
            model.save(folder / name, metrics=_metrics(model, responses, seed), training={
                "data": f"{n_sources} simulated sources of 8 classes, seen anew in each of "
                        f"{passes} passes through {len(responses)} responses: "
                        + ", ".join(response.name for response in responses),
                "provenance": "SIMULATED through REAL responses" if len(responses) > 1
                              else "SIMULATED",
                "licence": "responses: public archive data",
                "citation": "Chandra Data Archive; simulator of decan-xray-spectra",
                "command": f"decan xray-spectra train --preset {preset}",
                "seed": seed,
            })
        )  # fmt: skip
    return written


def _metrics(model: SpectralAutoencoder, responses: list[Response], seed: int) -> dict[str, float]:
    """How well it does on new simulations."""
    from decan.core.metrics import balanced_accuracy, r2

    from .batch import BinnedSpectra
    from .simulate import simulate_spectra

    held = {response.name: response for response in responses}
    simulated = simulate_spectra(2000, responses=held, rng=seed + 77)
    batch = BinnedSpectra.from_simulated(simulated)
    latents = model.encode(batch)
    column = model.column_density(latents)
    shape = np.maximum(model.reconstruct(batch), 1e-6)
    truth = simulated.shapes
    divergence = np.sum(np.where(truth > 0, truth * np.log(np.maximum(truth, 1e-12) / shape), 0), 1)
    names = model.class_probabilities(latents)
    found = names.columns.to_numpy()[names.to_numpy().argmax(axis=1)]
    truly = simulated.table["cls"].to_numpy()
    return {
        "median divergence a photon (nats)": float(np.median(divergence)),
        "balanced accuracy of 8 simulated classes": balanced_accuracy(truly, found).value,
        "R2 of log N_H": float(r2(simulated.table["log_nh"].to_numpy(), column).value),
        "without flag": float(np.mean([not flag for flag in latents.flags])),
    }
