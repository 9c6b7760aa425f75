"""Experiments on reconstruction: against truth, by counts, by number of latents."""

from __future__ import annotations

from typing import Any

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Run, experiment

from ..factors import SpectralNMF, SpectralPCA
from ..statistics import cstat
from .common import Reference, divergence, models, reference, trained

__all__: list[str] = []


@experiment(
    title="Reconstruction against the truth",
    data=["sim_acis_8class"],
    claims=[
        Claim("divergence a photon, median", goal=0.017, better="lower", provenance=SIMULATED,
              headline=True),
        Claim("divergence a photon, below 150 counts", goal=0.027, better="lower",
              provenance=SIMULATED),
        Claim("divergence a photon, above 1,000 counts", goal=0.0022, better="lower",
              provenance=SIMULATED),
    ],
)  # fmt: skip
def reconstruction(run: Run) -> None:
    """How far reconstructions out of eight numbers are from the true spectra of simulated sources.

    Kullback-Leibler divergence of the true shape of the counts from the reconstruction, nats a
    photon, on rows that took no part in training. Beside the network: principal components of
    square roots, and Poisson NMF, the simple method that a network has to beat; and a transformer
    on patches of four bins, as the paper's may have been, trained like the network in half of its
    passes (preset paper: in all, and once more by squared error on observed counts).
    """
    import pandas as pd

    data = reference(run)
    test = data.batch.take(data.test)
    n = data.test_counts
    parts = {
        "median": np.ones(n.size, dtype=bool), "below 150 counts": n < 150,
        "above 1,000 counts": n >= 1000,
    }  # fmt: skip
    lost = {"network": [divergence(data.shapes, m.reconstruct(test)) for m in models(run)]}
    simple: dict[str, Any] = {"NMF": SpectralNMF(8, random_state=run.seed), "PCA": SpectralPCA(8)}
    for name, method in simple.items():
        method.fit(data.batch.take(data.train))
        lost[name] = [divergence(data.shapes, method.reconstruct(test))]
    if run.preset != "quick":
        half = 1.0 if run.preset == "paper" else 0.5
        lost["transformer"] = [_lost(trained(run, 0, body="transformer", scale=half), test, data)]
    if run.preset == "paper":
        # The paper's own way, as far as its abstract tells.
        lost["transformer, squared error"] = [_lost(_like_the_paper(data), test, data)]
    for part, rows in parts.items():
        run.record(f"divergence a photon, {part}", _median(lost["network"], rows, run),
                   provenance=SIMULATED, note=f"{len(lost['network'])} seeds")  # fmt: skip
        for name in ("NMF", *(name for name in lost if name.startswith("transformer"))):
            run.record(f"{name}, divergence a photon, {part}", _median(lost[name], rows, run),
                       provenance=SIMULATED)  # fmt: skip
    bins = np.geomspace(60, 15_000, 8)
    place = np.digitize(n, bins)
    frame = pd.DataFrame([
        {"counts": float(np.median(n[place == b])),
         **{name: float(np.median(np.mean(found, axis=0)[place == b]))
            for name, found in lost.items()}}
        for b in range(1, bins.size + 1) if (place == b).sum() >= 8
    ])  # fmt: skip
    run.table("by-counts", frame, caption="Median divergence a photon by expected net counts.")
    frame_n = frame.assign(**{name: frame[name] * frame["counts"] for name in lost})
    from ..plots import plot_curves

    run.figure(
        "divergence", plot_curves(frame, "counts", list(lost), xlabel="net counts",
                                  ylabel="divergence (nats / photon)", log="xy"),
        caption="Divergence of truth from reconstruction. The network stays below both simple "
        "methods, most where counts are few: it knows what spectra look like.",
    )  # fmt: skip
    run.figure(
        "likelihood-lost", plot_curves(frame_n, "counts", list(lost), xlabel="net counts", log="xy",
                                       ylabel="N x divergence (nats)", level=4.0),
        caption="Log-likelihood lost by a spectrum. Fitting eight free numbers to noise would cost "
        "4 nats (dashed); below that line the latents hold less noise than a fit.",
    )  # fmt: skip
    run.figure(
        "six-spectra", _six(data, test, models(run, seeds=1)[0]),
        caption="Six simulated spectra: counts (black), truth (green, dashed), reconstruction "
        "(red).",
    )  # fmt: skip


@experiment(
    title="How many latents",
    presets=("standard", "paper"),
    claims=[Claim("latents at the elbow", 8, source="Pinciroli Vago et al. 2025, abstract",
                  provenance=SIMULATED)],
)  # fmt: skip
def latent_number(run: Run) -> None:
    """Networks with 2, 4, 8, 16 and 32 latents: deviance and classes on rows not trained on.

    Each is trained for a fifth of the default; the elbow is the smallest number whose deviance
    is within 0.5 % of the best.
    """
    import pandas as pd

    from ..classify import LatentClassifier
    from ..plots import plot_curves

    data = reference(run)
    test = data.batch.take(data.test)
    truth = data.table["cls"].to_numpy(dtype=str)
    rows = []
    for k in (2, 4, 8, 16, 32):
        model = trained(run, run.seed, n_latent=k, guide=0.0, scale=0.2)
        deviance = np.median(cstat(test.counts, model.expected_counts(test)))
        lost = divergence(data.shapes, model.reconstruct(test))
        latents = model.encode(data.batch)
        classifier = LatentClassifier().fit(latents.take(data.train), truth[data.train])
        called = classifier.predict(latents.take(data.test))
        rows.append(
            {
                "latents": k, "deviance": float(deviance), "divergence": float(np.median(lost)),
                "balanced accuracy": _accuracy(truth[data.test], called),
            }
        )  # fmt: skip
    frame = pd.DataFrame(rows)
    run.table("latents", frame.round(5), caption="Unguided networks, a fifth of the training.")
    near = frame["deviance"] <= 1.005 * frame["deviance"].min()
    run.record("latents at the elbow", int(frame.loc[near, "latents"].min()), provenance=SIMULATED,
               n=len(test))  # fmt: skip
    run.figure(
        "latents", plot_curves(frame, "latents", ["divergence"], xlabel="latents",
                               ylabel="divergence (nats / photon)", log="xy"),
        caption="Median divergence of truth from reconstruction against the number of latents.",
    )  # fmt: skip


def _lost(model: Any, test: Any, data: Reference) -> Any:
    return divergence(data.shapes, model.reconstruct(test))


def _like_the_paper(data: Reference) -> Any:
    """A transformer on channels, trained by squared error on the spectra as observed."""
    from ..autoencoder import SpectralAutoencoder

    model = SpectralAutoencoder(forward_fold=False, body="transformer", loss="mse", epochs=60)
    return model.fit(data.batch.take(data.train))


def _median(found: list[Any], rows: Any, run: Run) -> Any:
    """Median over objects, mean over seeds, interval by bootstrap over objects."""
    from decan.core.metrics import Estimate, bootstrap

    each = [bootstrap(np.median, one[rows], rng=run.seed) for one in found]
    value = float(np.mean([e.value for e in each]))
    half = float(np.mean([e.high - e.low for e in each])) / 2
    return Estimate(value, value - half, value + half, n=int(rows.sum()))


def _accuracy(truth: Any, called: Any) -> float:
    from decan.core.metrics import balanced_accuracy

    return float(balanced_accuracy(truth, called).value)


def _six(data: Reference, test: Any, model: Any) -> Any:
    import matplotlib.pyplot as plt

    from decan.core.plotting import style

    from ..plots import plot_counts

    names = data.table["cls"].to_numpy(dtype=str)[data.test]
    wanted = ("AGN", "CV", "HM-STAR", "HMXB", "NS", "YSO")
    sizes = (100, 300, 1000, 200, 600, 3000)
    with style():
        _, axes = plt.subplots(2, 3, figsize=(12, 6.2))
        for ax, name, size in zip(axes.flat, wanted, sizes, strict=True):
            rows = np.flatnonzero(names == name)
            row = rows[np.argmin(np.abs(np.log(data.test_counts[rows] / size)))]
            one = test.take([row])
            net = float(one.total[0] - one.background.sum())
            truth = data.shapes[row] * net + one.background[0]
            plot_counts(
                one.counts[0], model.expected_counts(one)[0], truth=truth, title=name, ax=ax
            )
    return axes
