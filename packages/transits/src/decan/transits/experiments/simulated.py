"""Experiments that need a known truth: which input tells which impostor, which reversal helps."""

from __future__ import annotations

from typing import Any

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Run, experiment

__all__ = ["ablation_matrix", "time_reversal"]


@experiment(
    title="Which input tells which impostor",
    claims=[
        Claim("planets against all others, AP", goal=0.95, provenance=SIMULATED),
        Claim("hidden inputs that cost most on their own kind", goal=1.0, provenance=SIMULATED),
        Claim("AP lost on background binaries without centroids", goal=0.01,
              provenance=SIMULATED),
    ],
    presets=["standard", "paper"],
)  # fmt: skip
def ablation_matrix(run: Run) -> None:
    """A compact network on all seven views of simulated signals, inputs hidden one by one.

    The physics says what must hurt: without photocentre and halo a background binary looks
    like a planet; without secondary, odd and even a binary does. The matrix holds what each
    hidden input costs on each kind, in average precision of planets against that kind.
    """
    import pandas as pd

    from decan.core.metrics import average_precision

    batch, kinds, train = _inputs(run, 1200 if run.preset == "standard" else 6000)
    network = _trained(run, batch, kinds, train, reverse="time")
    test = ~train
    planet = kinds[test] == "planet"
    whole = _planet(network, batch, test, ())
    run.record(
        "planets against all others, AP", average_precision(planet, whole, n_boot=100, rng=run.rng),
        provenance=SIMULATED,
    )  # fmt: skip
    hidden_sets = {
        "global": ("global",),
        "secondary": ("secondary",),
        "odd and even": ("odd", "even"),
        "secondary, odd and even": ("secondary", "odd", "even"),
        "photocentre": ("centroid",),
        "ghost": ("ghost",),
        "photocentre and ghost": ("centroid", "ghost"),
    }
    others = [kind for kind in np.unique(kinds) if kind != "planet"]
    rows: list[dict[str, Any]] = []
    for words, hidden in hidden_sets.items():
        blind = _planet(network, batch, test, hidden)
        row: dict[str, Any] = {"hidden": words}
        for kind in others:
            pair = planet | (kinds[test] == kind)
            seen = average_precision(planet[pair], whole[pair]).value
            row[str(kind)] = seen - average_precision(planet[pair], blind[pair]).value
        rows.append(row)
    frame = pd.DataFrame(rows)
    run.table("ablation-matrix", frame.round(4), caption="Average precision lost, by kind.")
    lost: dict[Any, dict[Any, float]] = frame.set_index("hidden").to_dict("index")
    physics = {
        "secondary": "binary",
        "secondary, odd and even": "binary",
        "photocentre and ghost": "background",
    }
    right = [
        max(lost[words], key=lost[words].__getitem__) == kind for words, kind in physics.items()
    ]
    run.record(
        "hidden inputs that cost most on their own kind", float(np.mean(right)),
        provenance=SIMULATED, n=int(test.sum()), note=", ".join(physics),
    )  # fmt: skip
    run.record(
        "AP lost on background binaries without centroids", lost["photocentre"]["background"],
        provenance=SIMULATED, n=int(test.sum()),
        note="the halo, which stays, tells most of the same",
    )  # fmt: skip
    for words, kind in physics.items():
        run.record(
            f"AP lost on {kind} without {words}", lost[words][kind],
            provenance=SIMULATED, n=int(test.sum()),
        )  # fmt: skip


@experiment(
    title="Reversal in time, of the channels, or none",
    presets=["standard", "paper"],
)
def time_reversal(run: Run) -> None:
    """What the released random reversal does (swap of centroid axes), and what was meant.

    The same network three times: no augmentation, the channel axis reversed as in the
    released code (which does nothing to one-channel views), and time reversed for all
    views of a sample together.
    """
    from decan.core.metrics import average_precision

    batch, kinds, train = _inputs(run, 900 if run.preset == "standard" else 6000)
    planet = kinds[~train] == "planet"
    for reverse, words in (("none", "no reversal"), ("channel", "channels reversed"),
                           ("time", "time reversed")):  # fmt: skip
        network = _trained(run, batch, kinds, train, reverse=reverse)
        score = _planet(network, batch, ~train, ())
        run.record(
            f"AP, {words}", average_precision(planet, score, n_boot=100, rng=run.rng),
            provenance=SIMULATED,
        )  # fmt: skip


def _inputs(run: Run, n: int) -> tuple[dict[str, Any], Any, Any]:
    import torch

    from ..features import scalar_features
    from ..networks import DEPTH_VIEWS
    from ..simulate import simulate_signals
    from ..views import ViewBuilder

    signals = simulate_signals(n, span_day=60.0, rng=run.rng)
    run.used("simulated signals of five kinds", provenance=SIMULATED, n=n)
    views = ViewBuilder("depth").transform_many((s.lightcurve, s.signal) for s in signals)
    depth = views.depth
    noise = np.array([s.lightcurve.flux_err[0] for s in signals])  # type: ignore[index]
    scalars = scalar_features(
        period_day=[s.signal.period_day for s in signals],
        duration_hour=[s.signal.duration_hour for s in signals],
        depth_ppm=1e6 * depth,
        snr=np.abs(depth) / noise,
        n_transits=views.quality["n_transits"],
        **{
            name: [s.lightcurve.meta[key] for s in signals]
            for name, key in (("star_radius", "radius"), ("star_mass", "mass"), ("teff", "teff"),
                              ("logg", "logg"))
        },
    )  # fmt: skip
    known = np.isfinite(scalars).any(axis=0)
    scaled = np.full(scalars.shape, np.nan)
    values = scalars[:, known]
    spread = np.maximum(np.nanstd(values, axis=0), 1e-6)
    scaled[:, known] = np.clip((values - np.nanmean(values, axis=0)) / spread, -4, 4)
    batch = {name: torch.from_numpy(views[name].astype(np.float32)) for name in DEPTH_VIEWS}
    batch["scalars"] = torch.from_numpy(scaled.astype(np.float32))
    kinds = np.array([s.kind for s in signals])
    return batch, kinds, run.rng.random(n) < 0.6


def _trained(run: Run, batch: Any, kinds: Any, train: Any, *, reverse: str) -> Any:
    import torch
    from torch.nn.functional import cross_entropy

    from decan.core.training import fit

    from ..features import KNOWN_SCALARS, SCALARS
    from ..networks import DEPTH_VIEWS, CompactNet, reversed_in_time

    classes = np.where(kinds == "planet", 2, np.where(kinds == "systematics", 0, 1))

    def turned(inputs: dict[str, Any]) -> dict[str, Any]:
        if reverse == "time":
            return reversed_in_time(inputs)
        if reverse == "channel" and torch.rand(1) < 0.5:
            # As released: the last axis, and one draw for the whole batch.
            return {**inputs, "centroid": inputs["centroid"].flip(2)}
        return inputs

    def loss(model: Any, given: Any) -> Any:
        inputs = {name: values for name, values in given.items() if name != "y"}
        inputs = turned(inputs) if model.training else inputs
        return cross_entropy(model(inputs), given["y"]), {}

    torch.manual_seed(run.seed)
    network = CompactNet(len(SCALARS), len(KNOWN_SCALARS), views=DEPTH_VIEWS)
    data = {name: values[torch.from_numpy(train)] for name, values in batch.items()}
    data["y"] = torch.from_numpy(classes[train])
    fit(network, data, loss, epochs=25, batch_size=32, learning_rate=2e-3, weight_decay=1e-2,
        schedule="one-cycle", device="cpu", rng=run.seed, progress=False)  # fmt: skip
    return network.eval()


def _planet(network: Any, batch: Any, rows: Any, hidden: tuple[str, ...]) -> Any:
    import torch

    chosen = torch.from_numpy(np.array(rows))
    inputs = {
        name: values[chosen] * float("nan") if name in hidden else values[chosen]
        for name, values in batch.items()
    }
    with torch.inference_mode():
        return network(inputs).softmax(dim=1)[:, 2].double().numpy()
