"""Ranking of Kepler objects of interest from their catalogue columns, by boosted trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.tables import number_column, read_table
from decan.core.errors import SchemaError
from decan.core.saved import Saved

from .archive import star_fold

if TYPE_CHECKING:
    import os

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "CUMULATIVE_COLUMNS",
    "DR25_COLUMNS",
    "POSITION_COLUMNS",
    "KoiScorer",
    "read_kois",
]

N_FOLDS = 5

_WITH_ERRORS = (
    "koi_period", "koi_impact", "koi_duration", "koi_depth", "koi_prad", "koi_insol", "koi_steff",
    "koi_slogg", "koi_srad",
)  # fmt: skip

CUMULATIVE_COLUMNS: tuple[str, ...] = (
    *(name + end for name in _WITH_ERRORS for end in ("", "_err1", "_err2")),
    "koi_time0bk_err1", "koi_teq", "koi_model_snr", "koi_tce_plnt_num", "koi_kepmag",
)  # fmt: skip
"""Columns of the cumulative table: fits, star, multiplicity, as the archive's pipeline gives them.

Left out on purpose: everything that holds a verdict (``koi_score``, ``koi_fpflag_*``,
``koi_disposition``, ``koi_pdisposition``, ``koi_comment``, ``koi_vet_*``), and names, epochs
and sky positions, from which a star could be recognised.
"""

DR25_COLUMNS: tuple[str, ...] = (
    *CUMULATIVE_COLUMNS,
    "koi_ror", "koi_srho", "koi_dor", "koi_incl", "koi_sma", "koi_smet", "koi_smass", "koi_count",
    "koi_num_transits", "koi_max_sngle_ev", "koi_max_mult_ev", "koi_bin_oedp_sig",
    "koi_fwm_stat_sig", "koi_fwm_srao", "koi_fwm_srao_err", "koi_fwm_sdeco", "koi_fwm_sdeco_err",
    "koi_fwm_prao", "koi_fwm_prao_err", "koi_fwm_pdeco", "koi_fwm_pdeco_err",
    "koi_dicco_mra", "koi_dicco_mra_err", "koi_dicco_mdec", "koi_dicco_mdec_err",
    "koi_dicco_msky", "koi_dicco_msky_err", "koi_dikco_mra", "koi_dikco_mra_err",
    "koi_dikco_mdec", "koi_dikco_mdec_err", "koi_dikco_msky", "koi_dikco_msky_err",
)  # fmt: skip
"""The same with the pipeline's own diagnostics of DR25: odd-even, events, centroid offsets."""

POSITION_COLUMNS: tuple[str, ...] = ("pp_host_rel_prob", "pp_host_prob_score")
"""Positional probability that the target is the host (Bryson & Morton 2017)."""

_WORDS: Mapping[str, tuple[str, str]] = {
    "koi_depth": ("depth", "ppm"),
    "koi_prad": ("radius", "Earth radii"),
    "koi_ror": ("radius over star", ""),
    "koi_period": ("period", "d"),
    "koi_duration": ("duration", "h"),
    "koi_impact": ("impact parameter", ""),
    "koi_model_snr": ("signal-to-noise ratio", ""),
    "koi_max_mult_ev": ("multiple-event statistic", "sigma"),
    "koi_max_sngle_ev": ("strongest single event", "sigma"),
    "koi_count": ("candidates of this star", ""),
    "koi_tce_plnt_num": ("rank of the signal in its star", ""),
    "koi_bin_oedp_sig": ("odd-even agreement (p-value)", ""),
    "koi_dikco_msky": ("offset from the catalogue position", "arcsec"),
    "koi_dicco_msky": ("offset from the out-of-transit position", "arcsec"),
    "koi_num_transits": ("transits", ""),
    "koi_dor": ("orbit over stellar radius", ""),
    "koi_srho": ("stellar density from the transit", "g/cm3"),
    "offset_sigma": ("offset significance", "sigma"),
    "duration_ratio": ("duration over that of a central transit", ""),
    "snr_of_one": ("signal-to-noise ratio of one transit", ""),
    "pp_host_rel_prob": ("probability that the target is the host", ""),
    "pp_host_prob_score": ("quality of the host probability", ""),
}


class KoiScorer(Saved):
    """Planet probability of Kepler objects of interest from catalogue columns.

    Five members; each leaves out the stars of one fold, and judges them.

    Parameters
    ----------
    columns : sequence of str
        What the trees read; missing values stay missing.
    n_estimators, max_depth : int
        Size of the trees.
    random_state : int
        Seed.

    Attributes
    ----------
    out_of_fold_ : ndarray of float, shape (n,)
        After :meth:`fit`: calibrated probability of each training row by the member that has
        not seen its star, calibrated without its star.

    Examples
    --------
    >>> len(KoiScorer().columns) == len(DR25_COLUMNS)
    True
    """

    _shipped = "kepler-kois"

    def __init__(
        self,
        columns: Sequence[str] = DR25_COLUMNS,
        *,
        n_estimators: int = 400,
        max_depth: int = 6,
        random_state: int = 0,
    ) -> None:
        self.columns = tuple(columns)
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.random_state = random_state

    def __repr__(self) -> str:
        return f"KoiScorer({len(self.columns)} columns, {self.n_estimators} trees a member)"

    def fit(self, table: pd.DataFrame, y: ArrayLike) -> KoiScorer:
        """Train the members and the calibration.

        Parameters
        ----------
        table : DataFrame
            With ``kepid`` and the columns.
        y : array_like of int, shape (n,)
            1 planet, 0 false positive.

        Returns
        -------
        KoiScorer
            Itself.

        Raises
        ------
        ValueError
            If only one class is there.
        SchemaError
            If a column is missing.

        Examples
        --------
        >>> import pandas as pd
        >>> depth = np.random.default_rng(0).normal(size=200)
        >>> table = pd.DataFrame({"kepid": np.arange(200), "koi_depth": depth})
        >>> scorer = KoiScorer(["koi_depth"], n_estimators=100, max_depth=2).fit(table, depth > 0)
        >>> scorer.predict(table.iloc[[depth.argmax()]]) > 0.9
        array([ True])
        """
        from xgboost import XGBClassifier

        truth = np.asarray(y).astype(int)
        if set(truth.tolist()) != {0, 1}:
            raise ValueError(
                f"y: expected both classes 0 and 1, found {sorted(set(truth.tolist()))}"
            )
        X = self._features(table)
        fold = star_fold(table["kepid"], N_FOLDS)
        self.members_ = []
        odds = np.empty(len(truth))
        for k in range(N_FOLDS):
            model = XGBClassifier(
                n_estimators=self.n_estimators, max_depth=self.max_depth,
                learning_rate=20.0 / self.n_estimators, subsample=0.8, colsample_bytree=0.5,
                tree_method="hist", n_jobs=1, random_state=self.random_state + k,
            )  # fmt: skip
            model.fit(X[fold != k], truth[fold != k])
            self.members_.append(model)
            if (fold == k).any():
                odds[fold == k] = model.predict(X[fold == k], output_margin=True)
        self.calibration_ = _platt(odds, truth)
        self.out_of_fold_ = np.empty(len(truth))
        for k in range(N_FOLDS):
            mine = fold == k
            if mine.any():
                self.out_of_fold_[mine] = _sigmoid(odds[mine], _platt(odds[~mine], truth[~mine]))
        return self

    def predict(self, table: pd.DataFrame) -> NDArray[np.float64]:
        """Calibrated planet probability, each star judged by the member that never saw it.

        Parameters
        ----------
        table : DataFrame
            With ``kepid`` and the columns.

        Returns
        -------
        ndarray of float, shape (n,)

        Raises
        ------
        SchemaError
            If a column is missing; the message names it.

        Examples
        --------
        >>> import pandas as pd
        >>> scorer = KoiScorer.pretrained()
        >>> row = {"kepid": 1, **dict.fromkeys(scorer.columns, np.nan), "koi_prad": 80.0}
        >>> scorer.predict(pd.DataFrame([row])) < 0.1
        array([ True])
        """
        X = self._features(table)
        fold = star_fold(table["kepid"], N_FOLDS)
        odds = np.empty(len(X))
        for k, model in enumerate(self.members_):
            if (fold == k).any():
                odds[fold == k] = model.predict(X[fold == k], output_margin=True)
        return _sigmoid(odds, self.calibration_)

    def reasons(self, table: pd.DataFrame, *, n: int = 3) -> list[str]:
        """What moved each score most, in plain words.

        Parameters
        ----------
        table : DataFrame
            As for :meth:`predict`.
        n : int
            Reasons a row.

        Returns
        -------
        list of str
            One line a row: the quantity, its value, and whether it speaks for or against a
            planet (tree contributions, which add up to the log-odds).

        Examples
        --------
        >>> import pandas as pd
        >>> scorer = KoiScorer.pretrained()
        >>> row = {"kepid": 1, **dict.fromkeys(scorer.columns, np.nan), "koi_prad": 80.0}
        >>> scorer.reasons(pd.DataFrame([row]), n=1)
        ['duration over that of a central transit unknown (against)']
        """
        from xgboost import DMatrix

        X = self._features(table)
        fold = star_fold(table["kepid"], N_FOLDS)
        names = self.feature_names
        lines = [""] * len(X)
        for k, model in enumerate(self.members_):
            rows = np.flatnonzero(fold == k)
            if rows.size == 0:
                continue
            parts = model.get_booster().predict(DMatrix(X[rows]), pred_contribs=True)[:, :-1]
            named = [i for i, name in enumerate(names) if name in _WORDS]
            for row, part in zip(rows, parts, strict=True):
                order = sorted(named, key=lambda i: -abs(part[i]))[:n]
                lines[row] = "; ".join(_in_words(names[i], X[row, i], part[i]) for i in order)
        return lines

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of what the trees read: the columns, and what is derived from them."""
        return (*self.columns, *_DERIVED)

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        settings = {
            "columns": list(self.columns),
            "n_estimators": self.n_estimators,
            "max_depth": self.max_depth,
            "random_state": self.random_state,
        }
        parts = {
            "members": {f"member_{k}": model for k, model in enumerate(self.members_)},
            "calibration": {"platt": self.calibration_},
        }
        return settings, parts

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> KoiScorer:
        found = cls(**settings)
        found.members_ = [parts["members"][f"member_{k}"] for k in range(N_FOLDS)]
        found.calibration_ = parts["calibration"]["platt"]
        return found

    def _features(self, table: pd.DataFrame) -> NDArray[np.float64]:
        missing = [name for name in ("kepid", *self.columns) if name not in table]
        if missing:
            raise SchemaError(f"table: {_missing(missing, len(self.columns))}")
        X = np.column_stack([number_column(table, name, "table") for name in self.columns])
        get = {name: X[:, i] for i, name in enumerate(self.columns)}.get
        return np.column_stack([X, *(_derive(get, len(X)).values())])


# Where a file says another unit, these are converted.
_UNITS: Mapping[str, str] = {
    "koi_period": "d", "koi_duration": "h", "koi_depth": "ppm", "koi_prad": "earthRad",
    "koi_srad": "solRad", "koi_steff": "K", "koi_teq": "K", "koi_sma": "AU", "koi_smass": "solMass",
}  # fmt: skip


def read_kois(path: str | os.PathLike[str], columns: Sequence[str] = DR25_COLUMNS) -> pd.DataFrame:
    r"""Table of Kepler objects of interest, with the columns and the units of the archive.

    Parameters
    ----------
    path : path-like
        Any format of :func:`decan.core.data.tables.read_table`.
    columns : sequence of str
        Columns that must be there, besides ``kepid``.

    Returns
    -------
    DataFrame

    Raises
    ------
    DataNotAvailable, CorruptFile
        As :func:`decan.core.data.tables.read_table` does.
    SchemaError
        If columns are missing (the message names all), or one is in another unit that
        cannot be converted, or a cell is no number.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "kois.csv"
    >>> _ = path.write_text("kepid,koi_period\n757450,8.88\n")
    >>> read_kois(path, ["koi_period"])["kepid"].tolist()
    [757450]
    """
    table = read_table(path, required=["kepid"])
    name = str(path)
    missing = [column for column in columns if column not in table]
    if missing:
        raise SchemaError(f"{name}: {_missing(missing, len(columns))}")
    try:
        star_fold(table["kepid"], N_FOLDS)
    except ValueError as error:
        raise SchemaError(f"{name}: column 'kepid': {error}") from None
    for column in columns:
        number_column(table, column, name)
    units = {
        column: _UNITS[stem]
        for column in columns
        if (stem := column.removesuffix("_err1").removesuffix("_err2")) in _UNITS
    }
    return read_table(path, required={"kepid": None, **units})


def _missing(columns: Sequence[str], needed: int) -> str:
    return (
        f"column(s) {', '.join(columns)} missing; KoiScorer needs {needed} columns of the KOI "
        "table (NaN where unknown)"
    )


_DERIVED = ("duration_ratio", "snr_of_one", "radius_ratio_excess", "period_error", "offset_sigma")


def _derive(get: Any, n: int) -> dict[str, NDArray[np.float64]]:
    unknown = np.full(n, np.nan)

    def column(name: str) -> NDArray[np.float64]:
        return np.asarray(get(name, unknown))

    with np.errstate(divide="ignore", invalid="ignore"):
        density = 10 ** (column("koi_slogg") - 4.438) / column("koi_srad")
        usual = 13.0 * np.cbrt(column("koi_period") / 365.25) / np.cbrt(density)
        # Four years of data hold this many transits.
        transits = np.maximum(1460.0 / column("koi_period"), 1.0)
        from_depth = np.sqrt(column("koi_depth") * 1e-6) * column("koi_srad") * 109.1
        found = {
            "duration_ratio": column("koi_duration") / usual,
            "snr_of_one": column("koi_model_snr") / np.sqrt(transits),
            "radius_ratio_excess": column("koi_prad") / from_depth,
            "period_error": np.log10(np.abs(column("koi_period_err1")) / column("koi_period")),
            "offset_sigma": column("koi_dikco_msky") / column("koi_dikco_msky_err"),
        }
    return {name: np.where(np.isfinite(found[name]), found[name], np.nan) for name in _DERIVED}


def _in_words(name: str, value: float, part: float) -> str:
    word, unit = _WORDS[name]
    side = "for a planet" if part > 0 else "against"
    shown = "unknown" if np.isnan(value) else f"{value:,.4g}{' ' + unit if unit else ''}"
    return f"{word} {shown} ({side})"


def _platt(odds: NDArray[np.float64], truth: NDArray[Any]) -> NDArray[np.float64]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1e6).fit(odds[:, None], truth)
    return np.array([model.intercept_[0], model.coef_[0, 0]])


def _sigmoid(odds: NDArray[np.float64], platt: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-(platt[0] + platt[1] * odds))))
