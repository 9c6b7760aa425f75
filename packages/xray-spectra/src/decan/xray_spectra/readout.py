"""What a trained head reads out of latents: classes, and the column of gas in front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    import pandas as pd

    from .latents import Latents
    from .objectives import Guided

__all__ = ["Readout"]


class Readout:
    """Of a model whose training was guided by class and column density.

    Attributes
    ----------
    classes_ : ndarray of str
        Classes that the head knows, in the order of its logits.
    column_ : ndarray, shape (2,)
        Mean and standard deviation of log N_H in training.

    Examples
    --------
    >>> from decan.xray_spectra import SpectralAutoencoder
    >>> SpectralAutoencoder.pretrained().classes_[:2].tolist()
    ['AGN', 'CV']
    """

    guide: float
    classes_: NDArray[np.str_]
    column_: NDArray[np.float64]
    _guided: Guided

    def _raw(self, values: Any) -> Tensor:
        """Latents as the network has them."""
        raise NotImplementedError

    def class_probabilities(self, latents: Latents) -> pd.DataFrame:
        """Probabilities of the classes that guided the training, for equally many of each.

        Parameters
        ----------
        latents : Latents
            As :meth:`encode` gives them.

        Returns
        -------
        pandas.DataFrame
            One column a class; NaN where there are no latents.

        Raises
        ------
        ValueError
            If the model was trained without ``guide``.
        """
        import pandas as pd

        with torch.no_grad():
            found = torch.softmax(self._told(latents)[:, :-1], dim=1).numpy()
        return pd.DataFrame(found, columns=list(self.classes_))

    def column_density(self, latents: Latents) -> NDArray[np.float64]:
        """Logarithm of the hydrogen column in front of a source, as simulated sources have it.

        Parameters
        ----------
        latents : Latents
            As :meth:`encode` gives them.

        Returns
        -------
        ndarray, shape (n,)
            log10 of cm⁻², the mean of what such latents had in training; NaN without latents.

        Raises
        ------
        ValueError
            If the model was trained without ``guide``.
        """
        with torch.no_grad():
            scaled = self._told(latents)[:, -1].numpy()
        return np.asarray(scaled * self.column_[1] + self.column_[0], dtype=float)

    def _told(self, latents: Latents) -> Tensor:
        """What the head says of latents and counts."""
        if not self.guide:
            raise ValueError(
                "guide: 0, so that this model names no classes; fit a LatentClassifier"
            )
        log_counts = np.log10(np.maximum(latents.counts, 1.0)) - 2.3
        rows = [self._raw(latents.values), torch.as_tensor(log_counts[:, None]).float()]
        told: Tensor = self._guided.head(torch.cat(rows, dim=1))
        return told
