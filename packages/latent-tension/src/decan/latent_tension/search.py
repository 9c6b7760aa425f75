"""What the tension asks for: candidates for points and for extended objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .components import Extended, Point, Scene
from .detect import Template, TemplateBank, likelihood_ratio, local_maxima, refined
from .inference import Posterior, energy_and_gradient, newton_step
from .likelihood import Poisson
from .model import SkyModel
from .psf import half_width
from .sampling import draw_samples
from .tension import (
    TensionMaps,
    cropped,
    excitation_maps,
    latent_table,
    robust_score,
)

__all__ = ["Search"]

EXTENDED_THRESHOLD = 7.0
SIZES = (
    ("gauss", 1.5),
    ("gauss", 2.5),
    ("gauss", 4.0),
    ("shell", 3.0),
    ("shell", 4.5),
    ("shell", 6.0),
    ("shell", 7.5),
)
"""Templates besides the point, sizes in half widths of the PSF."""


@dataclass
class Search:
    """One search of a fitted model's tension.

    Examples
    --------
    >>> Search.__name__
    'Search'
    """

    scene: Scene
    model: SkyModel
    maps: TensionMaps
    bank: TemplateBank
    z: list[np.ndarray]
    free: list[Tensor]
    rate: Tensor
    excitations: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(
        cls,
        scene: Scene,
        model: SkyModel,
        posterior: Posterior,
        generator: torch.Generator,
        *,
        extended: bool,
        refine: bool = True,
        n_null: int = 16,
    ) -> Search:
        """Tension maps of a fit, each with its null.

        Parameters
        ----------
        scene : Scene
            What has been found so far.
        model : SkyModel
            Its model.
        posterior : Posterior
            The fit.
        generator : torch.Generator
            Source of the draws.
        extended : bool
            Whether templates of extended objects are tried.
        refine : bool
            Whether the mean takes one more step with the many samples of the null: what the few
            of a round leave unfitted would look like tension. Changes ``posterior.mean``.
        n_null : int
            Repetitions of the experiment.

        Returns
        -------
        Search
        """
        likelihood = Poisson(model.counts, model.good)
        samples, null = draw_samples(
            model, likelihood, posterior.mean, n_null, generator, max_iter=40
        )
        if refine:
            energy, gradient = energy_and_gradient(model, likelihood, posterior.mean, samples)
            step = newton_step(model, likelihood, posterior.mean, samples, energy, gradient)
            posterior.mean = posterior.mean if step is None else step
        rates = [model.at(posterior.mean + s).rate.sum(0, keepdim=True) for s in samples.split(4)]
        rate = torch.cat(rates).sum(0, keepdim=True) / len(samples)
        share = torch.as_tensor(scene.source_share()).to(rate)
        bank = TemplateBank(model, _templates(model, extended), share)
        residual = (model.counts - rate) * model.good
        z, free, repeated = bank.calibrated(residual, null["residual"], rate)
        means, variances = excitation_maps(model, posterior.mean, samples)
        inside = cropped(model, bank.inside) > 0
        maps = TensionMaps(
            mean={k: cropped(model, v) for k, v in means.items()},
            variance={k: cropped(model, v) for k, v in variances.items()},
            score={k: robust_score(cropped(model, v), inside) for k, v in means.items()},
            matched=cropped(model, z[0]),
            null_maxima=_null_maxima(model, null, repeated, rate, share),
            table=latent_table(model, posterior.mean, samples),
        )
        spatial = means["spatial"].cpu().numpy()
        spread = np.sqrt(variances["spatial"].cpu().numpy())
        heights = [m.cpu().numpy() for m in z]
        return cls(scene, model, maps, bank, heights, free, rate, spatial, spread)

    @property
    def inside(self) -> np.ndarray:
        """True where a source's core falls on good pixels, on the grid."""
        return np.asarray(self.bank.inside.cpu().numpy() > 0)

    def points(
        self, limit: float, statistic: str, extended: list[Extended], loop: int
    ) -> list[Point]:
        """Peaks whose likelihood ratio exceeds a significance; all peaks go into the maps.

        Parameters
        ----------
        limit : float
            Least significance.
        statistic : {'matched', 'mad-z', 'mean', 'mean/std'}
            Map that is searched for peaks.
        extended : list of Extended
            Objects found in the same search; points on them wait.
        loop : int
            Number of the search.

        Returns
        -------
        list of Point
        """
        image, least = self._searched(statistic)
        inside, fwhm = self.inside, self.bank.fwhm
        places = []
        for y, x in local_maxima(image, least, 1.5 * fwhm, most=150):
            near_new = any(np.hypot(y - e.y, x - e.x) < e.radius for e in extended)
            near_old = any(np.hypot(y - p.y, x - p.x) < 1.2 * fwhm for p in self.scene.points)
            if inside[y, x] and not near_new and not near_old:
                places.append(refined(image, y, x))
        counts = self.model.counts[None] * self.model.good
        flux, ts = likelihood_ratio(self.model, places, counts, self.rate, self.bank.share)
        found = []
        share = self.bank.share.cpu().numpy()
        for (py, px), f, t in zip(places, flux, ts, strict=True):
            part = float(self.free[0][round(py), round(px)])
            # The field has taken part of the source already; what is left is that much more.
            significance = float(np.sqrt(t / part))
            p = self.maps.p_value(significance)
            self.maps.candidates.append({"y": py, "x": px, "significance": significance, "p": p})
            if significance > limit and f > 0:
                found.append(Point(py, px, share * f / max(part, 0.2), loop, peak=significance))
        return found

    def extended(self, loop: int) -> list[Extended]:
        """Extended templates that beat every point nearby, the best first.

        Parameters
        ----------
        loop : int
            Number of the search.

        Returns
        -------
        list of Extended
        """
        found: list[Extended] = []
        free = self.inside.copy()
        yy, xx = np.mgrid[: free.shape[0], : free.shape[1]]
        for old in self.scene.extended:
            free &= np.hypot(yy - old.y, xx - old.x) > old.radius
        for _ in range(6):
            tops = [float(np.where(free, m, -np.inf).max()) for m in self.z[1:]]
            if not tops or max(tops) < EXTENDED_THRESHOLD:
                break
            which = int(np.argmax(tops)) + 1
            one, score = self.bank.templates[which], self.z[which]
            y, x = np.unravel_index(int(np.argmax(np.where(free, score, -np.inf))), free.shape)
            reach = one.size * (1.3 if one.kind == "shell" else 1.0) + self.bank.fwhm
            near = np.hypot(yy - y, xx - x) <= reach
            free &= ~near
            best, point = float(score[y, x]), float(np.where(near, self.z[0], 0).max())
            # Two blended points look like a small blob, so small templates must beat more.
            small = one.size < 1.3 * self.bank.fwhm
            if best**2 < (1.15 * point**2 + 16 if small else point**2 + 9):
                continue
            new = Extended(float(y), float(x), one.kind, one.size, 0.0, loop, peak=best)
            new.level = self._level(new, which)
            found.append(new)
            free &= np.hypot(yy - y, xx - x) > 2 * new.radius
        return found

    def _searched(self, statistic: str) -> tuple[np.ndarray, float]:
        """The map that is searched for peaks, and the least height of a candidate."""
        if statistic == "matched":
            return self.z[0], 2.5
        if statistic in ("mean", "mean/std"):
            image = self.excitations / (self.spread if statistic == "mean/std" else 1.0)
            return image, 3 * float(image.std())
        return robust_score(self.excitations), 3.0

    def _level(self, one: Extended, which: int) -> float:
        """Log intensity at the centre that holds the candidate's excess in its envelope."""
        residual = (self.model.counts[None] - self.rate) * self.model.good
        score = list(self.bank.scores(residual, self.rate))[which]
        information = self.bank.information(self.rate)[which] * self.free[which]
        y, x = int(one.y), int(one.x)
        flux = float(score[0, y, x] / information[y, x])
        return float(np.log(max(flux, 1e-300) / (2 * np.pi * one.envelope**2)))


def _null_maxima(
    model: SkyModel,
    null: dict[str, Tensor],
    repeated: tuple[Tensor, Tensor],
    rate: Tensor,
    share: Tensor,
) -> np.ndarray:
    """Highest significance in each repetition, found in the same way as in the data."""
    found = []
    for k, (score, free) in enumerate(zip(*repeated, strict=True)):
        counts = (rate + null["noise"][k]).clamp(min=0)
        refit = (counts - null["residual"][k]).clamp(min=0.05 * rate)
        image = score.cpu().numpy()
        peaks = local_maxima(image, 1.0, 2.0, most=12)
        if not peaks:
            found.append(0.0)
            continue
        places = [refined(image, y, x) for y, x in peaks]
        _, ts = likelihood_ratio(model, places, counts, refit, share)
        local = np.array([float(free[y, x]) for y, x in peaks])
        found.append(float(np.sqrt(ts / local).max()))
    return np.array(found)


def _templates(model: SkyModel, extended: bool) -> list[Template]:
    """Point, and blobs and shells in units of the PSF's width."""
    width = min(
        float(half_width(i.image.psf.stamps(i.image.n_bands)).min()) for i in model.instruments
    )
    flat = min(model.grid.ny, model.grid.nx) == 1
    if not extended or flat:
        return [Template("point")]
    return [Template("point"), *(Template(kind, size * width / 2) for kind, size in SIZES)]
