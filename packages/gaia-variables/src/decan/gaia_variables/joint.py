"""Fifteen latents as one portrait: what a missing modality must be, and how surely.

A product of experts: each modality that is there gives a Gaussian for the joint latents,
their product with the prior is the posterior, and its decoder gives all fifteen numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from decan.core.saved import Saved
from decan.core.training import fit

from .networks import _tower

__all__ = ["JointVAE"]


class JointVAE(Saved):
    """Joint model of the latents of several modalities, any of which may be missing.

    Parameters
    ----------
    dims : tuple of int
        Latents of each modality, in the order of the columns.
    latent_dim : int
        Joint latents.
    width : int
        Hidden width.
    beta : float
        Weight of the Kullback-Leibler term.
    epochs, batch_size, learning_rate
        Of the training.
    random_state : int, optional
        Seed of the training.

    References
    ----------
    Wu & Goodman 2018, Multimodal generative models for scalable weakly-supervised
    learning (NeurIPS).

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(200, 1))
    >>> z = np.hstack([x, -x, 2 * x])
    >>> joint = JointVAE((1, 1, 1), latent_dim=1, epochs=30, random_state=0)
    >>> joint = joint.fit(z, progress=False)
    >>> z[:, 2] = np.nan
    >>> filled, std = joint.fill(z)
    >>> filled.shape, bool(np.isfinite(filled).all())
    ((200, 3), True)
    """

    def __init__(
        self,
        dims: tuple[int, ...] = (5, 5, 5),
        *,
        latent_dim: int = 10,
        width: int = 128,
        beta: float = 1.0,
        epochs: int = 60,
        batch_size: int = 256,
        learning_rate: float = 2e-3,
        random_state: int | None = None,
    ) -> None:
        self.dims = tuple(int(dim) for dim in dims)
        self.latent_dim, self.width, self.beta, self.epochs = latent_dim, width, beta, epochs
        self.batch_size, self.learning_rate = batch_size, learning_rate
        self.random_state = random_state
        self.network_: nn.ModuleDict | None = None

    def fit(self, z: ArrayLike, *, progress: bool = True) -> JointVAE:
        """Train on rows of latents; missing modalities are NaN, others are hidden at random.

        Parameters
        ----------
        z : array_like, shape (n, sum of dims)
            Latents side by side.
        progress : bool
            Whether to show a bar.

        Returns
        -------
        self
        """
        values, there = self._checked(z)
        self.mean_ = np.nanmean(values, axis=0)
        self.std_ = np.nanstd(values, axis=0) + 1e-6
        scaled = np.nan_to_num((values - self.mean_) / self.std_)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self.random_state or 0))
            self.network_ = self._build()
        data = {
            "z": torch.tensor(scaled, dtype=torch.float32), "there": torch.from_numpy(there),
        }  # fmt: skip

        def loss(model: nn.Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            return self._loss(model, batch)

        fit(
            self.network_, data, loss, epochs=self.epochs, batch_size=self.batch_size,
            learning_rate=self.learning_rate, schedule="cosine", clip=5.0,
            rng=self.random_state, progress=progress, device="cpu",
        )  # fmt: skip
        return self

    def fill(
        self,
        z: ArrayLike,
        *,
        n_draws: int = 32,
        rng: np.random.Generator | int | None = 0,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latents with missing modalities inferred from those that are there.

        Parameters
        ----------
        z : array_like, shape (n, sum of dims)
            Latents; NaN in the columns of a missing modality.
        n_draws : int
            Draws from the posterior that give the σ.
        rng : numpy.random.Generator or int, optional
            See SPEC 7.

        Returns
        -------
        tuple of ndarray, shape (n, sum of dims)
            Latents (given ones unchanged), and σ of the inferred ones (0 elsewhere).
            A row without any modality stays NaN.
        """
        if self.network_ is None:
            raise ValueError("this JointVAE is not fitted; call fit or load first")
        values, there = self._checked(z)
        scaled = torch.tensor(np.nan_to_num((values - self.mean_) / self.std_), dtype=torch.float32)
        seed = int(np.random.default_rng(rng).integers(2**31))
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            mean, variance = self._posterior(self.network_, scaled, torch.from_numpy(there))
            noise = torch.randn((n_draws, *mean.shape), generator=generator)
            decoded = self.network_["decoder"](mean + variance.sqrt() * noise)
            guess, log_sigma = decoded.chunk(2, dim=-1)
            spread = guess.var(dim=0) + torch.exp(2 * log_sigma).mean(dim=0)
        inferred = guess.mean(dim=0).numpy() * self.std_ + self.mean_
        sigma = np.sqrt(spread.numpy()) * self.std_
        columns = np.repeat(there, self.dims, axis=1)
        filled = np.where(columns, values, inferred)
        none = np.asarray(~there.any(axis=1))
        filled[none] = np.nan
        return filled, np.where(columns, 0.0, np.where(none[:, None], np.nan, sigma))

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.network_ is None:
            raise ValueError("this JointVAE is not fitted; call fit or load first")
        names = ("latent_dim", "width", "beta", "epochs", "batch_size", "learning_rate",
                 "random_state")  # fmt: skip
        settings = {"dims": list(self.dims), **{name: getattr(self, name) for name in names}}
        parts = {
            "network": self.network_.state_dict(),
            "scale": {"mean": self.mean_, "std": self.std_},
        }
        return settings, parts

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> JointVAE:
        model = cls(**{**settings, "dims": tuple(settings["dims"])})
        model.network_ = model._build().eval()
        model.network_.load_state_dict(parts["network"])
        model.mean_, model.std_ = parts["scale"]["mean"], parts["scale"]["std"]
        return model

    def _checked(self, z: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        values = np.asarray(z, np.float64)
        if values.ndim != 2 or values.shape[1] != sum(self.dims):
            raise ValueError(f"z: expected shape (n, {sum(self.dims)}), found {values.shape}")
        edges = np.cumsum((0, *self.dims))
        finite = np.isfinite(values)
        there = np.stack([finite[:, a:b].all(axis=1) for a, b in zip(edges, edges[1:])], axis=1)  # noqa: B905, RUF007
        return values, there

    def _build(self) -> nn.ModuleDict:
        experts = nn.ModuleList(
            _tower(dim, self.width, 1, 2 * self.latent_dim, activate=True) for dim in self.dims
        )
        decoder = _tower(self.latent_dim, self.width, 2, 2 * sum(self.dims), activate=True)
        return nn.ModuleDict({"experts": experts, "decoder": decoder})

    def _posterior(self, network: Any, z: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Product of the prior and of the experts of the modalities that are there."""
        precision = torch.ones(len(z), self.latent_dim)
        weighted = torch.zeros_like(precision)
        parts = z.split(list(self.dims), dim=1)
        for k, (expert, part) in enumerate(zip(network["experts"], parts, strict=True)):
            mean, log_variance = expert(part).chunk(2, dim=1)
            own = torch.exp(-log_variance.clamp(-10, 10)) * there[:, k : k + 1]
            precision = precision + own
            weighted = weighted + own * mean
        return weighted / precision, 1 / precision

    def _loss(
        self, network: nn.Module, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        z, there = batch["z"], batch["there"]
        shown = there & (torch.rand(there.shape) > 0.35)
        # At least one modality must stay, as in use.
        shown = torch.where(shown.any(dim=1, keepdim=True), shown, there)
        mean, variance = self._posterior(network, z, shown)
        draw = mean + variance.sqrt() * torch.randn_like(mean)
        guess, log_sigma = network["decoder"](draw).chunk(2, dim=1)  # type: ignore[index]
        log_sigma = log_sigma.clamp(-4, 3)
        columns = there.repeat_interleave(torch.tensor(self.dims), dim=1)
        nll = 0.5 * (z - guess) ** 2 * torch.exp(-2 * log_sigma) + log_sigma
        nll = (nll * columns).sum(dim=1).mean()
        kl = 0.5 * (mean**2 + variance - 1 - torch.log(variance)).sum(dim=1).mean()
        return nll + self.beta * kl, {"nll": nll.detach(), "kl": kl.detach()}

    def __repr__(self) -> str:
        state = "fitted" if self.network_ is not None else "not fitted"
        return f"<JointVAE: {self.dims} latents through {self.latent_dim}, {state}>"
