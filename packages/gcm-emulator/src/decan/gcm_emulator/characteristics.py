"""The climate in a few numbers: contrasts, peak wind, width of the jet, offset of the hot spot.

Contrasts carry cos-latitude weights and stand at a stated pressure. The evening terminator is
the eastern one, 90 degrees east of the substellar point of a planet that rotates eastward.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .field import GCMField, area_mean_of, in_pascal
from .sphere import SphereInterpolator, area_weights, wrap_longitude

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ClimateCharacteristics", "climate_characteristics", "hotspot_longitude"]


@dataclass(frozen=True)
class ClimateCharacteristics:
    """A climate in five numbers; NaN where a field is missing.

    Parameters
    ----------
    day_night_k : float
        Mean temperature of the day side minus that of the night side, K.
    evening_morning_k : float
        Mean temperature within 15 degrees of longitude 90 minus that around -90, K.
    peak_zonal_wind_ms : float
        Largest zonal-mean eastward wind over latitude and pressure, m/s.
    jet_width_deg : float
        Full width at half maximum of that jet in latitude, degrees.
    hotspot_offset_deg : float
        Longitude of the first harmonic of temperature near the equator, degrees east.
    p_pa : float
        Pressure of the contrasts and of the hot spot, Pa.

    Examples
    --------
    >>> ClimateCharacteristics(600.0, 200.0, 4000.0, 60.0, 35.0, 1e4)
    ClimateCharacteristics(day-night 600 K, ..., jet 4.00 km/s, 60° wide, hot spot +35°; at 0.1 bar)
    """

    day_night_k: float
    evening_morning_k: float
    peak_zonal_wind_ms: float
    jet_width_deg: float
    hotspot_offset_deg: float
    p_pa: float

    def to_frame(self) -> pd.DataFrame:
        """Names, values and units as a table.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        units = ("K", "K", "m/s", "deg", "deg", "Pa")
        return pd.DataFrame({
            "quantity": [one.name.rsplit("_", 1)[0].replace("_", " ") for one in fields(self)],
            "value": astuple(self), "unit": units,
        })  # fmt: skip

    def __repr__(self) -> str:
        return (
            f"ClimateCharacteristics(day-night {self.day_night_k:.0f} K, evening-morning "
            f"{self.evening_morning_k:.0f} K, jet {self.peak_zonal_wind_ms / 1e3:.2f} km/s, "
            f"{self.jet_width_deg:.0f}° wide, hot spot {self.hotspot_offset_deg:+.0f}°; at "
            f"{self.p_pa / 1e5:.3g} bar)"
        )


def climate_characteristics(field: GCMField, p_pa: Any = 1e4) -> ClimateCharacteristics:
    """The climate of a field in a few numbers.

    Parameters
    ----------
    field : GCMField
        The climate.
    p_pa : float
        Pressure of the contrasts and the hot spot, Pa (or a Quantity).

    Returns
    -------
    ClimateCharacteristics

    Raises
    ------
    ValueError
        If the pressure lies outside the field.

    Examples
    --------
    >>> lon, lat, p = np.arange(-180, 180, 10.0), np.arange(-85, 86, 10.0), np.array([1e3, 1e5])
    >>> T = 1000 + 300 * np.cos(np.deg2rad(lon - 40)) * np.cos(np.deg2rad(lat))[:, None]
    >>> found = climate_characteristics(GCMField(np.stack([T, T]), lon, lat, p))
    >>> round(found.hotspot_offset_deg, 1)
    40.0
    """
    wanted = in_pascal(np.atleast_1d(p_pa))
    low, high = field.p_pa[0], field.p_pa[-1]
    if wanted[0] < low * (1 - 1e-6) or wanted[0] > high * (1 + 1e-6):
        raise ValueError(f"p_pa: {wanted[0]:g} Pa is outside the field, {low:.3g} to {high:.3g} Pa")
    level = field.regrid(p_pa=wanted)
    temperature, lon, lat = level.T[0].astype(float), field.lon_deg, field.lat_deg
    dayside, nightside = np.abs(lon) < 90, np.abs(lon) > 90
    contrast = area_mean_of(temperature, lat, dayside) - area_mean_of(temperature, lat, nightside)
    strips = [_meridian(temperature, lon, lat, centre) for centre in (90.0, -90.0)]
    peak, width = (np.nan, np.nan) if field.u is None else _jet(field)
    return ClimateCharacteristics(
        float(contrast), float(strips[0] - strips[1]), peak, width,
        float(hotspot_longitude(temperature, lon, lat)), float(level.p_pa[0]),
    )  # fmt: skip


def hotspot_longitude(
    temperature: Any, lon_deg: Any, lat_deg: Any, *, within_deg: float = 20.0
) -> NDArray[np.float64]:
    """Longitude of the first zonal harmonic of temperature near the equator.

    Parameters
    ----------
    temperature : array_like, shape (..., lat, lon)
        K.
    lon_deg, lat_deg : array_like
        Axes, degrees.
    within_deg : float
        Latitudes up to this are averaged.

    Returns
    -------
    ndarray, shape (...)
        Degrees east of the substellar point.

    Examples
    --------
    >>> lon = np.arange(-180, 180, 5.0)
    >>> row = np.cos(np.deg2rad(lon + 30))
    >>> float(hotspot_longitude(np.tile(row, (3, 1)), lon, [-10, 0, 10]).round(6))
    -30.0
    """
    lat = np.asarray(lat_deg, dtype=float)
    # A meridian that is there at both ends of the axis counts once.
    _, once = np.unique(wrap_longitude(lon_deg).round(3), return_index=True)
    temperature = np.asarray(temperature)[..., once]
    lon = np.deg2rad(np.asarray(lon_deg, dtype=float)[once])
    near = np.abs(lat) <= within_deg
    weight = np.cos(np.deg2rad(lat[near]))
    row = np.einsum("...yx,y->...x", temperature[..., near, :], weight / weight.sum())
    return np.asarray(np.rad2deg(np.arctan2((row * np.sin(lon)).sum(-1),
                                            (row * np.cos(lon)).sum(-1))))  # fmt: skip


def _meridian(temperature: Any, lon: Any, lat: Any, centre: float) -> float:
    """Mean over all latitudes within 15 degrees of a meridian."""
    x, y = np.meshgrid(centre + np.linspace(-15, 15, 13), lat)
    strip = SphereInterpolator(lon, lat).scalar(temperature, x, y).mean(axis=-1)
    return float((strip * area_weights(lat)).sum())


def _jet(field: GCMField) -> tuple[float, float]:
    """Peak of the zonal-mean eastward wind, and its full width at half maximum in latitude."""
    wind = field.zonal_mean("u").astype(float)
    if not np.isfinite(wind).any():
        return np.nan, np.nan
    level, row = np.unravel_index(np.nanargmax(wind), wind.shape)
    peak = wind[level, row]
    fine = np.linspace(field.lat_deg[0], field.lat_deg[-1], 2001)
    above = np.interp(fine, field.lat_deg, wind[level]) >= peak / 2
    centre = int(np.abs(fine - field.lat_deg[row]).argmin())
    ends = []
    for step in (-1, 1):
        k = centre
        while 0 <= k + step < fine.size and above[k + step]:
            k += step
        ends.append(fine[k])
    return float(peak), float(ends[1] - ends[0])
