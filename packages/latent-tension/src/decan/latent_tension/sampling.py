"""Samples of a posterior in standard normal coordinates: linear, and bent along the geometry.

References
----------
.. [1] Knollmüller & Enßlin 2019, arXiv:1901.11033 (MGVI).
.. [2] Frank, Leike & Enßlin 2021, Entropy 23, 853 (geoVI).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from .likelihood import Gaussian, Poisson
from .response import in_parts

__all__ = ["conjugate_gradients", "draw_samples"]


class Model(Protocol):
    """Anything that predicts data from latents with a derivative."""

    n_latent: int

    def at(self, latent: Tensor) -> Any:
        """State with ``rate``, ``jvp``, ``vjp`` and ``curvature``."""


def draw_samples(
    model: Model,
    likelihood: Poisson | Gaussian,
    mean: Tensor,
    n: int,
    generator: torch.Generator,
    *,
    max_iter: int = 60,
    bent: bool = False,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Antithetic samples around a mean, and the simulated null that comes with them.

    Each draw is also a repetition of the experiment under the fitted model: a prior sky
    ``prior``, noise ``noise``, and the linear estimate ``prior - sample`` that a fit of those
    data would give.

    Parameters
    ----------
    model, likelihood : object
        As in :func:`fit_vi`.
    mean : Tensor, shape (n_latent,)
        Where.
    n : int
        Pairs.
    generator : torch.Generator
        Source of the draws.
    max_iter : int
        Most iterations of conjugate gradients.
    bent : bool
        geoVI samples instead of MGVI samples.

    Returns
    -------
    samples : Tensor, shape (2n, n_latent)
        Deviations from the mean.
    null : dict of Tensor
        ``prior`` (n, n_latent), ``noise`` and ``residual`` (n, data): the residual counts that
        a fit of the repeated data would leave.

    Examples
    --------
    >>> draw_samples.__name__
    'draw_samples'
    """
    state = model.at(mean[None])
    metric = likelihood.metric(state.rate)
    apply, precondition = operators(state, metric)
    shape = (n, len(mean))
    prior = torch.randn(shape, generator=generator, dtype=mean.dtype, device=mean.device)
    noise = likelihood.noise(state.rate, n, generator)
    wanted = prior - in_parts(state.vjp, noise * metric)
    half, _ = conjugate_gradients(apply, wanted, precondition, max_iter=max_iter)
    null = {"prior": prior, "noise": noise, "residual": noise + in_parts(state.jvp, half)}
    samples = torch.cat([half, -half])
    if bent:
        samples = _bend(
            model,
            likelihood,
            mean,
            state,
            samples,
            torch.cat([wanted, -wanted]),
            apply,
            precondition,
        )
    return samples, null


def conjugate_gradients(
    apply: Callable[[Tensor], Tensor],
    right: Tensor,
    precondition: Callable[[Tensor], Tensor],
    *,
    max_iter: int = 50,
    tolerance: float = 1e-2,
) -> tuple[Tensor, int]:
    """Solve ``M x = right`` for several right sides at once.

    Parameters
    ----------
    apply : callable
        ``M``, symmetric and positive, on rows.
    right : Tensor, shape (sides, n)
        Right sides.
    precondition : callable
        Approximate inverse of ``M``.
    max_iter : int
        Most iterations.
    tolerance : float
        Stop when every residual is below this part of its beginning, in the preconditioned
        norm.

    Returns
    -------
    solution : Tensor, shape (sides, n)
    iterations : int

    Examples
    --------
    >>> diagonal = torch.tensor([1.0, 2.0, 4.0])
    >>> solution, _ = conjugate_gradients(lambda x: x * diagonal, torch.ones(1, 3), lambda x: x,
    ...                                   tolerance=1e-6)
    >>> solution
    tensor([[1.0000, 0.5000, 0.2500]])
    """
    solution = torch.zeros_like(right)
    residual = right.clone()
    step = precondition(residual)
    direction = step.clone()
    size = (residual * step).sum(-1, keepdim=True)
    aim = size * tolerance**2
    count = 0
    while count < max_iter and bool((size > aim).any()):
        turned = apply(direction)
        curvature = (direction * turned).sum(-1, keepdim=True)
        # A right side that is solved, or zero, stands still.
        length = torch.where(curvature > 0, size / curvature.clamp(min=1e-300), 0.0)
        solution += length * direction
        residual -= length * turned
        step = precondition(residual)
        new = (residual * step).sum(-1, keepdim=True)
        direction = step + new / size.clamp(min=1e-300) * direction
        size, count = new, count + 1
    return solution, count


def operators(
    state: Any, metric: Tensor
) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """The posterior metric ``1 + J^T W J`` and a diagonal approximation of its inverse."""
    diagonal = 1 + state.curvature(metric)

    def apply(x: Tensor) -> Tensor:
        return x + in_parts(lambda some: state.vjp(metric * state.jvp(some)), x)

    return apply, lambda x: x / diagonal


def _bend(
    model: Model,
    likelihood: Poisson | Gaussian,
    mean: Tensor,
    state: Any,
    samples: Tensor,
    wanted: Tensor,
    apply: Callable[[Tensor], Tensor],
    precondition: Callable[[Tensor], Tensor],
    *,
    n_steps: int = 6,
    tolerance: float = 0.03,
) -> Tensor:
    """Solve ``g(x) = w`` for geoVI samples, beginning at the linear ones.

    ``g(x) = (x - mean) + J_T^T (T(x) - T(mean))``. A step uses the metric at the mean for
    the derivative of ``g``, and is halved where it would not bring ``g`` nearer.
    """
    root = torch.sqrt(likelihood.metric(state.rate))
    here = likelihood.transform(state.rate)

    def missing(deviations: Tensor, aim: Tensor) -> Tensor:
        parts = []
        for some in deviations.split(2):
            there = likelihood.transform(model.at(mean + some).rate)
            parts.append(some + state.vjp(root * (there - here)))
        return aim - torch.cat(parts)

    samples = samples.clone()
    rest = missing(samples, wanted)
    length = samples.new_ones(len(samples), 1)
    scale = (wanted * precondition(wanted)).sum(1, keepdim=True)
    size = (rest * precondition(rest)).sum(1, keepdim=True) / scale
    for _ in range(n_steps):
        open_ = torch.nonzero(size[:, 0] >= tolerance**2)[:, 0]
        if not len(open_):
            break
        # The next step mends what this one leaves, so it need not be exact.
        step, _ = conjugate_gradients(apply, rest[open_], precondition, max_iter=20, tolerance=0.3)
        trial = samples[open_] + length[open_] * step
        new_rest = missing(trial, wanted[open_])
        new = (new_rest * precondition(new_rest)).sum(1, keepdim=True) / scale[open_]
        better = torch.isfinite(new) & (new < size[open_])
        samples[open_] = torch.where(better, trial, samples[open_])
        rest[open_] = torch.where(better, new_rest, rest[open_])
        size[open_] = torch.where(better, new, size[open_])
        length[open_] = torch.where(better, (length[open_] * 2).clamp(max=1), length[open_] / 4)
    return samples
