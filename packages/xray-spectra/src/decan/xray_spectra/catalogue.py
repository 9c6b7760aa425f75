"""Classes of catalogued X-ray sources from their columns: X-ray alone, or with counterparts.

Columns that give the label away are refused, positions are not read: young stars sit in few
clusters, and a position would name the cluster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.data.tables import number_column
from decan.core.errors import SchemaError
from decan.core.saved import Saved

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CatalogueClassifier", "catalogue_features", "hardness_features"]

_FLOOR = 1e-17
_MAGNITUDES = ("Gmag", "BPmag", "RPmag", "Jmag", "Hmag", "Kmag", "W1mag", "W2mag", "W3mag")
_COLOURS = (
    ("BPmag", "RPmag"), ("Gmag", "RPmag"), ("Gmag", "Jmag"), ("Jmag", "Hmag"), ("Hmag", "Kmag"),
    ("Kmag", "W1mag"), ("W1mag", "W2mag"), ("W2mag", "W3mag"), ("Gmag", "W1mag"), ("Jmag", "W1mag"),
)  # fmt: skip
_FEWEST = 5


def hardness_features(table: pd.DataFrame) -> pd.DataFrame:
    """The least that a spectrum gives: three hardness ratios of energy flux, and a photon index.

    Parameters
    ----------
    table : DataFrame
        With ``Fs``, ``Fm``, ``Fh`` (erg / cm² / s) and ``powlaw_gamma_mean``.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    SchemaError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"Fs": [1e-14], "Fm": [1e-14], "Fh": [3e-14], "powlaw_gamma_mean": [1.8]}
    >>> hardness_features(pd.DataFrame(row))["hm"].round(3).tolist()
    [0.5]
    """
    import pandas as pd

    s, m, h = (np.maximum(_column(table, name), _FLOOR) for name in ("Fs", "Fm", "Fh"))
    pairs = {"ms": (m, s), "hm": (h, m), "hs": (h, s)}
    found = {name: (a - b) / (a + b) for name, (a, b) in pairs.items()}
    found["gamma"] = _column(table, "powlaw_gamma_mean")
    return pd.DataFrame(found)


def catalogue_features(table: pd.DataFrame, *, counterparts: bool = True) -> pd.DataFrame:
    """Features of catalogued sources.

    Parameters
    ----------
    table : DataFrame
        Columns of the MUWCLASS training table: fluxes and their errors in bands s, m, h, b
        (erg / cm² / s), variability probabilities, the fit of a power law; with counterparts
        also Gaia, 2MASS and WISE magnitudes, parallax (mas), proper motion (mas / yr) and
        geometric distance (pc).
    counterparts : bool
        Whether optical and infrared columns are used.

    Returns
    -------
    pandas.DataFrame
        NaN where a value is unknown.

    Raises
    ------
    SchemaError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> catalogue_features(pd.DataFrame({"Fs": [1e-14]}))
    Traceback (most recent call last):
    ...
    decan.core.errors.SchemaError: table: no column 'Fm'; catalogue_features says which it needs
    """
    import pandas as pd

    found: dict[str, Any] = dict(hardness_features(table))
    flux = {band: np.maximum(_column(table, f"F{band}"), _FLOOR) for band in "smhb"}
    for hard, soft in (("m", "s"), ("h", "m"), ("h", "s")):
        found[f"log {hard}/{soft}"] = np.log10(flux[hard] / flux[soft])
    for band, value in flux.items():
        error = np.maximum(_column(table, f"e_F{band}"), _FLOOR)
        found[f"log S/N {band}"] = np.log10(value / error)
    log_flux = np.log10(flux["b"])
    found["log flux"] = log_flux
    found["log significance"] = np.log10(np.maximum(_column(table, "significance"), 0.1))
    for name in ("P_intra", "P_inter"):
        probability = _column(table, name)
        found[name] = probability
        found[f"log (1 - {name})"] = np.log10(1 - np.minimum(probability, 0.9995))
    found["log fitted NH"] = np.log10(np.maximum(_column(table, "powlaw_nh_mean"), 1e-2))
    found["gamma error"] = _column(table, "e_powlaw_gamma_mean")
    found["fit statistic"] = _column(table, "powlaw_stat")
    if counterparts:
        found |= _counterparts(table, log_flux)
    return pd.DataFrame(found)


class CatalogueClassifier(Saved):
    """Classes of catalogued sources from any features, missing values included.

    Boosted trees, trained by likelihood, give probabilities for the shares of the training
    set; the class that is named is the most probable if all classes were equally common, which
    is what balanced accuracy asks for.

    Parameters
    ----------
    n_trees : int
        Rounds of boosting.
    random_state : int
        Seed.

    Attributes
    ----------
    classes_ : ndarray of str
        The classes.
    shares_ : ndarray
        Their shares in training.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(-1, 1, (60, 2)), rng.normal(1, 1, (20, 2))])
    >>> classifier = CatalogueClassifier(n_trees=20).fit(X, ["a"] * 60 + ["b"] * 20)
    >>> classifier.predict([[-1, -1], [2, np.nan]])
    array(['a', 'b'], dtype='<U1')
    """

    def __init__(self, *, n_trees: int = 100, random_state: int = 0) -> None:
        self.n_trees = n_trees
        self.random_state = random_state

    def fit(self, features: ArrayLike, classes: ArrayLike) -> Self:
        """Fit the trees.

        Parameters
        ----------
        features : DataFrame or array_like, shape (n, k)
            Features; NaN where unknown. Columns of a table are known by their names from then on.
        classes : array_like of str, shape (n,)
            Classes.

        Returns
        -------
        CatalogueClassifier
            Itself.

        Raises
        ------
        ValueError
            If a class has fewer than 5 members, named in the message; if there is only one, or
            features and classes have not equally many rows.
        """
        self.names_ = tuple(map(str, getattr(features, "columns", ())))
        X = np.asarray(features, dtype=float)
        if len(X) != len(np.asarray(classes)):
            raise ValueError(f"classes: {len(np.asarray(classes))} for {len(X)} sources")
        self.classes_, index, sizes = np.unique(
            np.asarray(classes, dtype=str), return_inverse=True, return_counts=True
        )
        if sizes.size < 2:
            raise ValueError(f"classes: only {self.classes_.tolist()}, at least two are needed")
        if sizes.min() < _FEWEST:
            rare = str(self.classes_[int(np.argmin(sizes))])
            raise ValueError(
                f"classes: {rare!r} has {sizes.min()} members, at least {_FEWEST} are needed; "
                "leave it out or join it to another"
            )
        self.shares_ = sizes / sizes.sum()
        self.model_ = self._trees().fit(X, index)
        return self

    def predict_proba(
        self, features: ArrayLike, *, shares: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Probabilities of the classes.

        Parameters
        ----------
        features : DataFrame or array_like, shape (n, k)
            As in training; the columns of a table may stand in any order.
        shares : array_like, shape (n_classes,), optional
            How common the classes are where the sources come from; as in training without it.

        Returns
        -------
        ndarray, shape (n, n_classes)

        Raises
        ------
        SchemaError
            If a feature of the training is missing.
        """
        raw = self.model_.predict_proba(self._in_order(features))
        log = np.log(np.maximum(raw, 1e-9))
        if shares is not None:
            log = log + np.log(np.asarray(shares, dtype=float) / self.shares_)
        p = np.exp(log - log.max(axis=1, keepdims=True))
        return np.asarray(p / p.sum(axis=1, keepdims=True))

    def predict(self, features: ArrayLike) -> NDArray[Any]:
        """The most probable class if all were equally common.

        Parameters
        ----------
        features : array_like, shape (n, k)
            As in training.

        Returns
        -------
        ndarray of str, shape (n,)
        """
        equal = np.full(self.shares_.size, 1 / self.shares_.size)
        found: NDArray[Any] = self.classes_[self.predict_proba(features, shares=equal).argmax(1)]
        return found

    def _in_order(self, features: Any) -> NDArray[np.float64]:
        """Features in the order of the training."""
        if self.names_ and hasattr(features, "columns"):
            missing = [name for name in self.names_ if name not in features]
            if missing:
                raise SchemaError(f"features: no column {missing[0]!r}, which the training had")
            features = features[list(self.names_)]
        values = np.asarray(features, dtype=float)
        wanted = int(self.model_.n_features_in_)
        if values.ndim != 2 or values.shape[1] != wanted:
            raise SchemaError(f"features: shape {values.shape}, the training had {wanted} columns")
        return values

    def _trees(self) -> Any:
        from xgboost import XGBClassifier

        return XGBClassifier(
            n_estimators=self.n_trees, max_depth=4, learning_rate=0.1, max_bin=48, subsample=0.7,
            colsample_bytree=0.6, min_child_weight=3, reg_lambda=3.0, n_jobs=1,
            random_state=self.random_state,
        )  # fmt: skip

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        names = np.array(self.names_, dtype=str)
        fitted = {"classes": self.classes_, "shares": self.shares_, "names": names}
        settings = {"n_trees": self.n_trees, "random_state": self.random_state}
        return settings, {"fitted": fitted, "trees": self.model_}

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> Self:
        found = cls(**settings)
        fitted = parts["fitted"]
        found.classes_, found.shares_ = fitted["classes"], fitted["shares"]
        found.names_ = tuple(map(str, fitted.get("names", ())))
        found.model_ = parts["trees"]
        return found


def _counterparts(table: pd.DataFrame, log_flux: Any) -> dict[str, Any]:
    found: dict[str, Any] = {name: _column(table, name) for name in _MAGNITUDES}
    for blue, red in _COLOURS:
        found[f"{blue[:-3]} - {red[:-3]}"] = found[blue] - found[red]
    for name in ("Gmag", "Jmag", "Kmag", "W1mag"):
        found[f"log fx/f {name[:-3]}"] = log_flux + 0.4 * found[name]
    parallax, distance = _column(table, "Plx"), _column(table, "rgeo")
    found["parallax"] = parallax
    found["parallax S/N"] = parallax / np.maximum(_column(table, "e_Plx"), 1e-3)
    found["proper motion"] = _column(table, "PM")
    log_distance = np.log10(np.maximum(distance, 1.0))
    found["log distance"] = log_distance
    found["log luminosity"] = log_flux + 2 * log_distance
    found["absolute G"] = found["Gmag"] - 5 * log_distance
    found["absolute J"] = found["Jmag"] - 5 * log_distance
    return found


def _column(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in table:
        raise SchemaError(f"table: no column {name!r}; catalogue_features says which it needs")
    return number_column(table, name, "table")
