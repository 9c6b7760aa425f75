"""Diffuse and extended emission: log-normal skies with a spectrum, linearised by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .fields import CorrelatedField, Grid, good_size
from .spectra import SOURCE_INDEX, LogNormal, MaternSpectrum, Normal, PowerSpectrum

__all__ = ["Diffuse", "ExtendedBox", "deviation_matrix"]

# An intensity of e^60 is nobody's sky; beyond it a trial step would only overflow.
LOG_LIMIT = 60.0


class Diffuse:
    """Diffuse emission in all bands: spatial field, index field, deviations from a power law.

    ``ln I_j = offset_j + s + a mu_j + d'_j`` with correlated fields ``s`` and ``a``, the log
    energy ``mu_j`` and a Wiener process ``d`` over the bands whose slope is projected out.

    Parameters
    ----------
    grid : Grid
        The sky's grid.
    log_energy : array_like, shape (band,)
        ``mu_j``, zero for the reference band.
    offset : sequence of Normal
        Prior of the log intensity of each band.
    spectrum : PowerSpectrum or MaternSpectrum
        Prior of the spatial field.
    index : PowerSpectrum or MaternSpectrum, optional
        Prior of the index field; needs two bands.
    deviations : LogNormal, optional
        Strength of the deviations; needs three bands and an index field, whose spectrum they
        share.

    Examples
    --------
    >>> flat = PowerSpectrum(LogNormal(0.3, 0.1), Normal(-4, 0.2))
    >>> diffuse = Diffuse(Grid(16, 16), [0.0], [Normal(0, 1)], flat)
    >>> diffuse.at(torch.zeros(1, diffuse.n_latent, dtype=torch.float64)).intensity.shape
    torch.Size([1, 1, 16, 16])
    """

    name = "diffuse"

    def __init__(
        self,
        grid: Grid,
        log_energy: Any,
        offset: list[Normal],
        spectrum: PowerSpectrum | MaternSpectrum,
        index: PowerSpectrum | MaternSpectrum | None = None,
        deviations: LogNormal | None = None,
    ) -> None:
        like: dict[str, Any] = {"dtype": torch.float64, "device": grid.k.device}
        self.grid = grid
        self.mu = torch.as_tensor(np.asarray(log_energy, float), **like)
        self.n_bands = len(self.mu)
        self.offset_mean = torch.tensor([o.mean for o in offset], **like)
        self.offset_std = torch.tensor([o.std for o in offset], **like)
        self.fields = {"spatial": CorrelatedField(grid, spectrum)}
        columns = [torch.ones(self.n_bands, 1, **like)]
        if index is not None and self.n_bands > 1:
            self.fields["index"] = CorrelatedField(grid, index)
            columns.append(self.mu[:, None])
            if deviations is not None and self.n_bands > 2:
                shared = _with_fluctuations(index, deviations)
                matrix = torch.as_tensor(deviation_matrix(self.mu.cpu().numpy()), **like)
                for i in range(matrix.shape[1]):
                    self.fields[f"deviation_{i}"] = CorrelatedField(grid, shared)
                    columns.append(matrix[:, i : i + 1])
        self.mix = torch.cat(columns, 1)
        self.slices = _slices(self.n_bands, {k: f.n_latent for k, f in self.fields.items()})
        self.n_latent = max(s.stop for s in self.slices.values())

    def at(self, latent: Tensor) -> SkyState:
        """Intensity on the grid at given latents, shape (samples, band, y, x)."""
        offset = self.offset_mean + self.offset_std * latent[:, self.slices["offset"]]
        states = {k: f.at(latent[:, self.slices[k]]) for k, f in self.fields.items()}
        fields = torch.stack([s.field for s in states.values()], 1)
        log = offset[:, :, None, None] + _mixed(self.mix, fields)
        return SkyState(torch.exp(log.clamp(max=LOG_LIMIT)), states)

    def jvp(self, state: SkyState, tangent: Tensor) -> Tensor:
        """Change of the intensity for a change of the latents."""
        changes = torch.stack(
            [f.jvp(state.fields[k], tangent[:, self.slices[k]]) for k, f in self.fields.items()],
            1,
        )
        offset = self.offset_std * tangent[:, self.slices["offset"]]
        return state.intensity * (offset[:, :, None, None] + _mixed(self.mix, changes))

    def vjp(self, state: SkyState, cotangent: Tensor) -> Tensor:
        """Adjoint of :meth:`jvp`."""
        log = cotangent * state.intensity
        parts = [log.sum((2, 3)) * self.offset_std]
        fields = _mixed(self.mix.T, log)
        parts += [
            f.vjp(state.fields[k], fields[:, i]) for i, (k, f) in enumerate(self.fields.items())
        ]
        return torch.cat(parts, 1)

    def curvature(self, state: SkyState, weight: Tensor, kernel2: Tensor) -> Tensor:
        """Rough diagonal of the likelihood's metric, for preconditioning.

        Parameters
        ----------
        state : SkyState
            Of one sample.
        weight : Tensor, shape (band, y, x)
            (exposure x intensity)² / rate on the grid.
        kernel2 : Tensor, shape (band, y, nh)
            Squared Fourier transform of the PSF.

        Returns
        -------
        Tensor, shape (n_latent,)
            Zero for latents that are not excitations.
        """
        out = weight.new_zeros(self.n_latent)
        mean = weight.mean((1, 2))
        for i, (key, one) in enumerate(self.fields.items()):
            gain = (self.mix[:, i] ** 2 * mean)[:, None, None] * kernel2
            where = self.slices[key]
            out[where.start + one.n_hyper : where.stop] = _mode_curvature(
                self.grid, state.fields[key].weight[0], gain.sum(0)
            )
        return out

    def named(self) -> dict[str, int]:
        """Places of the latents that have a name of their own."""
        names = {f"offset[{j}]": j for j in range(self.n_bands)}
        for key, one in self.fields.items():
            first = self.slices[key].start
            names |= {f"{key} {n}": first + i for i, n in enumerate(one.spectrum.names())}
        return names


class ExtendedBox:
    """An extended object: a log-normal field of its own inside a box of the sky.

    A Gaussian envelope takes the intensity to nothing at the border, and the field shapes it
    inside: shells, filaments, cores.

    Parameters
    ----------
    grid : Grid
        The sky's grid.
    log_energy : array_like, shape (band,)
        ``mu_j``.
    centre : (float, float)
        (y, x) on the grid.
    size : float
        Standard deviation of the envelope, pixels.
    level : Normal
        Prior of the log of the intensity summed over bands, at the centre.
    spectrum : PowerSpectrum or MaternSpectrum
        Prior of the field inside.
    band_share : array_like, shape (band,)
        Share of each band for index zero.
    index : Normal
        Prior of the spectral index.
    deviation : float
        Standard deviation of each band's departure from the power law, in ln.

    Examples
    --------
    >>> spectrum = PowerSpectrum(LogNormal(1.0, 0.3), Normal(-3.5, 0.3))
    >>> box = ExtendedBox(Grid(64, 64), [0.0], (30, 30), 4.0, Normal(0, 1), spectrum, [1.0])
    >>> box.window
    (slice(18, 43, None), slice(18, 43, None))
    """

    def __init__(
        self,
        grid: Grid,
        log_energy: Any,
        centre: tuple[float, float],
        size: float,
        level: Normal,
        spectrum: PowerSpectrum | MaternSpectrum,
        band_share: Any,
        index: Normal = SOURCE_INDEX,
        deviation: float = 0.3,
    ) -> None:
        like: dict[str, Any] = {"dtype": torch.float64, "device": grid.k.device}
        self.grid, self.centre, self.size, self.level = grid, centre, float(size), level
        self.mu = torch.as_tensor(np.asarray(log_energy, float), **like)
        self.log_share = torch.as_tensor(np.log(np.asarray(band_share, float)), **like)
        self.n_bands, self.index, self.deviation = len(self.mu), index, deviation
        half = math.ceil(3 * self.size)
        spans = []
        for c, n in zip(centre, (grid.ny, grid.nx), strict=True):
            spans.append((max(0, round(c) - half), min(n, round(c) + half + 1)))
        self.window = (slice(*spans[0]), slice(*spans[1]))
        self.shape = tuple(b - a for a, b in spans)
        self.box_grid = Grid(
            *(1 if n == 1 else good_size(math.ceil(1.25 * n)) for n in self.shape),
            device=grid.k.device,
        )
        self.field = CorrelatedField(self.box_grid, spectrum)
        y = torch.arange(*spans[0], **like) - centre[0]
        x = torch.arange(*spans[1], **like) - centre[1]
        self.envelope = -(y[:, None] ** 2 + x**2) / (2 * self.size**2)
        spectral = 1 + self.n_bands if self.n_bands > 1 else 0
        self.slices = _slices(1 + spectral, {"field": self.field.n_latent})
        self.n_latent = max(s.stop for s in self.slices.values())

    def at(self, latent: Tensor) -> SkyState:
        """Intensity on the grid at given latents, shape (samples, band, y, x)."""
        share = self._share(latent)
        state = self.field.at(latent[:, self.slices["field"]])
        ny, nx = self.shape
        log = (self.level(latent[:, 0])[:, None, None] + state.field[:, :ny, :nx]) + self.envelope
        inside = torch.exp((log[:, None] + torch.log(share)[:, :, None, None]).clamp(max=LOG_LIMIT))
        return SkyState(inside, {"field": state}, share)

    def jvp(self, state: SkyState, tangent: Tensor) -> Tensor:
        """Change of the intensity inside the box for a change of the latents."""
        ny, nx = self.shape
        change = self.field.jvp(state.fields["field"], tangent[:, self.slices["field"]])
        log = change[:, None, :ny, :nx] + self.level.std * tangent[:, 0, None, None, None]
        if self.n_bands > 1:
            v = (
                self.mu * self.index.std * tangent[:, 1:2]
                + self.deviation * tangent[:, 2 : 2 + self.n_bands]
            )
            assert state.share is not None
            log = log + (v - (state.share * v).sum(1, keepdim=True))[:, :, None, None]
        return state.intensity * log

    def vjp(self, state: SkyState, cotangent: Tensor) -> Tensor:
        """Adjoint of :meth:`jvp`; takes the box cut out of the cotangent."""
        log = cotangent * state.intensity
        bands = log.sum((2, 3))
        parts = [self.level.std * bands.sum(1, keepdim=True)]
        if self.n_bands > 1:
            assert state.share is not None
            v = bands - state.share * bands.sum(1, keepdim=True)
            parts += [self.index.std * (v @ self.mu)[:, None], self.deviation * v]
        ny, nx = self.shape
        full = log.new_zeros(len(log), self.box_grid.ny, self.box_grid.nx)
        full[:, :ny, :nx] = log.sum(1)
        parts.append(self.field.vjp(state.fields["field"], full))
        return torch.cat(parts, 1)

    def curvature(self, state: SkyState, weight: Tensor) -> Tensor:
        """Rough diagonal of the likelihood's metric; ``weight`` is cut to the box."""
        out = weight.new_zeros(self.n_latent)
        where = self.slices["field"]
        size = self.box_grid.ny * self.box_grid.nx
        gain = (weight.sum() / size).expand(self.box_grid.half)
        out[where.start + self.field.n_hyper :] = _mode_curvature(
            self.box_grid, state.fields["field"].weight[0], gain
        )
        return out

    def index_of(self, latent: Tensor) -> Tensor:
        """Spectral index of each sample."""
        return self.index(latent[:, 1]) if self.n_bands > 1 else torch.zeros_like(latent[:, 0])

    def named(self) -> dict[str, int]:
        """Places of the latents that have a name of their own."""
        names = {"level": 0}
        if self.n_bands > 1:
            names |= {"index": 1} | {f"deviation[{j}]": 2 + j for j in range(self.n_bands)}
        first = self.slices["field"].start
        return names | {n: first + i for i, n in enumerate(self.field.spectrum.names())}

    def _share(self, latent: Tensor) -> Tensor:
        log = self.log_share.expand(len(latent), -1)
        if self.n_bands > 1:
            log = log + self.mu * self.index(latent[:, 1:2])
            log = log + self.deviation * latent[:, 2 : 2 + self.n_bands]
        return torch.softmax(log, 1)


@dataclass
class SkyState:
    """Intensity of a component at given latents, with what its derivative needs."""

    intensity: Tensor
    fields: dict[str, Any] = field(default_factory=dict)
    share: Tensor | None = None


def deviation_matrix(log_energy: np.ndarray) -> np.ndarray:
    """From Wiener increments between the bands to deviations without slope.

    The process starts at the reference band (where the log energy is zero) and runs both
    ways; what a straight line in log energy explains is projected out.

    Parameters
    ----------
    log_energy : ndarray, shape (band,)
        ``mu_j``, one of them zero.

    Returns
    -------
    ndarray, shape (band, band - 1)

    Examples
    --------
    >>> matrix = deviation_matrix(np.array([-1.0, 0.0, 1.0]))
    >>> bool(np.allclose(np.array([-1.0, 0.0, 1.0]) @ matrix, 0))
    True
    """
    mu = np.asarray(log_energy, float)
    reference = int(np.argmin(np.abs(mu)))
    roots = np.sqrt(np.abs(np.diff(mu)))
    walk = np.zeros((len(mu), len(mu) - 1))
    for j in range(len(mu)):
        for i in range(min(j, reference), max(j, reference)):
            walk[j, i] = roots[i]
    square = (mu**2).sum()
    return walk - np.outer(mu, mu @ walk) / square if square > 0 else walk


def _with_fluctuations(spectrum: Any, fluctuations: LogNormal) -> Any:
    from dataclasses import replace

    return replace(spectrum, fluctuations=fluctuations)


def _slices(n_first: int, sizes: dict[str, int]) -> dict[str, slice]:
    found, start = {"offset": slice(0, n_first)}, n_first
    for key, size in sizes.items():
        found[key] = slice(start, start + size)
        start += size
    return found


def _mixed(matrix: Tensor, fields: Tensor) -> Tensor:
    """Matrix over the second axis."""
    return (matrix @ fields.flatten(2)).reshape(len(fields), len(matrix), *fields.shape[2:])


def _mode_curvature(grid: Grid, weight: Tensor, gain: Tensor) -> Tensor:
    """Diagonal of L^T diag(w) L for a field of these coefficient weights, as flat latents."""
    diagonal = grid.count / (grid.ny * grid.nx) * weight**2 * gain
    return diagonal.expand(2, *grid.half).flatten()
