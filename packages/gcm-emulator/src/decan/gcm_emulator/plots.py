"""Figures of climates and spectra: results and Axes in, Axes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.plotting import COLOURS, new_axes, style

from .field import FIELDS, GCMField

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .emission import PhaseCurve
    from .transmission import LimbSpectra

__all__ = ["plot_equator", "plot_limbs", "plot_map", "plot_phase_curve", "plot_zonal_wind"]


_DEEP_PA = 1e6


def plot_map(
    field: GCMField, p_pa: float = 1e4, *, name: str = "T", values: Any = None,
    ax: Axes | None = None, vmin: float | None = None, vmax: float | None = None,
    label: str | None = None, cmap: str | None = None,
) -> Axes:  # fmt: skip
    """Map of a field at a pressure, with the horizontal wind as arrows.

    Parameters
    ----------
    field : GCMField
        The climate.
    p_pa : float
        Pressure, Pa; the nearest level is drawn.
    name : {'T', 'u', 'v', 'w'}
        What the colours show.
    values : array_like, shape (p, lat, lon), optional
        Other values to colour by, such as a standard deviation.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    vmin, vmax : float, optional
        Ends of the colour scale.
    label : str, optional
        Of the colour scale.
    cmap : str, optional
        Colour map.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from decan.gcm_emulator import Planet, simulate_planet
    >>> field = simulate_planet(Planet.at_temperature(1600.0, host="G5V"))
    >>> plot_map(field).get_xlabel()
    'longitude, degrees east of the substellar point'
    """
    ax = new_axes(ax, figsize=(6.4, 3.4))
    level = int(np.abs(np.log(field.p_pa / p_pa)).argmin())
    shown = (getattr(field, name) if values is None else np.asarray(values))[level]
    lon, lat, closed = _closed(shown, field.lon_deg, field.lat_deg)
    diverging = name in ("u", "v", "w") and values is None
    if diverging and vmax is None:
        vmax = float(np.nanmax(np.abs(shown)))
        vmin = -vmax
    mesh = ax.contourf(
        lon, lat, closed, levels=np.linspace(*_span(shown, vmin, vmax), 25),
        cmap=cmap or ("RdBu_r" if diverging else "inferno"), extend="both",
    )  # fmt: skip
    words, unit = FIELDS[name]
    _bar(mesh, ax, label or f"{words}, {unit}")
    if field.u is not None and field.v is not None and values is None:
        step_x, step_y = max(1, lon.size // 18), max(1, field.lat_deg.size // 10)
        part = (slice(step_y // 2, None, step_y), slice(step_x // 2, None, step_x))
        arrows = "#FFFFFF" if not diverging else COLOURS["black"]
        ax.quiver(field.lon_deg[part[1]], field.lat_deg[part[0]], field.u[level][part],
                  field.v[level][part], color=arrows, alpha=0.8, width=0.003)  # fmt: skip
    ax.set(xlabel="longitude, degrees east of the substellar point", ylabel="latitude, degrees",
           title=f"{field.p_pa[level] / 1e5:.2g} bar", xticks=[-180, -90, 0, 90, 180],
           yticks=[-90, -45, 0, 45, 90], xlim=(-180, 180), ylim=(-90, 90))  # fmt: skip
    ax.grid(False)
    return ax


def plot_equator(field: GCMField, *, name: str = "T", ax: Axes | None = None,
                 vmin: float | None = None, vmax: float | None = None) -> Axes:  # fmt: skip
    """Slice along the equator: longitude against pressure.

    Parameters
    ----------
    field : GCMField
        The climate.
    name : {'T', 'u', 'v', 'w'}
        What the colours show.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    vmin, vmax : float, optional
        Ends of the colour scale.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from decan.gcm_emulator import Planet, simulate_planet
    >>> plot_equator(simulate_planet(Planet.at_temperature(1600.0, host="G5V"))).get_yscale()
    'log'
    """
    ax = new_axes(ax, figsize=(5.2, 3.6))
    lon, p = np.meshgrid(np.append(field.lon_deg, field.lon_deg[0] + 360), field.p_pa)
    shown = field.at(lon, np.zeros_like(lon), p, name)
    # The deep interior is hot and says nothing; it must not take the colours.
    seen = shown[field.p_pa <= _DEEP_PA] if field.p_pa[0] < _DEEP_PA else shown
    mesh = ax.contourf(lon, p / 1e5, shown, levels=np.linspace(*_span(seen, vmin, vmax), 25),
                       cmap="inferno" if name == "T" else "RdBu_r", extend="both")  # fmt: skip
    words, unit = FIELDS[name]
    _bar(mesh, ax, f"{words}, {unit}")
    ax.set(yscale="log", xlabel="longitude, degrees", ylabel="pressure, bar",
           xticks=[-180, -90, 0, 90, 180], xlim=(-180, 180))  # fmt: skip
    ax.invert_yaxis()
    ax.grid(False)
    return ax


def plot_zonal_wind(field: GCMField, *, ax: Axes | None = None) -> Axes:
    """Zonal-mean eastward wind: latitude against pressure.

    Parameters
    ----------
    field : GCMField
        The climate, with u.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from decan.gcm_emulator import Planet, simulate_planet
    >>> plot_zonal_wind(simulate_planet(Planet.at_temperature(1600.0, host="G5V"))).get_xlabel()
    'latitude, degrees'
    """
    ax = new_axes(ax, figsize=(5.2, 3.6))
    wind = field.zonal_mean("u") / 1e3
    largest = float(np.nanmax(np.abs(wind)))
    mesh = ax.contourf(field.lat_deg, field.p_pa / 1e5, wind,
                       levels=np.linspace(-largest, largest, 25), cmap="RdBu_r")  # fmt: skip
    _bar(mesh, ax, "zonal-mean eastward wind, km/s")
    ax.set(yscale="log", xlabel="latitude, degrees", ylabel="pressure, bar",
           xticks=[-90, -45, 0, 45, 90])  # fmt: skip
    ax.invert_yaxis()
    ax.grid(False)
    return ax


def plot_phase_curve(
    curve: PhaseCurve, bands: Any, *, observed: Any = None, error: Any = None, other: Any = None,
    other_label: str = "", ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """Phase curves in some bands, with what was observed and what another code gives.

    Parameters
    ----------
    curve : PhaseCurve
        Ours.
    bands : sequence of int
        Which bands.
    observed, error, other : array_like, shape (n, b), optional
        Observed flux ratio, its error, and that of another code.
    other_label : str
        What the other code is.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from decan.gcm_emulator.emission import PhaseCurve
    >>> curve = PhaseCurve(np.array([90.0, 180.0]), np.array([4.5]), np.array([[1e-3], [2e-3]]))
    >>> plot_phase_curve(curve, [0]).get_xlabel()
    'orbital phase, degrees (180 is eclipse)'
    """
    ax = new_axes(ax)
    names = ("blue", "green", "orange", "red", "purple")
    order = np.argsort(curve.phase_deg)
    for colour, band in zip(names, bands, strict=False):
        x, shade = curve.phase_deg[order], COLOURS[colour]
        ax.plot(x, curve.ppm[order, band], color=shade, label=f"{curve.wave_um[band]:.3g} um")
        if other is not None:
            ax.plot(x, 1e6 * np.asarray(other)[order, band], "o", mfc="none", color=shade, ms=5)
        if observed is not None:
            ax.errorbar(x, 1e6 * np.asarray(observed)[order, band],
                        1e6 * np.asarray(error)[order, band], fmt=".", color=shade, alpha=0.45,
                        lw=0.8)  # fmt: skip
    if other is not None:
        ax.plot([], [], "o", mfc="none", color=COLOURS["black"], label=other_label)
    ax.set(xlabel="orbital phase, degrees (180 is eclipse)", ylabel="planet over star, ppm",
           xticks=[0, 90, 180, 270, 360])  # fmt: skip
    with style():
        ax.legend(loc="upper right", ncols=2)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.18 * (high - low))
    return ax


def plot_limbs(
    spectra: LimbSpectra, *, other: LimbSpectra | None = None, other_label: str = "",
    ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """Transit depth of both limbs by band, and of another climate beside it.

    Parameters
    ----------
    spectra : LimbSpectra
        The spectra.
    other : LimbSpectra, optional
        Spectra to compare with, drawn as circles.
    other_label : str
        What they are.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from decan.gcm_emulator.transmission import LimbSpectra
    >>> spectra = LimbSpectra(np.array([1.4, 1.6]), np.array([15e3, 15e3]), np.array([14e3, 14e3]))
    >>> plot_limbs(spectra).get_ylabel()
    'transit depth, ppm'
    """
    ax = new_axes(ax)
    for side, colour in (("evening", COLOURS["red"]), ("morning", COLOURS["blue"])):
        ax.plot(spectra.wave_um, getattr(spectra, side), "-", color=colour, label=side)
        if other is not None:
            ax.plot(other.wave_um, getattr(other, side), "o", mfc="none", color=colour)
    if other is not None:
        ax.plot([], [], "o", mfc="none", color=COLOURS["black"], label=other_label)
    ax.set(xlabel="wavelength, um", ylabel="transit depth, ppm")
    with style():
        ax.legend()
    return ax


def _bar(mesh: Any, ax: Axes, label: str) -> None:
    """A colour bar with a few round numbers."""
    from matplotlib.ticker import MaxNLocator

    with style():
        ax.figure.colorbar(mesh, ax=ax, label=label, ticks=MaxNLocator(6))


def _closed(shown: Any, lon: Any, lat: Any) -> tuple[Any, Any, Any]:
    """A map that reaches around and to the poles, so that no edge is white."""
    wide = np.concatenate([shown[:, -1:], shown, shown[:, :1]], axis=1)
    lon = np.concatenate([lon[-1:] - 360, lon, lon[:1] + 360])
    if lat[0] > -90:
        wide, lat = np.concatenate([wide[:1] * 0 + wide[:1].mean(), wide]), np.append(-90.0, lat)
    if lat[-1] < 90:
        wide, lat = np.concatenate([wide, wide[-1:] * 0 + wide[-1:].mean()]), np.append(lat, 90.0)
    return lon, lat, wide


def _span(values: Any, vmin: float | None, vmax: float | None) -> tuple[float, float]:
    low = float(np.nanmin(values)) if vmin is None else vmin
    high = float(np.nanmax(values)) if vmax is None else vmax
    return (low, high) if high > low else (low - 0.5, low + 0.5)
