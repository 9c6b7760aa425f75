"""The shipped weights: how they are made, and where they lie."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .archive import DATASETS, koi_labels
from .classifier import SignalClassifier
from .features import scalar_features
from .scorer import DR25_COLUMNS, KoiScorer

if TYPE_CHECKING:
    import os

    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "koi_training_table",
    "train_koi_scorer",
    "train_shipped",
    "train_signal_classifier",
    "yu_classes",
    "yu_scalars",
]

SIGNALS, KOIS = "yu2019-signals", "kepler-kois"
EPOCHS = {"shipped": 20, "quick": 2}
_SECTOR_DAY = 27.0


def yu_classes(table: pd.DataFrame) -> NDArray[np.int64]:
    """Classes of the signals of Yu et al. 2019: 0 noise, 1 eclipsing binary, 2 planet.

    Parameters
    ----------
    table : DataFrame
        With ``disposition``: J, EB or PC.

    Returns
    -------
    ndarray of int

    Examples
    --------
    >>> import pandas as pd
    >>> yu_classes(pd.DataFrame({"disposition": ["J", "PC", "EB"]}))
    array([0, 2, 1])
    """
    return np.asarray(table["disposition"].map({"J": 0, "EB": 1, "PC": 2}), dtype=np.int64)


def yu_scalars(table: pd.DataFrame) -> NDArray[np.float64]:
    """Scalar features of the signals of Yu et al. 2019, which were seen in one sector each.

    Parameters
    ----------
    table : DataFrame
        The table of the data set ``tess_yu2019``.

    Returns
    -------
    ndarray of float, shape (n, 15)
        As in :data:`~decan.transits.features.SCALARS`.

    Examples
    --------
    >>> import pandas as pd
    >>> names = ("period", "duration", "depth", "snr", "star_rad", "star_mass", "teff", "logg",
    ...          "tmag", "qingress", "depth_change_norm")
    >>> yu_scalars(pd.DataFrame([dict.fromkeys(names, 1.0)])).shape
    (1, 15)
    """
    return scalar_features(
        period_day=table["period"],
        duration_hour=table["duration"],
        depth_ppm=table["depth"],
        snr=table["snr"],
        n_transits=np.ceil(_SECTOR_DAY / table["period"]),
        star_radius=table["star_rad"],
        star_mass=table["star_mass"],
        teff=table["teff"],
        logg=table["logg"],
        magnitude=table["tmag"],
        ingress=table["qingress"],
        depth_change=table["depth_change_norm"],
    )


def train_signal_classifier(
    *,
    epochs: int = 20,
    random_state: int = 0,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> tuple[SignalClassifier, dict[str, Any], dict[str, Any]]:
    """Train the classifier on the signals of Yu et al. 2019, the authors' test stars left out.

    Parameters
    ----------
    epochs : int
        Passes over the data.
    random_state : int
        Seed.
    checkpoint : path-like, optional
        Where training saves itself, and from where it goes on.
    progress : bool
        Whether to show bars.

    Returns
    -------
    SignalClassifier
        Fitted.
    dict
        How well it does, out of fold.
    dict
        How it was made.

    Raises
    ------
    DataNotAvailable
        If the data set ``tess_yu2019`` is not at hand.

    Examples
    --------
    What it made of the real table ships with the library:

    >>> SignalClassifier.pretrained().manifest_["training"]["command"]
    'decan transits train --preset shipped'
    """
    from decan.core.metrics import average_precision, calibration_error

    table, views = DATASETS.load("tess_yu2019")
    star = table["tic_id"].to_numpy()
    rows = np.flatnonzero(~np.isin(star, star[table["split"] == "test"]))
    classifier = SignalClassifier(epochs=epochs, random_state=random_state)
    classifier.fit(
        {name: view[rows] for name, view in views.items()},
        yu_scalars(table)[rows],
        yu_classes(table)[rows],
        star[rows],
        progress=progress,
        checkpoint=checkpoint,
    )
    dataset = DATASETS["tess_yu2019"]
    classes, (event, planet) = yu_classes(table)[rows], classifier.out_of_fold_.T
    metrics = {
        "triage average precision": average_precision(
            classes > 0, event, groups=star[rows], n_boot=200, rng=0
        ),
        "vetting average precision": average_precision(
            classes > 1, planet, groups=star[rows], n_boot=200, rng=0
        ),
        "triage calibration error": calibration_error(classes > 0, event).ece,
        "vetting calibration error": calibration_error(classes > 1, planet).ece,
    }
    return (
        classifier,
        metrics,
        {
            "data": f"{dataset.name}: {rows.size} rows, stars of the authors' test rows left out",
            "sha256": [file.sha256 for file in dataset.files],
            "licence": dataset.licence,
            "citation": dataset.citation,
            "provenance": "REAL",
            "command": "decan transits train --preset shipped",
            "seed": random_state,
        },
    )


def koi_training_table() -> tuple[pd.DataFrame, NDArray[np.int8]]:
    """KOIs with sure labels, and the columns of DR25 joined to those of the cumulative table.

    Returns
    -------
    DataFrame
        One row a KOI that is confirmed, or certified false.
    ndarray of int8
        1 planet, 0 false positive.

    Raises
    ------
    DataNotAvailable
        If ``kepler_koi`` or ``dr25_koi`` is not to be had.

    Examples
    --------
    The shipped scorer says how many rows it was given:

    >>> KoiScorer.pretrained().manifest_["training"]["data"]
    'kepler_koi joined to dr25_koi: ... rows with sure labels'
    """
    table = DATASETS.load("kepler_koi")
    y = koi_labels(table)
    table, y = table[y >= 0].reset_index(drop=True), y[y >= 0]
    extra = [name for name in DR25_COLUMNS if name not in table]
    dr25 = DATASETS.load("dr25_koi").drop_duplicates("kepoi_name")
    return table.merge(dr25[["kepoi_name", *extra]], on="kepoi_name", how="left"), y


def train_koi_scorer(*, random_state: int = 0) -> tuple[KoiScorer, dict[str, Any], dict[str, Any]]:
    """Train the scorer of Kepler objects of interest in the size that is shipped.

    Parameters
    ----------
    random_state : int
        Seed.

    Returns
    -------
    KoiScorer
        Fitted.
    dict
        How well it does, out of fold.
    dict
        How it was made.

    Examples
    --------
    What it made of the real tables ships with the library:

    >>> KoiScorer.pretrained().manifest_["training"]["provenance"]
    'REAL'
    """
    from decan.core.metrics import average_precision, calibration_error, recall_at_precision

    table, y = koi_training_table()
    scorer = KoiScorer(n_estimators=150, max_depth=5, random_state=random_state).fit(table, y)
    p, star = scorer.out_of_fold_, table["kepid"]
    metrics = {
        "average precision": average_precision(y, p, groups=star, n_boot=200, rng=0),
        "recall at precision 0.99": recall_at_precision(y, p, 0.99, groups=star, n_boot=200, rng=0),
        "calibration error": calibration_error(y, p).ece,
    }
    return scorer, metrics, {
        "data": f"kepler_koi joined to dr25_koi: {len(y)} rows with sure labels",
        "licence": "public archive data",
        "citation": f"{DATASETS['kepler_koi'].citation}; {DATASETS['dr25_koi'].citation}",
        "provenance": "REAL",
        "command": "decan transits train --preset shipped",
        "seed": random_state,
    }  # fmt: skip


def train_shipped(
    out: str | os.PathLike[str], *, preset: str = "shipped", seed: int = 0
) -> list[Path]:
    """Train everything that is shipped, and write it into one folder.

    Parameters
    ----------
    out : path-like
        Where the artifacts go.
    preset : {'shipped', 'quick'}
        As shipped, or two passes for a look.
    seed : int
        Seed.

    Returns
    -------
    list of pathlib.Path
        The artifacts.

    Raises
    ------
    ValueError
        If the preset is unknown.

    Examples
    --------
    >>> train_shipped("weights", preset="huge")
    Traceback (most recent call last):
        ...
    ValueError: preset: expected one of shipped, quick, found 'huge'
    """
    if preset not in EPOCHS:
        raise ValueError(f"preset: expected one of {', '.join(EPOCHS)}, found {preset!r}")
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    scorer, metrics, made = train_koi_scorer(random_state=seed)
    written = [scorer.save(folder / KOIS, metrics=metrics, training=made)]
    classifier, metrics, made = train_signal_classifier(
        epochs=EPOCHS[preset], random_state=seed, checkpoint=folder / ".checkpoint"
    )
    written.append(classifier.save(folder / SIGNALS, metrics=metrics, training=made))
    for left in folder.glob(".checkpoint*"):
        # What training went on from is of no use beside the finished weights.
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    return written
