"""Features of a radio source made by hand: what an eye measures, none of it tied to north.

The honest cheap baseline beside every network, and the second opinion of the shipped
classifier. Lengths are in arcseconds or in units of the source's own size, fluxes in units
of the source's own flux.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from .masking import PIXEL_ARCSEC, SourceMasker, central_islands, islands
from .scattering import SCATTERING_NAMES, scattering
from .stamps import STAMP_MASKER, network_stamps

__all__ = ["feature_names", "morphology_features"]

Array = NDArray[np.float64]

_LEVELS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7)
_RINGS = (0.0, 0.35, 0.7, 1.05, 1.6)
_ORDERS = (1, 2, 3, 4)
_PEAKS = 4
_MARGIN = 5
_TOUCHING = np.ones((3, 3), dtype=bool)


def morphology_features(
    images: ArrayLike, *, masker: SourceMasker | None = None, stamps: ArrayLike | None = None
) -> Array:
    """Rotation-invariant features of a stack of cutouts.

    Parameters
    ----------
    images : array_like, shape (n, ny, nx)
        Cutouts with 1.8 arcsec pixels, raw or blanked.
    masker : SourceMasker, optional
        Its thresholds and reach are used.
    stamps : array_like, shape (n, 4, 65, 65), optional
        From :func:`~decan.radio_agn.stamps.network_stamps`, if at hand.

    Returns
    -------
    ndarray of float, shape (n, len(feature_names()))
        NaN where a feature has no meaning, such as the angle between one peak.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((1, 150, 150))
    >>> image[0, 73:77, 50:100] = 1.0
    >>> row = dict(zip(feature_names(), morphology_features(image)[0], strict=True))
    >>> round(float(row["source length"])), round(float(row["source axis ratio"]), 2)
    (88, 0.08)
    """
    masker = STAMP_MASKER if masker is None else masker
    stack = np.asarray(images)
    if stamps is None:
        stamps = network_stamps(stack, masker=masker)
    rows = np.full((len(stack), len(feature_names())), np.nan)
    for start in range(0, len(stack), 256):
        part = slice(start, start + 256)
        rows[part, : -2 * len(SCATTERING_NAMES)] = _measured(stack[part], masker)
    both = np.asarray(stamps, dtype=np.float64)
    rows[:, -2 * len(SCATTERING_NAMES) : -len(SCATTERING_NAMES)] = scattering(both[:, 0])
    rows[:, -len(SCATTERING_NAMES) :] = scattering(both[:, 2])
    return rows


def feature_names() -> list[str]:
    """Names of the features, in the order of the columns.

    Returns
    -------
    list of str

    Examples
    --------
    >>> len(feature_names()) == len(set(feature_names()))
    True
    """
    empty = np.zeros((9, 9))
    measured = _measures(empty, empty, np.zeros((9, 9), np.int32))
    waves = [f"{part}, {name}" for part in ("source", "field") for name in SCATTERING_NAMES]
    return [*measured, *waves]


def _measured(stack: Array, masker: SourceMasker) -> Array:
    stack = np.asarray(stack, dtype=np.float64)
    labels, found = islands(
        stack,
        thresh_isl=masker.thresh_isl,
        thresh_pix=masker.thresh_pix,
        min_area=masker.min_area,
    )
    over = np.nan_to_num(stack - found.level[:, None, None]).clip(min=0)
    field = np.where(labels > 0, over, 0.0)
    near, _ = central_islands(
        stack, labels, masker.pixel_arcsec, masker.reach_arcsec, masker.centre_arcsec
    )
    source = np.where(near, over, 0.0)
    return np.array(
        [list(_measures(*row).values()) for row in zip(source, field, labels, strict=True)]
    )


def _measures(source: Array, field: Array, labels: NDArray[np.int32]) -> dict[str, float]:
    if not source.any():
        source = field
    out = _island_measures(source, field, labels)
    for name, image in (("source", source), ("field", field)):
        shape, frame = _shape_measures(image)
        measured = {
            **shape,
            **_profile_measures(frame),
            **_harmonic_measures(frame),
            **_peak_measures(image, frame),
            **_level_measures(image),
        }
        out |= {f"{name} {key}": value for key, value in measured.items()}
    return out


def _island_measures(source: Array, field: Array, labels: NDArray[np.int32]) -> dict[str, float]:
    """Flux, area and place of the brightest islands."""
    count = int(labels.max())
    total = field.sum()
    out = {
        "islands": float(count),
        "source share": source.sum() / total if total > 0 else np.nan,
        "pixels": float((field > 0).sum()),
    }
    keys = ("share", "area", "distance", "peak")
    rows = np.full((_PEAKS, len(keys)), np.nan)
    angles = np.full(_PEAKS, np.nan)
    if count:
        index = np.arange(1, count + 1)
        flux = np.asarray(ndimage.sum(field, labels, index))
        order = np.argsort(flux)[::-1][:_PEAKS]
        area = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        peak = np.asarray(ndimage.maximum(field, labels, index))
        middle = np.asarray(ndimage.center_of_mass(field, labels, index[order]))
        offset = middle - (np.array(field.shape) - 1) / 2
        rows[: len(order)] = np.stack(
            [
                flux[order] / total,
                area[order],
                np.hypot(*offset.T) * PIXEL_ARCSEC,
                peak[order] / field.max(),
            ],
            axis=1,
        )
        angles[: len(order)] = np.arctan2(offset[:, 0], offset[:, 1])
    for number, row in enumerate(rows, 1):
        out |= {f"island {number} {key}": float(v) for key, v in zip(keys, row, strict=True)}
    out["angle of islands 1, 2"] = _between(angles[0], angles[1])
    out["angle of islands 1, 3"] = _between(angles[0], angles[2])
    return out


def _shape_measures(image: Array) -> tuple[dict[str, float], dict[str, Any]]:
    """Moments, and the frame of the principal axes that the other measures share."""
    keys = ("length", "width", "axis ratio", "offset", "bend", "bend of area", "skewness",
            "skewness across", "kurtosis", "flux at peak", "concentration")  # fmt: skip
    y, x = np.nonzero(image)
    if len(y) < 3:
        return dict.fromkeys(keys, np.nan), {}
    flux = image[y, x] / image[y, x].sum()
    cy, cx = (flux * y).sum(), (flux * x).sum()
    dy, dx = y - cy, x - cx
    tensor = np.array(
        [
            [(flux * dx * dx).sum(), (flux * dx * dy).sum()],
            [(flux * dx * dy).sum(), (flux * dy * dy).sum()],
        ]
    )
    values, axes = np.linalg.eigh(tensor)
    minor, major = np.sqrt(np.maximum(values, 1e-3))
    along = dx * axes[0, 1] + dy * axes[1, 1]
    across = dx * axes[0, 0] + dy * axes[1, 0]
    centre = (np.array(image.shape) - 1) / 2
    low, high = along.min(), along.max()
    half = max(high - low, 1.0) / 2
    u, v = along / half, across / half
    radius = np.hypot(dy, dx)
    order = np.argsort(radius)
    inner = np.interp([0.5, 0.9], np.cumsum(flux[order]), radius[order])
    frame = {
        "y": y, "x": x, "flux": flux, "u": u, "v": v, "half": half, "along": along,
        "radius": radius, "angle": np.arctan2(dy, dx), "r90": max(inner[1], 1.0),
        "centre": centre, "tensor": (axes, cy, cx),
    }  # fmt: skip
    uniform = np.full(len(u), 1 / len(u))
    out = {
        "length": 2 * half * PIXEL_ARCSEC,
        "width": minor * PIXEL_ARCSEC,
        "axis ratio": minor / major,
        "offset": float(np.hypot(cy - centre[0], cx - centre[1])) * PIXEL_ARCSEC,
        "bend": abs(_curvature(u, v, flux)),
        "bend of area": abs(_curvature(u, v, uniform)),
        "skewness": abs((flux * along**3).sum()) / major**3,
        "skewness across": abs((flux * across**3).sum()) / minor**3,
        "kurtosis": (flux * along**4).sum() / major**4,
        "flux at peak": float(flux.max()),
        "concentration": inner[0] / frame["r90"],
    }
    return out, frame


def _curvature(u: Array, v: Array, weight: Array) -> float:
    """Coefficient of a parabola through the source in the frame of its axes."""
    design = np.stack([np.ones_like(u), u, u * u], axis=1) * np.sqrt(weight)[:, None]
    return float(np.linalg.lstsq(design, v * np.sqrt(weight), rcond=None)[0][2])


def _profile_measures(frame: dict[str, Any]) -> dict[str, float]:
    """Brightness along the major axis, folded: where on its way out the flux is."""
    names = [f"profile {n}" for n in range(8)]
    keys = [
        *names,
        "brighter half",
        "edge brightening",
        "peak places",
        "width gradient",
        "tail bend",
    ]
    if not frame:
        return dict.fromkeys(keys, np.nan)
    u, v, flux = frame["u"], frame["v"], frame["flux"]
    place = (u - u.min()) / max(np.ptp(u), 1e-9) * 7
    profile = _shared_out(place, flux, 8)
    if profile[:4].sum() < profile[4:].sum():
        place, profile = 7 - place, profile[::-1]
    width = _shared_out(place, flux * v**2, 8) / np.maximum(profile, 1e-9)
    middle = _shared_out(place, flux * v, 8) / np.maximum(profile, 1e-9)
    sides = [float(abs(u[side][np.argmax(flux[side])])) for side in (u < 0, u >= 0) if side.any()]
    ends = middle[[0, 7]].mean() - middle[[3, 4]].mean()
    out = dict(zip(names, (float(p) for p in profile), strict=True))
    return out | {
        "brighter half": float(profile[:4].sum()),
        "edge brightening": float(profile[[0, 1, 6, 7]].sum()),
        "peak places": float(np.mean(sides)),
        "width gradient": float(np.sqrt(width[[0, 7]].mean()) - np.sqrt(width[[3, 4]].mean())),
        "tail bend": float(abs(ends)),
    }


def _harmonic_measures(frame: dict[str, Any]) -> dict[str, float]:
    """Angular harmonics in rings about the centroid and about the centre of the cutout."""
    keys = [
        f"{about} ring {ring} m={order}"
        for about in ("centroid", "centre")
        for ring in range(len(_RINGS) - 1)
        for order in _ORDERS
    ]
    keys += [f"{about} ring {n} flux" for about in ("centroid", "centre") for n in range(4)]
    keys += [f"{about} opening" for about in ("centroid", "centre")]
    if not frame:
        return dict.fromkeys(keys, np.nan)
    out = dict.fromkeys(keys, np.nan)
    oy, ox = frame["y"] - frame["centre"][0], frame["x"] - frame["centre"][1]
    abouts = {
        "centroid": (frame["radius"], frame["angle"]),
        "centre": (np.hypot(oy, ox), np.arctan2(oy, ox)),
    }
    for about, (radius, angle) in abouts.items():
        scaled = radius / frame["r90"]
        waves = {m: np.exp(1j * m * angle) for m in _ORDERS}
        for ring, (low, high) in enumerate(itertools.pairwise(_RINGS)):
            inside = (scaled >= low) & (scaled < high)
            weight = frame["flux"] * inside
            total = weight.sum()
            out[f"{about} ring {ring} flux"] = float(total)
            if total > 0:
                for m, wave in waves.items():
                    out[f"{about} ring {ring} m={m}"] = float(abs((weight * wave).sum()) / total)
        out[f"{about} opening"] = _opening(angle, np.sqrt(frame["flux"]) * (scaled > 0.35))
    return out


def _opening(angle: Array, weight: Array) -> float:
    """Angle between two equal lobes that would have this mean direction, degrees."""
    total = weight.sum()
    if total <= 0:
        return np.nan
    mean = abs((weight * np.exp(1j * angle)).sum()) / total
    return float(np.degrees(2 * np.arccos(min(mean, 1.0))))


def _peak_measures(image: Array, frame: dict[str, Any]) -> dict[str, float]:
    """Local maxima: how far out, how bright, and at which angle they see each other."""
    keys = [f"peak {n} {what}" for n in range(1, _PEAKS + 1) for what in ("radius", "height")]
    keys += ["peaks", "distance of peaks", "peaks over length"]
    keys += ["angle at peak 1", "angle at middle peak"]
    out = dict.fromkeys(keys, np.nan)
    if not frame:
        return out
    image, corner = _cut(image)
    smooth = ndimage.gaussian_filter(image, 1.0, mode="constant")
    tops = (smooth == ndimage.maximum_filter(smooth, size=7)) & (smooth > 0.03 * smooth.max())
    y, x = np.nonzero(tops)
    height = smooth[y, x]
    order = np.argsort(height)[::-1]
    y, x, height = y[order], x[order], height[order] / height.max()
    out["peaks"] = float(len(y))
    offset = np.stack([y, x], axis=1) + corner - frame["centre"]
    radius = np.hypot(*offset.T)
    for n in range(min(_PEAKS, len(y))):
        out[f"peak {n + 1} radius"] = float(radius[n] / frame["half"])
        out[f"peak {n + 1} height"] = float(height[n])
    if len(y) >= 2:
        distance = float(np.hypot(y[0] - y[1], x[0] - x[1]))
        out["distance of peaks"] = distance * PIXEL_ARCSEC
        out["peaks over length"] = distance / (2 * frame["half"])
    if len(y) >= 3:
        points = offset[:3]
        out["angle at peak 1"] = _seen_from(points, 0)
        out["angle at middle peak"] = _seen_from(points, int(np.argmin(radius[:3])))
    return out


def _level_measures(image: Array) -> dict[str, float]:
    """Area, outline and number of pieces above fractions of the peak."""
    out: dict[str, float] = {}
    image, _ = _cut(image)
    peak = image.max()
    for level in _LEVELS:
        inside = image > level * peak if peak > 0 else np.zeros(image.shape, bool)
        area = float(inside.sum())
        edge = float((inside ^ ndimage.binary_erosion(inside)).sum())
        out[f"area above {level:g}"] = area
        out[f"outline above {level:g}"] = edge / np.sqrt(area) if area else np.nan
        out[f"pieces above {level:g}"] = float(ndimage.label(inside, structure=_TOUCHING)[1])
    return out


def _cut(image: Array) -> tuple[Array, NDArray[np.intp]]:
    """The part of an image that is not empty, with a margin, and where its corner was."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    if not rows.size:
        return np.zeros((9, 9)), np.zeros(2, dtype=np.intp)
    part = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.pad(part, _MARGIN), np.array([rows[0], columns[0]]) - _MARGIN


def _shared_out(place: Array, weight: Array, size: int) -> Array:
    """A histogram at whole places; what lies between two is shared, so that none has an edge."""
    low = np.clip(np.floor(place).astype(int), 0, size - 2)
    part = place - low
    return np.asarray(
        np.bincount(low, weight * (1 - part), size) + np.bincount(low + 1, weight * part, size)
    )


def _seen_from(points: Array, corner: int) -> float:
    others = [k for k in range(3) if k != corner]
    angles = [float(np.arctan2(*(points[k] - points[corner]))) for k in others]
    return _between(*angles)


def _between(first: float, second: float) -> float:
    """Angle between two directions, degrees from 0 to 180."""
    return float(np.degrees(abs(np.angle(np.exp(1j * (first - second))))))
