"""Features of a radio source made by hand: what an eye measures, none of it tied to north.

The honest cheap baseline beside every network, and the second opinion of the shipped
classifier. Lengths are in arcseconds or in units of the source's own size, fluxes in units
of the source's own flux.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from .islands import PIXEL_ARCSEC, Islands, central_islands, plain_images
from .masking import SourceMasker
from .scattering import SCATTERING_NAMES, scattering
from .stamps import STAMP_MASKER, stamps_of

__all__ = ["feature_names", "features_of", "morphology_features"]

Array = NDArray[np.float64]

_LEVELS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7)
_RINGS = (0.0, 0.35, 0.7, 1.05, 1.6)
_ORDERS = (1, 2, 3, 4)
_PEAKS = 4
_MARGIN = 5
_AT_ONCE = 64


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
    stack = plain_images(images)
    rows = np.full((len(stack), len(feature_names())), np.nan)
    for start in range(0, len(stack), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        found = masker.islands(stack[part])
        seen = stamps_of(found, masker=masker) if stamps is None else np.asarray(stamps)[part]
        rows[part] = features_of(found, seen, masker=masker)
    return rows


def features_of(found: Islands, stamps: ArrayLike, *, masker: SourceMasker | None = None) -> Array:
    """Features of images that have been taken apart.

    Parameters
    ----------
    found : Islands
        From :meth:`SourceMasker.islands`.
    stamps : array_like, shape (n, 4, 65, 65)
        From :func:`~decan.radio_agn.stamps.stamps_of`.
    masker : SourceMasker, optional
        Its reach is used.

    Returns
    -------
    ndarray of float, shape (n, len(feature_names()))

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((1, 150, 150))
    >>> image[0, 73:77, 50:100] = 1.0
    >>> found = STAMP_MASKER.islands(image)
    >>> features_of(found, stamps_of(found)).shape == (1, len(feature_names()))
    True
    """
    masker = STAMP_MASKER if masker is None else masker
    near, _ = central_islands(found, masker.pixel_arcsec, masker.reach_arcsec, masker.centre_arcsec)
    measured = [
        list(_measures(*row).values()) for row in zip(found.over, found.labels, near, strict=True)
    ]
    seen = np.asarray(stamps, dtype=np.float64)
    return np.hstack([np.array(measured), scattering(seen[:, 0])])


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
    measured = _measures(empty, np.zeros((9, 9), np.int32), np.zeros((9, 9), bool))
    return [*measured, *(f"source, {name}" for name in SCATTERING_NAMES)]


def _measures(over: Array, labels: NDArray[np.int32], near: NDArray[np.bool_]) -> dict[str, float]:
    field = _Part.of(over, labels, labels > 0)
    source = _Part.of(over, labels, near)
    if not source.flux.any():
        source = field
    out = _island_measures(source, field)
    for name, part in (("source", source), ("field", field)):
        shape, frame = _shape_measures(part)
        measured = {
            **shape,
            **_profile_measures(frame),
            **_harmonic_measures(frame),
            **_peak_measures(part, frame),
            **_level_measures(part),
        }
        out |= {f"{name} {key}": value for key, value in measured.items()}
    return out


@dataclass(frozen=True)
class _Part:
    """The bright pixels of one picture, and the smallest picture that holds them."""

    y: NDArray[np.intp]
    x: NDArray[np.intp]
    flux: Array
    names: NDArray[np.int32]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, over: Array, labels: NDArray[np.int32], mask: NDArray[np.bool_]) -> _Part:
        pixels = np.flatnonzero(mask)
        flux = over.ravel()[pixels]
        pixels, flux = pixels[flux > 0], flux[flux > 0]
        y, x = np.divmod(pixels, over.shape[1])
        return cls(y, x, flux, labels.ravel()[pixels], over.shape)

    @cached_property
    def corner(self) -> NDArray[np.intp]:
        """Where the cut-out begins."""
        if not self.y.size:
            return np.zeros(2, dtype=np.intp)
        return np.array([self.y.min(), self.x.min()]) - _MARGIN

    @cached_property
    def cut(self) -> Array:
        """The part of the picture that is not empty, with a margin."""
        if not self.y.size:
            return np.zeros((9, 9))
        y, x = self.y - self.corner[0], self.x - self.corner[1]
        picture = np.zeros((int(y.max()) + _MARGIN + 1, int(x.max()) + _MARGIN + 1))
        picture[y, x] = self.flux
        return picture


def _island_measures(source: _Part, field: _Part) -> dict[str, float]:
    """Flux, area and place of the brightest islands."""
    count = int(field.names.max(initial=0))
    total = field.flux.sum()
    out = {
        "islands": float(count),
        "source share": source.flux.sum() / total if total > 0 else np.nan,
        "pixels": float(field.flux.size),
    }
    keys = ("share", "area", "distance", "peak")
    rows = np.full((_PEAKS, len(keys)), np.nan)
    angles = np.full(_PEAKS, np.nan)
    if count:
        flux = np.bincount(field.names, field.flux)
        area = np.bincount(field.names)
        peak = np.zeros(count + 1)
        np.maximum.at(peak, field.names, field.flux)
        order = np.argsort(-flux[1:], kind="stable")[:_PEAKS] + 1
        middle = [
            np.bincount(field.names, field.flux * place)[order] / flux[order] - (size - 1) / 2
            for place, size in zip((field.y, field.x), field.shape, strict=True)
        ]
        rows[: len(order)] = np.stack(
            [
                flux[order] / total,
                area[order],
                np.hypot(*middle) * PIXEL_ARCSEC,
                peak[order] / peak.max(),
            ],
            axis=1,
        )
        angles[: len(order)] = np.arctan2(*middle)
    for number, row in enumerate(rows, 1):
        out |= {f"island {number} {key}": float(v) for key, v in zip(keys, row, strict=True)}
    out["angle of islands 1, 2"] = _between(angles[0], angles[1])
    out["angle of islands 1, 3"] = _between(angles[0], angles[2])
    return out


def _shape_measures(part: _Part) -> tuple[dict[str, float], dict[str, Any]]:
    """Moments, and the frame of the principal axes that the other measures share."""
    keys = ("length", "width", "axis ratio", "offset", "bend", "bend of area", "skewness",
            "skewness across", "kurtosis", "flux at peak", "concentration")  # fmt: skip
    y, x = part.y, part.x
    if len(y) < 3:
        return dict.fromkeys(keys, np.nan), {}
    flux = part.flux / part.flux.sum()
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
    centre = (np.array(part.shape) - 1) / 2
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


def _peak_measures(part: _Part, frame: dict[str, Any]) -> dict[str, float]:
    """Local maxima: how far out, how bright, and at which angle they see each other."""
    keys = [f"peak {n} {what}" for n in range(1, _PEAKS + 1) for what in ("radius", "height")]
    keys += ["peaks", "distance of peaks", "peaks over length"]
    keys += ["angle at peak 1", "angle at middle peak"]
    out = dict.fromkeys(keys, np.nan)
    if not frame:
        return out
    smooth = ndimage.gaussian_filter(part.cut, 1.0, mode="constant")
    tops = (smooth == ndimage.maximum_filter(smooth, size=7)) & (smooth > 0.03 * smooth.max())
    y, x = np.nonzero(tops)
    height = smooth[y, x]
    order = np.argsort(height)[::-1]
    y, x, height = y[order], x[order], height[order] / height.max()
    out["peaks"] = float(len(y))
    offset = np.stack([y, x], axis=1) + part.corner - frame["centre"]
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


def _level_measures(part: _Part) -> dict[str, float]:
    """Area, outline and number of pieces above fractions of the peak."""
    out: dict[str, float] = {}
    picture = part.cut
    peak = picture.max()
    for level in _LEVELS:
        inside = picture > level * peak if peak > 0 else np.zeros(picture.shape, bool)
        area, edge, pieces = _outlined(inside)
        out[f"area above {level:g}"] = area
        out[f"outline above {level:g}"] = edge / np.sqrt(area) if area else np.nan
        out[f"pieces above {level:g}"] = pieces
    return out


def _outlined(inside: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Area, pixels that touch the outside, and pieces less holes, of a mask with a margin."""
    middle = inside[1:-1, 1:-1]
    kept = middle & inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    area = int(np.count_nonzero(middle))
    # Euler's number by vertices, edges and faces of the pixels taken as closed squares, which
    # counts pixels that touch at a corner as one piece.
    down, right = inside[:-1] | inside[1:], inside[:, :-1] | inside[:, 1:]
    corners = down[:, :-1] | down[:, 1:]
    edges = np.count_nonzero(down) + np.count_nonzero(right)
    pieces = np.count_nonzero(corners) - edges + area
    return float(area), float(area - np.count_nonzero(kept)), float(pieces)


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
