"""What networks are trained for: the truth of simulations, or one half of real counts.

Both are the Poisson likelihood. On simulations the counts that are to be predicted are replaced
by their expectation, as if the source were observed again for ever; on real spectra the counts
are split at random, one half is encoded and the other half predicted. Predicting the very
counts that were encoded would teach noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .grid import CHANNEL_EDGES, ENERGY_EDGES
from .instrument import background_shape
from .networks import SpectrumNetwork, folded_log_shape, network_inputs

if TYPE_CHECKING:
    from .response import Response

__all__ = ["CountsObjective", "Guided", "SimulatedObjective", "seeded", "simulated_objective"]

_LATENT_WEIGHT = 1e-3
_INFORMATION = 0.75
_TYPICAL = 130.0


class Guided(nn.Module):
    """A spectrum network with a head that names class and column density, and a critic.

    Parameters
    ----------
    network : SpectrumNetwork
        The network.
    n_latent, n_classes, n_responses : int
        Sizes: the head gives one logit a class and, last, the standardised logarithm of the
        column density; the critic names the response.

    Examples
    --------
    >>> guided = Guided(SpectrumNetwork(8), 8, 8, 6)
    >>> guided.head(torch.zeros(2, 9)).shape
    torch.Size([2, 9])
    """

    def __init__(
        self, network: SpectrumNetwork, n_latent: int, n_classes: int, n_responses: int = 1
    ) -> None:
        super().__init__()
        self.network = network
        self.critic = nn.Sequential(
            nn.Linear(n_latent, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU(),
            nn.Linear(64, n_responses),
        )  # fmt: skip
        self.head = nn.Sequential(
            nn.Linear(n_latent + 1, 96), nn.GELU(), nn.Linear(96, 96), nn.GELU(),
            nn.Linear(96, n_classes + 1),
        )  # fmt: skip


@dataclass
class SimulatedObjective:
    """Loss on simulated sources whose photon spectra are known.

    Each batch draws anew: brightness, response and its ageing, background, Poisson counts.

    Parameters
    ----------
    matrices : Tensor, shape (k, 160, 128)
        Responses that are drawn from.
    backgrounds : Tensor, shape (j, 128)
        Shapes of background that are drawn from.
    energy : Tensor, shape (160,)
        keV.
    guide : float
        Weight of class and column density among the losses; 0 leaves the latents to the
        spectra alone.
    invariance : float
        Weight of hiding the response from a critic that tries to read it out of the latents.
    ageing : bool
        Whether effective areas are varied: contamination, tilt, bends.
    brightest : float
        Largest number of expected counts.

    Examples
    --------
    >>> from decan.xray_spectra import analytic_response
    >>> objective = simulated_objective([analytic_response()])
    >>> objective.observe(torch.ones(3, 160))["counts"].shape
    torch.Size([3, 128])
    """

    matrices: Tensor
    backgrounds: Tensor
    energy: Tensor
    guide: float = 0.0
    invariance: float = 0.0
    ageing: bool = True
    brightest: float = 20_000.0

    def __call__(self, model: Any, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean loss of a batch, for :func:`decan.core.training.fit`."""
        network = model.network
        drawn = self.observe(batch["photons"], fold=network.fold)
        z = network.encode(drawn["inputs"])
        log_shape = network.log_shape(z, self.matrices, drawn["which"], drawn["area"])
        truth = drawn["shape"]
        divergence = (truth * (torch.log(truth.clamp(min=1e-9)) - log_shape)).sum(dim=1)
        weight = (drawn["net"] / _TYPICAL) ** _INFORMATION
        fit = 20 * (weight * divergence).sum() / weight.sum()
        total = fit + _LATENT_WEIGHT * (z**2).mean()
        parts = {"divergence": divergence.mean()}
        if self.guide:
            log_counts = drawn["inputs"][:, 128:129]
            told = model.head(torch.cat([z, log_counts], dim=1))
            named = functional.cross_entropy(told[:, :-1], batch["cls"])
            column = ((told[:, -1] - batch["column"]) ** 2).mean()
            total = total + self.guide * (named + column)
            parts |= {"class": named, "column": column}
        if self.invariance:
            # The critic learns from this loss and the encoder against it.
            guessed = model.critic(_reversed(z))
            seen = functional.cross_entropy(guessed, drawn["which"])
            total = total + self.invariance * seen
            parts["response"] = seen
        return total, parts

    def observe(self, photons: Tensor, *, fold: bool = True) -> dict[str, Any]:
        """Observations of sources, one each.

        Parameters
        ----------
        photons : Tensor, shape (n, 160)
            Photon spectra.
        fold : bool
            Whether the encoder is told the response.

        Returns
        -------
        dict of Tensor
            ``inputs``, ``counts``, ``background``, ``shape`` (truth), ``which``, ``area``, ``net``.
        """
        n = len(photons)
        which = torch.randint(len(self.matrices), (n,))
        area = self._areas(n)
        shape = folded_log_shape(photons * area, self.matrices, which).exp()
        net = 60 * torch.rand(n).clamp(min=1e-4) ** (-1 / 0.9)
        net = net.clamp(max=self.brightest)
        behind = 10 ** (0.7 + 0.5 * torch.randn(n))
        noise = self.backgrounds[torch.randint(len(self.backgrounds), (n,))]
        counts = torch.poisson(net[:, None] * shape + behind[:, None] * noise)
        ratio = 0.02 + 0.13 * torch.rand(n)
        background = torch.poisson((behind / ratio)[:, None] * noise) * ratio[:, None]
        sensitivity = self.sensitivity(which, area) if fold else None
        return {
            "counts": counts, "background": background, "shape": shape, "which": which,
            "area": area, "net": net, "matrices": self.matrices, "sensitivity": sensitivity,
            "inputs": network_inputs(counts, background, sensitivity),
        }  # fmt: skip

    def sensitivity(self, which: Tensor, area: Tensor) -> Tensor:
        """Response of each row to a flat photon spectrum, summing to 1."""
        return folded_log_shape(area, self.matrices, which).exp()

    def _areas(self, n: int) -> Tensor:
        if not self.ageing:
            return torch.ones(n, len(self.energy))
        depth = 2.6 * torch.rand(n) * (torch.rand(n) < 0.6)
        layer = torch.exp(-depth[:, None] * (0.67 / self.energy) ** 3)
        x = torch.log(self.energy / 2)
        tilt, bend = 0.10 * torch.randn(n, 1), 0.06 * torch.randn(n, 1)
        return layer * torch.exp(tilt * x + bend * x**2)


class _Reverse(torch.autograd.Function):
    """The identity, whose gradient changes sign."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return -gradients[0]


def _reversed(x: Tensor) -> Tensor:
    turned: Tensor = _Reverse.apply(x)
    return turned


@dataclass
class CountsObjective:
    """Loss on counts alone, for spectra whose truth nobody knows.

    Parameters
    ----------
    matrices : Tensor or None
        Responses, where the network folds.
    loss : {'poisson', 'mse'}
        The likelihood of the half that was not encoded, or the squared error of the spectrum
        scaled by its maximum, encoded and predicted as a whole.

    Examples
    --------
    >>> batch = {"counts": torch.ones(4, 128), "background": torch.zeros(4, 128)}
    >>> model = Guided(SpectrumNetwork(2, fold=False, width=8), 2, 1).eval()
    >>> loss, parts = CountsObjective()(model, batch)
    >>> list(parts)
    ['fit']
    """

    matrices: Tensor | None = None
    loss: str = "poisson"

    def __call__(self, model: Any, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean loss of a batch, for :func:`decan.core.training.fit`."""
        counts, background = batch["counts"], batch["background"]
        network = model.network
        sensitivity = batch.get("sensitivity")
        half = 1.0
        kept = other = counts
        if self.loss == "poisson":
            half = 0.5 if not model.training else float(0.3 + 0.65 * torch.rand(1))
            kept = torch.binomial(counts, torch.full_like(counts, half))
            other = counts - kept
        z = network.encode(network_inputs(kept, half * background, sensitivity))
        log_shape = network.log_shape(z, self.matrices, batch.get("which"))
        if self.loss == "mse":
            peak = counts.amax(dim=1, keepdim=True).clamp(min=1.0)
            error = (counts.sum(dim=1, keepdim=True) * log_shape.exp() - counts) / peak
            value = (error**2).mean()
        else:
            behind = background.sum(dim=1, keepdim=True)
            share = (behind / counts.sum(dim=1, keepdim=True).clamp(min=1)).clamp(0, 0.95)
            noise = background / behind.clamp(min=1e-6)
            shape = (1 - share) * log_shape.exp() + share * noise
            n = other.sum(dim=1).clamp(min=1.0)
            lost = -(other * torch.log(shape.clamp(min=1e-9))).sum(dim=1) / n
            weight = n**_INFORMATION
            value = (weight * lost).sum() / weight.sum()
        parts = {"fit": value}
        return value + _LATENT_WEIGHT * (z**2).mean(), parts


def simulated_objective(
    responses: Sequence[Response],
    *,
    guide: float = 0.0,
    invariance: float = 0.0,
    ageing: bool = True,
) -> SimulatedObjective:
    """Objective for responses.

    Parameters
    ----------
    responses : sequence of Response
        Responses that are drawn from.
    guide, invariance, ageing
        As of :class:`SimulatedObjective`.

    Returns
    -------
    SimulatedObjective

    Examples
    --------
    >>> from decan.xray_spectra import analytic_response
    >>> simulated_objective([analytic_response()]).matrices.shape
    torch.Size([1, 160, 128])
    """
    from .batch import matrix_of

    middle = torch.from_numpy((CHANNEL_EDGES[1:] + CHANNEL_EDGES[:-1]) / 2).float()
    energy = torch.from_numpy((ENERGY_EDGES[1:] + ENERGY_EDGES[:-1]) / 2).float()
    shape = torch.from_numpy(background_shape(middle.numpy())).float()
    # Backgrounds of real fields differ in their soft part and in their slope.
    shapes = torch.stack([
        shape * torch.exp(soft * torch.exp(-middle / 0.7) + tilt * torch.log(middle / 2))
        for soft in (-0.8, 0.0, 0.8) for tilt in (-0.3, 0.0, 0.3)
    ])  # fmt: skip
    matrices = torch.from_numpy(np.stack([matrix_of(response) for response in responses]))
    shapes = shapes / shapes.sum(dim=1, keepdim=True)
    return SimulatedObjective(
        matrices, shapes, energy, guide=guide, invariance=invariance, ageing=ageing
    )


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch seeded inside this context and as before after it.

    Parameters
    ----------
    seed : int
        The seed.

    Yields
    ------
    None

    Examples
    --------
    >>> with seeded(3):
    ...     one = torch.rand(1)
    >>> with seeded(3):
    ...     print(bool(one == torch.rand(1)))
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
