"""How far a ranking may be trusted: recall on sources that the fit has not seen, and stability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .ranking import threshold_for_share, wilson_interval

if TYPE_CHECKING:
    import pandas as pd

    from .candidates import CandidateFinder

__all__: list[str] = []


def recall_left_out(finder: CandidateFinder, share: float, n_boot: int) -> pd.DataFrame:
    """Recall on each known source by a fit without it; see :class:`CandidateFinder`."""
    import pandas as pd

    features, known = finder.features_, finder.known_
    names = sorted(set(features.source[known].tolist()), key=str)
    if len(names) < 2:
        raise ValueError(f"{len(names)} known source; leaving one out needs two")
    rows = []
    for name in names:
        held = features.source == name
        score = finder._refit(features.where(~held), known[~held]).score_samples(features)
        others = ~known & ~held
        recall = np.mean(score[held] >= threshold_for_share(score[others], share))
        bright = features.log_flux
        by_flux = np.mean(bright[held] >= threshold_for_share(bright[others], share))
        low, high = wilson_interval(recall * held.sum(), held.sum())
        rows.append((name, int(held.sum()), recall, float(low), float(high), by_flux))
    recalls = np.array([row[2] for row in rows])
    drawn = np.random.default_rng(0).integers(len(rows), size=(n_boot, len(rows)))
    ends = np.quantile(recalls[drawn].mean(axis=1), [0.16, 0.84]) if n_boot else [np.nan] * 2
    rows.append(
        ("mean", sum(row[1] for row in rows), float(recalls.mean()), float(ends[0]),
         float(ends[1]), float(np.mean([row[5] for row in rows])))
    )  # fmt: skip
    table = pd.DataFrame(rows, columns=["source", "n", "recall", "low", "high", "brightness"])
    table.attrs["n_sources"] = len(names)
    return table


def selection_stability(finder: CandidateFinder, n_boot: int, rng: Any) -> pd.DataFrame:
    """How often resampled fits select each source; see :class:`CandidateFinder`."""
    import pandas as pd

    generator = np.random.default_rng(rng)
    features, known = finder.features_, finder.known_
    names, code = np.unique(features.source.astype(str), return_inverse=True)
    rows_of = [np.flatnonzero(code == i) for i in range(len(names))]
    is_known = np.array([known[rows].any() for rows in rows_of])
    pools = [np.flatnonzero(is_known), np.flatnonzero(~is_known)]
    selected = np.zeros(len(names))
    for _ in range(n_boot):
        drawn = np.concatenate([generator.choice(pool, len(pool)) for pool in pools])
        at = np.concatenate([rows_of[i] for i in drawn])
        fitted = finder._refit(features.where(at), known[at])
        score = fitted.score_samples(features)
        share = np.bincount(code, score >= fitted.threshold_) / np.bincount(code)
        selected += share > 0.5
    low, high = wilson_interval(selected, np.full(len(names), n_boot))
    table = pd.DataFrame(
        {"source": names, "share": selected / n_boot, "low": low, "high": high,
         "known": is_known}
    )  # fmt: skip
    return table.sort_values(["share", "source"], ascending=[False, True]).reset_index(drop=True)
