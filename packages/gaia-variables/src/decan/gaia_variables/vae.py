"""Three variational autoencoders with scikit-learn manners, one for each modality.

Each carries the uncertainty of its latents to the result: the posterior's σ, scaled by
factors that are measured once on split-half curves (:meth:`XPVAE.calibrate`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from decan.core import artifacts
from decan.core.errors import SchemaError
from decan.core.training import fit

from .dmdt import DmDt
from .folding import Folded
from .networks import DmDtNetwork, FoldNetwork, XPNetwork
from .xp import XPSpectra

if TYPE_CHECKING:
    from decan.core.training import History

__all__ = ["XPVAE", "DmDtVAE", "FoldedVAE"]

Data = TypeVar("Data", XPSpectra, DmDt, Folded)

_BLOCK = 512
# The published floor is 1e-6 for all; XP samples are better than 1e-3 for bright stars.
_MIN_VARIANCE = {"xp": 2.5e-7, "dmdt": 1e-6, "fold": 1e-6}
_ACTIVE = 0.01
_TRAIN_POINTS = 56


class _VAE(Generic[Data]):
    """What the three have in common; a modality adds its network, tensors and likelihood."""

    modality = ""
    preset = "huijse2025"

    def __init__(
        self,
        latent_dim: int = 5,
        *,
        width: int,
        beta: float,
        epochs: int = 200,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        random_state: int | None = None,
    ) -> None:
        if latent_dim < 1:
            raise ValueError(f"latent_dim: expected 1 or more, found {latent_dim}")
        self.latent_dim, self.width, self.beta, self.epochs = latent_dim, width, beta, epochs
        self.batch_size, self.learning_rate = batch_size, learning_rate
        self.random_state = random_state
        self.network_: nn.Module | None = None
        self.std_scale_ = np.ones(latent_dim)
        self.history_: History | None = None

    def fit(
        self,
        data: Data,
        *,
        validation: Data | None = None,
        labels: ArrayLike | None = None,
        label_weight: float = 0.0,
        patience: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        progress: bool = True,
    ) -> Any:
        """Train from scratch.

        Parameters
        ----------
        data : XPSpectra, DmDt or Folded
            The modality's inputs; stars without usable input are left out.
        validation : same as data, optional
            Watched, and used to stop early with ``patience``.
        labels : array_like of int, shape (n,), optional
            Classes of some stars, -1 where unknown. With ``label_weight`` a linear layer
            on the latents learns them too, so that latents keep what tells classes apart;
            the layer is thrown away.
        label_weight : float
            Weight of the labels' cross-entropy against the reconstruction.
        patience : int, optional
            Epochs without a lower validation loss before stopping.
        checkpoint : path-like, optional
            File from which a killed training goes on.
        progress : bool
            Whether to show a bar.

        Returns
        -------
        self
        """
        tensors, usable = self._tensors(data)
        if not usable.any():
            raise ValueError(f"data: none of {len(data)} stars has a usable {self.modality} input")
        seed = torch.Generator().manual_seed(int(self.random_state or 0))
        codes = np.full(len(data), -1) if labels is None else np.asarray(labels, np.int64)
        n_classes = int(codes.max(initial=-1)) + 1
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**31, (1,), generator=seed)))
            self.network_ = self._build()
            head = nn.Linear(self.latent_dim, max(n_classes, 1))
        model = nn.ModuleDict({"network": self.network_, "head": head})
        if n_classes == 0:
            head.requires_grad_(False)
        tensors["label"] = torch.from_numpy(codes)
        tensors = {name: values[torch.from_numpy(usable)] for name, values in tensors.items()}
        held_out = None
        if validation is not None:
            held_out, keep = self._tensors(validation)
            held_out["label"] = torch.full((len(validation),), -1)
            held_out = {name: values[torch.from_numpy(keep)] for name, values in held_out.items()}

        def loss(model: nn.Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            return self._loss(model, batch, label_weight if n_classes else 0.0)

        self.history_ = fit(
            model, tensors, loss, epochs=self.epochs, batch_size=self.batch_size,
            learning_rate=self.learning_rate, schedule="cosine", clip=1.0, validation=held_out,
            patience=patience, checkpoint=checkpoint, rng=self.random_state, progress=progress,
            device="cpu" if not torch.cuda.is_available() else "auto",
        )  # fmt: skip
        self.network_.cpu()
        return self

    def transform(self, data: Data, *, return_std: bool = False) -> Any:
        """Latents: the posterior mean, and its calibrated σ.

        Parameters
        ----------
        data : XPSpectra, DmDt or Folded
            The modality's inputs.
        return_std : bool
            Whether to return the σ too.

        Returns
        -------
        ndarray or (ndarray, ndarray), shape (n, latent_dim)
            NaN where a star has no usable input.
        """
        mean, std, _ = self._pass(data, score=False)
        return (mean, std) if return_std else mean

    def score_samples(self, data: Data) -> NDArray[np.float64]:
        """Mean negative log-likelihood per datum of each star, from its mean latents.

        Parameters
        ----------
        data : XPSpectra, DmDt or Folded
            The modality's inputs.

        Returns
        -------
        ndarray, shape (n,)
            Lower is better; NaN where a star has no usable input.
        """
        return self._pass(data, score=True)[2]

    def score(self, data: Data) -> float:
        """Mean of :meth:`score_samples` over the stars that have input; lower is better."""
        return float(np.nanmean(self.score_samples(data)))

    def _pass(self, data: Data, *, score: bool) -> tuple[NDArray, NDArray, NDArray]:
        """Means, σ and likelihoods, from one pass through the encoder."""
        network = self._fitted()
        tensors, usable = self._tensors(data)
        mean = np.full((len(data), self.latent_dim), np.nan)
        std, nll = np.full_like(mean, np.nan), np.full(len(data), np.nan)
        rows = np.flatnonzero(usable)
        if "mask" in tensors:
            # Curves of similar length share a block: its padding is work for nothing.
            rows = rows[np.argsort(tensors["mask"].numpy()[rows].sum(axis=1), kind="stable")]
        with torch.no_grad():
            for begin in range(0, len(rows), _BLOCK):
                block = rows[begin : begin + _BLOCK]
                batch = {name: values[torch.from_numpy(block)] for name, values in tensors.items()}
                z, log_sigma = self._encode(network, batch)
                mean[block] = z.numpy()
                std[block] = torch.exp(log_sigma).numpy() * self.std_scale_
                if score:
                    nll[block] = self._nll(network, z, batch).numpy()
        return mean, std, nll

    def calibrate(self, first: Data, second: Data) -> Any:
        """Scale the σ of each latent so that 68 % of differences of two halves lie within.

        Parameters
        ----------
        first, second : same as data
            Two independent observations of the same stars, in the same order.

        Returns
        -------
        self
        """
        self.std_scale_ = np.ones(self.latent_dim)
        (a, sa), (b, sb) = (self.transform(half, return_std=True) for half in (first, second))
        both = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
        if not both.any():
            raise ValueError("calibrate: no star has both halves")
        pull = np.abs(a - b)[both] / np.hypot(sa, sb)[both]
        self.std_scale_ = np.quantile(pull, 0.6827, axis=0)
        return self

    def active_units(self, data: Data) -> NDArray[np.bool_]:
        """Latents whose posterior mean varies over the data (variance above 0.01).

        References
        ----------
        Burda et al. 2016 (arXiv 1509.00519), section 5.2.
        """
        return np.nanvar(self.transform(data), axis=0) > _ACTIVE

    def save(
        self,
        folder: str | os.PathLike[str],
        *,
        metrics: Mapping[str, Any] | None = None,
        training: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write the fitted model as an artifact; see :func:`decan.core.artifacts.save`."""
        return artifacts.save(
            folder, kind=self._kind(), settings=self._settings(), parts=self._parts(),
            metrics=metrics, training=training,
        )  # fmt: skip

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Any:
        """Read a model that :meth:`save` wrote; another modality or input preset is refused."""
        artifact = artifacts.load(folder, kind=cls._kind())
        return cls._from_parts(artifact.settings, artifact.parts, str(folder))

    @classmethod
    def _from_parts(cls, settings: dict[str, Any], parts: dict[str, Any], place: str) -> Any:
        settings = dict(settings)
        found = settings.pop("preset", None)
        if found != cls.preset:
            raise SchemaError(
                f"{place}: a {cls.modality} model for inputs of preset {found!r}, "
                f"expected {cls.preset!r}"
            )
        model = cls(**settings)
        model.network_ = model._build().eval()
        model.network_.load_state_dict(parts["network"])
        model.std_scale_ = parts["calibration"]["std_scale"]
        return model

    @classmethod
    def _kind(cls) -> str:
        return f"decan.gaia_variables.{cls.__name__}"

    def _settings(self) -> dict[str, Any]:
        names = (
            "latent_dim",
            "width",
            "beta",
            "epochs",
            "batch_size",
            "learning_rate",
            "random_state",
        )
        return {"preset": self.preset, **{name: getattr(self, name) for name in names}}

    def _parts(self) -> dict[str, Any]:
        return {
            "network": self._fitted().state_dict(),
            "calibration": {"std_scale": np.asarray(self.std_scale_)},
        }

    def _fitted(self) -> Any:
        if self.network_ is None:
            raise ValueError(f"this {type(self).__name__} is not fitted; call fit or load first")
        return self.network_

    def _loss(
        self, model: Any, batch: Mapping[str, Tensor], label_weight: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        network = model["network"]
        batch = self._augmented(batch)
        mean, log_sigma = self._encode(network, batch)
        log_sigma = log_sigma.clamp(-12, 4)
        z = mean + torch.exp(log_sigma) * torch.randn_like(mean)
        nll = self._nll(network, z, batch).mean()
        kl = 0.5 * (mean**2 + torch.exp(2 * log_sigma) - 1 - 2 * log_sigma).sum(dim=1).mean()
        total = nll + self.beta * kl
        parts = {"nll": nll.detach(), "kl": kl.detach()}
        known = batch["label"] >= 0
        if label_weight > 0:
            guess = model["head"](mean[known])
            cross = nn.functional.cross_entropy(guess, batch["label"][known], reduction="sum")
            total = total + label_weight * cross / max(len(mean), 1)
        return total, parts

    def _augmented(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """What the network is trained on in this step."""
        return batch

    def _build(self) -> nn.Module:
        raise NotImplementedError

    def _tensors(self, data: Data) -> tuple[dict[str, Tensor], NDArray[np.bool_]]:
        raise NotImplementedError

    def _encode(self, network: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def _nll(self, network: Any, z: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        raise NotImplementedError

    def __repr__(self) -> str:
        state = "fitted" if self.network_ is not None else "not fitted"
        return f"<{type(self).__name__}: {self.latent_dim} latents, {state}>"


class XPVAE(_VAE[XPSpectra]):
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
        err = np.full_like(flux, 1e-3) if data.err is None else data.err
        err = np.where(np.isfinite(err), err, 1).astype(np.float32)
        return {"flux": torch.from_numpy(flux), "err": torch.from_numpy(err)}, usable

    def _encode(self, network: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        out: tuple[Tensor, Tensor] = network.encode(batch["flux"])
        return out

    def _nll(self, network: Any, z: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        residual = batch["flux"] - network.decode(z)
        return _gaussian(residual, batch["err"] ** 2, _MIN_VARIANCE["xp"]).mean(dim=1)


class DmDtVAE(_VAE[DmDt]):
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


class FoldedVAE(_VAE[Folded]):
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
