"""The main job on real cutouts, where networks look, and what turning the picture does."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decan.core.experiment import Run, experiment
from decan.core.experiment.claims import REAL, SIMULATED, Claim
from decan.core.metrics import bootstrap

from ..archive import CLASSES
from ..attention import grad_cam, peak_separation
from ..augment import turn
from ..classifier import RadioMorphologyClassifier
from ..cutouts import CutoutSet
from ..evaluation import equivariance_error
from ..fitting import network_logits
from ..masking import SourceMasker
from ..pages import classified_figure
from ..plots import CLASS_COLOURS, grid_of_axes, plot_cutout, plot_turning
from ..simulate import simulate_bent_sources
from ..stamps import network_stamps
from .material import Material, material, plain_network, subset

_SHOWN = 6


@experiment(
    title="Radio galaxies judged by the shipped weights",
    claims=[Claim("share whose Fanaroff-Riley class agrees", goal=None, headline=False)],
    data=["mirabest"],
    tour=True,
)
def tour(run: Run) -> None:
    """Cutouts that the shipped networks have never seen, from picture to probability.

    Sixty sources of MiraBest's test batch where the data are at hand, simulated ones
    otherwise: masks, attention, probabilities, and the seconds they take.
    """
    if run.has("mirabest"):
        table, images = run.load("mirabest")
        chosen = np.flatnonzero(
            table["batch"].eq("test_batch")
            & table["code"].isin(["100", "102", "104", "200", "201"])
        )
        chosen = run.rng.permutation(chosen)[:60]
        cutouts = CutoutSet.from_arrays(images[chosen], names=table["source_id"].to_numpy()[chosen])
        frii = table["code"].to_numpy()[chosen].astype(str) >= "200"
        provenance, told = REAL, "MiraBest's test batch, never seen in training"
    else:
        made = simulate_bent_sources(40, flux_mjy=(30.0, 300.0), rng=run.seed)
        run.used("40 simulated sources", provenance=SIMULATED, n=40)
        cutouts = CutoutSet.from_arrays(made.images)
        frii = made.table["truth"].eq("FRII").to_numpy()
        provenance, told = SIMULATED, "simulated sources (no data folder at hand)"
    classifier = RadioMorphologyClassifier.pretrained()
    start = time.process_time()
    found = classifier.classify(cutouts)
    seconds = time.process_time() - start
    p = found[[f"p_{name}" for name in CLASSES]].to_numpy()
    known = np.isfinite(p).all(axis=1)
    agrees = (p[:, 1] > p[:, 0] + p[:, 2] + p[:, 3])[known] == frii[known]
    run.record(
        "share whose Fanaroff-Riley class agrees",
        bootstrap(np.mean, agrees.astype(float), n_boot=200, rng=run.seed),
        provenance=provenance,
        note=told,
    )
    run.record("time a cutout", 1e3 * seconds / len(found), n=len(found), unit="ms",
               provenance=provenance, note="masks, features, trees, all networks")  # fmt: skip
    rows = np.flatnonzero(known)[:_SHOWN]
    run.figure("sources", classified_figure(classifier, cutouts, found, rows),
               caption=f"Six of {told}: outline of the central source, where a network finds its "
               "evidence, and the probabilities with their spread.")  # fmt: skip
    shown = found.drop(columns=["ra", "dec", "note"]).head(12)
    run.table("classes", shown, caption=f"The first rows of the catalogue; {told}.")


@experiment(
    title="Does the answer change when the picture is turned?",
    claims=[
        Claim("change at 90 degrees and mirror", goal=1e-5, better="lower"),
        Claim("flips at 90 degrees and mirror", goal=0.0, better="lower"),
        Claim("flips at 24 angles, one network", goal=0.05, better="lower", headline=True),
        Claim("flips at 24 angles, three networks", goal=0.05, better="lower"),
        Claim("flips at 24 angles, shipped classifier", goal=0.05, better="lower"),
        Claim("flips at 24 angles, plain network", goal=None, better="lower"),
    ],
    data=["first_morph", "mirabest", "proctor_raw"],
)
def turning(run: Run) -> None:
    """Four classes at 24 angles and mirrored: pooled D4, plain, and the published flattening.

    Sources of the first fold, which none of the networks has seen. The plain network has the
    same depth, at least as many parameters, and was trained on turned pictures as well. The
    published design flattens its map before the dense layers: its embedding is shown
    untrained, since no training can make it invariant. The shipped classifier is tried end to
    end on sources that it has never seen.
    """
    m = material(run)
    n = 24 if run.preset == "quick" else 60
    rows = subset(m.morph & m.table["fold"].eq(0).to_numpy(), n, run.rng)
    stamps = m.stamps[rows]
    angles = [15.0 * k for k in range(24)] if run.preset != "quick" else [0.0, 30.0, 45.0, 90.0]
    shown = {"pooled D4": equivariance_error(m.members[0][0], stamps, angles)}
    shown["pooled D4, one look"] = equivariance_error(
        m.members[0][0], stamps, angles, average=False
    )
    ours = shown["pooled D4"]
    exact = ours[(ours["angle_deg"] % 90 == 0)]
    for name, column in (("change", "change"), ("flips", "flips")):
        run.record(f"{name} at 90 degrees and mirror", float(exact[column].max()), n=len(rows),
                   provenance=m.provenance)  # fmt: skip
    names = {"pooled D4": "one network", "pooled D4, one look": "one network, one look"}
    if m.provenance == REAL:
        plain = plain_network(run, m)
        shown["plain, one look"] = equivariance_error(plain, stamps, angles, average=False)
        shown["plain, mean of 4 turns"] = equivariance_error(plain, stamps, angles)
        names |= {"plain, one look": "plain network"}
        names |= {"plain, mean of 4 turns": "plain network, mean of 4 turns"}
        other = shown["plain, one look"]
        quarter = other[(other["angle_deg"] == 90) & ~other["mirrored"]]
        run.record(
            "flips at 90 degrees, plain network",
            float(quarter["flips"].iloc[0]),
            n=len(rows),
            provenance=m.provenance,
        )
    for key, name in names.items():
        turned = shown[key][(shown[key]["angle_deg"] > 0) | shown[key]["mirrored"]]
        run.record(
            f"flips at 24 angles, {name}",
            float(turned["flips"].mean()),
            n=len(rows) * len(turned),
            provenance=m.provenance,
        )
    three = _joint_flips([seed[0] for seed in m.members], stamps, angles)
    run.record(
        "flips at 24 angles, three networks",
        three,
        n=len(rows) * (2 * len(angles) - 1),
        provenance=m.provenance,
        note="mean of the three that have not seen the fold, each in four turns",
    )
    _whole_flips(run, m, angles)
    _paper_change(run, m, rows)
    run.figure(
        "turning",
        plot_turning(shown),
        caption="Share of sources whose class changes when the picture is turned: zero at "
        "multiples of 90 degrees for the pooled network, nowhere for the plain one.",
    )


@experiment(
    title="Where the networks look",
    claims=[Claim("median separation of peaks, WAT"), Claim("median separation of peaks, NAT")],
    data=["first_morph", "mirabest", "proctor_raw"],
)
def attention(run: Run) -> None:
    """Grad-CAM of two right and two wrong answers, and the distance between its peaks.

    Maps of the network that has not seen the fold; separation of the two strongest places in
    arcseconds for each class, with neighbours in the picture (RL1) and without (RL2).
    """
    m = material(run)
    bent = m.table["label"].isin(["WAT", "NAT"]).to_numpy()
    raw = m.table["catalogue"].isin(["Proctor raw", "simulated"]).to_numpy() & bent
    rows = subset(raw & m.table["fold"].eq(0).to_numpy(), 120, run.rng)
    network = m.members[0][0]
    images = _images(m, rows)
    central = SourceMasker("central", reach_arcsec=29.0, dilation=0).transform(images)
    label = m.table["label"].to_numpy()[rows]
    classes = [CLASSES.index(name) for name in label]
    out: dict[str, NDArray[np.float64]] = {}
    for name, stamps in (("RL1", m.stamps[rows]), ("RL2", network_stamps(central))):
        out[name] = peak_separation(grad_cam(network, stamps, classes))
    for name in ("WAT", "NAT"):
        here = out["RL2"][label == name]
        here = here[np.isfinite(here)]
        run.record(f"median separation of peaks, {name}",
                   bootstrap(np.median, here, n_boot=200, rng=run.seed) if here.size else np.nan,
                   n=len(here), unit="arcsec", provenance=m.provenance)  # fmt: skip
    run.figure("separation", _separations(out, label),
               caption="Distance between the two strongest places of attention, by class, with "
               "neighbours (RL1) and without (RL2).")  # fmt: skip
    guess = m.blended[rows].argmax(axis=1)
    right = [k for k in range(len(rows)) if guess[k] == classes[k]][:2]
    wrong = [k for k in range(len(rows)) if guess[k] != classes[k]][:2]
    shown = [*right, *wrong]
    maps = grad_cam(network, m.stamps[rows[shown]])
    axes = grid_of_axes(len(shown), columns=4, side=3.0)
    for ax, k, cam in zip(axes, shown, maps, strict=True):
        said = CLASSES[guess[k]]
        plot_cutout(images[k], attention=cam, title=f"{label[k]}, called {said}", ax=ax)
    run.figure("maps", axes, caption="Two right answers and two wrong ones: evidence for the "
               "answer that was given.")  # fmt: skip


def _joint_flips(networks: list[Any], stamps: NDArray[Any], angles: list[float]) -> float:
    """Share of changed classes over all turns and mirrors for the mean of several networks."""
    import torch

    pictures = torch.from_numpy(np.asarray(stamps, dtype=np.float32))

    def said(view: torch.Tensor) -> NDArray[np.intp]:
        p = [np.exp(network_logits(network, view.numpy())) for network in networks]
        return np.mean(p, axis=0).argmax(axis=1)

    base = said(pictures)
    changed = [
        (said(turn(view, angle)) != base).mean()
        for mirrored, view in ((False, pictures), (True, pictures.flip(-1)))
        for angle in angles
        if angle or mirrored
    ]
    return float(np.mean(changed))


def _whole_flips(run: Run, m: Material, angles: list[float]) -> None:
    """Share of changed classes when cutouts are turned and taken apart anew each time."""
    from scipy.ndimage import rotate

    unseen = m.table["batch"].eq("test_batch").to_numpy()
    among = unseen if unseen.any() else m.morph
    rows = subset(among, 12 if run.preset == "quick" else 60, run.rng)
    pictures = _images(m, rows).astype(np.float32)
    classifier = RadioMorphologyClassifier.pretrained()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        base = classifier.predict(pictures)
        judged = base != ""
        flips = [
            (classifier.predict(rotate(pictures, angle, axes=(1, 2), reshape=False, order=1))
             != base)[judged].mean()
            for angle in angles if angle
        ]  # fmt: skip
    run.record(
        "flips at 24 angles, shipped classifier",
        float(np.mean(flips)),
        n=int(judged.sum()) * len(flips),
        provenance=m.provenance,
        note="MiraBest's test batch where at hand: masks, features, trees and networks anew",
    )


def _paper_change(run: Run, m: Material, rows: NDArray[np.intp]) -> None:
    """Relative change of the published embedding under a quarter turn, and of its map."""
    import torch

    from ..paper import PaperEncoder

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.seed)
        encoder = PaperEncoder("D4" if run.preset == "quick" else "D16", 65).eval()
    picture = torch.from_numpy(np.asarray(m.stamps[rows[:8], 2:3], dtype=np.float32))
    with torch.no_grad():
        flat = [encoder(view) for view in (picture, torch.rot90(picture, 1, (-2, -1)))]
        pooled = [x.reshape(len(x), 16, -1).mean(dim=2) for x in flat]
    for name, (one, two) in (("flattened", flat), ("averaged over the map", pooled)):
        change = ((two - one).norm(dim=1) / one.norm(dim=1)).mean()
        run.record(f"change at 90 degrees, published network, {name}", float(change), n=8,
                   provenance=m.provenance)  # fmt: skip


def _images(m: Material, rows: NDArray[np.intp]) -> NDArray[Any]:
    from .bent import _images_of

    return _images_of(m, rows)


def _separations(out: dict[str, NDArray[np.float64]], label: NDArray[Any]) -> Any:
    import matplotlib.pyplot as plt

    from decan.core.plotting import style

    with style():
        _, axes = plt.subplots(1, 2, figsize=(8.0, 3.2), sharey=True)
    bins = np.arange(0, 201, 20).tolist()
    for ax, (name, values) in zip(axes, out.items(), strict=True):
        for kind in ("WAT", "NAT"):
            here = values[label == kind]
            ax.hist(here[np.isfinite(here)], bins=bins, alpha=0.6, color=CLASS_COLOURS[kind],
                    label=kind)  # fmt: skip
        ax.set_title(name)
        ax.set_xlabel("separation of peaks (arcsec)")
    axes[0].set_ylabel("sources")
    axes[0].legend()
    return axes
