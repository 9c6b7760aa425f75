"""The three variational autoencoders: XP spectra, Δm | Δt histograms, folded light curves.

Each carries the uncertainty of its latents to the result, calibrated once on pairs of
independent observations (:meth:`XPVAE.calibrate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from decan.core.errors import SchemaError

from .autoencoder import Autoencoder
from .dmdt import DmDt
from .folding import Folded
from .networks import DmDtNetwork, FoldNetwork, XPNetwork
from .xp import XPSpectra, xp_error

__all__ = ["XPVAE", "DmDtVAE", "FoldedVAE"]

# The published floor is 1e-6 for all; XP samples are better than 1e-3 for bright stars.
_MIN_VARIANCE = {"xp": 2.5e-7, "dmdt": 1e-6, "fold": 1e-6}
_TRAIN_POINTS = 56
_SCALE_QUANTILE = 0.995


class XPVAE(Autoencoder[XPSpectra]):
    """Autoencoder of XP spectra.

    Parameters
    ----------
    latent_dim : int
        Number of latents.
    width : int
        Hidden width.
    beta : float
        Weight of the Kullback-Leibler term against the mean likelihood of a datum.
    epochs, batch_size, learning_rate
        Of the training.
    random_state : int, optional
        Seed of the training.

    References
    ----------
    Huijse et al. 2025, A&A 701, A150.

    Examples
    --------
    >>> from decan.gaia_variables import simulate_stars
    >>> xp = simulate_stars(64, rng=0).xp
    >>> vae = XPVAE(epochs=2, random_state=0).fit(xp, progress=False)
    >>> z, std = vae.transform(xp, return_std=True)
    >>> z.shape, bool((std > 0).all()), vae.inverse_transform(z).shape
    ((64, 5), True, (64, 100))
    """

    modality = "xp"

    def __init__(
        self,
        latent_dim: int = 5,
        *,
        width: int = 64,
        beta: float = 1e-3,
        epochs: int = 200,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            latent_dim, width=width, beta=beta, epochs=epochs, batch_size=batch_size,
            learning_rate=learning_rate, random_state=random_state,
        )  # fmt: skip

    def inverse_transform(self, z: ArrayLike) -> NDArray[np.float32]:
        """Spectra of latents, shape (n, 100): BP, then RP, on the scale of the input."""
        with torch.no_grad():
            return self._fitted().decode(_latents(z, self.latent_dim)).numpy()

    def _build(self) -> nn.Module:
        return XPNetwork(self.latent_dim, self.width)

    def _tensors(self, data: XPSpectra) -> tuple[dict[str, Tensor], NDArray[np.bool_]]:
        if not isinstance(data, XPSpectra):
            raise TypeError(f"xp: expected XPSpectra, found {type(data).__name__}")
        usable: NDArray = np.asarray(data.status == "ok")
        flux = np.where(usable[:, None], data.flux, 0).astype(np.float32)
        scale = np.where(usable, data.scale, 1.0)
        err = xp_error(scale)[:, None] * np.ones_like(flux) if data.err is None else data.err
        err = np.where(np.isfinite(err), err, 1).astype(np.float32)
        return {"flux": torch.from_numpy(flux), "err": torch.from_numpy(err)}, usable

    def _encode(self, network: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        out: tuple[Tensor, Tensor] = network.encode(batch["flux"])
        return out

    def _spread(self, network: Any, batch: Mapping[str, Tensor], log_sigma: Tensor) -> Tensor:
        """σ of the posterior, and that of the samples carried through scaling and encoder.

        The encoder sees fluxes only, so its posterior cannot know how noisy they are.
        Errors of neighbouring samples are taken as independent, which real covariances
        bear out within 15 %; the scale is common to all samples, and its error is not.
        """
        flux = batch["flux"].clone().requires_grad_(True)
        variance = torch.exp(2 * log_sigma)
        # The 99.5 % quantile lies between the two largest of 100 samples.
        rank = _SCALE_QUANTILE * (flux.shape[1] - 1) % 1
        largest = flux.detach().topk(2, dim=1).indices
        share = torch.tensor([rank, 1 - rank]).expand(len(flux), 2)
        with torch.enable_grad():
            mean, _ = network.encode(flux)
            for k in range(mean.shape[1]):
                (slope,) = torch.autograd.grad(mean[:, k].sum(), flux, retain_graph=True)
                along = (slope * batch["flux"]).sum(dim=1, keepdim=True)
                slope = slope.scatter_add(1, largest, -along * share)
                variance[:, k] += ((slope * batch["err"]) ** 2).sum(dim=1)
        return variance.sqrt()

    def _nll(self, network: Any, z: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        residual = batch["flux"] - network.decode(z)
        return _gaussian(residual, batch["err"] ** 2, _MIN_VARIANCE["xp"]).mean(dim=1)


class DmDtVAE(Autoencoder[DmDt]):
    """Autoencoder of P(Δm | Δt) histograms.

    Parameters
    ----------
    latent_dim : int
        Number of latents.
    width : int
        Hidden width.
    beta : float
        Weight of the Kullback-Leibler term against the mean likelihood of a datum.
    shape : (int, int)
        Bins in Δm and Δt.
    epochs, batch_size, learning_rate
        Of the training.
    random_state : int, optional
        Seed of the training.

    References
    ----------
    Huijse et al. 2025, A&A 701, A150.

    Examples
    --------
    >>> from decan.gaia_variables import DmDtBinner, simulate_stars
    >>> histograms = DmDtBinner().transform(simulate_stars(64, rng=0).curves)
    >>> vae = DmDtVAE(epochs=2, random_state=0).fit(histograms, progress=False)
    >>> vae.transform(histograms).shape
    (64, 5)
    """

    modality = "dmdt"

    def __init__(
        self,
        latent_dim: int = 5,
        *,
        width: int = 128,
        beta: float = 1e-5,
        shape: tuple[int, int] = (20, 10),
        epochs: int = 200,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        random_state: int | None = None,
    ) -> None:
        super().__init__(
            latent_dim, width=width, beta=beta, epochs=epochs, batch_size=batch_size,
            learning_rate=learning_rate, random_state=random_state,
        )  # fmt: skip
        self.shape = (int(shape[0]), int(shape[1]))

    def inverse_transform(self, z: ArrayLike) -> NDArray[np.float32]:
        """Histograms of latents, shape (n, n_dm, n_dt)."""
        with torch.no_grad():
            flat = self._fitted().decode(_latents(z, self.latent_dim)).numpy()
        return flat.reshape(-1, *self.shape)

    def _settings(self) -> dict[str, Any]:
        return {**super()._settings(), "shape": list(self.shape)}

    def _build(self) -> nn.Module:
        return DmDtNetwork(self.latent_dim, self.width, self.shape)

    def _tensors(self, data: DmDt) -> tuple[dict[str, Tensor], NDArray[np.bool_]]:
        if not isinstance(data, DmDt):
            raise TypeError(f"dmdt: expected DmDt, found {type(data).__name__}")
        if data.prob.shape[1:] != self.shape:
            raise SchemaError(
                f"dmdt: histograms of {data.prob.shape[1:]} bins, this model takes {self.shape}"
            )
        flat = data.prob.reshape(len(data), self.shape[0] * self.shape[1])
        tensors = {
            "prob": torch.from_numpy(np.ascontiguousarray(flat)),
            "err": torch.from_numpy(np.nan_to_num(data.err, nan=1.0)),
            "valid": torch.from_numpy(data.valid),
        }
        return tensors, np.asarray(data.valid.any(axis=1))

    def _encode(self, network: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        out: tuple[Tensor, Tensor] = network.encode(batch["prob"])
        return out

    def _nll(self, network: Any, z: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        rows = self.shape[0]
        residual = batch["prob"] - network.decode(z)
        variance = (batch["err"] ** 2).repeat(1, rows)
        valid = batch["valid"].repeat(1, rows)
        nll = _gaussian(residual, variance, _MIN_VARIANCE["dmdt"]) * valid
        return nll.sum(dim=1) / valid.sum(dim=1)


class FoldedVAE(Autoencoder[Folded]):
    """Autoencoder of folded light curves.

    Parameters
    ----------
    latent_dim : int
        Number of latents; the last sets an extra variance.
    width : int
        Hidden width.
    beta : float
        Weight of the Kullback-Leibler term against the mean likelihood of a datum.
    compat : {None, 'huijse2025'}
        The alignment of the curves it is for, as in `LightCurveFolder`.
    epochs, batch_size, learning_rate
        Of the training.
    random_state : int, optional
        Seed of the training.

    References
    ----------
    Huijse et al. 2025, A&A 701, A150.

    Examples
    --------
    >>> from decan.gaia_variables import LightCurveFolder, simulate_stars
    >>> stars = simulate_stars(32, classes=["RRab", "EW"], rng=0)
    >>> folded = LightCurveFolder().transform(stars.curves, stars.truth["dominant_frequency"])
    >>> vae = FoldedVAE(epochs=1, random_state=0).fit(folded, progress=False)
    >>> vae.transform(folded).shape
    (32, 5)
    """

    modality = "fold"

    def __init__(
        self,
        latent_dim: int = 5,
        *,
        width: int = 128,
        beta: float = 1e-4,
        compat: str | None = None,
        epochs: int = 200,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        random_state: int | None = None,
    ) -> None:
        if latent_dim < 2:
            raise ValueError(f"latent_dim: expected 2 or more, found {latent_dim}")
        super().__init__(
            latent_dim, width=width, beta=beta, epochs=epochs, batch_size=batch_size,
            learning_rate=learning_rate, random_state=random_state,
        )  # fmt: skip
        self.compat = compat

    def inverse_transform(
        self, z: ArrayLike, phase: ArrayLike | None = None
    ) -> NDArray[np.float32]:
        """Scaled magnitudes of latents at phases (100 of one folding cycle by default)."""
        latents = _latents(z, self.latent_dim)
        at = np.linspace(0, 1, 100) if phase is None else np.asarray(phase, float)
        grid = torch.from_numpy(
            np.broadcast_to(at, (len(latents), at.shape[-1])).astype(np.float32)
        )
        with torch.no_grad():
            return self._fitted().decode(latents, grid).numpy()

    def _settings(self) -> dict[str, Any]:
        return {**super()._settings(), "compat": self.compat}

    def _build(self) -> nn.Module:
        return FoldNetwork(self.latent_dim, self.width)

    def _tensors(self, data: Folded) -> tuple[dict[str, Tensor], NDArray[np.bool_]]:
        if not isinstance(data, Folded):
            raise TypeError(f"fold: expected Folded, found {type(data).__name__}")
        names = ("phase", "mag", "err", "mask")
        tensors = {name: torch.from_numpy(getattr(data, name)) for name in names}
        return tensors, np.asarray(data.mask.any(axis=1))

    def _augmented(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Some of the points of long curves, drawn anew in each step."""
        mask = batch["mask"]
        if mask.shape[1] <= _TRAIN_POINTS:
            return batch
        draw = torch.where(mask, torch.rand(mask.shape, device=mask.device), 2.0)
        # Sorting positions again keeps the points in order of phase.
        chosen = draw.argsort(dim=1)[:, :_TRAIN_POINTS].sort(dim=1).values
        there = mask.gather(1, chosen)
        order = (~there).to(torch.int8).argsort(dim=1, stable=True)
        chosen = chosen.gather(1, order)
        names = ("phase", "mag", "err", "mask")
        return {**batch, **{name: batch[name].gather(1, chosen) for name in names}}

    def _encode(self, network: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        phase, mag, _, mask = _trimmed(batch)
        out: tuple[Tensor, Tensor] = network.encode(phase, mag, mask)
        return out

    def _nll(self, network: Any, z: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        phase, mag, err, mask = _trimmed(batch)
        residual = mag - network.decode(z, phase)
        variance = err**2 + network.extra_variance(z)[:, None]
        nll = _gaussian(residual, variance, _MIN_VARIANCE["fold"]) * mask
        return nll.sum(dim=1) / mask.sum(dim=1)


def _trimmed(batch: Mapping[str, Tensor]) -> list[Tensor]:
    """A batch cut to its own longest curve: the padding of others costs time."""
    longest = int(batch["mask"].sum(dim=1).max())
    return [batch[name][:, :longest] for name in ("phase", "mag", "err", "mask")]


def _gaussian(residual: Tensor, variance: Tensor, floor: float) -> Tensor:
    """Negative log-likelihood without the constant, with a floor under the variance."""
    variance = variance.clamp(min=floor)
    return 0.5 * residual**2 / variance + 0.5 * torch.log(variance)


def _latents(z: ArrayLike, latent_dim: int) -> Tensor:
    values = np.atleast_2d(np.asarray(z, np.float32))
    if values.shape[1] != latent_dim:
        raise ValueError(f"z: expected shape (n, {latent_dim}), found {values.shape}")
    return torch.from_numpy(values)
