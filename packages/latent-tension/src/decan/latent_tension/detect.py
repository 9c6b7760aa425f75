"""Candidates: where the residual of a fit looks like a source that the model lacks.

The score of a template (a point, a blob of some size, a shell) is the derivative of the
likelihood by its flux. What the correlated field could explain of it instead is taken out of
its variance by the simulated null of :func:`decan.latent_tension.sampling.draw_samples`:
each draw is a repetition of the whole experiment without the source.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .model import SkyModel
from .points import PointSources
from .psf import half_width
from .response import in_parts
from .spectra import InverseGamma, Normal

__all__ = ["Template", "TemplateBank", "gumbel_threshold", "likelihood_ratio", "local_maxima"]


KNOWN_SCALE = 16  # maxima that the known scale of normal extremes is worth


@dataclass(frozen=True)
class Template:
    """A shape that is looked for: kind ('point', 'gauss', 'shell') and size in pixels.

    Examples
    --------
    >>> Template("gauss", 2.5).kind
    'gauss'
    """

    kind: str
    size: float = 0.0

    def image(self, ny: int, nx: int) -> np.ndarray:
        """Unit-sum image with its centre on the first pixel of a periodic grid."""
        y = np.fft.fftfreq(ny, 1 / ny)[:, None]
        x = np.fft.fftfreq(nx, 1 / nx)
        r = np.hypot(y, x)
        if self.kind == "point":
            shape = (r == 0).astype(float)
        elif self.kind == "gauss":
            shape = np.exp(-(r**2) / (2 * self.size**2))
        else:
            shape = np.exp(-((r - self.size) ** 2) / (2 * (0.25 * self.size) ** 2))
        return np.asarray(shape / shape.sum())


class TemplateBank:
    """Score maps of several templates on the sky's grid, in units of their own null.

    Parameters
    ----------
    model : SkyModel
        The fitted model.
    templates : sequence of Template
        What to look for.
    share : Tensor, shape (band,)
        Spectrum of what is looked for, unit sum.

    Examples
    --------
    >>> TemplateBank.__name__
    'TemplateBank'
    """

    def __init__(self, model: SkyModel, templates: list[Template], share: Tensor) -> None:
        self.model, self.templates, self.share = model, templates, share
        grid = model.grid
        self.fwhm = min(
            float(half_width(i.image.psf.stamps(i.image.n_bands)).min()) for i in model.instruments
        )
        self.shapes, self.squares = [], []
        for one in templates:
            shape = torch.tensor(one.image(grid.ny, grid.nx)).to(grid.k)
            modes = torch.fft.rfft2(shape)
            self.shapes.append(modes.real)  # symmetric, so its transform is real
            per_eye = []
            for eye in model.instruments:
                kernel = torch.fft.irfft2(eye.kernels.mean(0) * modes.real, s=(grid.ny, grid.nx))
                per_eye.append(torch.fft.rfft2(kernel**2).conj())
            self.squares.append(per_eye)
        self.inside = self._inside()

    def scores(self, residual: Tensor, rate: Tensor) -> Iterator[Tensor]:
        """Score map of each template for residual counts, one (samples, grid y, grid x) by one.

        Parameters
        ----------
        residual, rate : Tensor, shape (samples, data) and (1, data)
            Counts minus expected, and expected.
        """
        size = (self.model.grid.ny, self.model.grid.nx)
        modes = torch.fft.rfft2(in_parts(self._seen, residual / rate))
        for shape in self.shapes:
            yield torch.fft.irfft2(modes * shape, s=size)

    def _seen(self, weighted: Tensor) -> Tensor:
        """Weighted residuals of all instruments and bands, carried back to the sky."""
        images = self.model.images(weighted)
        total: Tensor | None = None
        for eye, image in zip(self.model.instruments, images, strict=True):
            part = eye.observe_adjoint(image * eye.good * eye.exposure)
            part = (part * self.share[:, None, None]).sum(1)
            total = part if total is None else total + part
        assert total is not None
        return total

    def information(self, rate: Tensor) -> list[Tensor]:
        """Fisher information of each template's flux were the rest known, (grid y, grid x)."""
        grid = self.model.grid
        found = []
        images = self.model.images(1 / rate)
        weights = []
        for eye, image in zip(self.model.instruments, images, strict=True):
            full = rate.new_zeros(len(self.share), grid.ny, grid.nx)
            full[:, eye.window[0], eye.window[1]] = image[0] * eye.good * eye.exposure**2
            weights.append(torch.fft.rfft2(full * self.share[:, None, None] ** 2))
        for per_eye in self.squares:
            modes = sum(w * s for w, s in zip(weights, per_eye, strict=True))
            assert isinstance(modes, Tensor)
            information = torch.fft.irfft2(modes.sum(0), s=(grid.ny, grid.nx))
            found.append(information.clamp(min=1e-30))
        return found

    def calibrated(
        self, residual: Tensor, null: Tensor, rate: Tensor
    ) -> tuple[list[Tensor], list[Tensor], tuple[Tensor, Tensor]]:
        """Significance of each template in every pixel, for the data and for the null.

        Parameters
        ----------
        residual : Tensor, shape (1, data)
            Residual counts of the fit.
        null : Tensor, shape (draws, data)
            Residual counts of repeated experiments.
        rate : Tensor, shape (1, data)
            Expected counts.

        Returns
        -------
        z : list of Tensor, (grid y, grid x)
            Score over its standard deviation under the null.
        share : list of Tensor, (grid y, grid x)
            Part of the information that the field cannot take.
        repeated : (Tensor, Tensor), each (draws, grid y, grid x)
            Score and share of the first template in every repetition, each judged by the
            others alone, as the data are.
        """
        scores, nulls = self.scores(residual, rate), self.scores(null, rate)
        information = self.information(rate)
        z: list[Tensor] = []
        free: list[Tensor] = []
        repeated: list[Tensor] = []
        for one, score, many, info in zip(self.templates, scores, nulls, information, strict=True):
            width = 2 * self.fwhm + one.size
            norm = _smoothed(self.inside, width).clamp(min=1e-3)
            if not z:
                each = torch.stack([_smoothed(m**2 / info * self.inside, width) for m in many])
                others = (each.sum(0) - each) / max(len(many) - 1, 1)
                own = (others / norm).clamp(1e-3, 1.0)
                repeated = [torch.where(self.inside > 0, many / torch.sqrt(own * info), 0.0), own]
            share = _smoothed((many**2).mean(0) / info * self.inside, width)
            share = (share / norm).clamp(1e-3, 1.0)
            z.append(torch.where(self.inside > 0, score[0] / torch.sqrt(share * info), 0.0))
            free.append(share)
        return z, free, (repeated[0], repeated[1])

    def _inside(self) -> Tensor:
        """One where a source's core falls on good pixels of some image."""
        grid = self.model.grid
        full = grid.k.new_zeros(grid.ny, grid.nx)
        for eye in self.model.instruments:
            good = eye.good.amax(0)
            full[eye.window[0], eye.window[1]] = torch.maximum(
                full[eye.window[0], eye.window[1]], good
            )
        return full


def local_maxima(
    image: np.ndarray, threshold: float, min_distance: float, *, most: int | None = None
) -> list[tuple[int, int]]:
    """Peaks above a threshold, the highest first, no two nearer than a distance.

    Of a plateau of exactly equal pixels one is kept.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        The map.
    threshold : float
        Least height.
    min_distance : float
        In pixels.
    most : int, optional
        Only this many of the highest.

    Returns
    -------
    list of (int, int)
        (y, x) of each peak.

    Examples
    --------
    >>> image = np.zeros((5, 7))
    >>> image[2, 2:4] = 3.0
    >>> local_maxima(image, 1.0, 2.0)
    [(2, 2)]
    """
    from scipy.ndimage import maximum_filter

    high = (image >= maximum_filter(image, size=3, mode="nearest")) & (image > threshold)
    places = np.argwhere(high)
    order = np.lexsort((places[:, 1], places[:, 0], -image[tuple(places.T)]))
    kept = np.zeros((0, 2), int)
    for place in places[order]:
        if most is not None and len(kept) == most:
            break
        if np.all(((kept - place) ** 2).sum(1) >= min_distance**2):
            kept = np.vstack([kept, place])
    return [(int(y), int(x)) for y, x in kept]


def refined(image: np.ndarray, y: int, x: int) -> tuple[float, float]:
    """Vertex of a parabola through a peak and its neighbours, along each axis."""
    place = []
    for axis, centre in enumerate((y, x)):
        if 0 < centre < image.shape[axis] - 1:
            step = (1, 0) if axis == 0 else (0, 1)
            low, mid, high = (image[y + i * step[0], x + i * step[1]] for i in (-1, 0, 1))
            bend = low - 2 * mid + high
            shift = 0.5 * (low - high) / bend if bend < 0 else 0.0
            place.append(centre + float(np.clip(shift, -0.5, 0.5)))
        else:
            place.append(float(centre))
    return place[0], place[1]


def likelihood_ratio(
    model: SkyModel, positions: Any, counts: Tensor, rate: Tensor, share: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Flux of a point source at each position, and twice the gain in log-likelihood.

    The rest of the model stands still; no Gaussian approximation, so that bands with a
    hundredth of a count a pixel are right too.

    Parameters
    ----------
    model : SkyModel
        Whose instruments look.
    positions : array_like, shape (n, 2)
        (y, x) on the sky's grid.
    counts, rate : Tensor, shape (1, data)
        Observed and expected without the source.
    share : Tensor, shape (band,)
        Spectrum of the source.

    Returns
    -------
    flux, ts : ndarray, shape (n,)
        Both zero where the best flux would be negative.

    Examples
    --------
    >>> likelihood_ratio.__name__
    'likelihood_ratio'
    """
    positions = np.asarray(positions, float).reshape(-1, 2)
    if not len(positions):
        return np.zeros(0), np.zeros(0)
    if len(positions) > 8:  # bounds the memory of many candidates
        parts = np.array_split(positions, -(-len(positions) // 8))
        found = [likelihood_ratio(model, part, counts, rate, share) for part in parts]
        flux_parts, ts_parts = zip(*found, strict=True)
        return np.concatenate(flux_parts), np.concatenate(ts_parts)
    probe = PointSources(
        model.instruments,
        positions,
        model.diffuse.mu.cpu().numpy(),
        np.ones(len(share)),
        InverseGamma(1, 1),
        Normal(0, 1),
    )
    shift = share.new_zeros(1, len(positions), 2)
    flux = share.expand(1, len(positions), -1)
    s, n, b = [], [], []
    for eye, instrument, c, r in zip(
        probe.eyes, model.instruments, model.images(counts), model.images(rate), strict=True
    ):
        stamps = eye.render(shift, flux)[0, :, :, 0].clamp(min=0)
        seen = eye.gathered((instrument.exposure * instrument.good)[None])[0]
        s.append((stamps * seen).flatten(1))
        n.append(eye.gathered(c * instrument.good)[0].flatten(1))
        b.append(eye.gathered(r)[0].flatten(1).clamp(min=1e-12))
    return _profile(torch.cat(s, 1), torch.cat(n, 1), torch.cat(b, 1))


def gumbel_threshold(maxima: Any, p: float) -> float:
    """Height that the maximum of a null map exceeds with probability ``p``.

    Parameters
    ----------
    maxima : array_like
        Maxima of simulated null maps.
    p : float
        Global false-alarm probability.

    Returns
    -------
    float
        From a Gumbel law with the maxima's mean and, more so the more they are, their
        standard deviation.

    Examples
    --------
    >>> round(gumbel_threshold([3.0, 3.2, 3.5, 3.9, 3.3, 3.6], 0.05), 2)
    4.09
    """
    mean, scale = _gumbel(maxima)
    return float(mean - scale * math.log(-math.log1p(-p)))


def gumbel_probability(maxima: Any, height: float) -> float:
    """Probability that a null map's maximum exceeds a height."""
    mean, scale = _gumbel(maxima)
    return float(-math.expm1(-math.exp(-(height - mean) / scale)))


def _gumbel(maxima: Any) -> tuple[float, float]:
    """Location and scale; few maxima leave the scale to what extremes of normal numbers have.

    The maximum ``u`` of many normal numbers scatters on the scale ``1 / u``.
    """
    array = np.asarray(maxima, float)
    own, typical = array.std(ddof=1) * math.sqrt(6) / math.pi, 1 / max(array.mean(), 1.0)
    weight = len(array) / (len(array) + KNOWN_SCALE)
    scale = math.sqrt(weight * own**2 + (1 - weight) * typical**2)
    return float(array.mean() - 0.5772156649 * scale), float(scale)


def _profile(s: Tensor, n: Tensor, b: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Newton in the flux, kept positive by falling back on the EM step."""
    total = s.sum(1)
    flux = ((s * (n - b) / b).sum(1) / (s**2 / b).sum(1).clamp(min=1e-30)).clamp(min=0)
    flux = torch.where(flux > 0, flux, 1e-3 / total.clamp(min=1e-30))
    for _ in range(25):
        rate = b + flux[:, None] * s
        ratio = (s * n / rate).sum(1)
        curvature = (s**2 * n / rate**2).sum(1).clamp(min=1e-30)
        newton = flux + (ratio - total) / curvature
        em = flux * ratio / total.clamp(min=1e-30)
        before, flux = flux, torch.where(newton > 0.1 * em, newton, em)
        if bool(((flux - before).abs() <= 1e-6 * flux).all()):
            break
    rate = b + flux[:, None] * s
    gain = (n * torch.log(rate / b)).sum(1) - flux * total
    good = (gain > 0) & (total > 0)
    return (
        torch.where(good, flux, 0.0).cpu().numpy(),
        torch.where(good, 2 * gain, 0.0).cpu().numpy(),
    )


def _smoothed(image: Tensor, width: float) -> Tensor:
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(image.cpu().numpy(), width, mode="constant")
    return torch.as_tensor(smooth).to(image)
