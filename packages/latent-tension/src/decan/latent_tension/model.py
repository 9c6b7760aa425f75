"""The whole model: components on one sky, seen by one or several instruments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .points import PointSources
from .response import Instrument, in_parts
from .sky import Diffuse, ExtendedBox

__all__ = ["Linearised", "SkyModel"]

RING_FLOOR = 0.1


class SkyModel:
    """Diffuse emission, extended objects and point sources as expected counts.

    Parameters
    ----------
    instruments : sequence of Instrument
        Who sees the sky.
    diffuse : Diffuse
        The diffuse emission.
    boxes : sequence of ExtendedBox
        Extended objects.
    points : PointSources, optional
        Point sources.

    Examples
    --------
    >>> import numpy as np
    >>> from decan.latent_tension.image import PhotonImage
    >>> from decan.latent_tension.psf import GaussianPSF
    >>> from decan.latent_tension.response import sky_grid
    >>> from decan.latent_tension.spectra import LogNormal, Normal, PowerSpectrum
    >>> image = PhotonImage(np.ones((16, 16)), psf=GaussianPSF(1.0))
    >>> grid, origins = sky_grid([image])
    >>> spectrum = PowerSpectrum(LogNormal(0.3, 0.1), Normal(-4, 0.2))
    >>> model = SkyModel([Instrument(image, grid, origins[0])],
    ...                  Diffuse(grid, [0.0], [Normal(0, 1)], spectrum))
    >>> state = model.at(torch.zeros(1, model.n_latent, dtype=torch.float64))
    >>> bool(torch.allclose(state.rate, torch.ones_like(state.rate)))
    True
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        diffuse: Diffuse,
        boxes: Sequence[ExtendedBox] = (),
        points: PointSources | None = None,
    ) -> None:
        self.instruments, self.diffuse, self.boxes = list(instruments), diffuse, list(boxes)
        self.points = points if points is not None and points.n else None
        self.grid = diffuse.grid
        self.components: dict[str, Any] = {"diffuse": diffuse}
        self.components |= {f"extended_{i}": box for i, box in enumerate(self.boxes)}
        if self.points is not None:
            self.components["points"] = self.points
        self.slices, start = {}, 0
        for name, one in self.components.items():
            self.slices[name] = slice(start, start + one.n_latent)
            start += one.n_latent
        self.n_latent = start
        self.counts = torch.cat([i.counts.flatten() for i in self.instruments])
        self.good = torch.cat([i.good.flatten() for i in self.instruments])

    def at(self, latent: Tensor) -> Linearised:
        """Expected counts at given latents, and the derivative there.

        Parameters
        ----------
        latent : Tensor, shape (samples, n_latent)
            Standard normal under the prior.

        Returns
        -------
        Linearised
        """
        states = {n: c.at(latent[:, self.slices[n]]) for n, c in self.components.items()}
        sky = self.sky_of(states)
        rates = []
        for i, one in enumerate(self.instruments):
            seen = one.observe(sky)
            if self.points is not None:
                # A Fourier shift may undershoot zero by a ring of the PSF, which must not take
                # away what else is there.
                seen = torch.maximum(
                    seen + self.points.counts(states["points"], i), RING_FLOOR * seen
                )
            rate = (seen * one.exposure + one.background).clamp(min=1e-12)
            rates.append(rate.flatten(1))
        return Linearised(self, states, torch.cat(rates, 1))

    def sky_of(self, states: dict[str, Any]) -> Tensor:
        """Intensity of diffuse and extended emission on the grid."""
        sky = states["diffuse"].intensity
        if self.boxes:
            sky = sky.clone()
        for i, box in enumerate(self.boxes):
            sky[:, :, box.window[0], box.window[1]] += states[f"extended_{i}"].intensity
        return sky

    def images(self, flat: Tensor) -> list[Tensor]:
        """Flat data vectors as one image (samples, band, y, x) an instrument."""
        found, start = [], 0
        for one in self.instruments:
            size = one.counts.numel()
            found.append(flat[:, start : start + size].reshape(-1, *one.counts.shape))
            start += size
        return found

    def flat(self, images: Sequence[Tensor]) -> Tensor:
        """One image an instrument as flat data vectors."""
        return torch.cat([image.flatten(1) for image in images], 1)

    def named(self) -> dict[str, int]:
        """Places of the latents that have a name: spectra, offsets, levels, indices."""
        names: dict[str, int] = {}
        for key, one in self.components.items():
            if key != "points":
                start = self.slices[key].start
                names |= {f"{key} {n}": start + i for n, i in one.named().items()}
        return names


@dataclass
class Linearised:
    """The model at given latents: expected counts, derivative, adjoint.

    Attributes
    ----------
    rate : Tensor, shape (samples, data)
        Expected counts of all pixels of all instruments.

    Examples
    --------
    >>> Linearised.__name__
    'Linearised'
    """

    model: SkyModel
    states: dict[str, Any]
    rate: Tensor

    def jvp(self, tangent: Tensor) -> Tensor:
        """Change of the rate for a change of the latents, shape (samples, data)."""
        model = self.model
        sky = model.diffuse.jvp(self.states["diffuse"], tangent[:, model.slices["diffuse"]])
        for i, box in enumerate(model.boxes):
            key = f"extended_{i}"
            sky[:, :, box.window[0], box.window[1]] += box.jvp(
                self.states[key], tangent[:, model.slices[key]]
            )
        seen = [one.observe(sky) for one in model.instruments]
        if model.points is not None:
            added = model.points.jvp(self.states["points"], tangent[:, model.slices["points"]])
            seen = [a + b for a, b in zip(seen, added, strict=True)]
        return model.flat(
            [image * one.exposure for image, one in zip(seen, model.instruments, strict=True)]
        )

    def vjp(self, cotangent: Tensor) -> Tensor:
        """Adjoint of :meth:`jvp`."""
        model = self.model
        images = [
            image * one.exposure
            for image, one in zip(model.images(cotangent), model.instruments, strict=True)
        ]
        sky = model.instruments[0].observe_adjoint(images[0])
        for image, one in zip(images[1:], model.instruments[1:], strict=True):
            sky = sky + one.observe_adjoint(image)
        parts = [model.diffuse.vjp(self.states["diffuse"], sky)]
        for i, box in enumerate(model.boxes):
            inside = sky[:, :, box.window[0], box.window[1]]
            parts.append(box.vjp(self.states[f"extended_{i}"], inside))
        if model.points is not None:
            parts.append(model.points.vjp(self.states["points"], images))
        return torch.cat(parts, 1)

    def curvature(self, weight: Tensor) -> Tensor:
        """Rough diagonal of ``J^T diag(weight) J``, for preconditioning.

        Parameters
        ----------
        weight : Tensor, shape (1, data)
            Metric of the likelihood in data space.

        Returns
        -------
        Tensor, shape (n_latent,)
        """
        model = self.model
        out = weight.new_zeros(model.n_latent)
        images = model.images(weight)
        weights = [
            image[0] * one.exposure**2 for image, one in zip(images, model.instruments, strict=True)
        ]
        full = weight.new_zeros(model.diffuse.n_bands, model.grid.ny, model.grid.nx)
        for one, image in zip(model.instruments, weights, strict=True):
            full[:, one.window[0], one.window[1]] += image
        kernel2 = model.instruments[0].kernels.mean(0).abs() ** 2
        for key, one in model.components.items():
            state, where = self.states[key], model.slices[key]
            if key == "diffuse":
                out[where] = one.curvature(state, full * state.intensity[0] ** 2, kernel2)
            elif key == "points":
                out[where] = one.curvature(state, weights)
            else:
                inside = full[:, one.window[0], one.window[1]]
                out[where] = one.curvature(state, inside * state.intensity[0] ** 2)
        named = torch.tensor(sorted(model.named().values()), device=weight.device)
        probes = weight.new_zeros(len(named), model.n_latent)
        probes[torch.arange(len(named), device=weight.device), named] = 1
        out[named] = in_parts(lambda some: (self.jvp(some) ** 2 * weight).sum(1), probes)
        return out
