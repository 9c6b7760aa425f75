"""An X-ray spectrum with its background and its response, as one object."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.data.numbers import in_unit

from .errors import InvalidSpectrumError, MissingResponseError
from .grid import CHANNEL_EDGES, rebin

if TYPE_CHECKING:
    from .response import Response

__all__ = ["ACIS_CHANNEL_KEV", "Spectrum"]

ACIS_CHANNEL_KEV = 0.0146
"""Width of an ACIS PI channel, keV; channel c (from 1) ends at c times it."""


@dataclass(frozen=True, repr=False)
class Spectrum:
    """Counts in channels, with exposure, scales, background and response.

    Parameters
    ----------
    counts : array_like, shape (n_channels,)
        Counts in the source region.
    channels : array_like of int, shape (n_channels,), optional
        Channel numbers; from 1 without it.
    exposure_s : float or Quantity
        Exposure, s.
    backscal, areascal : float or array_like
        OGIP scales of the region's area and of the effective area.
    background : Spectrum, optional
        Counts of the background region.
    response : Response, optional
        Response of the source region.
    quality, grouping : array_like of int, shape (n_channels,), optional
        OGIP flags. Channels of quality above 0 are masked everywhere.
    name : str
        What it is called in tables and messages.
    meta : mapping
        Keywords of the file and what was done to it: ``notes``; ``gaussian``, whether the counts
        are not Poisson's, with their errors ``stat_err`` where the file gives them.

    Raises
    ------
    InvalidSpectrumError
        If counts are negative or not finite, lengths or the background's channels differ, or the
        exposure is not positive.

    Examples
    --------
    >>> spectrum = Spectrum(np.full(1024, 2), exposure_s=1e4, name="flat")
    >>> spectrum
    Spectrum(flat, 1,028 counts 0.5-8 keV, 10.0 ks, no background, no response)
    """

    counts: NDArray[np.float64]
    channels: NDArray[np.int64] | None = None
    exposure_s: float = 1.0
    backscal: Any = 1.0
    areascal: Any = 1.0
    background: Spectrum | None = None
    response: Response | None = None
    quality: NDArray[np.int64] | None = None
    grouping: NDArray[np.int64] | None = None
    name: str = ""
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        counts = np.asarray(self.counts, dtype=float)
        channels = self.channels
        channels = np.arange(1, counts.size + 1) if channels is None else np.asarray(channels)
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "channels", channels)
        object.__setattr__(self, "exposure_s", float(in_unit(self.exposure_s, "s", "exposure_s")))
        where = self.name or "spectrum"
        if counts.ndim != 1 or channels.shape != counts.shape:
            raise InvalidSpectrumError(
                f"{where}: {counts.shape} counts for {channels.shape} channels; one row each"
            )
        # With a background subtracted, channels fall below zero by chance.
        least = -np.inf if self.meta.get("gaussian") else 0
        bad = np.flatnonzero(~np.isfinite(counts) | (counts < least))
        if bad.size:
            raise InvalidSpectrumError(
                f"{where}: channel {channels[bad[0]]} has {counts[bad[0]]:g} counts"
            )
        if not (np.isfinite(self.exposure_s) and self.exposure_s > 0):
            raise InvalidSpectrumError(f"{where}: exposure is {self.exposure_s:g} s")
        for flag in ("quality", "grouping"):
            value = getattr(self, flag)
            if value is None:
                continue
            if np.shape(value) != counts.shape:
                raise InvalidSpectrumError(f"{where}: {flag} has not one value for each channel")
            object.__setattr__(self, flag, np.asarray(value))
        if self.background is not None:
            theirs = np.asarray(self.background.channels)
            if not np.array_equal(theirs, channels):
                raise InvalidSpectrumError(
                    f"{where}: the background {self.background.name} has channels "
                    f"{_ends(theirs)}, the source {_ends(channels)}"
                )
        if self.response is not None and not self.response.matches(self):
            raise InvalidSpectrumError(
                f"{where}: channels {channels[0]}-{channels[-1]} are not the response's "
                f"{self.response.channels[0]}-{self.response.channels[-1]}"
            )

    @classmethod
    def from_ogip(
        cls,
        pha: str | os.PathLike[str],
        *,
        arf: str | os.PathLike[str] | None = None,
        rmf: str | os.PathLike[str] | None = None,
        background: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Spectrum from a PHA file; what it names (RESPFILE, ANCRFILE, BACKFILE) is read too.

        Parameters
        ----------
        pha : path-like
            PHA file, or a ``pha3`` of the Chandra Source Catalog, which holds its background.
        arf, rmf, background : path-like, optional
            Instead of the files that its keywords name.

        Returns
        -------
        Spectrum
            With a warning instead of a response where no response can be found.

        Raises
        ------
        CorruptFile, DataNotAvailable
            If a file is damaged or absent.
        InvalidSpectrumError, UnsupportedInstrumentError
            If it holds what no spectrum can have, or HRC or grating data.
        """
        from decan.core.files import reading

        from .ogip import companion, read_spectrum_table
        from .response_files import joined, read_arf, remembered_rmf

        held = read_spectrum_table(pha)
        keywords = held["keywords"]
        notes: list[str] = []
        own = str(keywords.get("BACKFILE", "")).split("/")[-1].removesuffix(".gz")
        if held["net"]:
            background = None  # it was subtracted already
        elif background is None and own and own == Path(pha).name.removesuffix(".gz"):
            background = pha
        elif background is None:
            background = _found(companion, pha, keywords, "BACKFILE", notes)
        rmf = rmf or _found(companion, pha, keywords, "RESPFILE", notes)
        arf = arf or _found(companion, pha, keywords, "ANCRFILE", notes)
        response = None
        matrix = None if rmf is None else remembered_rmf(rmf)
        if matrix is not None and arf is None and not matrix.holds_area:
            notes.append(
                f"{Path(pha).name}: no ARF (ANCRFILE), and the matrix {matrix.name} holds no "
                "area: without it there is no response; give the ARF by hand"
            )
        elif matrix is not None and rmf is not None:
            with reading(rmf, "response"):
                response = joined(None if arf is None else read_arf(arf), matrix)
            notes += list(response.notes)
        elif not any("RESPFILE" in note for note in notes):
            notes.append(
                f"{Path(pha).name}: RESPFILE and ANCRFILE name no response; energies are those of "
                "ACIS channels"
            )
        if response is None:
            warnings.warn(notes[-1], stacklevel=2)
        behind = None
        if background is not None:
            behind = _from_table(cls, read_spectrum_table(background, part="background"), [])
        found = _from_table(cls, held, notes, background=behind, response=response)
        checked: Self = found.with_checked_scale()
        return checked

    def band(self, low_kev: float, high_kev: float) -> NDArray[np.bool_]:
        """Channels whose middle lies in an energy range, without those of bad quality.

        Parameters
        ----------
        low_kev, high_kev : float or Quantity
            keV.

        Returns
        -------
        ndarray of bool, shape (n_channels,)

        Examples
        --------
        >>> int(Spectrum(np.zeros(1024)).band(0.5, 8.0).sum())
        514
        """
        low, high = in_unit(low_kev, "keV", "low_kev"), in_unit(high_kev, "keV", "high_kev")
        inside = (self.channel_energy >= low) & (self.channel_energy <= high)
        return inside if self.quality is None else inside & (self.quality <= 0)

    @property
    def channel_energy(self) -> NDArray[np.float64]:
        """Nominal middles of the channels, keV; ACIS's own without a response."""
        if self.response is not None:
            return self.response.channel_energy
        assert self.channels is not None
        return np.asarray((self.channels - 0.5) * ACIS_CHANNEL_KEV)

    @property
    def background_ratio(self) -> Any:
        """Background counts expected in the source region for one in the background region."""
        if self.background is None:
            return 0.0
        behind = self.background
        if not self._scale_is_sound():
            return 0.0
        scale = np.asarray(self.backscal) * self.areascal * self.exposure_s
        ratio = scale / (np.asarray(behind.backscal) * behind.areascal * behind.exposure_s)
        return float(ratio) if ratio.ndim == 0 else ratio

    @property
    def expected_background(self) -> NDArray[np.float64]:
        """Background counts expected in each channel of the source region."""
        if self.background is None:
            return np.zeros_like(self.counts)
        return np.asarray(self.background.counts * self.background_ratio)

    def net_counts(self, low_kev: float = 0.5, high_kev: float = 8.0) -> float:
        """Counts above the expected background in a band.

        Parameters
        ----------
        low_kev, high_kev : float
            keV.

        Returns
        -------
        float
        """
        inside = self.band(low_kev, high_kev)
        return float((self.counts - self.expected_background)[inside].sum())

    def binned(self, edges: ArrayLike = CHANNEL_EDGES) -> tuple[Any, Any]:
        """Counts and expected background on a common grid of bins.

        Parameters
        ----------
        edges : array_like, shape (n_bins + 1,)
            keV.

        Returns
        -------
        counts, background : ndarray, shape (n_bins,)
            Channels of bad quality are left out of both.
        """
        good = 1.0 if self.quality is None else (self.quality <= 0)
        both = np.stack([self.counts, self.expected_background]) * good
        counts, background = rebin(both, self.channel_energy, edges)
        return counts, background

    def require_response(self) -> Response:
        """The response.

        Returns
        -------
        Response

        Raises
        ------
        MissingResponseError
            If there is none.
        """
        if self.response is None:
            raise MissingResponseError(
                f"{self.name or 'spectrum'}: RESPFILE and ANCRFILE name no response; give "
                "response=, or use the channel-space model"
            )
        return self.response

    def group_min(self, counts: int) -> NDArray[np.int64]:
        """Number of the group of each channel, such that each holds at least so many counts.

        Parameters
        ----------
        counts : int
            At least so many; the last group may have fewer.

        Returns
        -------
        ndarray of int, shape (n_channels,)
            For plots; likelihoods work on channels.

        Examples
        --------
        >>> Spectrum([1, 1, 3, 0, 2]).group_min(2)
        array([0, 0, 1, 2, 2])
        """
        group, held, number = np.zeros(self.counts.size, dtype=np.int64), 0.0, 0
        for i, value in enumerate(self.counts):
            group[i] = number
            held += value
            if held >= counts:
                number, held = number + 1, 0.0
        return group

    def using(self, **changes: Any) -> Self:
        """The spectrum with some of its parts replaced.

        Parameters
        ----------
        **changes : object
            Arguments of the class by name. A new scale or background is believed, also where
            the one of the file was set aside.

        Returns
        -------
        Spectrum
        """
        if not self._scale_is_sound() and changes.keys() & {"backscal", "areascal", "background"}:
            changes.setdefault("meta", {**self.meta, "scale_is_sound": True})
        return replace(self, **changes)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed or changed when it was read."""
        return tuple(self.meta.get("notes", ()))

    def _scale_is_sound(self) -> bool:
        return bool(self.meta.get("scale_is_sound", True))

    def with_checked_scale(self) -> Self:
        """The spectrum, its background set aside (with a warning) where its scale cannot be right.

        Returns
        -------
        Spectrum
            Itself where nothing speaks against the scale.
        """
        behind = self.background
        if behind is None:
            return self
        scales = np.concatenate(
            [np.ravel(x) for x in (self.backscal, self.areascal, behind.backscal, behind.areascal)]
        )
        what = ""
        if not np.all(np.isfinite(scales) & (scales > 0)):
            what = "BACKSCAL or AREASCAL is 0"
        else:
            inside = self.band(0.5, 8.0)
            net = self.net_counts()
            behind_counts = self.expected_background[inside].sum()
            if net < -5 * np.sqrt(behind_counts + 1):
                what = f"net {net:.0f}"
        if not what:
            return self
        note = f"{self.name}: background scale implausible: {what}; no background is subtracted"
        warnings.warn(note, stacklevel=4)
        meta = {**self.meta, "notes": (*self.notes, note), "scale_is_sound": False}
        return replace(self, meta=meta)

    def __repr__(self) -> str:
        inside = self.band(0.5, 8.0)
        text = f"{self.counts[inside].sum():,.0f} counts 0.5-8 keV, {self.exposure_s / 1e3:.1f} ks"
        behind = "no background"
        if self.background is not None:
            behind = f"{self.expected_background[inside].sum():.1f} background"
            behind = behind if self._scale_is_sound() else "background of unknown scale"
        response = "no response" if self.response is None else "response"
        return f"Spectrum({self.name}, {text}, {behind}, {response})"


def _ends(channels: NDArray[np.int64]) -> str:
    return f"{channels[0]}-{channels[-1]}" if channels.size else "none"


def _found(companion: Any, pha: Any, keywords: Any, what: str, notes: list[str]) -> Path | None:
    try:
        found: Path | None = companion(pha, keywords.get(what), what)
    except MissingResponseError as error:
        notes.append(str(error))
        return None
    return found


def _from_table(cls: Any, held: dict[str, Any], notes: list[str], **parts: Any) -> Any:
    keywords = held["keywords"]
    whole = np.allclose(held["counts"], np.round(held["counts"]), atol=0.01)
    if whole and not held["net"]:
        held = {**held, "counts": np.round(held["counts"])}
    gaussian = not whole or held["net"]
    if gaussian:
        why = "a background was subtracted (HDUCLAS2 = NET)" if held["net"] else (
            "RATE times EXPOSURE gives no whole counts" if held["rate"]
            else "COUNTS are no whole numbers"
        )  # fmt: skip
        notes = [*notes, f"{held['place']}: {why}; errors are taken as Gaussian"]
    kept = ("TELESCOP", "INSTRUME", "DETNAM", "OBJECT", "OBS_ID", "DATE-OBS", "GRATING")
    meta = {key: keywords[key] for key in kept if key in keywords}
    name = held["place"].split(",")[0]
    # Errors of counts are those of Poisson, whatever the file says; other numbers need their own.
    errors = {"stat_err": held["stat_err"]} if gaussian and held["stat_err"] is not None else {}
    return cls(
        held["counts"], held["channels"], held["exposure_s"], held["backscal"], held["areascal"],
        quality=held["quality"], grouping=held["grouping"], name=name,
        meta={**meta, "notes": tuple(notes), "gaussian": gaussian, **errors}, **parts,
    )  # fmt: skip
