"""What was decided about a signal, and why, for people and for tables."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from .diagnostics import Diagnostics
    from .pixels import SourceOffset
    from .reasons import Reason
    from .signals import TransitSignal
    from .views import ViewSet

__all__ = ["Verdict"]


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
    offset : SourceOffset, optional
        Where the source lies, if pixels were given.

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
    offset: SourceOffset | None = None

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
            ("depth half an orbit away", found.half_depth_ppm, found.half_err_ppm, "ppm"),
            ("period over the one given", found.period_factor, np.nan, ""),
            ("halo over core depth", found.ghost, found.ghost_err, ""),
            ("photocentre shift", found.centroid_shift, found.centroid_shift_err, unit),
            ("source offset", found.source_offset, found.source_offset_err, unit),
        ]
        if self.offset is not None:
            rows.append(("source offset, pixels", self.offset.arcsec, self.offset.error, "arcsec"))
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
