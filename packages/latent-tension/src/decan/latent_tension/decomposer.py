"""The user's object: an image in, components with their uncertainty out."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .catalogue import build_catalogue, score_catalogue
from .components import Priors, Scene
from .detect import gumbel_threshold
from .diagnostics import (
    component_skies,
    expected_counts,
    noise_weighted_residuals,
    posterior_spectrum,
)
from .image import PhotonImage
from .inference import Posterior, few_threads, fit_vi
from .likelihood import Poisson
from .model import SkyModel
from .results import page_of, write_components
from .sampling import draw_samples
from .search import Search
from .tension import TensionMaps
from .verify import mask_hot_pixels, removal_ts

if TYPE_CHECKING:
    import pandas as pd

    from decan.core.report import Page

__all__ = ["TensionDecomposer"]

STATISTICS = ("matched", "mad-z", "mean", "mean/std")
METHODS = ("geovi", "mgvi")
SETTLED = 40.0
# While the spectra are held at their priors' shape, only what stands out clearly is added.
FIRST_MARGIN = 1.0
HELD_LOOPS = 2


class TensionDecomposer:
    """Decompose counts into diffuse emission, point sources and extended objects.

    Begins with diffuse emission alone, looks where the fit is in tension with its own prior,
    adds a component there, fits again, and stops when nothing is left. Needs neither a
    background map nor a list of sources.

    Parameters
    ----------
    threshold : float or 'fdr'
        Least significance (sigma) of a point source. With ``'fdr'`` it is the height that
        a field without sources exceeds with probability ``false_alarm``, from repeated
        experiments under the fitted model.
    statistic : {'matched', 'mad-z', 'mean', 'mean/std'}
        What is searched for peaks: the tension matched to a point source, the robust score of
        the excitation map, that map itself, or its mean over the samples' standard deviation.
        Whichever it is, the likelihood ratio at the peak decides.
    false_alarm : float
        Global false-alarm probability of ``threshold='fdr'``.
    max_loops : int
        Most rounds of adding components.
    method : {'geovi', 'mgvi'}
        Samples of the final fit; the loops use MGVI.
    n_samples : int
        Antithetic pairs a round.
    n_final : int
        Antithetic pairs of the final posterior.
    priors : Priors, optional
        Priors of all components.
    fit_extended : bool
        Whether extended objects are looked for.
    relaxation : float
        What is left of the excitations where a component was added.
    device : str
        'auto' takes CUDA where present.
    random_state : int
        The same seed gives the same catalogue, bit for bit, on one machine.
    progress : bool
        Show a bar.

    Attributes
    ----------
    catalogue_ : pandas.DataFrame
        Sources; columns in :func:`decan.latent_tension.catalogue.build_catalogue`.
    tension_maps_ : list of TensionMaps
        One a loop.
    history_ : pandas.DataFrame
        One row a round of inference: loop, energy, decrement.
    converged_ : bool
        Whether the final fit settled.

    Examples
    --------
    >>> TensionDecomposer(threshold=5.0).threshold
    5.0
    """

    def __init__(
        self,
        *,
        threshold: float | str = 3.9,
        statistic: str = "matched",
        false_alarm: float = 0.05,
        max_loops: int = 5,
        method: str = "geovi",
        n_samples: int = 2,
        n_final: int = 8,
        priors: Priors | None = None,
        fit_extended: bool = True,
        relaxation: float = 0.7,
        device: str = "auto",
        random_state: int = 0,
        progress: bool = False,
    ) -> None:
        for name, value, known in (
            ("statistic", statistic, STATISTICS),
            ("method", method, METHODS),
        ):
            if value not in known:
                raise ValueError(f"{name}: must be one of {known}, found {value!r}")
        if threshold != "fdr" and not (_is_number(threshold) and 0 < float(threshold) < np.inf):
            raise ValueError(f"threshold: must be a positive number or 'fdr', found {threshold!r}")
        for name, number, low in (
            ("max_loops", max_loops, 0),
            ("n_samples", n_samples, 1),
            ("n_final", n_final, 1),
            ("random_state", random_state, 0),
        ):
            if not isinstance(number, int | np.integer) or number < low:
                raise ValueError(f"{name}: must be a whole number from {low} on, found {number!r}")
        if not (_is_number(false_alarm) and 0 < false_alarm < 1):
            raise ValueError(f"false_alarm: must lie between 0 and 1, found {false_alarm!r}")
        if not (_is_number(relaxation) and 0 <= relaxation <= 1):
            raise ValueError(f"relaxation: must lie between 0 and 1, found {relaxation!r}")
        self.threshold, self.statistic, self.false_alarm = threshold, statistic, false_alarm
        self.max_loops, self.method, self.n_samples, self.n_final = (
            max_loops,
            method,
            n_samples,
            n_final,
        )
        self.priors = priors or Priors()
        self.fit_extended, self.relaxation = fit_extended, relaxation
        self.device, self.random_state, self.progress = device, random_state, progress
        self._held, self._freed = True, False

    def fit(self, images: PhotonImage | Sequence[PhotonImage]) -> TensionDecomposer:
        """Decompose one image, or several that see one sky.

        Parameters
        ----------
        images : PhotonImage or sequence of PhotonImage
            The first gives the pixels of the catalogue.

        Returns
        -------
        TensionDecomposer
            Itself, fitted.
        """
        from tqdm.auto import tqdm

        self._begin(images)
        bar = tqdm(
            total=self.max_loops + 2, disable=not self.progress, desc="decompose", unit="loop"
        )
        with few_threads():
            for loop in range(1, self.max_loops + 2):
                fit = self._fitted()
                search = self._search(*fit)
                bar.update()
                bar.set_postfix(sources=len(self._scene.points), refresh=False)
                if loop > self.max_loops:
                    break
                added = self._add(search, loop)
                if not added and not self._held:
                    break
                # What stands out most is in now, so the spectra need not flatten for it.
                self._freed = self._held and not (added and loop < HELD_LOOPS)
                self._held = self._held and not self._freed
            self._finish(fit)
        bar.update(self.max_loops + 2 - bar.n)
        bar.close()
        return self

    def first_pass(self, images: PhotonImage | Sequence[PhotonImage]) -> TensionDecomposer:
        """Fit diffuse emission alone and measure its tension; no component is added.

        Parameters
        ----------
        images : PhotonImage or sequence of PhotonImage
            As in :meth:`fit`.

        Returns
        -------
        TensionDecomposer
            Itself, with ``tension_maps_`` of one loop, ``model_`` and ``posterior_``.
        """
        self._begin(images)
        with few_threads():
            self._fitted()
            self._held, self._freed = False, True
            model, posterior = self._fitted()
            search = self._search(model, posterior)
            search.points(self._limit(), self.statistic, [], 1)
        self.model_, self.posterior_ = model, posterior
        return self

    def mean(self, component: str = "total") -> np.ndarray:
        """Posterior mean sky of a component, (band, y, x), counts a pixel for exposure one."""
        return np.asarray(self.samples(component).mean(0))

    def std(self, component: str = "total") -> np.ndarray:
        """Posterior standard deviation of a component's sky."""
        return np.asarray(self.samples(component).std(0, ddof=1))

    def samples(self, component: str = "total") -> np.ndarray:
        """Posterior samples of a component's sky, (samples, band, y, x)."""
        return component_skies(self.model_, self.posterior_.latents(), component)

    def predict_counts(self) -> list[np.ndarray]:
        """Expected counts of every image, PSF and exposure included."""
        return expected_counts(self.model_, self.posterior_.latents())

    def noise_weighted_residuals(self) -> list[np.ndarray]:
        """Counts minus expected over the root of the expected, of every image."""
        return noise_weighted_residuals(self.model_, self.posterior_.latents())

    def power_spectrum(self, field: str = "spatial") -> pd.DataFrame:
        """Power spectrum of a diffuse field with its 68 % band."""
        return posterior_spectrum(self.model_, self.posterior_.latents(), field)

    def plot(self, **more: Any) -> Any:
        """Six panels: counts, sky, components, tension."""
        from .plots import plot_decomposition

        return plot_decomposition(self, **more)

    def to_fits(self, path: str | os.PathLike[str]) -> Path:
        """Write mean and standard deviation of all components, residuals, tension, catalogue."""
        return write_components(self, path)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write images, components and samples as an artifact folder."""
        from .storing import save_decomposition

        return save_decomposition(self, folder)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> TensionDecomposer:
        """Read what :meth:`save` wrote; every byte is checked and nothing is executed."""
        from .storing import load_decomposition

        return load_decomposition(folder)

    def page(self) -> Page:
        """A page with picture, catalogue and checks."""
        return page_of(self)

    def __repr__(self) -> str:
        if not hasattr(self, "catalogue_"):
            return f"TensionDecomposer(threshold={self.threshold!r}, not fitted)"
        kinds = self.catalogue_["kind"].value_counts()
        state = "settled" if self.converged_ else "not settled"
        return (
            f"TensionDecomposer: {kinds.get('point', 0)} point sources, "
            f"{kinds.get('extended', 0)} extended, {kinds.get('artifact', 0)} artifacts in "
            f"{len(self.tension_maps_)} loops ({self.seconds_:.0f} s, {state})"
        )

    def _repr_html_(self) -> str:
        if not hasattr(self, "catalogue_"):
            return repr(self)
        columns = ["kind", "x", "y", "pos_err", "flux", "flux_err", "index", "significance"]
        return f"<p>{self!r}</p>" + self.catalogue_[columns].to_html(
            index=False, float_format="{:.4g}".format
        )

    def score(self, truth: pd.DataFrame, *, radius: float = 2.0) -> dict[str, Any]:
        """Completeness, false points, offsets and fluxes against a simulation's truth."""
        return score_catalogue(self.catalogue_, truth, radius=radius)

    def __getattr__(self, name: str) -> Any:
        if name.endswith("_") and not name.startswith("_"):
            raise AttributeError(f"TensionDecomposer: not fitted, so no {name!r}; call fit first")
        raise AttributeError(f"TensionDecomposer has no attribute {name!r}")

    def _begin(self, images: PhotonImage | Sequence[PhotonImage]) -> None:
        given = [images] if isinstance(images, PhotonImage) else list(images)
        if not given or not all(isinstance(one, PhotonImage) for one in given):
            raise TypeError(
                "images: expected a PhotonImage or several, found "
                f"{type(given[0] if given else images).__name__}"
            )
        self._artifacts: list[dict[str, float]] = []
        clean = []
        for number, image in enumerate(given):
            one, found = mask_hot_pixels(image.without_empty_bands())
            clean.append(one)
            self._artifacts += found if number == 0 else []
        counts = sum(float(i.counts[~i.mask].sum()) for i in clean)
        if counts < 2:
            warnings.warn(
                f"counts: {counts:.0f} in the whole image; nothing can be found in it",
                UserWarning,
                stacklevel=3,
            )
        self.images_ = clean
        device = self.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self._scene = Scene.of(clean, self.priors, device=device)
        self._generator = torch.Generator(device=device).manual_seed(int(self.random_state))
        self.tension_maps_: list[TensionMaps] = []
        self._history: list[dict[str, Any]] = []
        self._held, self._freed = True, False
        self._begun = time.perf_counter()

    def _fitted(self, *, final: bool = False) -> tuple[SkyModel, Posterior]:
        """Fit the components found so far, from where the last fit ended."""
        scene = self._scene
        model = scene.model()
        likelihood = Poisson(model.counts, model.good)
        loop = len(self.tension_maps_) + 1
        bent = final and self.method == "geovi"
        posterior = fit_vi(
            model,
            likelihood,
            scene.start(model, self._generator),
            method="geovi" if bent else "mgvi",
            n_rounds=4 if self._freed or final else 2,
            max_rounds=10,
            settle=SETTLED,
            n_pairs=self.n_samples,
            n_newton=2,
            cg_newton=25,
            held=_spectral_shape(model) if self._held else None,
            generator=self._generator,
            report=lambda row: self._history.append({"loop": loop, **row}),
        )
        scene.keep(model, posterior.mean)
        self._freed = False
        return model, posterior

    def _search(self, model: SkyModel, posterior: Posterior) -> Search:
        """Tension of a fit; its maps are kept."""
        search = Search.of(
            self._scene,
            model,
            posterior,
            self._generator,
            extended=self.fit_extended,
            refine=not self._held,
        )
        self._scene.keep(model, posterior.mean)
        self.tension_maps_.append(search.maps)
        return search

    def _add(self, search: Search, loop: int) -> bool:
        """Add what the tension asks for; false if nothing does."""
        extended = search.extended(loop) if self.fit_extended else []
        limit = self._limit() + (FIRST_MARGIN if self._held else 0.0)
        points = search.points(limit, self.statistic, extended, loop)
        scene = self._scene
        for one in extended:
            # Weaker points that were put on the object before it was known are looked for again.
            scene.points = [
                p
                for p in scene.points
                if p.peak > one.peak or np.hypot(p.y - one.y, p.x - one.x) > one.radius
            ]
            scene.extended.append(one)
        scene.points += points
        fwhm = search.bank.fwhm
        scene.relax(
            [(p.y, p.x, fwhm) for p in points] + [(e.y, e.x, e.radius) for e in extended],
            self.relaxation,
        )
        return bool(points or extended)

    def _limit(self) -> float:
        if self.threshold == "fdr":
            # Ten repetitions a loop are few; those of all loops together fix the tail better.
            pooled = np.concatenate([one.null_maxima for one in self.tension_maps_])
            return gumbel_threshold(pooled, self.false_alarm)
        return float(self.threshold)

    def _finish(self, fit: tuple[SkyModel, Posterior]) -> None:
        """Drop what is not needed, fit the rest, draw the final posterior."""
        if self._held:
            self._held, self._freed = False, True
            fit = self._fitted()
        for _ in range(4):
            model, posterior = fit
            likelihood = Poisson(model.counts, model.good)
            ts, _ = removal_ts(model, likelihood, posterior.mean)
            doomed = self._doomed(np.sqrt(ts))
            if not doomed:
                break
            self._scene.points = [p for i, p in enumerate(self._scene.points) if i not in doomed]
            fit = self._fitted()
        model, posterior = self._fitted(final=True)
        ts, _ = removal_ts(model, likelihood, posterior.mean)
        samples, _ = draw_samples(
            model,
            likelihood,
            posterior.mean,
            self.n_final,
            self._generator,
            bent=self.method == "geovi",
        )
        posterior.samples = samples
        self.model_, self.posterior_ = model, posterior
        self.converged_ = posterior.converged
        if not self.converged_:
            warnings.warn("inference: the final fit has not settled", RuntimeWarning, stacklevel=3)
        p_global = {
            i: self.tension_maps_[min(p.loop, len(self.tension_maps_)) - 1].p_value(p.peak)
            for i, p in enumerate(self._scene.points)
        }
        self.catalogue_ = build_catalogue(
            self._scene, model, posterior.mean, samples, ts, p_global, self._artifacts
        )
        import pandas as pd

        self.history_ = pd.DataFrame(self._history)
        self.seconds_ = time.perf_counter() - self._begun

    def _doomed(self, significance: np.ndarray) -> set[int]:
        """Sources to drop: too weak, or one of a pair nearer than a pixel; the weakest first."""
        limit = self._limit()
        points = self._scene.points
        doomed: set[int] = set()
        for i in np.argsort(significance):
            near = [
                j
                for j in range(len(points))
                if j != i
                and j not in doomed
                and np.hypot(points[j].y - points[i].y, points[j].x - points[i].x) < 1.0
            ]
            blended = any(
                np.hypot(points[j].y - points[i].y, points[j].x - points[i].x) < 4.0 for j in doomed
            )
            if near or (significance[i] < limit and not blended):
                doomed.add(int(i))
        return doomed


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _spectral_shape(model: SkyModel) -> Tensor:
    """Latents of the diffuse spectra's shape, which a source would flatten."""
    held = torch.zeros(model.n_latent, dtype=torch.bool, device=model.grid.k.device)
    start = model.slices["diffuse"].start
    for key, one in model.diffuse.fields.items():
        first = start + model.diffuse.slices[key].start
        held[first : first + one.n_hyper] = True
    return held
