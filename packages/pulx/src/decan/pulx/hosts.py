"""From all detections of a survey to ultraluminous ones: inside a galaxy, off its nucleus, bright.

The recipe is that of Bernadich et al. 2022: point-like detections inside the D25 ellipse of a
galaxy of known distance; a source stays if one of its detections may be above 1e39 erg/s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .catalogue import clean_detections, numbers, source_ids

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ultraluminous_sample"]

_CM_IN_MPC = 3.0857e24
_GALAXY = ("ra", "dec", "distance_mpc", "r1_arcmin", "r2_arcmin", "pa_deg")
_DETECTION = ("RA", "DEC", "POSERR", "EP_8_FLUX", "EP_8_FLUX_ERR")


def ultraluminous_sample(
    detections: pd.DataFrame,
    galaxies: pd.DataFrame,
    *,
    source: str = "SRCID",
    luminosity: float = 1e39,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Detections of sources that may be ultraluminous, with their hosts.

    Parameters
    ----------
    detections : DataFrame
        ``RA``, ``DEC`` (deg), ``POSERR`` (arcsec, one sigma), ``EP_8_FLUX`` and
        ``EP_8_FLUX_ERR`` (erg/cm²/s), and what :func:`~.catalogue.clean_detections` looks at.
    galaxies : DataFrame
        ``name``, ``ra``, ``dec``, ``distance_mpc`` (and ``distance_err_mpc`` where known),
        semi-axes ``r1_arcmin``, ``r2_arcmin`` of the D25 ellipse, position angle ``pa_deg``
        (north through east); the last two may be NaN.
    source : str
        Column with the source of each detection.
    luminosity : float
        A source stays if the luminosity plus its error of any detection exceeds this, erg/s.

    Returns
    -------
    sample : DataFrame
        The rows that stay, with ``host``, ``host_flag`` (0: inside the ellipse; without a
        position angle 1: inside the circle of the minor axis, 2: of the major axis only;
        3: only one axis is known), ``centre_arcsec`` (distance from the centre less three
        sigma), ``luminosity`` and ``luminosity_err`` (erg/s, fluxes and distances in
        quadrature).
    dropped : dict of str to int
        Rows that each step took out.

    Raises
    ------
    SchemaError
        If a column is missing.

    References
    ----------
    Bernadich et al. 2022, A&A 659, A188; Kovlakas et al. 2021, MNRAS 506, 1896 (HECATE).

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"SRCID": [1, 2], "RA": [10.0, 10.03], "DEC": [0.0, 0.0],
    ...     "POSERR": [1.0, 1.0], "EP_8_FLUX": [1e-13, 2e-12], "EP_8_FLUX_ERR": [1e-14, 1e-14]})
    >>> hosts = pd.DataFrame({"name": ["G"], "ra": [10.0], "dec": [0.0], "distance_mpc": [10.0],
    ...     "r1_arcmin": [3.0], "r2_arcmin": [2.0], "pa_deg": [90.0]})
    >>> sample, dropped = ultraluminous_sample(rows, hosts)
    >>> sample[["SRCID", "host", "host_flag"]].to_numpy().tolist(), dropped["nuclear"]
    ([[2, 'G', 0]], 1)
    """
    table, dropped = clean_detections(detections)
    columns = numbers(table, _DETECTION, "ultraluminous samples").T
    place = numbers(galaxies, _GALAXY, "hosts")
    host, flag, apart = _hosts(columns[0], columns[1], columns[2], place)
    inside = host >= 0
    dropped["outside of every galaxy"] = int((~inside).sum())
    centre = apart - 3 * columns[2]
    nuclear = inside & (centre <= 0)
    dropped["nuclear"] = int(nuclear.sum())
    keep = inside & ~nuclear
    value, error = _luminosity(columns[3], columns[4], place[host, 2], _spread(galaxies)[host])
    ids = source_ids(table, source)
    bright = keep & (value + error > luminosity)
    stays = keep & np.isin(ids, ids[bright])
    dropped["never ultraluminous"] = int((keep & ~stays).sum())
    sample = table[stays].reset_index(drop=True)
    sample["host"] = galaxies["name"].to_numpy()[host[stays]]
    sample["host_flag"] = flag[stays]
    sample["centre_arcsec"] = centre[stays]
    sample["luminosity"], sample["luminosity_err"] = value[stays], error[stays]
    return sample, dropped


def _hosts(
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
    poserr: NDArray[np.float64],
    galaxies: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Galaxy of each detection (-1 for none), how sure it is, and the distance, arcsec."""
    from sklearn.neighbors import BallTree

    tree = BallTree(np.radians(np.column_stack([dec, ra])), metric="haversine")
    reach = np.radians(galaxies[:, 3] / 60) + np.radians(np.max(poserr, initial=0.0) / 3600)
    near = tree.query_radius(np.radians(galaxies[:, [1, 0]]), reach)
    galaxy = np.repeat(np.arange(len(galaxies)), [len(rows) for rows in near])
    row = np.concatenate([*near, np.zeros(0, dtype=np.int64)]).astype(np.int64)
    g_ra, g_dec, _, r1, r2, angle = galaxies[galaxy].T
    east = (ra[row] - g_ra + 180) % 360 - 180
    east, north = 60 * east * np.cos(np.radians(g_dec)), 60 * (dec[row] - g_dec)
    apart, margin = np.hypot(east, north), poserr[row] / 60
    turn = np.radians(np.nan_to_num(angle))
    along = north * np.cos(turn) + east * np.sin(turn)
    across = east * np.cos(turn) - north * np.sin(turn)
    one_axis, no_angle = np.isnan(r2), np.isnan(angle)
    ellipse = np.hypot(along / (r1 + margin), across / (r2 + margin))
    radius = np.where(one_axis | no_angle, apart / (r1 + margin), ellipse)
    flag = np.where(one_axis, 3, np.where(no_angle, np.where(apart <= r2 + margin, 1, 2), 0))
    # Of several galaxies the one whose ellipse it is deepest in.
    order = np.argsort(-radius, kind="stable")
    order = order[radius[order] <= 1]
    host, sure = np.full(len(ra), -1), np.full(len(ra), -1)
    distance = np.full(len(ra), np.nan)
    host[row[order]], sure[row[order]] = galaxy[order], flag[order]
    distance[row[order]] = 60 * apart[order]
    return host, sure, distance


def _luminosity(
    flux: NDArray[np.float64],
    flux_err: NDArray[np.float64],
    distance: NDArray[np.float64],
    distance_err: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    value = 4 * np.pi * (distance * _CM_IN_MPC) ** 2 * flux
    relative = np.hypot(flux_err / flux, 2 * distance_err / distance)
    return value, value * relative


def _spread(galaxies: pd.DataFrame) -> NDArray[np.float64]:
    """Errors of the distances, 0 where they are not known."""
    if "distance_err_mpc" not in galaxies:
        return np.zeros(len(galaxies))
    return np.nan_to_num(numbers(galaxies, ["distance_err_mpc"], "hosts")[:, 0])
