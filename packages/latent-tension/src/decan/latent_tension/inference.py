"""Metric Gaussian and geometric variational inference in standard normal coordinates.

The posterior is approximated by samples around a mean. Each round draws samples from the
inverse metric at the mean (MGVI) or bends them along the likelihood's geometry (geoVI), and
moves the mean so that the energy averaged over the samples falls. The hyper-parameters are
never optimised on their own: joint maxima of field and spectrum run away.

References
----------
.. [1] Knollmüller & Enßlin 2019, arXiv:1901.11033 (MGVI).
.. [2] Frank, Leike & Enßlin 2021, Entropy 23, 853 (geoVI).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from .likelihood import Gaussian, Poisson
from .sampling import Model, conjugate_gradients, draw_samples, operators

__all__ = ["Posterior", "few_threads", "fit_vi"]


@dataclass
class Posterior:
    """The approximation: a mean, samples around it, and how it came about.

    Attributes
    ----------
    mean : Tensor, shape (n_latent,)
        Latent mean.
    samples : Tensor, shape (samples, n_latent)
        Deviations from the mean, antithetic: the second half mirrors the first (exactly for
        MGVI).
    history : list of dict
        One row a round: energy, decrement, iterations.
    converged : bool
        Whether the last rounds moved the energy by less than its own scatter.

    Examples
    --------
    >>> Posterior(torch.zeros(2), torch.zeros(4, 2)).latents().shape
    torch.Size([4, 2])
    """

    mean: Tensor
    samples: Tensor
    history: list[dict[str, Any]] = field(default_factory=list)
    converged: bool = False

    def latents(self) -> Tensor:
        """The samples themselves, shape (samples, n_latent)."""
        return self.mean + self.samples


def fit_vi(
    model: Model,
    likelihood: Poisson | Gaussian,
    start: Tensor,
    *,
    method: str = "mgvi",
    n_rounds: int = 8,
    max_rounds: int | None = None,
    settle: float = float("inf"),
    n_pairs: int = 2,
    n_newton: int = 2,
    cg_draw: int = 40,
    cg_newton: int = 20,
    held: Tensor | None = None,
    generator: torch.Generator | None = None,
    report: Callable[[dict[str, Any]], None] = lambda row: None,
) -> Posterior:
    """Fit by alternating draws and Newton steps.

    Parameters
    ----------
    model : object
        ``at(latent)`` gives a state with ``rate``, ``jvp``, ``vjp``, ``curvature``.
    likelihood : Poisson or Gaussian
        The data.
    start : Tensor, shape (n_latent,)
        Latent mean to begin with.
    method : {'mgvi', 'geovi'}
        Linear samples, or samples bent along the geometry in the last third of the rounds.
    n_rounds, n_pairs, n_newton : int
        Rounds; antithetic pairs a round; Newton steps a round.
    max_rounds : int, optional
        Rounds are added up to this number while the fit has not settled.
    settle : float
        Gain in energy that a round's first Newton step may still promise in a settled fit.
    cg_draw, cg_newton : int
        Most iterations of conjugate gradients for a draw and for a step.
    held : Tensor of bool, shape (n_latent,), optional
        Latents that stay where they are for now.
    generator : torch.Generator, optional
        Source of the draws.
    report : callable
        Called with each row of the history.

    Returns
    -------
    Posterior
        With the last finite state, ``converged=False`` and a warning if an energy was not
        finite.

    Raises
    ------
    ValueError
        If the method is not known.

    Examples
    --------
    >>> class Line:
    ...     n_latent = 1
    ...     def at(self, latent):
    ...         return self
    ...     rate = torch.zeros(1, 1, dtype=torch.float64)
    >>> fit_vi(Line(), Gaussian(torch.zeros(1), 1.0), torch.zeros(1), method="map")
    Traceback (most recent call last):
    ...
    ValueError: method: must be 'mgvi' or 'geovi', found 'map'
    """
    if method not in ("mgvi", "geovi"):
        raise ValueError(f"method: must be 'mgvi' or 'geovi', found {method!r}")
    generator = generator or torch.Generator(device=start.device).manual_seed(0)
    posterior = Posterior(start, start.new_zeros(2 * n_pairs, len(start)))
    model = model if held is None else _Held(model, held)
    with few_threads():
        for number in range(max(n_rounds, max_rounds or 0)):
            bent = method == "geovi" and 3 * (number + 1) > 2 * n_rounds
            row, finite = _round(
                model, likelihood, posterior, bent, n_pairs, n_newton, cg_draw, cg_newton, generator
            )
            if not finite:
                warnings.warn(
                    f"inference: energy not finite in round {number}; last finite state kept",
                    RuntimeWarning,
                    stacklevel=2,
                )
                return posterior
            posterior.history.append({"round": number, **row})
            report(posterior.history[-1])
            if number + 1 >= n_rounds and row["first_decrement"] < settle:
                break
    posterior.converged = _settled(posterior.history)
    return posterior


def _round(
    model: Model,
    likelihood: Poisson | Gaussian,
    posterior: Posterior,
    bent: bool,
    n_pairs: int,
    n_newton: int,
    cg_draw: int,
    cg_newton: int,
    generator: torch.Generator,
) -> tuple[dict[str, Any], bool]:
    """One round of draws and Newton steps; changes the posterior only to finite states."""
    samples, _ = draw_samples(
        model, likelihood, posterior.mean, n_pairs, generator, max_iter=cg_draw, bent=bent
    )
    free = getattr(model, "free", 1.0)
    samples = samples * free
    if not bool(torch.isfinite(samples).all()):
        return {}, False
    mean = posterior.mean
    first = energy = gradient = promised = None
    decrement, used = float("nan"), 0
    for _ in range(n_newton):
        if energy is None:
            energy, gradient = energy_and_gradient(model, likelihood, mean, samples)
            first = energy
            if not torch.isfinite(energy):
                return {}, False
        state = model.at(mean[None])
        apply, precondition = operators(state, likelihood.metric(state.rate))
        assert gradient is not None
        gradient = gradient * free
        step, count = conjugate_gradients(apply, -gradient[None], precondition, max_iter=cg_newton)
        used += count
        decrement = float(-(step[0] * gradient).sum()) / 2
        promised = decrement if promised is None else promised
        accepted = _descend(model, likelihood, mean, samples, step[0], energy, decrement)
        if accepted is None:
            break
        mean, energy, gradient = accepted
    assert energy is not None
    assert first is not None
    posterior.mean, posterior.samples = mean, samples
    row = {
        "energy": float(energy),
        "gain": float(first - energy),
        "first_decrement": promised,
        "decrement": decrement,
        "cg": used,
        "method": "geovi" if bent else "mgvi",
    }
    return row, True


def newton_step(
    model: Model,
    likelihood: Poisson | Gaussian,
    mean: Tensor,
    samples: Tensor,
    energy: Tensor,
    gradient: Tensor,
) -> Tensor | None:
    """One Newton step of the mean, or None where no halved step lowers the energy."""
    state = model.at(mean[None])
    apply, precondition = operators(state, likelihood.metric(state.rate))
    step, _ = conjugate_gradients(apply, -gradient[None], precondition, max_iter=40)
    decrement = float(-(step[0] * gradient).sum()) / 2
    accepted = _descend(model, likelihood, mean, samples, step[0], energy, decrement)
    return None if accepted is None else accepted[0]


def _descend(
    model: Model,
    likelihood: Poisson | Gaussian,
    mean: Tensor,
    samples: Tensor,
    step: Tensor,
    energy: Tensor,
    decrement: float,
) -> tuple[Tensor, Tensor, Tensor] | None:
    """The longest of a few halved steps that lowers the energy, or None."""
    length = 1.0
    for _ in range(6):
        trial = mean + length * step
        new, gradient = energy_and_gradient(model, likelihood, trial, samples)
        if torch.isfinite(new) and new <= energy - 1e-4 * length * decrement:
            return trial, new, gradient
        length /= 2 if length > 0.3 else 4
    return None


def energy_and_gradient(
    model: Model, likelihood: Poisson | Gaussian, mean: Tensor, samples: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean energy of the samples and its gradient by their common mean."""
    latents = mean + samples
    total, gradient = mean.new_zeros(()), torch.zeros_like(mean)
    for part in latents.split(2):  # bounds the memory of many samples
        state = model.at(part)
        total = total + (likelihood.energy(state.rate) + (part**2).sum(1) / 2).sum()
        gradient = gradient + (state.vjp(likelihood.gradient(state.rate)) + part).sum(0)
    return total / len(latents), gradient / len(latents)


class _Held:
    """A model some of whose latents do not move."""

    def __init__(self, model: Model, held: Tensor) -> None:
        self.model, self.free = model, (~held).to(torch.float64)
        self.n_latent = model.n_latent

    def at(self, latent: Tensor) -> Any:
        """State whose derivative by the held latents is zero."""
        return _HeldState(self.model.at(latent), self.free)


class _HeldState:
    def __init__(self, state: Any, free: Tensor) -> None:
        self.state, self.free, self.rate = state, free, state.rate

    def jvp(self, tangent: Tensor) -> Tensor:
        return self.state.jvp(tangent * self.free)

    def vjp(self, cotangent: Tensor) -> Tensor:
        return self.state.vjp(cotangent) * self.free

    def curvature(self, weight: Tensor) -> Tensor:
        return self.state.curvature(weight) * self.free


def _settled(history: list[dict[str, Any]]) -> bool:
    """Whether a Newton step promises little any more, measured by the scatter of draws."""
    if len(history) < 2:
        return False
    return bool(history[-1]["decrement"] < 0.01 * abs(history[-1]["energy"]) + 10)


@contextmanager
def few_threads() -> Iterator[None]:
    """One thread of torch inside: FFTs of this size lose by more, and one repeats bitwise.

    Yields
    ------
    None
        The number of threads is restored when the context ends.

    Examples
    --------
    >>> with few_threads():
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
