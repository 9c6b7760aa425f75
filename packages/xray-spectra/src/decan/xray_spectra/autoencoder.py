"""The user's object: spectra in, a few latents with errors out, and back."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from decan.core.saved import Saved

from .batch import BinnedSpectra, with_background
from .calibration import calibrate, deviance_p_value, redrawn
from .errors import MissingResponseError
from .grid import N_BINS
from .instrument import at_resolution
from .latents import NO_RESPONSE, Latents, flag_rows
from .networks import ErrorNetwork, SpectrumNetwork, compact, network_inputs
from .objectives import CountsObjective, Guided, seeded, simulated_objective
from .readout import Readout
from .spectrum import Spectrum
from .statistics import cstat

if TYPE_CHECKING:
    import pandas as pd

    from decan.core.training import History

    from .response import Response

__all__ = ["SpectralAutoencoder"]

_ROWS = 2048
_REDRAWN = 12_000
_SETTINGS = (
    "n_latent", "forward_fold", "body", "loss", "width", "guide", "invariance", "epochs",
    "batch_size", "learning_rate", "min_counts", "random_state",
)  # fmt: skip
_ODD = 1e-3


class SpectralAutoencoder(Readout, Saved):
    """A spectrum as a few numbers that belong to the source and not to the instrument.

    With ``forward_fold`` the encoder is told the response, and the decoder gives a photon
    spectrum that is folded through it. Without, both work on channels, for spectra whose
    response is not at hand.

    Parameters
    ----------
    n_latent : int
        Number of latents.
    forward_fold : bool
        Whether the response is part of the model.
    body : {'residual', 'transformer'}
        Layers of encoder and decoder.
    loss : {'poisson', 'mse'}
        For training on real counts (:meth:`fit`); ``'mse'`` is that of the paper.
    width : int
        Width of residual layers.
    guide : float
        Weight of class and column density in training on simulations; 0 leaves them out.
    invariance : float
        Weight of hiding the response in training on simulations: a critic tries to name it
        from the latents, and the encoder learns to mislead it.
    epochs, batch_size, learning_rate
        As in :func:`decan.core.training.fit`.
    min_counts : float
        Spectra with fewer counts between 0.5 and 8 keV are flagged and not encoded.
    random_state : int
        Seed.

    Attributes
    ----------
    network_ : SpectrumNetwork
        The trained network.
    history_ : History
        What happened in each epoch; absent after loading.

    References
    ----------
    Pinciroli Vago, Martínez-Galarza & Amato 2025, arXiv 2510.14102.

    Examples
    --------
    >>> from decan.xray_spectra import simulate_spectra
    >>> spectra = simulate_spectra(3, rng=0).spectra()
    >>> model = SpectralAutoencoder.pretrained()
    >>> model.encode(spectra)
    Latents(3 spectra x 8, 3 without flag)
    """

    _shipped = "source"

    network_: SpectrumNetwork
    history_: History
    _n_responses: int = 1

    def __init__(
        self,
        n_latent: int = 8,
        *,
        forward_fold: bool = True,
        body: str = "residual",
        loss: str = "poisson",
        width: int = 256,
        guide: float = 0.0,
        invariance: float = 0.0,
        epochs: int = 40,
        batch_size: int = 256,
        learning_rate: float = 2e-3,
        min_counts: float = 20.0,
        random_state: int = 0,
    ) -> None:
        if body not in ("residual", "transformer"):
            raise ValueError(f"body: {body!r} is neither 'residual' nor 'transformer'")
        if loss not in ("poisson", "mse"):
            raise ValueError(f"loss: {loss!r} is neither 'poisson' nor 'mse'")
        self.n_latent = n_latent
        self.forward_fold = forward_fold
        self.body = body
        self.loss = loss
        self.width = width
        self.guide = guide
        self.invariance = invariance
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.min_counts = min_counts
        self.random_state = random_state

    def fit(
        self,
        spectra: BinnedSpectra | Iterable[Spectrum],
        *,
        checkpoint: str | os.PathLike[str] | None = None,
        progress: bool = False,
    ) -> Self:
        """Train on observed spectra: half of each one's counts predicts the other half.

        Parameters
        ----------
        spectra : BinnedSpectra or iterable of Spectrum
            Those that are readable and bright enough are used.
        checkpoint : path-like, optional
            Where training saves itself, and from where it goes on.
        progress : bool
            Whether to show a bar.

        Returns
        -------
        SpectralAutoencoder
            Itself.

        Raises
        ------
        MissingResponseError
            If the response is part of the model and a spectrum has none.
        ValueError
            If no spectrum is left, or ``guide`` or ``invariance`` is set.
        """
        if self.guide or self.invariance:
            raise ValueError("guide, invariance: they need simulated sources, see fit_simulated")
        held = _batch(spectra)
        rows = np.flatnonzero(held.total >= self.min_counts)
        if rows.size == 0:
            raise ValueError(f"spectra: none of {len(held)} has {self.min_counts:g} counts")
        held = held.take(rows)
        self._require_responses(held)
        data = {
            "counts": torch.from_numpy(held.counts),
            "background": torch.from_numpy(held.background),
        }
        matrices = None
        if self.forward_fold:
            matrices = torch.from_numpy(held.matrices)
            data["which"] = torch.from_numpy(held.which)
            data["sensitivity"] = self._sensitivity(held)
        self._train(CountsObjective(matrices, self.loss), data, checkpoint, progress)
        with seeded(self.random_state + 1):
            rows = torch.randint(len(held), (min(_REDRAWN, 40 * len(held)),)).numpy()
            calibrate(self, redrawn(self, held.take(rows)))
        return self

    def fit_simulated(
        self,
        photons: ArrayLike,
        responses: Sequence[Response],
        *,
        truth: pd.DataFrame | None = None,
        ageing: bool = True,
        checkpoint: str | os.PathLike[str] | None = None,
        progress: bool = False,
    ) -> Self:
        """Train on sources whose photon spectra are known, observed anew in every batch.

        Parameters
        ----------
        photons : array_like, shape (n, 160)
            Photon spectra on :data:`~decan.xray_spectra.grid.ENERGY_EDGES`; see
            :func:`~decan.xray_spectra.shipped.training_sources`.
        responses : sequence of Response
            Responses that are drawn from.
        truth : DataFrame, optional
            Columns ``cls`` and ``log_nh`` of the sources, for ``guide``.
        ageing : bool
            Whether effective areas are varied, so that new responses are no surprise.
        checkpoint : path-like, optional
            Where training saves itself, and from where it goes on.
        progress : bool
            Whether to show a bar.

        Returns
        -------
        SpectralAutoencoder
            Itself.
        """
        objective = simulated_objective(
            responses, guide=self.guide, invariance=self.invariance, ageing=ageing
        )
        self._n_responses = len(responses)
        data = {"photons": torch.as_tensor(np.asarray(photons, dtype=np.float32))}
        if self.guide:
            if truth is None:
                raise ValueError("truth: guide > 0 needs cls and log_nh of each source")
            named = truth["cls"].to_numpy(dtype=str)
            column = truth["log_nh"].to_numpy(dtype=float)
            self.classes_ = np.unique(named)
            self.column_ = np.array([column.mean(), column.std()])
            data["cls"] = torch.from_numpy(np.searchsorted(self.classes_, named))
            data["column"] = torch.from_numpy((column - column.mean()) / column.std()).float()
        self._train(objective, data, checkpoint, progress)
        with torch.no_grad(), seeded(self.random_state + 1):
            rows = torch.randint(len(data["photons"]), (_REDRAWN,))
            seen = objective.observe(data["photons"][rows], fold=self.forward_fold)
        calibrate(self, seen)
        return self

    def encode(
        self, spectra: BinnedSpectra | Iterable[Spectrum] | Spectrum, *, on_error: str = "flag"
    ) -> Latents:
        """Latents of spectra, with errors and flags; nothing stops a batch.

        Parameters
        ----------
        spectra : BinnedSpectra, iterable of Spectrum, or Spectrum
            From any instrument whose channels cover 0.5-8 keV.
        on_error : {'flag', 'raise'}
            What a spectrum that cannot be encoded does.

        Returns
        -------
        Latents

        Raises
        ------
        MissingResponseError
            With ``on_error='raise'``, if the response is part of the model and one is missing.
        ValueError
            With ``on_error='raise'``, if a spectrum could not be read or has too few counts.
        """
        held = _batch([spectra] if isinstance(spectra, Spectrum) else spectra)
        flags, reasons = flag_rows(
            held, needs_response=self.forward_fold, min_counts=self.min_counts
        )
        if on_error == "raise":
            bad = next((i for i, flag in enumerate(flags) if flag), None)
            if bad is not None:
                kind = MissingResponseError if flags[bad] == "NO_RESPONSE" else ValueError
                raise kind(f"{held.names[bad]}: {reasons[bad]}")
        good = np.flatnonzero([not flag for flag in flags])
        values, sigma = (np.full((len(held), self.n_latent), np.nan) for _ in range(2))
        p_value = np.full(len(held), np.nan)
        for rows in np.array_split(good, max(1, -(-good.size // _ROWS))):
            if rows.size == 0:
                continue
            values[rows], sigma[rows], p_value[rows] = self._encode(held.take(rows))
        for i in good[p_value[good] < _ODD]:
            flags[i] = "OUT_OF_DISTRIBUTION"
            reasons[i] = f"deviance of the reconstruction: p = {max(p_value[i], 1e-99):.1g}"
        return Latents(values, sigma, held.total, p_value, tuple(flags), tuple(reasons), held.names)

    def transform(self, spectra: BinnedSpectra | Iterable[Spectrum]) -> NDArray[np.float64]:
        """Latents alone, as scikit-learn's pipelines take them.

        Parameters
        ----------
        spectra : BinnedSpectra or iterable of Spectrum
            The spectra.

        Returns
        -------
        ndarray, shape (n, n_latent)
            NaN where a spectrum cannot be encoded.
        """
        return self.encode(spectra).values

    def inverse_transform(self, latents: ArrayLike) -> NDArray[np.float64]:
        """Spectra of latents.

        Parameters
        ----------
        latents : array_like, shape (n, n_latent)
            Latents.

        Returns
        -------
        ndarray, shape (n, 160) or (n, 128)
            Photon spectra, photons / cm² / s / keV up to a factor, on the common energies and at
            the resolution of ACIS, below which nothing is known; or shapes in channels, summing
            to 1, for a model without a response.
        """
        with torch.no_grad():
            found = self.network_.photons(self._raw(np.asarray(latents, dtype=float))).numpy()
        return at_resolution(found) if self.forward_fold else np.asarray(found, dtype=float)

    def reconstruct(self, spectra: BinnedSpectra | Iterable[Spectrum]) -> NDArray[np.float64]:
        """Expected shape of the source's counts on the common grid, noise and background gone.

        Parameters
        ----------
        spectra : BinnedSpectra or iterable of Spectrum
            The spectra.

        Returns
        -------
        ndarray, shape (n, 128)
            Each sums to 1; NaN where a spectrum cannot be encoded.
        """
        held = _batch(spectra)
        values = self.encode(held).values
        shape = np.full((len(held), N_BINS), np.nan)
        good = np.flatnonzero(np.isfinite(values[:, 0]))
        shape[good] = self._shape(values[good], held.take(good))
        return shape

    def expected_counts(self, spectra: BinnedSpectra | Iterable[Spectrum]) -> NDArray[np.float64]:
        """Expected counts on the common grid, background included.

        Parameters
        ----------
        spectra : BinnedSpectra or iterable of Spectrum
            The spectra.

        Returns
        -------
        ndarray, shape (n, 128)
            They sum to the observed counts (or to the background where it is larger).
        """
        held = _batch(spectra)
        return with_background(self.reconstruct(held), held.counts, held.background)

    def score(self, spectra: BinnedSpectra | Iterable[Spectrum]) -> float:
        """Minus the mean C-stat of a bin; higher is better.

        Parameters
        ----------
        spectra : BinnedSpectra or iterable of Spectrum
            The spectra.

        Returns
        -------
        float
        """
        held = _batch(spectra)
        deviance = cstat(held.counts, self.expected_counts(held))
        return -float(np.nanmean(deviance) / N_BINS)

    def _train(
        self, objective: Any, data: dict[str, Tensor], checkpoint: Any, progress: bool
    ) -> None:
        from decan.core.training import fit

        with seeded(self.random_state):
            self._build()
            self.history_ = fit(
                self._guided, data, objective, epochs=self.epochs, batch_size=self.batch_size,
                learning_rate=self.learning_rate, weight_decay=1e-4, schedule="one-cycle", clip=1.0,
                checkpoint=checkpoint, device="cpu", rng=self.random_state, progress=progress,
            )  # fmt: skip
        self._guided.eval()

    def _build(self) -> None:
        n_classes = len(self.classes_) if self.guide else 1
        self.network_ = SpectrumNetwork(
            self.n_latent, fold=self.forward_fold, body=self.body, width=self.width
        )
        self._guided = Guided(self.network_, self.n_latent, n_classes, self._n_responses)
        self.errors_ = ErrorNetwork(self.n_latent)
        self.mean_, self.scale_ = np.zeros(self.n_latent), np.ones(self.n_latent)
        self.deviance_ = np.array([[0.0, 0.0, 1.0], [10.0, 0.0, 1.0]])

    def _encode(self, held: BinnedSpectra) -> tuple[Any, Any, Any]:
        """Latents, errors and p-values of spectra that can be encoded."""
        counts, background = torch.from_numpy(held.counts), torch.from_numpy(held.background)
        with torch.no_grad():
            sensitivity = self._sensitivity(held) if self.forward_fold else None
            inputs = network_inputs(counts, background, sensitivity)
            z = (self.network_.encode(inputs).numpy() - self.mean_) / self.scale_
            log_sigma = self.errors_(torch.from_numpy(z).float(), inputs[:, N_BINS : N_BINS + 3])
        expected = with_background(self._shape(z, held), held.counts, held.background)
        return z, log_sigma.exp().numpy(), deviance_p_value(held.counts, expected, self.deviance_)

    def _shape(self, values: Any, held: BinnedSpectra) -> NDArray[np.float64]:
        matrices = torch.from_numpy(held.matrices) if self.forward_fold else None
        with torch.no_grad():
            raw, which = self._raw(values), torch.from_numpy(held.which)
            return np.asarray(self.network_.log_shape(raw, matrices, which).exp().numpy(), float)

    def _raw(self, values: Any) -> Tensor:
        return torch.as_tensor(values * self.scale_ + self.mean_).float()

    def _sensitivity(self, held: BinnedSpectra) -> Tensor:
        matrices, which = torch.from_numpy(held.matrices), torch.from_numpy(held.which)
        return torch.log_softmax(torch.log(matrices.sum(dim=1) + 1e-12), dim=1).exp()[which]

    def _require_responses(self, held: BinnedSpectra) -> None:
        if self.forward_fold and np.any(held.which < 0):
            name = held.names[int(np.argmax(held.which < 0))]
            raise MissingResponseError(f"{name}: {NO_RESPONSE}")

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        settings = {name: getattr(self, name) for name in _SETTINGS}
        fitted = {"mean": self.mean_, "scale": self.scale_, "deviance": self.deviance_}
        if self.guide:
            fitted |= {"classes": np.asarray(self.classes_, dtype=str), "column": self.column_}
        parts = {
            "network": compact(self._guided), "errors": compact(self.errors_),
            "fitted": fitted,
        }  # fmt: skip
        return settings, parts

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> Self:
        found = cls(**settings)
        fitted = parts["fitted"]
        if found.guide:
            found.classes_, found.column_ = fitted["classes"], fitted["column"]
        found._n_responses = len(parts["network"]["critic.4.bias"])
        found._build()
        found._guided.load_state_dict(parts["network"])
        found.errors_.load_state_dict(parts["errors"])
        found._guided.eval()
        found.mean_, found.scale_ = fitted["mean"], fitted["scale"]
        found.deviance_ = fitted["deviance"]
        return found

    def __repr__(self) -> str:
        space = "photon spectra through responses" if self.forward_fold else "channels"
        return f"SpectralAutoencoder({self.n_latent} latents, {self.body}, {space})"


def _batch(spectra: Any) -> BinnedSpectra:
    return spectra if isinstance(spectra, BinnedSpectra) else BinnedSpectra.from_spectra(spectra)
