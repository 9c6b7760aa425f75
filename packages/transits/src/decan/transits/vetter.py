"""The vetter: from a light curve and a signal to a verdict with its reasons."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .detrending import flatten
from .diagnostics import Diagnostics, diagnose_flat
from .explain import ablate
from .features import KNOWN_SCALARS, SCALARS, scalar_features
from .views import ViewSet, build_views

if TYPE_CHECKING:
    import os

    import pandas as pd
    from matplotlib.figure import Figure

    from .classifier import SignalClassifier
    from .lightcurve import LightCurve, TransitSignal

__all__ = ["Reason", "TransitVetter", "Verdict"]

ODD_EVEN_SIGMA = 4.0
"""Difference of odd and even depths from which a signal is an eclipsing binary."""
SECONDARY_SIGMA = 5.0
"""Least significance of a secondary that counts."""
SECONDARY_SHARE = 0.1
"""Secondary over primary depth from which the companion shines by itself (Robovetter)."""
STAR_RADIUS = 22.0
"""Radius, Earth radii, from which a companion is a star (twice Jupiter)."""
OFFSET_SIGMA = 4.0
"""Significance of an offset that counts."""
OFFSET_ARCSEC = 1.0
"""Smaller offsets are within the errors of catalogues and crowding."""
GHOST_RATIO = 1.5
"""Depth in the halo over depth in the core from which the light comes from elsewhere."""
LEAST_MES = 7.1
"""Detection threshold of the missions' pipelines."""
LEAST_SIGNAL = 5.0
"""Significance below which there is no signal to speak of."""


@dataclass(frozen=True)
class Reason:
    """One thing that speaks for or against a planet.

    Parameters
    ----------
    text : str
        In plain words, with its number.
    weight : {-2, -1, 0, 1}
        1 speaks for a planet, 0 is a note, -1 speaks against, -2 decides against.
    flag : str
        The test's name in the Robovetter's words where it has one.

    Examples
    --------
    >>> print(Reason("odd and even transits agree (0.4 sigma)", 1))
    + odd and even transits agree (0.4 sigma)
    """

    text: str
    weight: int
    flag: str = ""

    def __str__(self) -> str:
        return f"{ {1: '+', 0: ' ', -1: '-', -2: '!'}[self.weight] } {self.text}".strip()


@dataclass(frozen=True)
class Verdict:
    """What was decided about a signal, and why.

    Parameters
    ----------
    score, score_spread : float
        Calibrated planet probability for a signal drawn as in training, and its standard
        deviation over the ensemble; NaN without data.
    event, event_spread : float
        The same for "a transit or eclipse, no noise".
    given_event : float
        Probability of a planet among real events like this.
    disposition : str
        'planet candidate', 'eclipsing binary', 'false positive', 'not transit-like',
        'undecided' or 'no data'.
    reasons : tuple of Reason
        The weightiest first.
    diagnostics : Diagnostics
        All measurements.
    views : ViewSet
        The views with one common depth scale, for people.
    signal : TransitSignal
        What was judged.
    target : str
        The star.
    notes : tuple of str
        What limits the verdict.
    contributions : mapping of str to float
        What each input adds to the log-odds of "transit or eclipse".

    Examples
    --------
    >>> from decan.transits import TransitVetter, simulate_signal
    >>> found = simulate_signal("planet", span_day=27.0, rng=1)
    >>> TransitVetter.pretrained().vet(found.lightcurve, found.signal).disposition
    'planet candidate'
    """

    score: float
    score_spread: float
    event: float
    event_spread: float
    given_event: float
    disposition: str
    reasons: tuple[Reason, ...]
    diagnostics: Diagnostics
    views: ViewSet
    signal: TransitSignal
    target: str = ""
    notes: tuple[str, ...] = ()
    contributions: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return "\n".join([self.headline, *(f"  {reason}" for reason in self.reasons), *self.notes])

    @property
    def headline(self) -> str:
        """One line: disposition, probabilities, star."""
        name = f"{self.target}: " if self.target else ""
        if np.isnan(self.event):
            return f"{name}{self.disposition}"
        return (
            f"{name}{self.disposition}  (transit or eclipse {self.event:.3f} ± "
            f"{self.event_spread:.3f}; planet among those {self.given_event:.2f})"
        )

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        colours = {1: "#009E73", 0: "#8A939E", -1: "#E69F00", -2: "#D55E00"}
        rows = "".join(
            f"<tr><td style='color:{colours[reason.weight]}'>●</td>"
            f"<td style='text-align:left'>{html.escape(reason.text)}</td></tr>"
            for reason in self.reasons
        )
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        return (
            f"<div><b>{html.escape(self.headline)}</b><br>{html.escape(str(self.signal))}"
            f"<table>{rows}</table>{f'<ul>{notes}</ul>' if notes else ''}</div>"
        )

    def table(self) -> pd.DataFrame:
        """All numbers of the verdict, one a row, with units.

        Returns
        -------
        DataFrame
            Columns ``quantity``, ``value``, ``error``, ``unit``.

        Examples
        --------
        >>> from decan.transits import TransitVetter, simulate_signal
        >>> found = simulate_signal("planet", span_day=27.0, rng=1)
        >>> verdict = TransitVetter.pretrained().vet(found.lightcurve, found.signal)
        >>> verdict.table().columns.tolist()
        ['quantity', 'value', 'error', 'unit']
        """
        import pandas as pd

        found = self.diagnostics
        unit = found.centroid_unit
        rows = [
            ("transit or eclipse", self.event, self.event_spread, ""),
            ("planet among those", self.given_event, np.nan, ""),
            ("planet, as drawn in training", self.score, self.score_spread, ""),
            ("transits with data", found.n_transits, np.nan, ""),
            ("complete transits", found.n_good, np.nan, ""),
            ("depth", found.depth_ppm, found.depth_err_ppm, "ppm"),
            ("multiple event statistic", found.mes, np.nan, "sigma"),
            ("odd minus even depth", found.odd_even_sigma, np.nan, "sigma"),
            ("secondary depth", found.secondary_depth_ppm, found.secondary_err_ppm, "ppm"),
            ("secondary phase", found.secondary_phase, np.nan, ""),
            ("halo over core depth", found.ghost, found.ghost_err, ""),
            ("photocentre shift", found.centroid_shift, found.centroid_shift_err, unit),
            ("source offset", found.source_offset, found.source_offset_err, unit),
        ]
        return pd.DataFrame(rows, columns=["quantity", "value", "error", "unit"])

    def plot(self) -> Figure:
        """One figure a vetting team would pin to the wall.

        Returns
        -------
        matplotlib.figure.Figure

        Examples
        --------
        >>> from decan.transits import TransitVetter, simulate_signal
        >>> found = simulate_signal("planet", span_day=27.0, rng=1)
        >>> TransitVetter.pretrained().vet(found.lightcurve, found.signal).plot()
        <Figure size ...>
        """
        from .plots import plot_verdict

        return plot_verdict(self)


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
        """The vetter with shipped weights, trained on 12,800 real TESS signals.

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
            ``magnitude``; by default what the light curve's file says.

        Returns
        -------
        Verdict

        Examples
        --------
        >>> from decan.transits import simulate_signal
        >>> found = simulate_signal("planet", span_day=27.0, rng=1)
        >>> verdict = TransitVetter.pretrained().vet(found.lightcurve, found.signal)
        >>> verdict.diagnostics.n_transits > 2
        True
        """
        flat = flatten(lightcurve, signal, other_signals=other_signals)
        found = diagnose_flat(flat, signal)
        views = build_views([flat], [signal], "depth")
        known = {**lightcurve.meta, **(star or {})}
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
        reasons = _reasons(found, known)
        beyond = self._beyond(scalars)
        return Verdict(
            score=planet,
            score_spread=float(score["planet_spread"]),
            event=event,
            event_spread=spread,
            given_event=given,
            disposition=self._disposition(
                event, spread, given, reasons, unsure=bool(beyond), mes=found.mes
            ),
            reasons=reasons,
            diagnostics=found,
            views=views,
            signal=signal,
            target=target,
            notes=tuple(_notes(found, beyond)),
            contributions=dict(zip(worth["input"], worth["event_log_odds"], strict=True)),
        )

    def _disposition(
        self,
        event: float,
        spread: float,
        given: float,
        reasons: Sequence[Reason],
        *,
        unsure: bool,
        mes: float,
    ) -> str:
        zone = int(self.classifier.zones_["event"].assign([event], [spread])[0])
        decided = {reason.flag for reason in reasons if reason.weight == -2}
        # Where the score was not trained, or the signal is too weak for it, it may not
        # reject, unless there is nothing at all.
        unsure = unsure or mes < LEAST_MES
        if zone < 0 and (not unsure or mes < LEAST_SIGNAL):
            return "not transit-like"
        if decided:
            elsewhere = decided & {"CENT_RESOLVED_OFFSET", "HALO_GHOST"}
            return "false positive (another star)" if elsewhere else "eclipsing binary"
        if zone <= 0:
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


def _notes(found: Diagnostics, beyond: Sequence[str]) -> list[str]:
    notes = []
    if beyond:
        notes.append(
            f"beyond the signals the score was trained on in: {', '.join(beyond)}; "
            "rely on the measurements more than on the score"
        )
    if found.single_transit or found.n_transits == 1:
        notes.append("a single transit: nothing can be compared with another one")
    return notes


def _scalars(found: Diagnostics, signal: TransitSignal, star: Mapping[str, Any]) -> Any:
    def known(name: str) -> list[float]:
        value = star.get(name)
        return [float(value) if isinstance(value, int | float) else np.nan]

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


def _reasons(found: Diagnostics, star: Mapping[str, Any]) -> tuple[Reason, ...]:
    reasons = [
        *_about_strength(found),
        *_about_odd_even(found),
        *_about_secondary(found),
        *_about_place(found),
        *_about_size(found, star),
    ]
    return tuple(sorted(reasons, key=lambda reason: (reason.weight, reason.text)))


def _about_strength(found: Diagnostics) -> list[Reason]:
    count = f"{found.n_transits} transit{'s' if found.n_transits != 1 else ''}"
    text = f"{count} with data, {found.n_good} complete, {found.mes:.1f} sigma together"
    return [Reason(text, 1 if found.mes >= LEAST_MES else -1, "")]


def _about_odd_even(found: Diagnostics) -> list[Reason]:
    sigma = abs(found.odd_even_sigma)
    if not np.isfinite(sigma):
        return [Reason("odd and even transits cannot be compared", 0)]
    if sigma >= ODD_EVEN_SIGMA:
        text = (
            f"odd and even transits differ by {sigma:.1f} sigma "
            f"({found.odd_depth_ppm:,.0f} and {found.even_depth_ppm:,.0f} ppm): "
            "a binary at twice the period"
        )
        return [Reason(text, -2, "DEPTH_ODDEVEN")]
    agree = "agree" if sigma < 3 else "differ a little"
    return [Reason(f"odd and even transits {agree} ({sigma:.1f} sigma)", 1 if sigma < 3 else -1)]


def _about_secondary(found: Diagnostics) -> list[Reason]:
    if not np.isfinite(found.secondary_sigma):
        return [Reason("no data outside the transit to search for a secondary", 0)]
    share = found.secondary_depth_ppm / found.depth_ppm
    real = (
        found.secondary_sigma > max(SECONDARY_SIGMA, found.secondary_limit + 1)
        and found.secondary_sigma > found.positive_sigma + 2
    )
    if not real:
        text = (
            f"no secondary eclipse: strongest dip elsewhere {found.secondary_sigma:.1f} sigma, "
            f"strongest bump {found.positive_sigma:.1f}"
        )
        return [Reason(text, 1)]
    text = (
        f"secondary of {found.secondary_depth_ppm:,.0f} ppm ({share:.1%} of the transit) at "
        f"phase {found.secondary_phase:.3f}, {found.secondary_sigma:.1f} sigma"
    )
    if share > SECONDARY_SHARE:
        return [Reason(f"{text}: the companion shines by itself", -2, "MOD_SEC_DV")]
    return [Reason(f"{text}: shallow enough for a hot planet", -1, "MOD_SEC_DV")]


def _about_place(found: Diagnostics) -> list[Reason]:
    reasons = []
    if np.isfinite(found.ghost):
        excess = (found.ghost - 1.0) / found.ghost_err
        text = f"depth in the halo {found.ghost:.2f} ± {found.ghost_err:.2f} of that in the core"
        if found.ghost > GHOST_RATIO and excess > OFFSET_SIGMA:
            reasons.append(Reason(f"{text}: the light comes from elsewhere", -2, "HALO_GHOST"))
        else:
            reasons.append(Reason(text, 1 if found.ghost < GHOST_RATIO else 0))
    if np.isfinite(found.source_offset):
        sigma = found.source_offset / found.source_offset_err
        text = (
            f"source {found.source_offset:.2g} ± {found.source_offset_err:.2g} arcsec from the star"
        )
        if sigma > OFFSET_SIGMA and found.source_offset > OFFSET_ARCSEC:
            reasons.append(Reason(f"{text}: another star", -2, "CENT_RESOLVED_OFFSET"))
        else:
            reasons.append(Reason(text, 1))
    elif np.isfinite(found.centroid_sigma):
        moves = f"photocentre moves by {found.centroid_sigma:.1f} sigma in transit"
        reasons.append(Reason(f"{moves}; without a scale this says nothing of the distance", 0))
    return reasons


def _about_size(found: Diagnostics, star: Mapping[str, Any]) -> list[Reason]:
    reasons = []
    radius = star.get("radius")
    if isinstance(radius, int | float) and np.isfinite(radius) and found.depth_ppm > 0:
        size = float(np.sqrt(found.depth_ppm * 1e-6) * radius * 109.1)
        text = f"radius of about {size:.1f} Earth radii"
        if size > STAR_RADIUS:
            reasons.append(Reason(f"{text}: a star", -2, "DEEP_V_SHAPED"))
        else:
            reasons.append(Reason(text, 1))
    if np.isfinite(found.shape) and found.mes > 15:
        shape = "flat-bottomed" if found.shape > 0.65 else "between U and V"
        if found.shape < 0.5:
            reasons.append(Reason(f"V-shaped (outer over inner depth {found.shape:.2f})", -1))
        else:
            reasons.append(Reason(f"{shape} (outer over inner depth {found.shape:.2f})", 1))
    return reasons
