"""Numbers that describe a signal: scalars every search gives, and the shapes of its views.

Boosted trees read them beside the network that reads the views themselves. Everything here
is computed from the views of the preset ``yu2019`` and from what a user can know of a
signal, so that training tables and users' light curves go through the same code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "KNOWN_SCALARS",
    "OPTIONAL_SCALARS",
    "SCALARS",
    "SHAPES",
    "event_features",
    "scalar_features",
    "shape_features",
]

KNOWN_SCALARS = (
    "log_period",
    "log_duration",
    "log_depth",
    "log_snr",
    "log_duty_cycle",
    "log_duration_ratio",
    "log_transits",
)
"""Scalars that come with every signal."""

OPTIONAL_SCALARS = (
    "log_planet_radius",
    "log_star_radius",
    "log_star_mass",
    "teff",
    "logg",
    "magnitude",
    "ingress",
    "depth_change",
)
"""Scalars that may be unknown."""

SCALARS = (*KNOWN_SCALARS, *OPTIONAL_SCALARS)
"""Names of the scalar features, in the order of the columns."""


def scalar_features(
    *,
    period_day: ArrayLike,
    duration_hour: ArrayLike,
    depth_ppm: ArrayLike,
    snr: ArrayLike,
    n_transits: ArrayLike,
    star_radius: ArrayLike | None = None,
    star_mass: ArrayLike | None = None,
    teff: ArrayLike | None = None,
    logg: ArrayLike | None = None,
    magnitude: ArrayLike | None = None,
    ingress: ArrayLike | None = None,
    depth_change: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """What a search and a star catalogue say about signals, as numbers of order one.

    Parameters
    ----------
    period_day : array_like of float, shape (n,)
        Period, days.
    duration_hour : array_like of float, shape (n,)
        Duration, hours.
    depth_ppm : array_like of float, shape (n,)
        Depth, ppm.
    snr : array_like of float, shape (n,)
        Signal-to-noise ratio of all transits together.
    n_transits : array_like of float, shape (n,)
        Transits with data.
    star_radius : array_like of float, shape (n,), optional
        Solar radii. NaN, or None for all, where unknown; so for all that follow.
    star_mass : array_like of float, shape (n,), optional
        Solar masses.
    teff : array_like of float, shape (n,), optional
        Effective temperature, K.
    logg : array_like of float, shape (n,), optional
        Surface gravity, cgs.
    magnitude : array_like of float, shape (n,), optional
        Of the star in the survey's band.
    ingress : array_like of float, shape (n,), optional
        Share of the duration that the ingress takes, 0 to 0.5.
    depth_change : array_like of float, shape (n,), optional
        Change of depth between a small and a large aperture, over the depth.

    Returns
    -------
    ndarray of float, shape (n, 15)
        Columns as in :data:`SCALARS`; NaN where something is unknown.

    Examples
    --------
    >>> row = scalar_features(period_day=[3.0], duration_hour=[2.6], depth_ppm=[1e4],
    ...                       snr=[50.0], n_transits=[8])
    >>> dict(zip(SCALARS, row[0].round(2)))["log_duty_cycle"]
    np.float64(-1.44)
    """
    period, hours = _floats(period_day), _floats(duration_hour)
    depth = np.clip(_floats(depth_ppm), 1.0, 1e6)

    def optional(values: ArrayLike | None) -> NDArray[np.float64]:
        return np.full(period.shape, np.nan) if values is None else _floats(values)

    radius, gravity = optional(star_radius), optional(logg)
    # Without a density the Sun's is taken: the ratio is then that to a solar star's transit.
    density = 10 ** (gravity - 4.438) / radius
    usual = 13.0 * np.cbrt(period / 365.25) / np.cbrt(np.where(density > 0, density, 1.0))
    columns = {
        "log_period": np.log10(period),
        "log_duration": np.log10(hours),
        "log_depth": np.log10(depth),
        "log_snr": np.log10(np.clip(_floats(snr), 0.1, None)),
        "log_duty_cycle": np.log10(hours / 24.0 / period),
        "log_duration_ratio": np.log10(hours / usual),
        "log_transits": np.log10(np.clip(_floats(n_transits), 1.0, None)),
        "log_planet_radius": 0.5 * np.log10(depth * 1e-6) + np.log10(109.1 * radius),
        "log_star_radius": np.log10(radius),
        "log_star_mass": np.log10(optional(star_mass)),
        "teff": optional(teff) / 6000.0,
        "logg": gravity,
        "magnitude": optional(magnitude),
        "ingress": np.clip(optional(ingress), -0.5, 1.0),
        "depth_change": np.arcsinh(optional(depth_change)),
    }
    return np.column_stack([columns[name] for name in SCALARS])


def _floats(values: ArrayLike) -> NDArray[np.float64]:
    return np.atleast_1d(np.asarray(values, dtype=float))


def _averaged(array: NDArray[Any], n: int) -> NDArray[Any]:
    whole = array.shape[1] // n
    return np.asarray(array[:, : whole * n].reshape(len(array), whole, n).mean(axis=2))


def _shapes(views: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    wide, local, second = (np.asarray(views[name], dtype=float) for name in _BINS)
    rest = np.concatenate([wide[:, :95], wide[:, 106:]], axis=1)
    sides = np.concatenate([local[:, :15], local[:, 46:]], axis=1)
    found: dict[str, NDArray[Any]] = {}
    for name, array in (("global", rest), ("local", sides), ("secondary", second)):
        middle = np.median(array, axis=1, keepdims=True)
        found[f"{name}_scatter"] = 1.4826 * np.median(np.abs(array - middle), axis=1)
        found[f"{name}_std"] = array.std(axis=1)
    for name, array in (("global", wide), ("local", local), ("secondary", second)):
        found[f"{name}_lowest_at"] = np.abs(array.argmin(axis=1) - array.shape[1] // 2)
        found[f"{name}_max"] = array.max(axis=1)
        found[f"{name}_p95"], found[f"{name}_p5"] = np.percentile(array, [95, 5], axis=1)
        found[f"{name}_share_low"] = (array < -0.5).mean(axis=1)
        found[f"{name}_jitter"] = np.abs(np.diff(array, axis=1)).mean(axis=1)
    for half in (1, 3, 7, 12):
        found[f"local_centre_{half}"] = local[:, 30 - half : 31 + half].mean(axis=1)
    found["local_flatness"] = found["local_centre_7"] / np.minimum(found["local_centre_1"], -0.05)
    found["local_asymmetry"] = np.abs(local - local[:, ::-1]).mean(axis=1)
    found["local_slope"] = local[:, :20].mean(axis=1) - local[:, 41:].mean(axis=1)
    found["local_shoulders"] = local[:, :15].mean(axis=1) + local[:, 46:].mean(axis=1)
    found["global_centre_0"] = wide[:, 100]
    found["global_centre_1"] = wide[:, 99:102].mean(axis=1)
    found["second_dip"] = rest.min(axis=1)
    found["second_dip_3"] = _averaged(rest, 3).min(axis=1)
    far = np.concatenate([wide[:, :10], wide[:, 191:]], axis=1)
    found["dip_at_half_orbit"] = _averaged(far, 4).min(axis=1)
    angle = 2 * np.pi * (np.r_[0:95, 106:201] - 100) / 201
    for harmonic in (1, 2, 3):
        found[f"cosine_{harmonic}"] = (rest * np.cos(harmonic * angle)).mean(axis=1)
        found[f"sine_{harmonic}"] = (rest * np.sin(harmonic * angle)).mean(axis=1)
    found["secondary_centre_2"] = second[:, 28:33].mean(axis=1)
    found["secondary_centre_7"] = second[:, 23:38].mean(axis=1)
    found["secondary_asymmetry"] = np.abs(second - second[:, ::-1]).mean(axis=1)
    centred = rest - rest.mean(axis=1, keepdims=True)
    power = np.maximum((centred**2).sum(axis=1), 1e-9)
    for lag in (1, 5):
        found[f"correlation_{lag}"] = (centred[:, lag:] * centred[:, :-lag]).sum(axis=1) / power
    return found


_BINS = {"global": 201, "local": 61, "secondary": 61}

SHAPES = tuple(_shapes({name: np.zeros((1, bins)) for name, bins in _BINS.items()}))
"""Names of the shape features, in the order of the columns."""


def shape_features(views: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Scatter, symmetry, width, second dips and waves of views of the preset ``yu2019``.

    Parameters
    ----------
    views : mapping of str to ndarray
        ``global`` of shape (n, 201), ``local`` and ``secondary`` of shape (n, 61); NaN
        throughout where a view is missing.

    Returns
    -------
    ndarray of float, shape (n, n_shapes)
        Columns as in :data:`SHAPES`; NaN where they rest on a missing view.

    Raises
    ------
    ValueError
        If a view is not there or has another number of bins.

    Examples
    --------
    >>> views = {"global": np.zeros((2, 201)), "local": np.zeros((2, 61)),
    ...          "secondary": np.zeros((2, 61))}
    >>> shape_features(views).shape == (2, len(SHAPES))
    True
    """
    for name, bins in _BINS.items():
        if name not in views:
            raise ValueError(
                f"views: '{name}' is missing; expected those of preset 'yu2019', found "
                f"{', '.join(views)}"
            )
        found = np.shape(views[name])
        if len(found) != 2 or found[1] != bins:
            raise ValueError(
                f"views['{name}']: expected shape (n, {bins}) of preset 'yu2019', found {found}"
            )
    columns = _shapes(views)
    table = np.column_stack([columns[name] for name in SHAPES]).astype(float)
    # argmin and shares of NaN are numbers that mean nothing.
    for name in _BINS:
        missing = ~np.isfinite(views[name]).all(axis=1)
        mine = [i for i, key in enumerate(SHAPES) if key.startswith(name)]
        table[np.ix_(missing, mine)] = np.nan
    return table


def event_features(table: pd.DataFrame) -> NDArray[np.float64]:
    """Columns of a table of threshold crossing events, and what a star's other events say.

    No label, disposition or position is read. Beside the numeric columns themselves: how
    many events the star has, how this one compares with the strongest, whether its period
    is a multiple of another's and its epoch the same, how many other stars show the same
    period (a pile-up of artefacts) and the same period and epoch (contamination).

    Parameters
    ----------
    table : DataFrame
        With ``kepid``, ``tce_plnt_num``, ``tce_period`` (d), ``tce_time0bk`` (d),
        ``tce_duration`` (h), ``tce_depth`` (ppm) and ``tce_model_snr``; the whole table of a
        run, so that neighbours are there.

    Returns
    -------
    ndarray of float, shape (n, n_features)
        NaN where something is unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"kepid": [1, 1], "tce_plnt_num": [1, 2], "tce_period": [2.0, 4.0],
    ...                       "tce_time0bk": [130.0, 131.0], "tce_duration": [2.0, 2.0],
    ...                       "tce_depth": [100.0, 50.0], "tce_model_snr": [20.0, 10.0]})
    >>> event_features(table).shape[0]
    2
    """
    import pandas as pd

    n = len(table)
    left_out = {"kepid", "tce_time0bk", "tce_rogue_flag"}
    own = [
        name for name in table.columns
        if name not in left_out and pd.api.types.is_numeric_dtype(table[name])
    ]  # fmt: skip
    derived: dict[str, Any] = {"events": table.groupby("kepid")["kepid"].transform("count")}
    strongest = table.sort_values("tce_plnt_num").drop_duplicates("kepid").set_index("kepid")
    for name in ("tce_period", "tce_duration", "tce_depth", "tce_model_snr"):
        derived[f"{name}_of_strongest"] = table[name] / table["kepid"].map(strongest[name])
    period = table["tce_period"].to_numpy(float)
    hours = table["tce_duration"].to_numpy(float)
    derived["duty_cycle"] = hours / 24.0 / period
    derived["duration_ratio"] = hours / (13.0 * np.cbrt(period / 365.25))
    derived["snr_of_one"] = table["tce_model_snr"] / np.sqrt(np.maximum(1400.0 / period, 1.0))
    derived |= _neighbours(table.reset_index(drop=True), n)
    derived |= _other_stars(table, period)
    columns = [*(table[name] for name in own), *derived.values()]
    X = np.column_stack([np.asarray(column, dtype=float) for column in columns])
    return np.where(np.isfinite(X), X, np.nan)


def _neighbours(table: pd.DataFrame, n: int) -> dict[str, NDArray[np.float64]]:
    keys = table[["kepid", "tce_period", "tce_time0bk", "tce_depth"]].assign(row=np.arange(n))
    pairs = keys.merge(keys, on="kepid", suffixes=("", "_other"))
    pairs = pairs[pairs["row"] != pairs["row_other"]]
    ratio = (pairs["tce_period_other"] / pairs["tce_period"]).to_numpy()
    ratio = np.where(ratio < 1, 1 / ratio, ratio)
    away = np.abs(ratio - np.round(ratio))
    shift = (pairs["tce_time0bk_other"] - pairs["tce_time0bk"]) / pairs["tce_period"]
    pairs = pairs.assign(
        away=away, phase=np.abs(shift - np.round(shift)), ratio=np.round(ratio),
        depths=pairs["tce_depth_other"] / pairs["tce_depth"],
    )  # fmt: skip
    nearest = pairs.sort_values("away").drop_duplicates("row").set_index("row")
    found = {}
    for name in ("away", "phase", "ratio", "depths"):
        found[f"neighbour_{name}"] = nearest[name].reindex(np.arange(n)).to_numpy(float)
    return found


def _other_stars(table: pd.DataFrame, period: NDArray[np.float64]) -> dict[str, Any]:
    log = np.log(period)
    ordered = np.sort(log)
    found: dict[str, Any] = {}
    for width in (1e-4, 1e-3, 1e-2):
        above = np.searchsorted(ordered, log + width)
        found[f"same_period_{width:g}"] = above - np.searchsorted(ordered, log - width)
    # Cells of period and phase; matches across a cell's edge are missed, few as they are.
    epoch = table["tce_time0bk"].to_numpy(float)
    cell = np.round(log / 2e-4).astype(np.int64)
    middle = np.exp(cell * 2e-4)
    phase = np.round(((epoch / middle) % 1.0) * 100).astype(np.int64) % 100
    _, place, count = np.unique(cell * 100 + phase, return_inverse=True, return_counts=True)
    found["same_ephemeris"] = count[place]
    return found
