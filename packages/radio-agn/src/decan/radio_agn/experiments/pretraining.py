"""What pre-training without labels is worth, whatever its sign."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from decan.core.experiment import Run, experiment
from decan.core.experiment.claims import REAL, Claim
from decan.core.metrics import Estimate

from ..byol import BYOL
from ..crossval import FIELDS
from ..networks import EquivariantEncoder
from .material import Material, material

_SIZES = (50, 145, 300, 0)
_CONFIDENT = ("100", "102", "104", "200", "201")


@experiment(
    title="Pre-training without labels (BYOL) on MiraBest",
    claims=[
        Claim("gain from BYOL, 145 labels", goal=None),
        Claim("gain from BYOL, all labels", goal=None),
    ],
    data=["first_morph", "mirabest", "proctor_raw"],
)
def byol_gain(run: Run) -> None:
    """Error against the number of labels, encoder pre-trained by BYOL or left as it began.

    The encoder sees every given image but those of the test groups, without labels. A
    logistic regression on its frozen embedding is then fitted on 50, 145, 300 and all
    confident MiraBest labels, five draws each, and judged on the original test batch. The
    control is the same encoder with the first weights and normalisation fitted to the same
    images: the difference is paired, draw by draw.
    """
    import pandas as pd

    m = material(run)
    real = m.provenance == REAL
    label = m.allowed[:, 1].astype(int)
    if real:
        confident = m.table["code"].isin(_CONFIDENT).to_numpy()
        test = confident & m.table["batch"].eq("test_batch").to_numpy()
        train = np.flatnonzero(confident & ~m.table["test_batch"].to_numpy())
        unlabelled = np.flatnonzero(~m.table["test_batch"].to_numpy())
    else:
        test = m.table["fold"].eq(0).to_numpy()
        train = np.flatnonzero(~test)
        unlabelled = train
    epochs = 8 if real else 1
    byol = _pretrained(run, m, unlabelled, epochs)
    start = _untrained(run, m, unlabelled)
    embeddings = {"BYOL": _embedded(byol, m.stamps), "first weights": _embedded(start, m.stamps)}
    rows: list[dict[str, Any]] = []
    for size in _SIZES:
        n = min(size or len(train), len(train))
        for draw in range(5):
            rng = np.random.default_rng([run.seed, size, draw])
            chosen = rng.permutation(train)[:n]
            for name, x in embeddings.items():
                wrong = _probe(x, label, chosen, test)
                rows.append({"labels": n, "draw": draw, "encoder": name, "error": wrong})
    table = pd.DataFrame(rows)
    paired = table.pivot_table(index=["labels", "draw"], columns="encoder", values="error")
    gain = paired["first weights"] - paired["BYOL"]
    for size in _SIZES:
        n = min(size or len(train), len(train))
        here = gain.loc[n].to_numpy()
        name = f"{size} labels" if size else "all labels"
        low, high = np.quantile(here, [0.16, 0.84])
        run.record(f"gain from BYOL, {name}", Estimate(float(here.mean()), float(low), float(high),
                   n=int(test.sum())), provenance=m.provenance,
                   note="error without minus error with, frozen encoder, 5 draws")  # fmt: skip
        run.record(f"error with BYOL, {name}",
                   float(paired["BYOL"].loc[n].mean()), n=int(test.sum()),
                   provenance=m.provenance)  # fmt: skip
    mean = table.groupby(["labels", "encoder"])["error"].agg(["mean", "std"]).reset_index()
    run.table("curve", mean, caption="Test error against the number of labels.")
    run.figure("curve", _curve(table), caption="Test error of a frozen encoder against the number "
               "of labels; points are single draws.")  # fmt: skip
    run.note(
        "3,700 images are a sixth of what the paper pre-trains on; a user with the archives can "
        "repeat this at full size (decan radio-agn pretrain)."
    )


def _pretrained(run: Run, m: Material, rows: NDArray[np.intp], epochs: int) -> Any:
    keep = run.folder.parent / "kept" / f"byol-{epochs}"
    if m.provenance == REAL and (keep / "encoder").exists():
        return BYOL.load(keep / "encoder").encoder_
    byol = BYOL(random_state=run.seed)
    checkpoint = None
    if m.provenance == REAL:
        keep.mkdir(parents=True, exist_ok=True)
        checkpoint = keep / "run.ckpt"
    byol.fit(m.stamps[rows], epochs=epochs, precision="bfloat16", checkpoint=checkpoint)
    if m.provenance == REAL:
        byol.save(keep / "encoder")
    return byol.encoder_


def _untrained(run: Run, m: Material, rows: NDArray[np.intp]) -> Any:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.seed)
        encoder = EquivariantEncoder("D4", FIELDS, in_channels=m.stamps.shape[1]).train()
        with torch.no_grad():
            for part in np.array_split(run.rng.permutation(rows), max(1, len(rows) // 64))[:20]:
                encoder(torch.from_numpy(np.asarray(m.stamps[part], dtype=np.float32)))
    return encoder.eval()


def _embedded(encoder: Any, stamps: NDArray[Any]) -> NDArray[np.float64]:
    import torch

    encoder.eval()
    out = []
    with torch.no_grad():
        for start in range(0, len(stamps), 128):
            part = np.asarray(stamps[start : start + 128], dtype=np.float32)
            out.append(encoder(torch.from_numpy(part)).double().numpy())
    return np.concatenate(out)


def _probe(
    x: NDArray[np.float64], label: NDArray[Any], train: NDArray[np.intp], test: NDArray[np.bool_]
) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=2000))
    model.fit(x[train], label[train])
    return float((model.predict(x[test]) != label[test]).mean())


def _curve(table: Any) -> Any:
    from decan.core.plotting import new_axes

    ax = new_axes(figsize=(4.8, 3.4))
    for name, part in table.groupby("encoder"):
        mean = part.groupby("labels")["error"].mean()
        [line] = ax.plot(mean.index, 100 * mean, marker="o", label=name)
        ax.scatter(part["labels"], 100 * part["error"], s=8, alpha=0.5, color=line.get_color())
    ax.set_xscale("log")
    ax.set_xlabel("labels")
    ax.set_ylabel("test error (%)")
    ax.legend()
    return ax
