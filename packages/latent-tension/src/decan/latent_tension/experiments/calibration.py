"""Whether thresholds and intervals are what they say, and why samples are drawn at all."""

from __future__ import annotations

import numpy as np

from decan.core.experiment import SIMULATED, Run, experiment
from decan.core.plotting import COLOURS, new_axes

from . import _cases as cases
from ._cases import simulated_goal

__all__ = ["calibration", "null"]


@experiment(
    title="Is the null right?",
    claims=[
        simulated_goal("false alarms on source-free fields at p = 0.05", (0.02, 0.08)),
        simulated_goal("false alarms of the robust score above 5", None),
    ],
)
def null(run: Run) -> None:
    """How often each threshold calls for a source on fields that have none.

    The robust score of the mean excitation is no significance: its null has heavy tails. The
    threshold from repeated experiments is calibrated.
    """
    from ..decomposer import TensionDecomposer
    from ..plots import plot_residuals
    from ..simulate import simulate_field

    n = {"quick": 4, "standard": 100, "paper": 400}[run.preset]
    size = 48 if run.preset == "quick" else 64
    p_values, default, robust, pulls = [], [], [], []
    for k in range(n):
        field = simulate_field(size, n_points=0, n_extended=0, rng=[run.seed, 7, k])
        fitted = TensionDecomposer(fit_extended=False).first_pass(field.image)
        maps = fitted.tension_maps_[0]
        best = max((c["significance"] for c in maps.candidates), default=0.0)
        p_values.append(maps.p_value(best))
        default.append(best > float(fitted.threshold))
        robust.append(float(maps.score["spatial"].max()))
        scatter = np.sqrt(np.maximum(1 - maps.variance["spatial"].mean(), 1e-3))
        pulls.append(maps.mean["spatial"].ravel() / scatter)
    for metric, alarms in (
        ("false alarms on source-free fields at p = 0.05", np.array(p_values) < 0.05),
        ("false alarms of the default threshold", np.array(default)),
        ("false alarms of the robust score above 5", np.array(robust) > 5),
    ):
        run.record(metric, cases.share(alarms, run), provenance=SIMULATED, n=n)
    run.figure(
        "p-values",
        cases.p_value_figure(p_values),
        caption="Distribution function of the "
        "global p-values of source-free fields: on the diagonal if calibrated.",
    )
    run.figure(
        "excitations",
        plot_residuals(np.concatenate(pulls)),
        caption="Mean excitations "
        "over the root of one minus their posterior variance: standard normal in a "
        "right model.",
    )
    _why_map_fails(run)


@experiment(
    title="Are the intervals right?",
    claims=[
        simulated_goal("coverage of the 68 % interval of ln I", (0.60, 0.76), headline=True),
        simulated_goal("rms of ln(mean/true), one band", None),
    ],
)
def calibration(run: Run) -> None:
    """Skies drawn from the prior, cut out of a larger sky, and how often intervals hold them.

    The rank of the truth among the posterior's samples is uniform if the posterior is right:
    simulation-based calibration.
    """
    from ..components import Priors
    from ..decomposer import TensionDecomposer
    from ..diagnostics import uncertainty_weighted_residuals
    from ..plots import plot_residuals
    from ..simulate import simulate_prior_field

    n = {"quick": 2, "standard": 20, "paper": 100}[run.preset]
    size = 48 if run.preset == "quick" else 64
    inside, pulls, errors, ranks = [], [], [], []
    for k in range(n):
        field = simulate_prior_field(size, rng=[run.seed, 11, k])
        fitted = TensionDecomposer(
            max_loops=0, fit_extended=False, n_final=16, priors=Priors(slope=(-4.0, 0.3))
        ).fit(field.image)
        samples = fitted.samples("diffuse")
        low, high = np.percentile(samples, [15.87, 84.13], axis=0)
        inside.append(float(((field.diffuse > low) & (field.diffuse < high)).mean()))
        pulls.append(uncertainty_weighted_residuals(samples, field.diffuse).ravel())
        errors.append(float(np.sqrt(np.mean(np.log(samples.mean(0) / field.diffuse) ** 2))))
        ranks.append((samples < field.diffuse).sum(0).ravel())
    run.record(
        "coverage of the 68 % interval of ln I",
        cases.mean_of(np.array(inside), run),
        provenance=SIMULATED,
        n=n,
        note=f"scatter of fields {np.std(inside):.2f}",
    )
    run.record(
        "rms of ln(mean/true), one band",
        cases.mean_of(np.array(errors), run),
        provenance=SIMULATED,
        n=n,
    )
    run.figure(
        "pulls",
        plot_residuals(np.concatenate(pulls)),
        caption="Errors of ln I in units "
        "of the quoted standard deviation, beside a standard normal.",
    )
    run.figure(
        "ranks",
        cases.rank_figure(np.concatenate(ranks), len(samples)),
        caption="Rank of the true intensity among the samples: flat if the posterior is right, "
        "a bowl if it is too narrow, a hill if it is too wide.",
    )


def _why_map_fails(run: Run) -> None:
    """Optimise field and spectrum jointly, without samples, and watch the spectrum run away."""
    import pandas as pd
    import torch

    from ..components import Priors, Scene
    from ..inference import energy_and_gradient, few_threads, newton_step
    from ..likelihood import Poisson
    from ..simulate import simulate_field

    field = simulate_field(48, n_points=0, n_extended=0, rng=[run.seed, 13])
    scene = Scene.of([field.image], Priors(slope=(-4.0, 1.0)))
    model = scene.model()
    likelihood = Poisson(model.counts, model.good)
    mean = scene.start(model, torch.Generator().manual_seed(run.seed))
    nothing = mean.new_zeros(1, len(mean))
    names = model.named()
    rows = []
    with few_threads():
        for number in range(12):
            rows.append(
                {
                    "step": number,
                    "slope": float(mean[names["diffuse spatial slope"]]),
                    "fluctuations": float(mean[names["diffuse spatial fluctuations"]]),
                }
            )
            energy, gradient = energy_and_gradient(model, likelihood, mean, nothing)
            accepted = newton_step(model, likelihood, mean, nothing, energy, gradient)
            if accepted is None:
                break
            mean = accepted
    table = pd.DataFrame(rows)
    ax = new_axes(figsize=(5.6, 3.4))
    ax.plot(table["step"], table["slope"], "o-", label="slope")
    ax.plot(table["step"], table["fluctuations"], "s-", label="fluctuations")
    ax.axhspan(-2, 2, color=COLOURS["grey"], alpha=0.15, lw=0)
    ax.set_xlabel("Newton step of the joint maximum")
    ax.set_ylabel("latent (prior σ)")
    ax.legend()
    run.figure(
        "map",
        ax,
        caption="Joint maximum of field and spectrum on a source-free field: "
        "the spectrum's latents leave what their prior allows (grey: 2 sigma). Samples "
        "are drawn from the first round on for this reason.",
    )
    run.record(
        "slope latent at the joint maximum",
        float(abs(table["slope"].iloc[-1])),
        provenance=SIMULATED,
        n=1,
        unit="prior sigma",
    )
