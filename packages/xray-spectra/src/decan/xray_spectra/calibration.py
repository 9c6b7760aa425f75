"""What turns a trained network into one with errors: their network, and the usual deviance."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr
from torch import Tensor

from .batch import BinnedSpectra, with_background
from .grid import N_BINS
from .networks import ErrorNetwork, in_pieces, network_inputs
from .statistics import cstat, cstat_expected

__all__ = ["deviance_p_value", "deviance_table"]

_ONE_SIGMA = 0.6827
_EPOCHS = 12
_BRIGHT = 2e4


def calibrate(model: Any, seen: dict[str, Any]) -> None:
    """Set the scale of a model's latents, their errors, and what deviance is usual.

    Parameters
    ----------
    model : SpectralAutoencoder
        With a trained network; changed in place.
    seen : dict of Tensor
        Observations whose true shapes are known, as
        :meth:`~decan.xray_spectra.objectives.SimulatedObjective.observe` gives them.
    """
    encode = model.network_.encode
    with torch.no_grad():
        z = in_pieces(encode, seen["inputs"])
        none = torch.zeros_like(seen["background"])
        bright = network_inputs(_BRIGHT * seen["shape"], none, seen.get("sensitivity"))
        limit = in_pieces(encode, bright)
        log_shape = model.network_.log_shape(
            z, seen.get("matrices"), seen.get("which"), seen.get("area")
        )
    model.mean_, model.scale_ = z.mean(dim=0).numpy(), z.std(dim=0).numpy() + 1e-6
    scale = torch.from_numpy(model.scale_)
    scaled, distance = (z - torch.from_numpy(model.mean_)) / scale, (limit - z) / scale
    scalars = seen["inputs"][:, N_BINS : N_BINS + 3]
    fit_errors(model.errors_, scaled, scalars, distance, seed=model.random_state)
    counts, background = seen["counts"].numpy(), seen["background"].numpy()
    expected = with_background(log_shape.exp().numpy(), counts, background)
    model.deviance_ = deviance_table(counts, expected)


def redrawn(model: Any, held: BinnedSpectra) -> dict[str, Any]:
    """Observed spectra drawn again from their reconstructions, whose truth is thus known.

    Parameters
    ----------
    model : SpectralAutoencoder
        With a trained network.
    held : BinnedSpectra
        Spectra that can be encoded.

    Returns
    -------
    dict of Tensor
        As :func:`calibrate` takes it.
    """
    shape = torch.from_numpy(model._shape(model._encode(held)[0], held)).float()
    background = torch.from_numpy(held.background)
    net = torch.from_numpy(held.total).float() - background.sum(dim=1)
    counts = torch.poisson(net.clamp(min=1)[:, None] * shape + background)
    sensitivity = model._sensitivity(held) if model.forward_fold else None
    drawn: dict[str, Any] = {
        "counts": counts,
        "background": background,
        "shape": shape,
        "inputs": network_inputs(counts, background, sensitivity),
    }
    if sensitivity is not None:
        which, matrices = torch.from_numpy(held.which), torch.from_numpy(held.matrices)
        drawn |= {"sensitivity": sensitivity, "which": which, "matrices": matrices}
    return drawn


def fit_errors(
    network: ErrorNetwork, latents: Tensor, scalars: Tensor, distance: Tensor, *, seed: int
) -> None:
    """Train the network of errors in place, then set its scale on rows it has not seen.

    Parameters
    ----------
    network : ErrorNetwork
        The network.
    latents, scalars : Tensor, shape (n, k) and (n, 3)
        What it reads.
    distance : Tensor, shape (n, k)
        Latents of the bright limit minus latents.
    seed : int
        Seed.
    """
    from decan.core.training import fit

    def loss(model: Any, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        log_sigma = model(batch["z"], batch["scalars"])
        value = (log_sigma + 0.5 * (batch["distance"] * torch.exp(-log_sigma)) ** 2).mean()
        return value, {}

    n = len(latents) * 3 // 4
    rows = {"z": latents.float(), "scalars": scalars, "distance": distance.float()}
    fit(
        network, {name: value[:n] for name, value in rows.items()}, loss, epochs=_EPOCHS,
        batch_size=256, learning_rate=3e-3, schedule="one-cycle", clip=1.0, device="cpu", rng=seed,
        progress=False,
    )  # fmt: skip
    with torch.no_grad():
        log_sigma = network(rows["z"][n:], rows["scalars"][n:])
        pull = (rows["distance"][n:] * torch.exp(-log_sigma)).abs()
        # One factor a latent, such that 1 sigma holds what 1 sigma should.
        last = network.layers[-1]
        assert isinstance(last, torch.nn.Linear)
        last.bias.add_(torch.log(torch.quantile(pull, _ONE_SIGMA, dim=0)))


def deviance_table(counts: Any, expected: Any) -> NDArray[np.float64]:
    """How deviances of reconstructions are distributed, as a function of counts.

    Parameters
    ----------
    counts, expected : ndarray, shape (n, 128)
        Counts and reconstructions of simulated spectra.

    Returns
    -------
    ndarray, shape (m, 3)
        Logarithm of counts; median of the standardised deviance; width of its upper tail (the
        99th percentile is 2.33 of it above the median).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> expected = np.full((400, 128), 1.0)
    >>> deviance_table(rng.poisson(expected), expected).shape
    (3, 3)
    """
    z, log_counts = _standardised(counts, expected), np.log10(np.maximum(counts.sum(axis=1), 1))
    order = np.argsort(log_counts)
    table = []
    for rows in np.array_split(order, max(2, min(16, len(order) // 120))):
        middle, tail = np.quantile(z[rows], [0.5, 0.99])
        table.append((log_counts[rows].mean(), middle, max((tail - middle) / 2.326, 0.3)))
    return np.array(table)


def deviance_p_value(counts: Any, expected: Any, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of a deviance so large where the spectrum is like those of the table.

    Parameters
    ----------
    counts, expected : ndarray, shape (n, 128)
        Counts and reconstructions.
    table : ndarray, shape (m, 3)
        As :func:`deviance_table` gives it.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> table = np.array([[1.0, 0.0, 1.0], [3.0, 0.0, 1.0]])
    >>> level = np.full((1, 128), 2.0)
    >>> bool(deviance_p_value(level, level, table)[0] > 0.99)
    True
    """
    z, log_counts = _standardised(counts, expected), np.log10(np.maximum(counts.sum(axis=1), 1))
    middle = np.interp(log_counts, table[:, 0], table[:, 1])
    width = np.interp(log_counts, table[:, 0], table[:, 2])
    return np.asarray(ndtr(-(z - middle) / width))


def _standardised(counts: Any, expected: Any) -> NDArray[np.float64]:
    mean, variance = cstat_expected(expected)
    excess = cstat(counts, expected) - mean.sum(axis=1)
    return np.asarray(excess / np.sqrt(np.maximum(variance.sum(axis=1), 1e-9)))
