"""Event lists: arrival times with everything a search must know about them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.data.numbers import in_unit, plain_numbers
from decan.core.errors import SchemaError

from .gti import exposure, inside, merge_intervals
from .readers import RawEvents, read_event_file

__all__ = ["EventList"]

_DAY_S = 86400.0
# Silence as long as this many mean waiting times is a cut file, not chance (e^-30).
_SILENCE = 30.0


@dataclass(frozen=True, eq=False)
class EventList:
    """Arrival times of photons, sorted, inside good-time intervals, counted from the first one.

    Parameters
    ----------
    times : array_like, shape (n,)
        Arrival times in s, sorted. Use :meth:`from_times` for times that still have to be
        sorted and selected, and :meth:`from_fits` for files.
    gti : array_like, shape (m, 2)
        Good-time intervals, sorted and disjoint, s, on the clock of ``times``.
    reference : (int, float), optional
        MJD of time 0, whole days and the rest apart. None: times are relative, no MJD.
    timesys : str
        'TT', 'TDB' or '' if unknown.
    barycentred : bool
        Whether times are those at the barycentre of the solar system. A search of others
        runs, and its result is marked 'topocentric'.
    frame_time : float
        Length of a detector frame, s; 0 if it does not matter.
    name : str
        Shown in tables and figures.
    notes : tuple of str
        What was done to the times, with counts.

    Raises
    ------
    ValueError
        If times are not sorted or lie outside the intervals.

    Examples
    --------
    >>> events = EventList.from_times([3.0, 1.0, 2.0, 99.0], gti=[[0.0, 10.0]], name="toy")
    >>> events
    <EventList toy: 3 events in 10 s (1 interval), topocentric>
    >>> events.notes
    ('times were not sorted', '1 event outside good time dropped')
    """

    times: NDArray[np.float64]
    gti: NDArray[np.float64]
    reference: tuple[int, float] | None = None
    timesys: str = ""
    barycentred: bool = False
    frame_time: float = 0.0
    name: str = "events"
    notes: tuple[str, ...] = ()
    header: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        times, gti = np.asarray(self.times, float), np.asarray(self.gti, float)
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "gti", gti)
        object.__setattr__(self, "frame_time", float(in_unit(self.frame_time, "s", "frame_time")))
        if np.any(np.diff(times) < 0) or not np.all(inside(times, gti)):
            raise ValueError(
                f"{self.name}: times must be sorted and inside the intervals; "
                "EventList.from_times sorts and selects"
            )

    @classmethod
    def from_times(
        cls,
        times: ArrayLike,
        *,
        gti: ArrayLike | None = None,
        timezero: float = 0.0,
        reference: tuple[int, float] | None = None,
        timesys: str = "",
        barycentred: bool = False,
        frame_time: float = 0.0,
        name: str = "events",
        notes: Sequence[str] = (),
        header: dict[str, str] | None = None,
    ) -> EventList:
        """Event list from times on any clock: sorted, selected, counted from the first interval.

        Parameters
        ----------
        times : array_like, shape (n,)
            Arrival times, s, or a Quantity. NaN are dropped and counted, duplicates kept.
        gti : array_like, shape (m, 2), optional
            Good-time intervals; merged where they overlap. Without them good time is from
            the first to the last event, with a warning.
        timezero : float
            Added to times and intervals, s.
        reference, timesys, barycentred, frame_time, name, notes, header
            As in the class; ``reference`` is the MJD of the zero of ``times``.

        Returns
        -------
        EventList

        Raises
        ------
        ValueError
            If no event is left, or an interval is reversed.
        """
        given, timezero = _seconds(times), float(in_unit(timezero, "s", "timezero"))
        said = list(notes)
        given, said = _finite_and_sorted(given, said, name)
        given = given + timezero
        if gti is None:
            if len(given) < 2 or given[-1] <= given[0]:
                raise ValueError(f"{name}: {len(given)} events and no good-time intervals")
            warnings.warn(
                f"{name}: no good-time intervals; good time is taken from the first to the last "
                "event, and gaps inside it will look like signals",
                stacklevel=2,
            )
            intervals = np.array([[given[0], given[-1]]])
            said.append("no good-time intervals: first to last event")
        else:
            intervals, overlaps = merge_intervals(_seconds(gti) + timezero)
            if overlaps:
                said.append(
                    f"{overlaps} overlapping good-time {_plural('interval', overlaps)} merged"
                )
        keep = inside(given, intervals)
        if not keep.all():
            n = int(np.sum(~keep))
            said.append(f"{n} {_plural('event', n)} outside good time dropped")
            given = given[keep]
        if len(given) == 0:
            raise ValueError(f"{name}: no event inside the good-time intervals")
        intervals, said = _without_silence(given, intervals, said)
        zero = float(intervals[0, 0])
        if reference is not None:
            day, rest = reference
            whole, part = divmod(zero, _DAY_S)
            rest += part / _DAY_S
            reference = (day + int(whole) + int(np.floor(rest)), rest - float(np.floor(rest)))
        return cls(
            times=given - zero,
            gti=intervals - zero,
            reference=reference,
            timesys=timesys,
            barycentred=barycentred,
            frame_time=frame_time,
            name=name,
            notes=tuple(said),
            header=dict(header or {}),
        )

    @classmethod
    def from_fits(
        cls,
        path: str | os.PathLike[str],
        *,
        energy: Any = None,
        pattern: int | None = 4,
        flag: int | None = 0,
        name: str | None = None,
    ) -> EventList:
        """Event list of a FITS file of XMM-Newton, NICER, NuSTAR, Chandra, Swift, RXTE, ...

        Parameters
        ----------
        path : path-like
            The file, also ``.gz``.
        energy : (float, float) or Quantity, optional
            Lowest and highest energy, keV.
        pattern : int or None
            Largest PATTERN of XMM-Newton; 4 keeps singles and doubles.
        flag : int or None
            FLAG of XMM-Newton to keep.
        name : str, optional
            Object and observation of the header without it.

        Returns
        -------
        EventList

        Raises
        ------
        DataNotAvailable, CorruptFile, SchemaError
            If the file is absent, broken, or no event list; if its intervals are reversed, or
            no event is left.
        ValueError
            If ``energy`` is asked for and the mission's channels are not known here.
        """
        raw = read_event_file(path)
        label = name or _label(raw, path)
        try:
            keep, said = _selected(raw, energy, pattern, flag, label)
        except SchemaError as error:
            raise SchemaError(f"{path}: {error}") from None
        if raw.timezero:
            said.append(f"TIMEZERO {raw.timezero:g} s added")
        if raw.reference is None:
            said.append("no time reference in the header: times are relative")
        try:
            return cls.from_times(
                raw.times[keep],
                gti=raw.intervals,
                timezero=raw.timezero,
                reference=raw.reference,
                timesys=raw.timesys,
                barycentred=raw.barycentred,
                frame_time=raw.frame_time,
                name=label,
                notes=said,
                header=raw.header,
            )
        except ValueError as error:
            raise SchemaError(f"{path}: {error}") from error

    @classmethod
    def from_stingray(cls, events: Any, *, name: str = "events") -> EventList:
        """Event list of a ``stingray.EventList``, whose readers know further missions.

        Parameters
        ----------
        events : stingray.EventList
            With ``time``, ``gti`` and ``mjdref``.
        name : str
            Shown in tables and figures.

        Returns
        -------
        EventList
        """
        mjdref = float(getattr(events, "mjdref", 0.0) or 0.0)
        day = int(np.floor(mjdref))
        return cls.from_times(
            np.asarray(events.time, float),
            gti=events.gti,
            reference=(day, mjdref - day) if mjdref else None,
            timesys=str(getattr(events, "timesys", "") or "").upper(),
            barycentred=str(getattr(events, "timeref", "") or "").lower() == "solarsystem",
            name=name,
        )

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        m = len(self.gti)
        system = "barycentred" if self.barycentred else "topocentric"
        return (
            f"<EventList {self.name}: {len(self):,} events in {self.exposure:,.4g} s "
            f"({m} {_plural('interval', m)}), {system}>"
        )

    @cached_property
    def exposure(self) -> float:
        """Summed good time, s."""
        return exposure(self.gti)

    @property
    def span(self) -> float:
        """From the start of the first to the stop of the last interval, s."""
        return float(self.gti[-1, 1] - self.gti[0, 0])

    @property
    def rate(self) -> float:
        """Mean count rate in good time, 1/s."""
        return len(self) / self.exposure

    @property
    def nyquist(self) -> float:
        """Highest frequency that the frame time leaves unambiguous, Hz."""
        return 0.5 / self.frame_time if self.frame_time else np.inf

    def mjd(self, times: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """MJD of times as whole days and the rest, to better than a nanosecond.

        Parameters
        ----------
        times : array_like
            In s on the clock of this list.

        Returns
        -------
        day : ndarray of int
            Whole days.
        rest : ndarray
            Fraction of the day, in [0, 1).

        Raises
        ------
        ValueError
            If the file gave no reference.
        """
        if self.reference is None:
            raise ValueError(f"{self.name}: no time reference in the file, times are relative")
        day, rest = self.reference
        seconds = np.atleast_1d(_seconds(times)) + rest * _DAY_S
        whole = np.floor(seconds / _DAY_S)
        return day + whole.astype(np.int64), (seconds - whole * _DAY_S) / _DAY_S

    def between(self, start: float, stop: float) -> EventList:
        """The part of the list between two times on its clock.

        Parameters
        ----------
        start, stop : float
            In s.

        Returns
        -------
        EventList
        """
        start, stop = float(in_unit(start, "s", "start")), float(in_unit(stop, "s", "stop"))
        gti = np.clip(self.gti, start, stop)
        gti = gti[gti[:, 1] > gti[:, 0]]
        keep = (self.times >= start) & (self.times <= stop)
        return replace(self, times=self.times[keep], gti=gti)


def _seconds(times: Any) -> NDArray[np.float64]:
    return plain_numbers(times, "times", unit="s")


def band_kev(energy: Any) -> tuple[float, float]:
    """Lowest and highest energy, keV, of numbers, a Quantity, or two Quantities."""
    try:
        low, high = (float(one) for one in in_unit(energy, "keV", "energy"))
    except (TypeError, ValueError):
        low, high = np.nan, np.nan
    if not 0 <= low < high:
        raise ValueError(f"energy {energy}: expected lowest and highest, keV, as (0.3, 10)")
    return low, high


def _plural(word: str, n: int) -> str:
    return word if n == 1 else word + "s"


def _finite_and_sorted(
    times: NDArray[np.float64], said: list[str], name: str
) -> tuple[NDArray[np.float64], list[str]]:
    if times.ndim != 1:
        raise ValueError(f"{name}: times have shape {times.shape}, expected (n,)")
    finite = np.isfinite(times)
    if not finite.all():
        n = int(np.sum(~finite))
        said.append(f"{n} {_plural('event', n)} without a finite time dropped")
        times = times[finite]
    if np.any(np.diff(times) < 0):
        said.append("times were not sorted")
        times = np.sort(times)
    return times, said


def _without_silence(
    times: NDArray[np.float64], intervals: NDArray[np.float64], said: list[str]
) -> tuple[NDArray[np.float64], list[str]]:
    """Cut good time to the events where a file was cut and its intervals were not."""
    rate = len(times) / max(times[-1] - times[0], 1e-12)
    before, after = times[0] - intervals[0, 0], intervals[-1, 1] - times[-1]
    if len(times) < 20 or rate * max(before, after) < _SILENCE * len(intervals):
        return intervals, said
    lost = exposure(intervals)
    cut = np.clip(intervals, times[0], times[-1])
    cut = cut[cut[:, 1] > cut[:, 0]]
    lost -= exposure(cut)
    # Gaps inside may explain long silence at the ends of a low exposure; look once more.
    if len(times) / exposure(cut) * lost < _SILENCE:
        return intervals, said
    said.append(f"good time without any event cut off at the ends: {lost:,.0f} s")
    return cut, said


def _label(raw: RawEvents, path: str | os.PathLike[str]) -> str:
    words = [raw.header.get("OBJECT", "").replace("_", " "), raw.header.get("OBS_ID", "")]
    return " ".join(word for word in words if word) or os.path.basename(path)  # noqa: PTH119


def _selected(
    raw: RawEvents, energy: Any, pattern: int | None, flag: int | None, label: str
) -> tuple[NDArray[np.bool_], list[str]]:
    keep, said = np.ones(len(raw.times), dtype=bool), []
    if energy is not None:
        if raw.energy_kev is None:
            raise ValueError(
                f"{label}: energies of the channels of '{raw.header.get('TELESCOP', '?')}' are not "
                "known here; leave energy=None, or select before and use from_times"
            )
        low, high = band_kev(energy)
        keep &= (raw.energy_kev >= low) & (raw.energy_kev <= high)
        if len(keep) and not keep.any():
            least, most = np.min(raw.energy_kev), np.max(raw.energy_kev)
            raise SchemaError(
                f"{label}: no event between {low:g} and {high:g} keV; those of the file have "
                f"{least:.3g} to {most:.3g} keV"
            )
        said.append(f"{low:g}-{high:g} keV")
    if pattern is not None and raw.pattern is not None:
        keep &= raw.pattern <= pattern
        said.append(f"PATTERN ≤ {pattern}")
    if flag is not None and raw.flag is not None:
        keep &= raw.flag == flag
        said.append(f"FLAG == {flag}")
    return keep, said
