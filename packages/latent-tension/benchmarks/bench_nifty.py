"""The same model in nifty.re: seconds a global iteration, and whether the results agree.

One field of 64 pixels in three bands, diffuse emission with an index field, pure power laws,
MGVI with two antithetic pairs, 40 iterations of conjugate gradients a draw and two Newton
steps; CPU seconds of the process, one thread, 64-bit floats.
"""

from __future__ import annotations

import os
import time

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import numpy as np
import torch

from decan.latent_tension import Priors, TensionDecomposer, simulate_field
from decan.latent_tension.components import Scene
from decan.latent_tension.inference import Poisson, fit_vi
from decan.latent_tension.tension import excitation_maps

ROUNDS = 6
PRIORS = Priors(slope=(-4.0, 0.2), index_slope=(-4.0, 0.2), flexibility=None)


def ours(scene: Scene) -> tuple[list[float], np.ndarray, dict[str, tuple[float, float]]]:
    """Seconds a round, mean excitation map, named latents."""
    model = scene.model()
    seconds = [time.process_time()]
    posterior = fit_vi(
        model,
        Poisson(model.counts, model.good),
        scene.start(model, torch.Generator().manual_seed(0)),
        n_rounds=ROUNDS,
        report=lambda row: seconds.append(time.process_time()),
    )
    means, _ = excitation_maps(model, posterior.mean, posterior.samples)
    latents = posterior.latents()
    named = {
        name: (float(latents[:, i].mean()), float(latents[:, i].std()))
        for name, i in model.named().items()
    }
    return list(np.diff(seconds)), means["spatial"].numpy(), named


def theirs(scene: Scene) -> tuple[list[float], np.ndarray, dict[str, tuple[float, float]]]:
    """The same with nifty.re."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import nifty.re as jft
    from nifty.re.correlated_field import hartley

    eye, grid = scene.instruments[0], scene.grid
    shape = (grid.ny, grid.nx)
    fields = []
    for prefix, spread, slope in (
        ("s", PRIORS.fluctuations, PRIORS.slope),
        ("a", PRIORS.index_fluctuations, PRIORS.index_slope),
    ):
        maker = jft.CorrelatedFieldMaker(prefix)
        maker.set_amplitude_total_offset(offset_mean=0.0, offset_std=(1e-6, 1e-7))
        maker.add_fluctuations(
            shape, distances=1.0 / max(shape), fluctuations=spread, loglogavgslope=slope,
            prefix="", non_parametric_kind="power",
        )  # fmt: skip
        fields.append(maker.finalize())
    kernel = jnp.asarray(eye.kernels[0].numpy())
    exposure, level = jnp.asarray(eye.exposure.numpy()), jnp.asarray(scene.level)
    mu = jnp.asarray(scene.log_energy)[:, None, None]
    window = eye.window

    class Sky(jft.Model):
        def __init__(self) -> None:
            self.s, self.a = fields
            self.offset = jft.NormalPrior(
                0.0, PRIORS.offset_std, name="offset", shape=(len(scene.level),)
            )
            super().__init__(init=self.s.init | self.a.init | self.offset.init)

        def __call__(self, x):
            log = (level + self.offset(x))[:, None, None] + self.s(x) + self.a(x) * mu
            seen = jnp.fft.irfft2(jnp.fft.rfft2(jnp.exp(log)) * kernel, s=shape)
            return jnp.clip(seen[:, window[0], window[1]] * exposure, 1e-12)

    sky = Sky()
    counts = jnp.asarray(eye.counts.numpy().astype(int))
    likelihood = jft.Poissonian(counts).amend(sky)
    key = jax.random.PRNGKey(0)
    start = jft.Vector(likelihood.init(key)) * 0.1
    seconds = [time.process_time()]
    samples, _ = jft.optimize_kl(
        likelihood,
        start,
        key=key,
        n_total_iterations=ROUNDS,
        n_samples=2,
        draw_linear_kwargs={"cg_name": None, "cg_kwargs": {"absdelta": 1e-4, "maxiter": 40}},
        kl_kwargs={"minimize_kwargs": {"name": None, "maxiter": 2,
                                       "cg_kwargs": {"maxiter": 20}}},
        sample_mode="linear_resample",
        callback=lambda *_: seconds.append(time.process_time()),
    )  # fmt: skip
    position = samples.pos.tree
    excitation = np.asarray(hartley(position["sxi"])) / np.sqrt(np.prod(shape))
    named = {}
    for ours_name, key_name in (
        ("diffuse spatial fluctuations", "sfluctuations"),
        ("diffuse spatial slope", "sloglogavgslope"),
        ("diffuse index fluctuations", "afluctuations"),
    ):
        drawn = np.array([np.asarray(s.tree[key_name]) for s in samples])
        named[ours_name] = (float(drawn.mean()), float(drawn.std()))
    return list(np.diff(seconds)), excitation, named


def main() -> None:
    torch.set_num_threads(1)
    field = simulate_field(64, n_points=8, n_extended=1, rng=0)
    scene = Scene.of([field.image], PRIORS)
    seconds, tension, named = ours(scene)
    print(f"ours      first {seconds[0]:6.2f} s, later {np.median(seconds[1:]):6.2f} s a round")
    begin = time.process_time()
    TensionDecomposer(max_loops=3, method="mgvi").fit(field.image)
    whole = time.process_time() - begin
    print(f"ours      whole decomposition, three loops, {whole:6.2f} s")
    try:
        their_seconds, their_tension, their_named = theirs(scene)
    except ImportError:
        print("nifty is not installed; pip install nifty")
        return
    first, later = their_seconds[0], float(np.median(their_seconds[1:]))
    print(f"nifty.re  first {first:6.2f} s, later {later:6.2f} s a round")
    print(f"ratio a round in steady state {np.median(seconds[1:]) / later:.2f}")
    # Every change of the model's shape compiles again: four fits of a three-loop decomposition.
    stages = 4 * first + 4 * (ROUNDS - 1) * later
    print(f"ratio of a three-loop decomposition, compilation included {whole / stages:.2f}")
    correlation = np.corrcoef(tension.ravel(), their_tension.ravel())[0, 1]
    print(f"correlation of the tension maps {correlation:.3f}")
    for name, (mean, spread) in their_named.items():
        own = named[name]
        print(f"{name}: ours {own[0]:.2f} +- {own[1]:.2f}, nifty.re {mean:.2f} +- {spread:.2f}")


if __name__ == "__main__":
    main()
