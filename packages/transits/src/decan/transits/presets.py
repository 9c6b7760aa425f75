"""Presets of views: which pictures of a signal are drawn, from what, and on which scale.

Three exist. ``depth`` keeps what separates planets from eclipsing binaries: all flux views
share one scale, the depth of the transit, so that the ratio of secondary to primary and the
difference of odd and even transits stay visible. ``watson`` is the released preparation of
WATSON-Net, in which each view is stretched to fill [0, 1] alone. ``yu2019`` is the preparation
of the public TESS views of Yu et al. 2019, on which the shipped network is trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["PRESETS", "Preset", "View"]


@dataclass(frozen=True)
class View:
    """One picture: which series, which part of the orbit, how many bins.

    Parameters
    ----------
    name : str
        Name of the view.
    n_bins : int
        Number of bins.
    half_span : float, optional
        Half width in durations; None means the whole orbit.
    centre : float or 'secondary'
        Phase of the orbit in the middle of the view, or the strongest secondary.
    parity : {'odd', 'even'}, optional
        Which transits; all without it.
    periods : float
        Periods that are folded together; 2 shows a whole orbit at twice the period.
    series : {'flux', 'centroid', 'ghost'}
        What is binned; ghost is halo minus core flux.

    Examples
    --------
    >>> View("main", 75, half_span=3.0).centre
    0.0
    """

    name: str
    n_bins: int
    half_span: float | None = None
    centre: float | str = 0.0
    parity: str | None = None
    periods: float = 1.0
    series: str = "flux"


@dataclass(frozen=True)
class Preset:
    """A complete recipe of views.

    Parameters
    ----------
    views : tuple of View
        What is drawn.
    scale : {'depth', 'minmax', 'unit'}
        One scale for all (median 0, transit depth -1), each view to [0, 1] alone, or each
        view to median 0 and minimum -1 alone.
    min_points : int
        A view with fewer points is missing.
    median : bool
        Medians in overlapping bins in place of means.
    detrend : str
        How the star's own variation is removed.
    mask : bool
        Whether transits are masked when the light curve is detrended.

    Examples
    --------
    >>> PRESETS["watson"].scale
    'minmax'
    """

    views: tuple[View, ...]
    scale: str
    min_points: int = 50
    median: bool = False
    detrend: str = "spline"
    mask: bool = True


def _ten_inputs(n_global: int, centre: float, secondary: float | str) -> tuple[View, ...]:
    return (
        View("global", n_global, centre=centre),
        View("secondary", 75, 3.0, centre=secondary),
        View("main", 75, 3.0),
        View("even", 75, 3.0, parity="even"),
        View("odd", 75, 3.0, parity="odd"),
        View("centroid", 75, 3.0, series="centroid"),
        View("ghost", 75, 3.0, series="ghost"),
    )


# What a wrong period shows: a transit half an orbit away, or one of every two missing.
_OTHER_PERIODS = (View("half", 75, 3.0, centre=0.5), View("double", 301, periods=2.0))

PRESETS: Mapping[str, Preset] = {
    "depth": Preset((*_ten_inputs(301, 0.0, "secondary"), *_OTHER_PERIODS), scale="depth"),
    # The released global view starts a quarter of an orbit after the transit.
    "watson": Preset(_ten_inputs(300, -0.25, 0.5), scale="minmax", detrend="biweight", mask=False),
    # Read off the public views: the duration fills 15 of 61 bins, and the correlation of
    # neighbouring bins is that of bins 0.16 durations wide, which overlap.
    "yu2019": Preset(
        (
            View("global", 201),
            View("local", 61, 2.0),
            View("secondary", 61, 2.0, centre="secondary"),
        ),
        scale="unit",
        min_points=20,
        median=True,
    ),
}
"""The recipes by name."""
