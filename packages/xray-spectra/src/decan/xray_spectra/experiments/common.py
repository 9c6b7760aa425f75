"""What several experiments share: the reference set, trained models, scores over seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decan.core.errors import DecanError
from decan.core.experiment import SIMULATED, Run

from ..archive import REFERENCE_RESPONSES, reference_responses
from ..autoencoder import SpectralAutoencoder
from ..batch import BinnedSpectra
from ..grid import N_BINS
from ..instrument import analytic_response
from ..shipped import SIZES, train_autoencoder
from ..simulate import simulate_spectra

if TYPE_CHECKING:
    import pandas as pd

    from ..response import Response

SEEDS = {"quick": 1, "standard": 3, "paper": 5}
TRAINING = {"quick": (1_500, 1), "standard": SIZES["shipped"], "paper": (300_000, 60)}
ACIS = tuple(f"acis_{name}" for name in REFERENCE_RESPONSES.values())


@dataclass(frozen=True)
class Reference:
    """Simulated spectra with truth: training and test rows.

    Parameters
    ----------
    batch : BinnedSpectra
        All of them.
    table : DataFrame
        Truth.
    shapes : ndarray, shape (n_test, 128)
        True shapes of the test rows.
    n_train : int
        The first so many rows are for training.
    title : str
        What it is.
    """

    batch: BinnedSpectra
    table: pd.DataFrame
    shapes: NDArray[np.float64]
    n_train: int
    title: str

    @property
    def train(self) -> slice:
        """Rows for training."""
        return slice(0, self.n_train)

    @property
    def test(self) -> slice:
        """Rows for the test."""
        return slice(self.n_train, len(self.batch))

    @property
    def test_counts(self) -> NDArray[np.float64]:
        """Expected net counts of the test rows."""
        return np.asarray(self.table["net_counts"].to_numpy(dtype=float)[self.test])


def responses_of(run: Run) -> dict[str, Response]:
    """The six real responses, or the analytic one where they are not at hand."""
    if all(run.has(name) for name in ACIS):
        return reference_responses()
    return {"analytic": analytic_response()}


def reference(run: Run) -> Reference:
    """The reference set of 10,000, or a smaller one of our own where it is not at hand."""
    if run.preset != "quick" and run.has("sim_acis_8class") and all(run.has(n) for n in ACIS):
        counts, background, table, shapes = run.load("sim_acis_8class", provenance=SIMULATED)
        held = reference_responses()
        names = list(held)
        which = np.array([names.index(name) for name in table["response"]])
        ratio = table["backratio"].to_numpy(dtype=float)[:, None]
        batch = BinnedSpectra.from_arrays(
            _four(counts), _four(background) * ratio, responses=list(held.values()), which=which
        )
        return Reference(batch, table, shapes, 8000, "reference set through 6 real responses")
    n = 1200 if run.preset == "quick" else 10_000
    simulated = simulate_spectra(n, responses=responses_of(run), rng=run.seed)
    n_train = n * 4 // 5
    run.used(f"simulated spectra, {len(simulated.responses)} responses", provenance=SIMULATED, n=n)
    return Reference(
        BinnedSpectra.from_simulated(simulated), simulated.table, simulated.shapes[n_train:],
        n_train, "own simulations",
    )  # fmt: skip


def models(run: Run, *, seeds: int | None = None, **settings: Any) -> list[SpectralAutoencoder]:
    """Autoencoders of several seeds, trained once for all experiments of a run.

    In the quick preset, and for the first seed of default settings, the shipped weights.
    """
    wanted = SEEDS[run.preset] if seeds is None else seeds
    found = []
    for seed in range(wanted):
        if not settings and (run.preset == "quick" or seed == 0):
            found.append(SpectralAutoencoder.pretrained())
            continue
        found.append(trained(run, seed, **settings))
    return found


def trained(
    run: Run, seed: int, *, responses: dict[str, Response] | None = None, label: str = "",
    scale: float = 1.0, **settings: Any,
) -> SpectralAutoencoder:  # fmt: skip
    """One autoencoder, kept beside the results so that it is trained once."""
    told = "-".join(f"{key}={value}" for key, value in sorted(settings.items()))
    name = "-".join(filter(None, [f"seed{seed}", label, told])).replace("_", "")
    folder = run.folder.parent / "models" / run.preset / name
    try:
        return SpectralAutoencoder.load(folder)
    except DecanError:
        pass
    n_sources, epochs = TRAINING[run.preset]
    held = responses_of(run) if responses is None else responses
    model = train_autoencoder(
        list(held.values()), n_sources=n_sources, epochs=max(1, round(epochs * scale)),
        random_state=seed, checkpoint=folder.parent / f"{name}.checkpoint", **settings,
    )  # fmt: skip
    model.save(folder, training={"command": f"preset {run.preset}, seed {seed}"})
    return model


def divergence(truth: NDArray[np.float64], shape: NDArray[np.float64]) -> NDArray[np.float64]:
    """KL divergence a photon of reconstructions from the truth, nats."""
    clipped = np.maximum(shape, 1e-6)
    ratio = np.log(np.maximum(truth, 1e-12) / clipped)
    return np.asarray(np.sum(np.where(truth > 0, truth * ratio, 0.0), axis=1))


def over_seeds(values: Any) -> Any:
    """Mean over seeds with the spread as interval; a single value has none."""
    from decan.core.metrics import Estimate

    v = np.asarray(values, dtype=float)
    if v.size == 1:
        return Estimate(float(v[0]), n=1)
    spread = float(v.std(ddof=1) / np.sqrt(v.size))
    return Estimate(float(v.mean()), float(v.mean() - spread), float(v.mean() + spread), n=v.size)


def with_interval(value: Any, estimates: list[Any], n: int) -> Any:
    """Mean over seeds, with the interval of the test objects (bootstrap) around it."""
    from decan.core.metrics import Estimate

    half = float(np.mean([(e.high - e.low) / 2 for e in estimates]))
    mean = float(np.mean([e.value for e in estimates])) if value is None else float(value)
    return Estimate(mean, mean - half, mean + half, n=n)


def _four(channels: Any) -> NDArray[np.float32]:
    """Native channels from 0.5 keV, four to a bin of the common grid."""
    used = np.asarray(channels)[:, : 4 * N_BINS].astype(np.float32)
    return np.asarray(used.reshape(len(used), N_BINS, 4).sum(axis=2))
