"""The vetter: from a light curve and a signal to a verdict with its reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .detrending import flatten
from .diagnostics import Diagnostics, diagnose_flat, with_period_checked
from .explain import ablate
from .features import KNOWN_SCALARS, SCALARS, scalar_features
from .reasons import LEAST_MES, Reason, reasons_of
from .verdict import Verdict
from .views import build_views

if TYPE_CHECKING:
    import os

    from .classifier import SignalClassifier
    from .lightcurve import LightCurve
    from .pixels import SourceOffset, TargetPixels
    from .signals import TransitSignal

__all__ = ["TransitVetter"]

LEAST_SIGNAL = 5.0
"""Significance below which there is no signal to speak of."""


class TransitVetter:
    """Vets transit signals of any light curve.

    Parameters
    ----------
    classifier : SignalClassifier
        A fitted classifier; :meth:`pretrained` gives the shipped one.

    Examples
    --------
    >>> TransitVetter.pretrained()
    TransitVetter(ensemble of 10)
    """

    def __init__(self, classifier: SignalClassifier) -> None:
        self.classifier = classifier

    def __repr__(self) -> str:
        return f"TransitVetter(ensemble of {len(self.classifier.networks_)})"

    @classmethod
    def pretrained(cls) -> TransitVetter:
        """The vetter with shipped weights, trained on 12,572 real TESS signals.

        Returns
        -------
        TransitVetter

        References
        ----------
        Yu et al. 2019, AJ 158, 25.

        Examples
        --------
        >>> TransitVetter.pretrained().classifier.networks_[0].training
        False
        """
        from .classifier import SignalClassifier

        return cls(SignalClassifier.pretrained())

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> TransitVetter:
        """A vetter with a classifier of one's own.

        Parameters
        ----------
        folder : path-like
            What :meth:`SignalClassifier.save` wrote.

        Returns
        -------
        TransitVetter

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from decan.transits import SignalClassifier
        >>> folder = SignalClassifier.pretrained().save(Path(tempfile.mkdtemp()) / "mine")
        >>> TransitVetter.load(folder)
        TransitVetter(ensemble of 10)
        """
        from .classifier import SignalClassifier

        return cls(SignalClassifier.load(folder))

    def vet(
        self,
        lightcurve: LightCurve,
        signal: TransitSignal,
        *,
        other_signals: Sequence[TransitSignal] = (),
        star: Mapping[str, float] | None = None,
        pixels: TargetPixels | None = None,
    ) -> Verdict:
        """Judge one signal.

        Parameters
        ----------
        lightcurve : LightCurve
            The star, as it comes; detrending is done here.
        signal : TransitSignal
            The signal.
        other_signals : sequence of TransitSignal
            Other known signals of the star, which are removed.
        star : mapping of str to float, optional
            ``radius`` (solar radii), ``mass`` (solar masses), ``teff`` (K), ``logg``,
            ``magnitude``, as numbers or Quantities; by default what the light curve's
            file says. NaN, and a radius, mass or temperature of 0, mean unknown.
        pixels : TargetPixels, optional
            Images of the star, which tell whose light is missing in transit.

        Returns
        -------
        Verdict

        Raises
        ------
        ValueError
            If ``star`` holds another name, or a value that is no number.

        Examples
        --------
        >>> from decan.transits import simulate_signal
        >>> found = simulate_signal("planet", span_day=27.0, rng=1)
        >>> verdict = TransitVetter.pretrained().vet(found.lightcurve, found.signal)
        >>> verdict.diagnostics.n_transits > 2
        True
        """
        known = _star(lightcurve.meta, star or {})
        flat = flatten(lightcurve, signal, other_signals=other_signals)
        found = with_period_checked(diagnose_flat(flat, signal), lightcurve, signal, other_signals)
        views = build_views([flat], [signal], "depth")
        target = str(lightcurve.meta.get("target", ""))
        if found.n_transits == 0 or not np.isfinite(found.depth_ppm):
            note = "no transit falls on data: nothing can be said"
            return Verdict(
                np.nan, np.nan, np.nan, np.nan, np.nan, "no data", (), found, views, signal,
                target, (note,),
            )  # fmt: skip
        scalars = _scalars(found, signal, known)
        inputs = build_views([flat], [signal], "yu2019")
        worth = ablate(self.classifier, inputs.values, scalars)
        score = worth.iloc[0]
        event, planet = float(score["event"]), float(score["planet"])
        given = planet / event if event > 0 else 0.0
        spread = float(score["event_spread"])
        offset, no_offset = _offset(pixels, signal)
        reasons = reasons_of(found, known, offset)
        beyond = self._beyond(scalars)
        return Verdict(
            score=planet,
            score_spread=float(score["planet_spread"]),
            event=event,
            event_spread=spread,
            given_event=given,
            disposition=self._disposition(
                event, spread, given, reasons, unsure=bool(beyond), found=found
            ),
            reasons=reasons,
            diagnostics=found,
            views=views,
            signal=signal,
            target=target,
            notes=tuple(_notes(found, signal, beyond) + no_offset),
            contributions=dict(zip(worth["input"], worth["event_log_odds"], strict=True)),
            offset=offset,
        )

    def _disposition(
        self,
        event: float,
        spread: float,
        given: float,
        reasons: Sequence[Reason],
        *,
        unsure: bool,
        found: Diagnostics,
    ) -> str:
        zone = int(self.classifier.zones_["event"].assign([event], [spread])[0])
        decided = {reason.flag for reason in reasons if reason.weight == -2}
        # Where the score was not trained, or the signal is too weak for it, it may not
        # reject, unless there is nothing at all.
        unsure = unsure or found.mes < LEAST_MES
        if zone < 0 and (not unsure or found.mes < LEAST_SIGNAL):
            return "not transit-like"
        if decided:
            elsewhere = decided & {"CENT_RESOLVED_OFFSET", "HALO_GHOST"}
            return "false positive (another star)" if elsewhere else "eclipsing binary"
        # At the wrong period neither a planet nor a binary can be told.
        if zone <= 0 or found.period_factor != 1.0:
            return "undecided"
        if given <= self.classifier.zones_["planet"].reject:
            return "eclipsing binary"
        return "planet candidate"

    def _beyond(self, scalars: Any) -> list[str]:
        """Names of the shape-giving scalars that lie outside the range of training."""
        low, high = self.classifier.range_
        return [
            name.removeprefix("log_").replace("_", " ")
            for name, value, a, b in zip(SCALARS, scalars[0], low, high, strict=True)
            if name in KNOWN_SCALARS and (value < a or value > b)
        ]


def _offset(
    pixels: TargetPixels | None, signal: TransitSignal
) -> tuple[SourceOffset | None, list[str]]:
    """Where the source lies, or a note why the pixels do not tell."""
    if pixels is None:
        return None, []
    try:
        return pixels.difference_image(signal).source_offset(), []
    except ValueError as error:
        return None, [f"the pixels do not tell where the source lies ({error})"]


def _notes(found: Diagnostics, signal: TransitSignal, beyond: Sequence[str]) -> list[str]:
    notes = []
    if found.period_factor != 1.0:
        other = found.period_factor * signal.period_day
        notes.append(f"the period may be wrong: vet the signal at {other:.6g} d, too")
    if beyond:
        notes.append(
            f"beyond the signals the score was trained on in: {', '.join(beyond)}; "
            "rely on the measurements more than on the score"
        )
    if found.single_transit or found.n_transits == 1:
        notes.append("a single transit: nothing can be compared with another one")
    return notes


_STAR = {"radius": "solRad", "mass": "solMass", "teff": "K", "logg": "", "magnitude": ""}


def _star(meta: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, float]:
    """What is known of the star, as plain floats; what is unknown is left out."""
    other = sorted(set(given) - set(_STAR))
    if other:
        raise ValueError(f"star: expected {', '.join(_STAR)}; found {', '.join(other)}")
    known = {}
    for name, value in {**{key: meta[key] for key in _STAR if key in meta}, **given}.items():
        if value is None:
            continue
        try:
            if hasattr(value, "to_value"):
                value = value.to_value(_STAR[name]) if _STAR[name] else value.value
            number = float(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"star: {name}: expected a number, found {value!r}") from error
        if name in given and _STAR[name] and number < 0:
            raise ValueError(f"star: {name}: expected a positive number, found {number:g}")
        if np.isfinite(number) and (number > 0 or not _STAR[name]):
            known[name] = number
    return known


def _scalars(found: Diagnostics, signal: TransitSignal, star: Mapping[str, float]) -> Any:
    def known(name: str) -> list[float]:
        return [star.get(name, np.nan)]

    return scalar_features(
        period_day=[signal.period_day],
        duration_hour=[signal.duration_hour],
        depth_ppm=[found.depth_ppm],
        snr=[found.snr],
        n_transits=[found.n_transits],
        star_radius=known("radius"),
        star_mass=known("mass"),
        teff=known("teff"),
        logg=known("logg"),
        magnitude=known("magnitude"),
    )
