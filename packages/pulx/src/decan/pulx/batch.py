"""Hundreds of event files: each searched once, its result kept, a broken one named."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.tables import write_table
from decan.core.errors import DecanError
from decan.core.files import replacing

from .acceleration import search_accelerated
from .events import EventList, band_kev
from .limits import pulsed_fraction_limit
from .periodogram import hertz, search_z

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["search_many", "searched_range"]


def search_many(
    paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    fmin: Any = 0.02,
    fmax: Any = 5.0,
    nharm: int = 1,
    zmax: float | None = None,
    energy: Any = None,
    resume: bool = True,
    n_jobs: int = 1,
    progress: bool = True,
) -> pd.DataFrame:
    """Search event files for pulsations, each with its peaks and upper limit.

    A call that was killed goes on, when repeated, with the files that are missing.

    Parameters
    ----------
    paths : iterable of path-like, or path-like
        Event files.
    out : path-like
        Folder: one JSON file for each event file, and ``summary.csv``.
    fmin, fmax : float or Quantity
        Range, Hz; lowered to what the frame time of a file allows.
    nharm : int
        Harmonics that are summed over frequency and drift; the limit is that of a sinusoid.
    zmax : float, optional
        Largest drift, Fourier bins over the span; as in :func:`search_accelerated` without it.
    energy : (float, float) or Quantity, optional
        Energies, keV.
    resume : bool
        Keep results of an earlier call with the same settings.
    n_jobs : int
        Files at once (joblib).
    progress : bool
        Whether to show a bar.

    Returns
    -------
    pandas.DataFrame
        One row a file, most significant first: ``file``, ``name``, ``n_events``,
        ``exposure_s``, ``frequency_hz``, ``drift_hz_s``, ``Z2``, ``p_global``,
        ``pulsed_fraction``, ``limit`` (99.73 %), ``timing``, ``error``.

    Raises
    ------
    ValueError
        If ``nharm`` is below 1, or the range of frequency or energy is empty.

    Examples
    --------
    >>> import tempfile
    >>> table = search_many(["absent.evt"], tempfile.mkdtemp(), progress=False)
    >>> table["error"].tolist()
    ['absent.evt: no such file']
    """
    import pandas as pd
    from joblib import Parallel, delayed
    from tqdm.auto import tqdm

    if nharm < 1:
        raise ValueError(f"nharm {nharm}: expected 1 or more")
    folder = Path(out)
    files = [Path(path) for path in ([paths] if isinstance(paths, str | os.PathLike) else paths)]
    low, high = hertz(fmin), hertz(fmax)
    if not 0 < low < high < np.inf:
        raise ValueError(f"fmin {low:g} and fmax {high:g} Hz: expected 0 < fmin < fmax")
    settings = {
        "fmin": low, "fmax": high, "nharm": nharm, "zmax": zmax,
        "energy": [] if energy is None else list(band_kev(energy)),
    }  # fmt: skip
    targets = [folder / f"{path.name}-{_short(path, settings)}.json" for path in files]
    missing = [i for i, target in enumerate(targets) if not (resume and _kept(target) is not None)]
    work = (delayed(_search_one)(files[i], targets[i], settings) for i in missing)
    running = Parallel(n_jobs=n_jobs, return_as="generator")(work)
    for _ in tqdm(running, total=len(missing), desc="event lists", disable=not progress):
        pass
    rows = [_kept(target) or {} for target in targets]
    table = pd.DataFrame(rows)
    # An error may pass (a disc that was away): next time the file is tried again.
    for target, row in zip(targets, rows, strict=True):
        if row.get("error"):
            target.unlink(missing_ok=True)
    table = table.sort_values("p_global", kind="stable", na_position="last")
    write_table(table, folder / "summary.csv")
    return table.reset_index(drop=True)


def searched_range(
    events: EventList, fmin: float, fmax: float, nharm: int = 1
) -> tuple[float, float]:
    """Range of a search that the frame time of an event list allows.

    Parameters
    ----------
    events : EventList
        The events.
    fmin, fmax : float
        The range wanted, Hz.
    nharm : int
        Harmonics that have to be resolved.

    Returns
    -------
    (float, float)
        Hz.

    Examples
    --------
    >>> from decan.pulx import simulate_events
    >>> searched_range(simulate_events(frame_time=0.5, rng=0), 0.02, 5.0)
    (0.02, 1.0)
    """
    return fmin, float(min(fmax, events.nyquist / nharm))


def _search_one(path: Path, target: Path, settings: dict[str, Any]) -> None:
    row: dict[str, Any] = {"file": str(path)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the notes of the list say the same
            events = EventList.from_fits(path, energy=tuple(settings["energy"]) or None)
        nharm = settings["nharm"]
        fmin, fmax = searched_range(events, settings["fmin"], settings["fmax"], nharm)
        search = search_accelerated(events, fmin, fmax, nharm=nharm, zmax=settings["zmax"])
        limit = pulsed_fraction_limit(events, fmin, fmax, search=search_z(events, fmin, fmax))
        best = search.best if search.found else {}
        row |= {
            "name": events.name,
            "n_events": len(events),
            "exposure_s": events.exposure,
            **{key: float(best.get(key, np.nan)) for key in (
                "frequency_hz", "frequency_err_hz", "drift_hz_s", "Z2", "p_global",
                "pulsed_fraction",
            )},
            "limit": limit.pulsed_fraction,
            "timing": search.timing,
            "notes": "; ".join([*events.notes, *search.notes]),
            "error": "",
        }  # fmt: skip
    except (DecanError, ValueError) as error:
        row |= {"p_global": float("nan"), "error": str(error)}
    with replacing(target) as temporary:
        temporary.write_text(json.dumps(row), encoding="utf-8")


def _short(path: Path, settings: dict[str, Any]) -> str:
    stamp = [path.stat().st_size, path.stat().st_mtime_ns] if path.exists() else []
    text = json.dumps([str(path.absolute()), stamp, settings])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _kept(target: Path) -> dict[str, Any] | None:
    try:
        row: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return row
