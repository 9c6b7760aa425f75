"""The finders that come with the library, made again by ``decan pulx train --preset shipped``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .archive import DATASETS
from .candidates import CandidateFinder
from .detections import features_4xmm
from .long_term import features_swift
from .simulate import simulate_catalogue

__all__ = ["SWIFT_FEATURES", "XMM_FEATURES", "train_finders"]

SWIFT_FEATURES = ("hardness", "swing", "off_share", "departure")
"""What ranks Swift sources: no brightness in it."""
XMM_FEATURES = ("colours", "VAR_FLAG", "SCATTER", "VISITS", "Fpeak4XMM")
"""What ranks 4XMM-like sources."""


def train_finders(
    out: Path, *, seed: int = 0, names: tuple[str, ...] = ("swift", "xmm")
) -> list[Path]:
    """Fit the shipped finders and save each as a folder.

    Parameters
    ----------
    out : pathlib.Path
        Folder that holds the folders ``swift`` and ``xmm``.
    seed : int
        Seed of the simulated catalogue.
    names : tuple of str
        Which to make; 'swift' needs the real snapshots.

    Returns
    -------
    list of pathlib.Path
        The folders.

    Examples
    --------
    >>> import tempfile
    >>> [folder.name for folder in train_finders(Path(tempfile.mkdtemp()), names=("xmm",))]
    ['xmm']
    """
    makers = {"swift": _swift, "xmm": _xmm}
    folders = []
    for name in names:
        finder, training = makers[name](seed)
        table = finder.leave_one_source_out()
        finder.save(
            out / name,
            metrics={
                "recall, each source left out, 25 % of others": float(table["recall"].iloc[-1]),
                "low": float(table["low"].iloc[-1]),
                "high": float(table["high"].iloc[-1]),
                "known sources": int(table.attrs["n_sources"]),
            },
            training={"command": "decan pulx train --preset shipped", "seed": seed, **training},
        )
        folders.append(out / name)
    return folders


def _swift(seed: int) -> tuple[CandidateFinder, dict[str, Any]]:
    rows = DATASETS.load("swift_snapshots")
    rows = rows[rows["label"].isin(["pulsar", "unlabelled", "candidate_pulsar"])]
    rows = rows.reset_index(drop=True)
    features = features_swift(rows).select(*SWIFT_FEATURES)
    known = (rows["label"] == "pulsar").to_numpy()[features.row]
    dataset = DATASETS["swift_snapshots"]
    finder = CandidateFinder("pu", recall=0.9).fit(features, known=known)
    return finder, {
        "data": [dataset.title],
        "licence": dataset.licence,
        "citation": dataset.citation,
        "provenance": "REAL",
    }


def _xmm(seed: int) -> tuple[CandidateFinder, dict[str, Any]]:
    table = simulate_catalogue(rng=seed)
    features = features_4xmm(table, scatter=True).select(*XMM_FEATURES)
    known = table["known_pulsar"].to_numpy()[features.row] == 1
    finder = CandidateFinder("odds", recall=0.9).fit(features, known=np.asarray(known))
    return finder, {
        "data": ["simulated 4XMM-like rows of 640 sources"],
        "licence": "BSD-3-Clause",
        "citation": "simulate_catalogue",
        "provenance": "SIMULATED",
    }
