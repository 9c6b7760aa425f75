"""The same diffuse model in nifty.re, for cross-checks only; needs the package nifty."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .components import Priors, Scene
from .inference import fit_vi
from .likelihood import Poisson
from .tension import excitation_maps

__all__ = ["SHARED_PRIORS", "SharedFit", "fit_here", "fit_nifty"]

SHARED_PRIORS = Priors(slope=(-4.0, 0.2), index_slope=(-4.0, 0.2), flexibility=None)
"""What both can express alike: pure power laws."""


@dataclass
class SharedFit:
    """A fit of the shared model: diffuse emission with an index field, nothing else.

    Attributes
    ----------
    seconds : list of float
        CPU seconds of each round; the first holds the compilation, if any.
    excitation : ndarray, shape (grid y, grid x)
        Mean position-space excitation of the spatial field.
    named : dict
        Mean and standard deviation of hyper-parameters' latents.

    Examples
    --------
    >>> SharedFit([1.0], np.zeros((2, 2)), {}).seconds
    [1.0]
    """

    seconds: list[float]
    excitation: np.ndarray
    named: dict[str, tuple[float, float]]


def fit_here(scene: Scene, *, rounds: int = 15) -> SharedFit:
    """Fit the shared model here, by MGVI with two antithetic pairs.

    Parameters
    ----------
    scene : Scene
        Nothing but diffuse emission, with ``SHARED_PRIORS``.
    rounds : int
        Rounds of inference.

    Returns
    -------
    SharedFit

    Examples
    --------
    >>> from decan.latent_tension import simulate_field
    >>> field = simulate_field(32, n_points=0, n_extended=0, rng=0)
    >>> len(fit_here(Scene.of([field.image], SHARED_PRIORS), rounds=2).seconds)
    2
    """
    model = scene.model()
    seconds = [time.process_time()]
    posterior = fit_vi(
        model,
        Poisson(model.counts, model.good),
        scene.start(model, torch.Generator().manual_seed(0)),
        n_rounds=rounds,
        report=lambda row: seconds.append(time.process_time()),
    )
    means, _ = excitation_maps(model, posterior.mean, posterior.samples)
    latents = posterior.latents()
    named = {
        name: (float(latents[:, i].mean()), float(latents[:, i].std()))
        for name, i in model.named().items()
    }
    return SharedFit(list(np.diff(seconds)), means["spatial"].numpy(), named)


def fit_nifty(scene: Scene, *, rounds: int = 15) -> SharedFit:
    """The same with nifty.re: same model, draws, iterations.

    Parameters
    ----------
    scene : Scene
        One instrument, nothing but diffuse emission, with ``SHARED_PRIORS``.
    rounds : int
        Rounds of inference.

    Returns
    -------
    SharedFit

    Raises
    ------
    ImportError
        If nifty is not installed.

    Examples
    --------
    >>> fit_nifty.__name__
    'fit_nifty'
    """
    import jax
    import nifty.re as jft
    from nifty.re.correlated_field import (
        hartley,
    )

    jax.config.update("jax_enable_x64", True)
    sky = _nifty_sky(scene)
    likelihood = jft.Poissonian(scene.instruments[0].counts.numpy().astype(int)).amend(sky)
    key = jax.random.PRNGKey(0)
    seconds = [time.process_time()]
    samples, _ = jft.optimize_kl(
        likelihood,
        jft.Vector(likelihood.init(key)) * 0.1,
        key=key,
        n_total_iterations=rounds,
        n_samples=2,
        draw_linear_kwargs={"cg_name": None, "cg_kwargs": {"absdelta": 1e-4, "maxiter": 40}},
        kl_kwargs={"minimize_kwargs": {"name": None, "maxiter": 2, "cg_kwargs": {"maxiter": 20}}},
        sample_mode="linear_resample",
        callback=lambda *_: seconds.append(time.process_time()),
    )
    white = np.asarray(hartley(samples.pos.tree["sxi"]))
    named = {}
    for name, key_name in (
        ("diffuse spatial fluctuations", "sfluctuations"),
        ("diffuse spatial slope", "sloglogavgslope"),
        ("diffuse index fluctuations", "afluctuations"),
    ):
        drawn = np.array([np.asarray(s.tree[key_name]) for s in samples])
        named[name] = (float(drawn.mean()), float(drawn.std()))
    return SharedFit(list(np.diff(seconds)), white / np.sqrt(white.size), named)


def _nifty_sky(scene: Scene) -> Any:
    """Expected counts as a model of nifty.re."""
    import jax.numpy as jnp
    import nifty.re as jft

    eye, grid = scene.instruments[0], scene.grid
    shape, priors = (grid.ny, grid.nx), SHARED_PRIORS
    fields = []
    for prefix, spread, slope in (
        ("s", priors.fluctuations, priors.slope),
        ("a", priors.index_fluctuations, priors.index_slope),
    ):
        maker = jft.CorrelatedFieldMaker(prefix)
        maker.set_amplitude_total_offset(offset_mean=0.0, offset_std=(1e-6, 1e-7))
        maker.add_fluctuations(
            shape,
            distances=1.0 / max(shape),
            fluctuations=spread,
            loglogavgslope=slope,
            prefix="",
            non_parametric_kind="power",
        )
        fields.append(maker.finalize())
    offset = jft.NormalPrior(0.0, priors.offset_std, name="offset", shape=(len(scene.level),))
    kernel, exposure = jnp.asarray(eye.kernels[0].numpy()), jnp.asarray(eye.exposure.numpy())
    level, mu = jnp.asarray(scene.level), jnp.asarray(scene.log_energy)[:, None, None]
    window = eye.window

    class Sky(jft.Model):  # type: ignore[misc,name-defined,unused-ignore]
        def __init__(self) -> None:
            super().__init__(init=fields[0].init | fields[1].init | offset.init)

        def __call__(self, x: Any) -> Any:
            log = (level + offset(x))[:, None, None] + fields[0](x) + fields[1](x) * mu
            seen = jnp.fft.irfft2(jnp.fft.rfft2(jnp.exp(log)) * kernel, s=shape)
            return jnp.clip(seen[:, window[0], window[1]] * exposure, 1e-12)

    return Sky()
