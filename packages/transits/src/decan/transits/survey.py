"""Whole surveys: a catalogue of nested light curves in, one row of verdicts or views out.

Each row of the catalogue is one signal with its own light curve as lists. Batches are
read, worked on and written one after the other, so that memory stays constant and an
interrupted run goes on; see :func:`decan.core.data.stream.map_table`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from decan.core.errors import SchemaError
from decan.core.files import reading

from .lightcurve import LightCurve
from .signals import TransitSignal

if TYPE_CHECKING:
    import os

    import pandas as pd

    from .vetter import TransitVetter

__all__ = ["vet_catalogue", "vet_frame"]

_NEEDED = ("time", "flux", "period", "epoch", "duration")
_STAR = ("radius", "mass", "teff", "logg", "magnitude")


def vet_frame(frame: pd.DataFrame, vetter: TransitVetter | None = None) -> pd.DataFrame:
    """Vet every row of a table of signals with nested light curves.

    A row that cannot be judged keeps its place, with the reason in ``problem``.

    Parameters
    ----------
    frame : DataFrame
        Columns of lists ``time`` (d) and ``flux`` (optionally ``flux_err``), and numbers
        ``period`` (d), ``epoch`` (d, same system as ``time``) and ``duration`` (h);
        optionally ``radius``, ``mass``, ``teff``, ``logg`` and ``magnitude`` of the star.
    vetter : TransitVetter, optional
        The shipped one by default.

    Returns
    -------
    DataFrame
        All columns but the lists (``_given`` is added to the name of one that is also
        measured), and ``disposition``, ``event``, ``event_spread``,
        ``planet_among_events``, ``n_transits``, ``depth_ppm``, ``mes``,
        ``odd_even_sigma``, ``reasons`` and ``problem``.

    Raises
    ------
    SchemaError
        If a column is missing; the message names it.

    Examples
    --------
    >>> import pandas as pd
    >>> time = np.arange(0, 40, 0.02)
    >>> flux = np.where(np.abs((time - 2 + 2.5) % 5 - 2.5) < 0.06, 0.99, 1.0)
    >>> noise = np.random.default_rng(0).normal(0, 5e-4, time.size)
    >>> row = {"star": 7, "time": time, "flux": flux + noise, "period": 5.0, "epoch": 2.0,
    ...        "duration": 2.9}
    >>> vet_frame(pd.DataFrame([row]))[["star", "disposition", "n_transits"]].values.tolist()
    [[7, 'planet candidate', 8]]
    """
    import pandas as pd

    _refuse_missing(frame.columns, "catalogue")
    if vetter is None:
        from .vetter import TransitVetter

        vetter = TransitVetter.pretrained()
    records: list[dict[str, Any]] = frame.to_dict("records")  # type: ignore[assignment]
    rows = [_vet_row(row, vetter) for row in records]
    kept = [name for name in frame.columns if name not in ("time", "flux", "flux_err")]
    given = frame[kept].reset_index(drop=True)
    found = pd.DataFrame(rows, columns=list(_NOTHING))
    given = given.rename(columns={name: f"{name}_given" for name in kept if name in found})
    return pd.concat([given, found], axis=1)


def vet_catalogue(
    source: str | os.PathLike[str],
    sink: str | os.PathLike[str],
    *,
    batch_rows: int = 512,
    engine: Literal["local", "dask"] = "local",
    progress: bool = True,
) -> Any:
    """Vet a Parquet or HATS catalogue of nested light curves with constant memory.

    Parameters
    ----------
    source : path-like
        Parquet file or folder with the columns of :func:`vet_frame`.
    sink : path-like
        Folder to write.
    batch_rows : int
        Signals held in memory at once.
    engine : {'local', 'dask'}
        This process, or a Dask cluster.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    Summary
        Of :func:`decan.core.data.stream.map_table`.

    Raises
    ------
    DataNotAvailable, CorruptFile
        If the file does not exist or is no Parquet file.
    SchemaError
        If a column is missing; the message names it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from decan.transits import simulate_signal
    >>> found = simulate_signal("planet", span_day=27.0, rng=1)
    >>> row = {"time": found.lightcurve.time, "flux": found.lightcurve.flux,
    ...        "period": found.signal.period_day, "epoch": found.signal.epoch,
    ...        "duration": found.signal.duration_hour}
    >>> folder = Path(tempfile.mkdtemp())
    >>> pd.DataFrame([row]).to_parquet(folder / "signals.parquet")
    >>> vet_catalogue(folder / "signals.parquet", folder / "verdicts", progress=False).rows_out
    1
    """
    from decan.core.data.stream import map_table

    file = Path(source)
    if file.is_file():
        import pyarrow.parquet as pq

        # Before anything is begun that a later run would have to go on from.
        with reading(file, "Parquet file") as path:
            _refuse_missing(pq.read_schema(path).names, str(file))
    return map_table(
        vet_frame, source, sink, batch_rows=batch_rows, engine=engine, progress=progress
    )


def _refuse_missing(names: Iterable[str], where: str) -> None:
    missing = [name for name in _NEEDED if name not in set(names)]
    if missing:
        raise SchemaError(f"{where}: column(s) {', '.join(missing)} missing")


_NOTHING: dict[str, Any] = {
    "disposition": "no data", "event": np.nan, "event_spread": np.nan,
    "planet_among_events": np.nan, "n_transits": 0, "depth_ppm": np.nan, "mes": np.nan,
    "odd_even_sigma": np.nan, "reasons": "", "problem": "",
}  # fmt: skip


def _vet_row(row: dict[str, Any], vetter: TransitVetter) -> dict[str, Any]:
    errors: Any = row.get("flux_err")
    # A row without errors in a table that has them is None, or NaN.
    errors = None if np.ndim(errors) == 0 else errors
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            star = {name: _number(row[name], name) for name in _STAR if name in row}
            curve = LightCurve(row["time"], row["flux"], flux_err=errors)
            signal = TransitSignal(row["period"], row["epoch"], row["duration"])
            verdict = vetter.vet(curve, signal, star=star)
    except ValueError as error:
        return {**_NOTHING, "problem": str(error)}
    found = verdict.diagnostics
    problems = [*verdict.notes, *(str(one.message) for one in said)]
    return {
        "disposition": verdict.disposition,
        "event": verdict.event,
        "event_spread": verdict.event_spread,
        "planet_among_events": verdict.given_event,
        "n_transits": found.n_transits,
        "depth_ppm": found.depth_ppm,
        "mes": found.mes,
        "odd_even_sigma": found.odd_even_sigma,
        "reasons": "; ".join(reason.text for reason in verdict.reasons),
        "problem": "; ".join(problems),
    }


def _number(value: Any, name: str) -> float:
    import pandas as pd

    try:
        return np.nan if pd.isna(value) else float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: expected a number, found {value!r}") from None
