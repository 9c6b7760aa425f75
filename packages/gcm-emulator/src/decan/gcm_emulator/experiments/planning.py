"""Which planet to simulate next, and what twenty more are worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Run, experiment
from decan.core.plotting import COLOURS, new_axes, style

from .samples import median_over_planets, off_grid, training

__all__ = ["gcm_design"]


@experiment(
    title="Which planet to simulate next",
    claims=[
        Claim("T at 40 planets, chosen by variance over at random", goal=1.0, better="lower",
              provenance=SIMULATED),
    ],
    data=["sim_grid60", "sim_dev8"],
)  # fmt: skip
def gcm_design(run: Run) -> None:
    """A learning curve from twenty to sixty planets, and the next ten planets to run.

    Planets are added to the training at random, or each time the one that leaves the least
    unknown; both are scored on the same planets off the grid.
    """
    from ..design import rank_candidates
    from ..emulator import FieldEmulator
    from ..simulate import random_planets

    grid, truth = training(run), off_grid(run)
    sizes = (20, 40, 60) if run.preset == "quick" else (20, 25, 30, 40, 50, 60)
    rng = np.random.default_rng(run.seed)
    start = np.sort(rng.permutation(len(grid))[:20])
    curves = {}
    for words, order in (("at random", _random_order(grid, start, rng)),
                         ("by variance", _greedy_order(grid, start))):  # fmt: skip
        errors = []
        for n in sizes:
            emulator = FieldEmulator(fields=["T"], n_modes=min(24, n - 1))
            errors.append(_quietly(emulator.fit, grid.select(np.sort(order[:n]))).errors_on(truth))
        curves[words] = [frame["T"].median() for frame in errors]
        if words == "at random":
            for n, frame in zip(sizes, errors, strict=True):
                run.record(f"T, {n} planets", median_over_planets(frame["T"], run), unit="K",
                           provenance=SIMULATED)  # fmt: skip
    middle = sizes.index(40)
    run.record("T at 40 planets, chosen by variance over at random",
               curves["by variance"][middle] / curves["at random"][middle], provenance=SIMULATED,
               n=len(truth), note="one draw of the twenty first planets")  # fmt: skip
    run.figure("learning-curve", _plot_curves(sizes, curves), caption="Error of temperature on "
               "planets off the grid against the number of simulated planets.")  # fmt: skip
    whole = _quietly(FieldEmulator(fields=["T"], n_modes=24).fit, grid)
    ranked = rank_candidates(whole, random_planets(60, rng=run.seed + 5))
    run.table("next", ranked.head(10).round(4), caption="The ten of sixty candidates whose run "
              "would tell most of all sixty.")  # fmt: skip


def _random_order(grid: Any, start: Any, rng: np.random.Generator) -> Any:
    others = np.setdiff1d(np.arange(len(grid)), start)
    return np.concatenate([start, rng.permutation(others)])


def _greedy_order(grid: Any, start: Any) -> Any:
    """Planets in the order in which each leaves the least unknown of all others."""
    from ..design import rank_candidates
    from ..emulator import FieldEmulator

    fit = FieldEmulator(fields=["T"], n_modes=12).fit
    emulator = _quietly(fit, grid.select(np.sort(start)))
    others = [k for k in range(len(grid)) if k not in start]
    by_name = {grid.planets[k].name: k for k in others}
    ranked = rank_candidates(emulator, [grid.planets[k] for k in others])["planet"]
    return np.array([*start, *(by_name[name] for name in ranked)])


def _quietly(fit: Any, grid: Any) -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit(grid)


def _plot_curves(sizes: Any, curves: dict[str, list[float]]) -> Any:
    ax = new_axes(figsize=(5.6, 3.6))
    for (words, values), colour in zip(curves.items(), ("grey", "blue"), strict=True):
        ax.plot(sizes, values, "o-", color=COLOURS[colour], label=words)
    ax.set(xlabel="simulated planets", ylabel="median rms error of T, K", ylim=(0, None))
    with style():
        ax.legend()
    return ax
