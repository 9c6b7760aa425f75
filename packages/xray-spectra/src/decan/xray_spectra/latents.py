"""What an encoded batch of spectra is: latents with errors, flags with reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    from .batch import BinnedSpectra

__all__ = ["FLAGS", "NO_RESPONSE", "Latents", "flag_rows"]

FLAGS = ("NOT_READ", "NO_RESPONSE", "LOW_COUNTS", "OUT_OF_DISTRIBUTION")
"""Why a row has no latents (the first three), or should not be trusted (the last)."""

NO_RESPONSE = (
    "no response: RESPFILE and ANCRFILE name none that is there; give both, or use the "
    "channel-space model SpectralAutoencoder.pretrained('channels')"
)
"""What is said of a spectrum without response where one is needed."""


@dataclass(frozen=True, repr=False)
class Latents:
    """Latents of spectra, one row each.

    Parameters
    ----------
    values : ndarray, shape (n, k)
        Latents; NaN where a spectrum could not be encoded.
    sigma : ndarray, shape (n, k)
        How far, 1σ, they are from the latents of the same source seen with many counts.
    counts : ndarray, shape (n,)
        Counts on the grid, 0.5-8 keV.
    p_value : ndarray, shape (n,)
        Probability of a deviance of the reconstruction so large among the sources that the
        model was trained on.
    flags : tuple of str
        Empty, or one of :data:`FLAGS` for each row.
    reasons : tuple of str
        Why, in words.
    names : tuple of str
        Names of the spectra.

    Examples
    --------
    >>> Latents(np.zeros((2, 8)), np.ones((2, 8)), np.array([100.0, 3.0]), np.array([0.4, np.nan]),
    ...         ("", "LOW_COUNTS"), ("", "3 counts"), ("a.pi", "b.pi"))
    Latents(2 spectra x 8, 1 without flag: 1 LOW_COUNTS)
    """

    values: NDArray[np.float64]
    sigma: NDArray[np.float64]
    counts: NDArray[np.float64]
    p_value: NDArray[np.float64]
    flags: tuple[str, ...]
    reasons: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def encoded(self) -> NDArray[np.bool_]:
        """Rows that have latents."""
        return np.asarray(np.isfinite(self.values).all(axis=1))

    def features(self) -> NDArray[np.float64]:
        """Latents and the logarithm of the counts, as classifiers take them.

        Returns
        -------
        ndarray, shape (n, k + 1)
        """
        return np.column_stack([self.values, np.log10(np.maximum(self.counts, 1.0))])

    def take(self, rows: Any) -> Latents:
        """Some of the rows.

        Parameters
        ----------
        rows : array_like of int or bool, or slice
            Which.

        Returns
        -------
        Latents
        """
        index = np.arange(len(self))[rows]
        texts = (tuple(t[i] for i in index) for t in (self.flags, self.reasons, self.names))
        return Latents(
            self.values[index], self.sigma[index], self.counts[index], self.p_value[index], *texts
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Latents]) -> Latents:
        """Rows of several, one after the other.

        Parameters
        ----------
        parts : sequence of Latents
            At least one, with equally many latents.

        Returns
        -------
        Latents

        Examples
        --------
        >>> one = Latents(np.zeros((2, 8)), np.ones((2, 8)), np.ones(2), np.ones(2), ("",) * 2,
        ...               ("",) * 2, ("a", "b"))
        >>> Latents.concatenate([one, one]).names
        ('a', 'b', 'a', 'b')
        """
        fields: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("values", "sigma", "counts", "p_value")
        }
        for name in ("flags", "reasons", "names"):
            fields[name] = tuple(text for part in parts for text in getattr(part, name))
        return cls(**fields)

    def agreement(self) -> tuple[float, int, float]:
        """Whether all rows can be one source: χ² about their weighted mean.

        Returns
        -------
        chi2 : float
            Over all latents and rows.
        dof : int
            Degrees of freedom.
        p_value : float
            Probability of a χ² so large.

        Examples
        --------
        >>> same = Latents(np.zeros((3, 2)), np.ones((3, 2)), np.ones(3), np.ones(3), ("",) * 3,
        ...                ("",) * 3, ("",) * 3)
        >>> same.agreement()
        (0.0, 4, 1.0)
        """
        from scipy.stats import chi2

        values, weight = self.values[self.encoded], 1 / self.sigma[self.encoded] ** 2
        mean = (values * weight).sum(axis=0) / weight.sum(axis=0)
        found = float((weight * (values - mean) ** 2).sum())
        dof = (len(values) - 1) * values.shape[1]
        return found, dof, float(chi2.sf(found, dof)) if dof > 0 else 1.0

    def to_table(self) -> pd.DataFrame:
        """One row a spectrum: name, counts, latents, their errors, p-value, flag, reason.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        k = self.values.shape[1]
        columns: dict[str, Any] = {"name": self.names, "counts": self.counts}
        columns |= {f"z{i + 1}": self.values[:, i] for i in range(k)}
        columns |= {f"z{i + 1}_sigma": self.sigma[:, i] for i in range(k)}
        columns |= {"p_value": self.p_value, "flag": self.flags, "reason": self.reasons}
        return pd.DataFrame(columns)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        n = [(flag, sum(flag == found for found in self.flags)) for flag in FLAGS]
        told = ", ".join(f"{count} {flag}" for flag, count in n if count)
        clean = sum(not flag for flag in self.flags)
        text = f"{len(self):,} spectra x {self.values.shape[1]}, {clean:,} without flag"
        return f"Latents({text}{': ' + told if told else ''})"

    def _repr_html_(self) -> str:
        return str(self.to_table().head(20).to_html(index=False, float_format="{:.3g}".format))


def flag_rows(
    held: BinnedSpectra, *, needs_response: bool, min_counts: float
) -> tuple[list[str], list[str]]:
    """Flags and reasons of spectra that cannot be encoded, empty for the others.

    Parameters
    ----------
    held : BinnedSpectra
        The spectra.
    needs_response : bool
        Whether the response is part of the model.
    min_counts : float
        Fewest counts.

    Returns
    -------
    flags, reasons : list of str

    Examples
    --------
    >>> from decan.xray_spectra import BinnedSpectra
    >>> held = BinnedSpectra.from_arrays(np.ones((1, 128)), 0.0)
    >>> flag_rows(held, needs_response=True, min_counts=20)[0]
    ['NO_RESPONSE']
    """
    flags, reasons = [""] * len(held), list(held.reasons)
    for i, total in enumerate(held.total):
        if reasons[i]:
            flags[i] = "NOT_READ"
        elif needs_response and held.which[i] < 0:
            flags[i], reasons[i] = "NO_RESPONSE", NO_RESPONSE
        elif total < min_counts:
            flags[i] = "LOW_COUNTS"
            reasons[i] = f"{total:.0f} counts in 0.5-8 keV, at least {min_counts:g} needed"
    return flags, reasons
