"""From light curves and spectra to portraits: the whole path as one object that is saved whole."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.data.numbers import plain_numbers
from decan.core.saved import Saved

from .cleaning import LightCurveCleaner
from .dmdt import DmDtBinner
from .folding import LightCurveFolder
from .joint import JointVAE
from .lightcurves import LightCurves, check_source_ids
from .periods import PeriodFinder
from .ragged import segment_mean_std
from .vae import XPVAE, DmDtVAE, FoldedVAE
from .xp import XPPreprocessor, XPSpectra

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MODALITIES", "Portraits", "VariablesPipeline"]

MODALITIES = ("xp", "fold", "dmdt")
"""The three modalities, in the order of the fifteen latents."""

_FEW, _TOO_FEW = 10, 3


@dataclasses.dataclass(frozen=True)
class Portraits:
    """Latents of a batch of stars, with their uncertainties and what went into them.

    Parameters
    ----------
    source_id : ndarray of int64, shape (n,)
        The stars.
    latents, std : ndarray, shape (n, 15)
        XP, folded and Δm|Δt latents and their calibrated σ; NaN where missing.
    frequency : ndarray, shape (n,)
        Dominant frequency, cycles per day.
    magnitude_mean, magnitude_std : ndarray, shape (n,)
        Of the epochs in use, magnitudes.
    nll : ndarray, shape (n, 3)
        Negative log-likelihood per datum of each modality.
    inferred : ndarray of bool, shape (n, 3)
        Modalities that were missing and inferred from the others.
    status : pandas.DataFrame
        One column a modality: 'ok', or why there is no latent.

    Examples
    --------
    >>> from decan.gaia_variables import VariablesPipeline, simulate_stars
    >>> stars = simulate_stars(4, classes=["RRab"], rng=0)
    >>> portraits = VariablesPipeline.pretrained().transform(
    ...     stars.curves, stars.xp, frequency=stars.truth["frequency"])
    >>> portraits
    <Portraits: 4 stars; ok: 4 xp, 4 fold, 4 dmdt>
    """

    source_id: NDArray[np.int64]
    latents: NDArray[np.float64]
    std: NDArray[np.float64]
    frequency: NDArray[np.float64]
    magnitude_mean: NDArray[np.float64]
    magnitude_std: NDArray[np.float64]
    nll: NDArray[np.float64]
    inferred: NDArray[np.bool_]
    status: pd.DataFrame

    def __len__(self) -> int:
        return len(self.source_id)

    def __repr__(self) -> str:
        counts = ", ".join(f"{(self.status[name] == 'ok').sum():,} {name}" for name in MODALITIES)
        return f"<Portraits: {len(self):,} star{'' if len(self) == 1 else 's'}; ok: {counts}>"

    def _repr_html_(self) -> str:
        table: str = self.to_table().head(10).to_html(index=False, float_format="{:.3g}".format)
        return f"<p>{self!r}</p>{table}"

    def features(self) -> NDArray[np.float64]:
        """Latents, log10 frequency and log10 magnitude deviation, shape (n, 17)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            extra = np.log10(np.stack([self.frequency, self.magnitude_std], axis=1))
        extra[~np.isfinite(extra)] = np.nan
        return np.hstack([self.latents, extra])

    def features_std(self) -> NDArray[np.float64]:
        """σ of the features: that of the latents, 0 for log frequency and log deviation."""
        return np.hstack([self.std, np.zeros((len(self), 2))])

    def to_table(self) -> pd.DataFrame:
        """One row a star: ids, features, latents, σ, likelihoods and statuses."""
        import pandas as pd

        names = latent_names()
        columns: dict[str, Any] = {
            "source_id": self.source_id,
            "frequency": self.frequency,
            "magnitude_mean": self.magnitude_mean,
            "magnitude_std": self.magnitude_std,
        }
        columns |= {name: self.latents[:, k] for k, name in enumerate(names)}
        columns |= {f"{name}_std": self.std[:, k] for k, name in enumerate(names)}
        columns |= {f"{name}_nll": self.nll[:, k] for k, name in enumerate(MODALITIES)}
        columns |= {f"{name}_status": self.status[name].to_numpy() for name in MODALITIES}
        return pd.DataFrame(columns)


class VariablesPipeline(Saved):
    """Cleans, searches periods, folds, bins, samples, and encodes.

    Parameters
    ----------
    cleaner, finder, folder, binner, sampler : optional
        The preprocessing of each step; its settings are saved with the model.
    xp, fold, dmdt : XPVAE, FoldedVAE, DmDtVAE, optional
        The encoders.
    joint : JointVAE, optional
        Infers missing modalities.

    References
    ----------
    Huijse et al. 2025, A&A 701, A150.

    Examples
    --------
    >>> from decan.gaia_variables import simulate_stars
    >>> pipeline = VariablesPipeline.pretrained()
    >>> stars = simulate_stars(3, classes=["EW"], rng=1)
    >>> portraits = pipeline.transform(stars.curves, frequency=stars.truth["dominant_frequency"])
    >>> portraits.latents.shape, portraits.status["xp"].unique().tolist()
    ((3, 15), ['not_given'])
    """

    _shipped = "portraits"

    def __init__(
        self,
        *,
        cleaner: LightCurveCleaner | None = None,
        finder: PeriodFinder | None = None,
        folder: LightCurveFolder | None = None,
        binner: DmDtBinner | None = None,
        sampler: XPPreprocessor | None = None,
        xp: XPVAE | None = None,
        fold: FoldedVAE | None = None,
        dmdt: DmDtVAE | None = None,
        joint: JointVAE | None = None,
    ) -> None:
        self.cleaner = cleaner or LightCurveCleaner()
        self.finder = finder or PeriodFinder()
        self.folder = folder or LightCurveFolder()
        self.binner = binner or DmDtBinner()
        self.sampler = sampler or XPPreprocessor()
        self.xp = xp or XPVAE()
        self.fold = fold or FoldedVAE()
        self.dmdt = dmdt or DmDtVAE(shape=self.binner.shape)
        self.joint = joint

    def fit(
        self,
        curves: LightCurves,
        xp: XPSpectra | ArrayLike | None = None,
        *,
        frequency: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        label_weight: float = 0.0,
        progress: bool = True,
    ) -> VariablesPipeline:
        """Train the encoders on one's own stars.

        Parameters
        ----------
        curves : LightCurves
            Raw light curves.
        xp : XPSpectra or array_like, shape (n, 110), optional
            Spectra in the order of the curves; without them that encoder stays as it is.
        frequency : array_like or Quantity, shape (n,), optional
            Dominant frequencies, cycles per day; searched if not given.
        labels : array_like of int, optional
            See :meth:`XPVAE.fit`.
        label_weight : float
            See :meth:`XPVAE.fit`.
        progress : bool
            Whether to show bars.

        Returns
        -------
        self
        """
        clean = self.cleaner.transform(curves)
        f = self._frequency(clean, frequency, progress)
        own: dict[str, Any] = {"labels": labels, "label_weight": label_weight, "progress": progress}
        self.dmdt.fit(self.binner.transform(clean), **own)
        self.fold.fit(self.folder.transform(clean, f), **own)
        if xp is not None:
            self.xp.fit(self._spectra(xp, len(curves)), **own)
        return self

    def transform(
        self,
        curves: LightCurves | None = None,
        xp: XPSpectra | ArrayLike | None = None,
        *,
        frequency: ArrayLike | None = None,
        source_id: ArrayLike | None = None,
        infer_missing: bool = False,
        strict: bool = False,
        progress: bool = False,
    ) -> Portraits:
        """Portraits of stars; light curves or spectra may be left out.

        Parameters
        ----------
        curves : LightCurves, optional
            Raw light curves.
        xp : XPSpectra or array_like, shape (n, 110), optional
            Spectra in the order of the curves.
        frequency : array_like or Quantity, shape (n,), optional
            Dominant frequencies, cycles per day; searched if not given.
        source_id : array_like of int, optional
            Ids, needed without curves only.
        infer_missing : bool
            Whether missing latents are inferred from the others.
        strict : bool
            Whether a star with fewer than three epochs is an error.
        progress : bool
            Whether to show a bar for the period search.

        Returns
        -------
        Portraits

        Raises
        ------
        ValueError
            If nothing is given, lengths differ, or ``strict`` finds a short curve.

        Warns
        -----
        UserWarning
            If stars have fewer than ten epochs.
        """
        import pandas as pd

        if curves is None and xp is None:
            raise ValueError("transform: expected curves, xp, or both")
        ids, n = self._ids(curves, xp, source_id)
        latents, std, nll = (
            np.full((n, 15), np.nan),
            np.full((n, 15), np.nan),
            np.full((n, 3), np.nan),
        )
        status = pd.DataFrame({name: np.full(n, "not_given", dtype=object) for name in MODALITIES})
        f, mean, deviation = (np.full(n, np.nan) for _ in range(3))
        if xp is not None:
            spectra = self._spectra(xp, n)
            _put(latents, std, nll, 0, self.xp, spectra)
            status["xp"] = spectra.status
        if curves is not None:
            self._check_epochs(curves, strict)
            clean = self.cleaner.transform(curves)
            used = clean.used()
            mean, deviation = segment_mean_std(used.mag, used.start)
            f = self._frequency(clean, frequency, progress)
            folded = self.folder.transform(clean, f)
            _put(latents, std, nll, 1, self.fold, folded)
            status["fold"] = folded.status
            histograms = self.binner.transform(clean)
            _put(latents, std, nll, 2, self.dmdt, histograms)
            status["dmdt"] = self._dmdt_status(
                clean, np.asarray(histograms.valid.any(axis=1)), deviation
            )
            short = clean.n_used < _TOO_FEW
            latents[short, 5:], std[short, 5:], nll[short, 1:] = np.nan, np.nan, np.nan
        inferred = np.zeros((n, 3), bool)
        if infer_missing:
            latents, std, inferred = self._inferred(latents, std)
        return Portraits(ids, latents, std, f, mean, deviation, nll, inferred, status)

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        steps = ("cleaner", "finder", "folder", "binner", "sampler")
        settings: dict[str, Any] = {name: dataclasses.asdict(getattr(self, name)) for name in steps}
        models: dict[str, Any] = {"xp": self.xp, "fold": self.fold, "dmdt": self.dmdt}
        if self.joint is not None:
            models["joint"] = self.joint
        parts: dict[str, Any] = {}
        for name, model in models.items():
            settings[name], parts[name] = model._state()
        return settings, parts

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> VariablesPipeline:
        joint = (
            JointVAE._from_state(settings["joint"], parts["joint"]) if "joint" in parts else None
        )
        return cls(
            cleaner=LightCurveCleaner(**settings["cleaner"]),
            finder=PeriodFinder(**settings["finder"]),
            folder=LightCurveFolder(**settings["folder"]),
            binner=DmDtBinner(**_tuples(settings["binner"])),
            sampler=XPPreprocessor(**_tuples(settings["sampler"])),
            xp=XPVAE._from_state(settings["xp"], parts["xp"]),
            fold=FoldedVAE._from_state(settings["fold"], parts["fold"]),
            dmdt=DmDtVAE._from_state(settings["dmdt"], parts["dmdt"]),
            joint=joint,
        )

    def __repr__(self) -> str:
        state = "fitted" if self.dmdt.network_ is not None else "not fitted"
        joint = "" if self.joint is None else ", infers missing modalities"
        return f"<VariablesPipeline: {', '.join(MODALITIES)}; {state}{joint}>"

    def _ids(
        self, curves: LightCurves | None, xp: Any, source_id: ArrayLike | None
    ) -> tuple[NDArray[np.int64], int]:
        if curves is not None:
            return curves.source_id, len(curves)
        n = len(xp)
        ids = np.arange(n, dtype=np.int64) if source_id is None else check_source_ids(source_id)
        if len(ids) != n:
            raise ValueError(f"source_id: expected {n} ids like xp, found {len(ids)}")
        return ids, n

    def _spectra(self, xp: XPSpectra | ArrayLike, n: int) -> XPSpectra:
        spectra = xp if isinstance(xp, XPSpectra) else self.sampler.transform(xp)
        if len(spectra) != n:
            raise ValueError(f"xp: expected {n} spectra like curves, found {len(spectra)}")
        return spectra

    def _frequency(
        self, clean: LightCurves, frequency: ArrayLike | None, progress: bool
    ) -> NDArray[np.float64]:
        if frequency is None:
            return self.finder.transform(clean, progress=progress).best
        f = plain_numbers(frequency, "frequency", unit="1/d")
        if f.shape != (len(clean),):
            raise ValueError(f"frequency: expected shape ({len(clean)},), found {f.shape}")
        return f

    def _check_epochs(self, curves: LightCurves, strict: bool) -> None:
        n = curves.n_used
        if strict and (n < _TOO_FEW).any():
            first = int(np.flatnonzero(n < _TOO_FEW)[0])
            raise ValueError(
                f"curves: source_id {curves.source_id[first]} has {n[first]} usable epochs, "
                f"expected {_TOO_FEW} or more"
            )
        few = (n >= _TOO_FEW) & (n < _FEW)
        if few.any():
            warnings.warn(
                f"{few.sum():,} of {len(curves):,} stars have fewer than {_FEW} usable epochs; "
                "their latents say little",
                stacklevel=3,
            )

    def _dmdt_status(
        self, clean: LightCurves, valid: NDArray[np.bool_], deviation: NDArray
    ) -> NDArray[np.str_]:
        status = np.full(len(clean), "ok", dtype="<U16")
        status[~valid] = "no_variation"
        status[clean.n_used < _TOO_FEW] = "too_few_epochs"
        return status

    def _inferred(
        self, latents: NDArray, std: NDArray
    ) -> tuple[NDArray, NDArray, NDArray[np.bool_]]:
        if self.joint is None:
            raise ValueError("infer_missing: this pipeline has no joint model")
        missing = ~np.isfinite(latents).reshape(len(latents), 3, 5).all(axis=2)
        some = missing.any(axis=1) & ~missing.all(axis=1)
        if some.any():
            filled, sigma = self.joint.fill(latents[some])
            new = np.repeat(missing[some], 5, axis=1)
            latents[some] = np.where(new, filled, latents[some])
            std[some] = np.where(new, sigma, std[some])
        return latents, std, missing & some[:, None]


def latent_names() -> list[str]:
    """Names of the fifteen latents: ``xp_0`` … ``dmdt_4``.

    Returns
    -------
    list of str

    Examples
    --------
    >>> latent_names()[::5]
    ['xp_0', 'fold_0', 'dmdt_0']
    """
    return [f"{modality}_{k}" for modality in MODALITIES for k in range(5)]


def _put(latents: NDArray, std: NDArray, nll: NDArray, place: int, model: Any, data: Any) -> None:
    columns = slice(5 * place, 5 * place + 5)
    latents[:, columns], std[:, columns], nll[:, place] = model._pass(data, score=True)


def _tuples(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they were: JSON has lists where dataclasses have tuples."""
    return {
        k: tuple(v) if isinstance(v, Sequence) and not isinstance(v, str) else v
        for k, v in settings.items()
    }
