"""What has been found so far, and the model and the latents that go with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .fields import Grid
from .image import PhotonImage
from .model import SkyModel
from .points import PointSources
from .response import Instrument, sky_grid
from .sky import Diffuse, ExtendedBox
from .spectra import InverseGamma, LogNormal, Normal, PowerSpectrum

__all__ = ["Extended", "Point", "Priors", "Scene"]


@dataclass(frozen=True)
class Priors:
    """Priors of all components; pairs are mean and standard deviation.

    Attributes
    ----------
    fluctuations, slope, flexibility : tuple
        Of the diffuse spatial field. ``flexibility=None`` makes a pure power law.
    index_fluctuations, index_slope : tuple
        Of the field of spectral indices.
    deviations : tuple, optional
        Strength of the departure of each band from the power law; None leaves it out.
    offset_std : float
        Of the log level of each band around the level of the data.
    flux_shape : float
        Slope of the sources' integral counts, ``a`` of the inverse gamma.
    flux_scale : float, optional
        Its ``q``, in counts per exposure; from the noise of the data if not given.
    source_index : tuple
        Spectral index of sources.
    source_deviation : float
        Each band's departure from it, in ln.
    position_std : float
        Of a source around its peak, pixels.
    box_fluctuations, box_slope : tuple
        Of the field inside an extended object.

    Examples
    --------
    >>> Priors(slope=(-5, 0.1)).slope
    (-5, 0.1)
    """

    fluctuations: tuple[float, float] = (0.6, 0.3)
    slope: tuple[float, float] = (-4.0, 0.3)
    flexibility: tuple[float, float] | None = (0.3, 0.1)
    index_fluctuations: tuple[float, float] = (0.2, 0.1)
    index_slope: tuple[float, float] = (-4.0, 0.3)
    deviations: tuple[float, float] | None = None
    offset_std: float = 1.0
    flux_shape: float = 1.0
    flux_scale: float | None = None
    source_index: tuple[float, float] = (-0.5, 0.7)
    source_deviation: float = 0.25
    position_std: float = 0.7
    box_fluctuations: tuple[float, float] = (1.0, 0.4)
    box_slope: tuple[float, float] = (-3.5, 0.3)

    def spatial(self) -> PowerSpectrum:
        """Prior of the diffuse spatial field."""
        bend = None if self.flexibility is None else LogNormal(*self.flexibility)
        return PowerSpectrum(LogNormal(*self.fluctuations), Normal(*self.slope), bend)

    def index(self) -> PowerSpectrum:
        """Prior of the field of spectral indices."""
        return PowerSpectrum(LogNormal(*self.index_fluctuations), Normal(*self.index_slope))

    def box(self) -> PowerSpectrum:
        """Prior of the field inside an extended object."""
        return PowerSpectrum(LogNormal(*self.box_fluctuations), Normal(*self.box_slope))


@dataclass
class Point:
    """A point source: place on the grid, band fluxes to start with, and its latents once fitted.

    Examples
    --------
    >>> Point(3.0, 4.0, np.array([10.0]), loop=1).latent is None
    True
    """

    y: float
    x: float
    flux: np.ndarray
    loop: int
    latent: Tensor | None = None
    peak: float = float("nan")


@dataclass
class Extended:
    """An extended object: centre, template and level, and its latents once fitted.

    Examples
    --------
    >>> Extended(30.0, 31.0, "shell", 6.0, 0.5, loop=1).envelope
    5.4
    """

    y: float
    x: float
    kind: str
    size: float
    level: float
    loop: int
    latent: Tensor | None = None
    peak: float = float("nan")

    @property
    def envelope(self) -> float:
        """Standard deviation of the Gaussian envelope, pixels."""
        return (0.9 if self.kind == "shell" else 1.4) * self.size

    @property
    def radius(self) -> float:
        """Radius that holds nearly all of it, pixels."""
        return 1.6 * self.size if self.kind == "shell" else 2.2 * self.size


@dataclass
class Scene:
    """Images and the components found in them; makes models and carries latents between them.

    Examples
    --------
    >>> from decan.latent_tension.psf import GaussianPSF
    >>> scene = Scene.of([PhotonImage(np.ones((16, 16)), psf=GaussianPSF(1.0))], Priors())
    >>> scene.model().points is None
    True
    """

    images: list[PhotonImage]
    priors: Priors
    grid: Grid
    instruments: list[Instrument]
    level: np.ndarray
    share: np.ndarray
    flux_scale: float
    points: list[Point] = field(default_factory=list)
    extended: list[Extended] = field(default_factory=list)
    diffuse_latent: Tensor | None = None

    @classmethod
    def of(cls, images: Sequence[PhotonImage], priors: Priors, *, device: str = "cpu") -> Scene:
        """A scene with nothing but diffuse emission in it."""
        grid, origins = sky_grid(images, device=device)
        instruments = [Instrument(i, grid, o) for i, o in zip(images, origins, strict=True)]
        excess = np.zeros(images[0].n_bands)
        exposure, counts = np.zeros_like(excess), np.zeros_like(excess)
        pixels = 0.0
        for image in images:
            good = ~image.mask
            counts += np.where(good, image.counts, 0).sum((1, 2))
            excess += np.where(good, image.counts - image.background, 0).sum((1, 2))
            exposure += np.where(good, image.exposure, 0).sum((1, 2))
            pixels += good.sum() / len(good)
        # Where the known background takes all, a tenth of the noise remains as the level.
        level = np.maximum(excess, np.sqrt(counts + 1) * 0.1 + 0.5) / exposure
        share = sum(i.band_response for i in images) / len(images)
        mean_exposure = float(exposure.sum() / max(pixels, 1)) / images[0].n_bands
        noise = np.sqrt(max(counts.sum() / max(pixels, 1), 1e-3))
        scale = priors.flux_scale or float(np.clip(5 * noise, 3, 1e9)) / mean_exposure
        return cls(list(images), priors, grid, instruments, np.log(level), np.asarray(share), scale)

    @property
    def log_energy(self) -> np.ndarray:
        """Log energy of the bands."""
        return self.images[0].log_energy

    def source_share(self) -> np.ndarray:
        """Share of each band for a source of the prior's mean index."""
        share = self.share * np.exp(self.priors.source_index[0] * self.log_energy)
        return np.asarray(share / share.sum())

    def model(self) -> SkyModel:
        """The model of all components found so far."""
        p = self.priors
        bands = len(self.level)
        diffuse = Diffuse(
            self.grid,
            self.log_energy,
            [Normal(float(level), p.offset_std) for level in self.level],
            p.spatial(),
            p.index() if bands > 1 else None,
            LogNormal(*p.deviations) if p.deviations is not None and bands > 2 else None,
        )
        boxes = [
            ExtendedBox(
                self.grid,
                self.log_energy,
                (one.y, one.x),
                one.envelope,
                Normal(one.level, 1.0),
                p.box(),
                self.share,
                Normal(*p.source_index),
                p.source_deviation,
            )
            for one in self.extended
        ]
        points = None
        if self.points:
            points = PointSources(
                self.instruments,
                [(one.y, one.x) for one in self.points],
                self.log_energy,
                self.share,
                InverseGamma(p.flux_shape, self.flux_scale),
                Normal(*p.source_index),
                p.position_std,
                p.source_deviation,
            )
        return SkyModel(self.instruments, diffuse, boxes, points)

    def start(self, model: SkyModel, generator: torch.Generator) -> Tensor:
        """Latents to begin with: old ones where there are any, the excess for new components."""
        parts = []
        if self.diffuse_latent is None:
            n = model.diffuse.n_latent
            device = self.grid.k.device
            drawn = torch.randn(n, generator=generator, dtype=torch.float64, device=device)
            parts.append(0.1 * drawn)
        else:
            parts.append(self.diffuse_latent)
        for one, box in zip(self.extended, model.boxes, strict=True):
            parts.append(parts[0].new_zeros(box.n_latent) if one.latent is None else one.latent)
        if model.points is not None:
            fresh = model.points.start(np.stack([one.flux for one in self.points]))
            rows = fresh.reshape(len(self.points), -1)
            parts += [
                row if one.latent is None else one.latent
                for row, one in zip(rows, self.points, strict=True)
            ]
        return torch.cat(parts)

    def keep(self, model: SkyModel, mean: Tensor) -> None:
        """Remember fitted latents component by component; move priors that were outrun."""
        self.diffuse_latent = mean[model.slices["diffuse"]].clone()
        for i, box in enumerate(self.extended):
            box.latent = mean[model.slices[f"extended_{i}"]].clone()
        if model.points is None:
            return
        latent = mean[model.slices["points"]]
        values = model.points.parameters(latent[None])
        for row, one, y, x, flux in zip(
            latent.reshape(len(self.points), -1),
            self.points,
            values["y"][0],
            values["x"][0],
            values["flux"][0],
            strict=True,
        ):
            one.latent, one.flux = row.clone(), flux.cpu().numpy()
            if float(row[1:3].abs().max()) > 1.5:
                one.y, one.x = float(y), float(x)
                one.latent[1:3] = 0

    def relax(self, places: Sequence[tuple[float, float, float]], factor: float) -> None:
        """Let the diffuse field forget what is now explained by a component of its own.

        Parameters
        ----------
        places : sequence of (y, x, radius)
            Discs on the grid.
        factor : float
            What is left of the excitations inside.
        """
        if self.diffuse_latent is None or not places:
            return
        ny, nx = self.grid.ny, self.grid.nx
        y, x = np.mgrid[:ny, :nx]
        window = np.ones((ny, nx))
        for cy, cx, radius in places:
            inside = np.exp(-((np.hypot(y - cy, x - cx) / radius) ** 4))
            window = np.minimum(window, 1 - (1 - factor) * inside)
        weight = torch.as_tensor(window).to(self.diffuse_latent)
        diffuse = self.model().diffuse
        for key, one in diffuse.fields.items():
            where = diffuse.slices[key]
            where = slice(where.start + one.n_hyper, where.stop)
            white = self.grid.excitation(self.diffuse_latent[where]) * weight
            modes = self.grid.white * self.grid.to_field_adjoint(white)
            self.diffuse_latent[where] = self.grid.as_latent(modes)

    def with_priors(self, **changes: Any) -> None:
        """Change priors from here on."""
        self.priors = replace(self.priors, **changes)
