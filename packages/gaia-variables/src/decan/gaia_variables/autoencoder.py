"""What the three variational autoencoders have in common: training, latents and their σ."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from decan.core.errors import SchemaError
from decan.core.saved import Saved
from decan.core.training import fit

from .calibration import Calibration
from .dmdt import DmDt
from .folding import Folded
from .xp import XPSpectra

if TYPE_CHECKING:
    from decan.core.training import History

__all__: list[str] = []

Data = TypeVar("Data", XPSpectra, DmDt, Folded)

_BLOCK = 512
_ACTIVE = 0.01
_CALIBRATION = ("mean", "std", "weight")


class Autoencoder(Saved, Generic[Data]):
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
        self.calibration_ = Calibration.none(latent_dim)
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
                raw = self._spread(network, batch, log_sigma).numpy()
                std[block] = self.calibration_.apply(mean[block], raw)
                if score:
                    nll[block] = self._nll(network, z, batch).numpy()
        return mean, std, nll

    def calibrate(self, first: Data, second: Data) -> Self:
        """Learn how large σ must be from two observations of the same stars.

        Differences of the two then have the spread that their σ say: 68 % lie within one
        σ, 95 % within two. Learned from halves of curves, σ is that of half the epochs:
        an upper limit for whole curves.

        Parameters
        ----------
        first, second : same as data
            Two independent observations of the same stars, in the same order.

        Returns
        -------
        self
        """
        self.calibration_ = Calibration.none(self.latent_dim)
        (a, sa), (b, sb) = (self.transform(half, return_std=True) for half in (first, second))
        self.calibration_ = Calibration.learned((a, b), (sa, sb))
        return self

    def active_units(self, data: Data) -> NDArray[np.bool_]:
        """Latents whose posterior mean varies over the data (variance above 0.01).

        References
        ----------
        Burda et al. 2016 (arXiv 1509.00519), section 5.2.
        """
        return np.nanvar(self.transform(data), axis=0) > _ACTIVE

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        parts = {
            "network": self._fitted().state_dict(),
            "calibration": {name: getattr(self.calibration_, name) for name in _CALIBRATION},
        }
        return self._settings(), parts

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> Self:
        settings = dict(settings)
        found = settings.pop("preset", None)
        if found != cls.preset:
            raise SchemaError(
                f"a {cls.modality} model for inputs of preset {found!r}, expected {cls.preset!r}"
            )
        if set(parts["calibration"]) != set(_CALIBRATION):
            raise SchemaError(
                f"a {cls.modality} model whose σ are calibrated by "
                f"{', '.join(parts['calibration'])}, expected {', '.join(_CALIBRATION)}: it was "
                "saved by another version; calibrate and save it again"
            )
        model = cls(**settings)
        model.network_ = model._build().eval()
        model.network_.load_state_dict(parts["network"])
        model.calibration_ = Calibration(**parts["calibration"])
        return model

    def _settings(self) -> dict[str, Any]:
        names = (
            "latent_dim", "width", "beta", "epochs", "batch_size", "learning_rate", "random_state"
        )  # fmt: skip
        return {"preset": self.preset, **{name: getattr(self, name) for name in names}}

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

    def _spread(self, network: Any, batch: Mapping[str, Tensor], log_sigma: Tensor) -> Tensor:
        """σ of the latents before calibration: that of the posterior."""
        return torch.exp(log_sigma)

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
