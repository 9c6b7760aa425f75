"""The box of physical parameters: names, units, ranges, and balanced designs inside it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.errors import SchemaError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["CLOUD", "Param", "ParameterSpace", "clean_inputs", "in_our_unit"]

ZETA = "zeta_1p3e17"
ZETA_UNIT = 1.3e-17


@dataclass(frozen=True)
class Param:
    """One parameter: its name, unit, range, and whether it is spread over decades.

    Parameters
    ----------
    name : str
        Name of the column.
    unit : str
        For people; empty for a pure number.
    low, high : float
        The range.
    scale : {'log', 'linear'}
        How designs and priors are spread.

    Raises
    ------
    ValueError
        If the range is empty, or a logarithm of it does not exist.

    Examples
    --------
    >>> Param("T_K", "K", 10, 150)
    Param(name='T_K', unit='K', low=10, high=150, scale='log')
    """

    name: str
    unit: str
    low: float
    high: float
    scale: str = "log"

    def __post_init__(self) -> None:
        if self.scale not in ("log", "linear"):
            raise ValueError(f"{self.name}: scale must be 'log' or 'linear', found {self.scale!r}")
        if not self.low < self.high:
            raise ValueError(f"{self.name}: the range {self.low} to {self.high} is empty")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"{self.name}: a log range must be positive, found {self.low}")


class ParameterSpace:
    """A box of parameters with designs that can be extended.

    Parameters
    ----------
    params : iterable of Param
        In the order of the columns. The order decides on the design.

    Raises
    ------
    ValueError
        If a name is there twice, or there is none.

    Examples
    --------
    >>> CLOUD.names
    ('T_K', 'nH_cm3', 'zeta_1p3e17', 'G0_habing', 'Av_mag', 'fC', 'fO')
    >>> small = ParameterSpace([Param("T_K", "K", 10, 100), Param("nH_cm3", "cm-3", 1e3, 1e6)])
    >>> small.contains([[20.0, 1e4], [200.0, 1e4]])
    array([ True, False])
    """

    def __init__(self, params: Iterable[Param]) -> None:
        self.params = tuple(params)
        if not self.params or len(set(self.names)) < len(self.params):
            raise ValueError(f"params: expected different names, found {list(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(param.name for param in self.params)

    def sobol(self, n: int, *, start: int = 0, seed: int = 2505) -> pd.DataFrame:
        """Scrambled Sobol design: ``n`` points of the sequence from number ``start`` on.

        Designs nest: the first points of a long one are the short one, so that a grid can
        be made larger at any time. Powers of two are balanced best.

        Parameters
        ----------
        n : int
            Number of points.
        start : int
            Number of the first point.
        seed : int
            Seed of the scrambling.

        Returns
        -------
        pandas.DataFrame
            A column a parameter in its unit, ``model_id`` as index.
        """
        import pandas as pd
        from scipy.stats import qmc

        engine = qmc.Sobol(len(self.params), scramble=True, seed=seed)
        if start:
            engine.fast_forward(start)
        values = self.from_unit(_drawn(engine, n))
        index = pd.RangeIndex(start, start + n, name="model_id")
        return pd.DataFrame(values, columns=list(self.names), index=index)

    def to_unit(self, X: ArrayLike) -> NDArray[np.float64]:
        """Values as positions between 0 (low) and 1 (high), in the logarithm where it is one."""
        return (self.to_axis(X) - self._axis[0]) / (self._axis[1] - self._axis[0])

    def from_unit(self, u: ArrayLike) -> NDArray[np.float64]:
        """Positions between 0 and 1 as values in the parameters' units."""
        axis = self._axis[0] + np.asarray(u, dtype=float) * (self._axis[1] - self._axis[0])
        return np.where(self._log, 10.0**axis, axis)

    def to_axis(self, X: ArrayLike) -> NDArray[np.float64]:
        """Values on the axis of each parameter: log10 where it is spread over decades."""
        values = self.values(X)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log10(np.where(self._log, values, 1.0))
        return np.where(self._log, logs, values)

    def values(self, X: ArrayLike | pd.DataFrame) -> NDArray[np.float64]:
        """A table's columns in the order of the space, units checked; or an array as it is.

        Parameters
        ----------
        X : DataFrame, Table, mapping of str to array, or array_like, shape (n, n_parameters)
            A table may hold other columns too. Columns may be quantities.

        Returns
        -------
        ndarray of float, shape (n, n_parameters)

        Raises
        ------
        SchemaError
            If a column is missing, or holds a rate in s⁻¹ where multiples are expected.
        ValueError
            If an array has another number of columns.
        """
        if hasattr(X, "columns") or isinstance(X, Mapping):
            frame = clean_inputs(X, self.names)
            return frame.to_numpy(dtype=float)
        values = np.asarray(X, dtype=float)
        if values.ndim != 2 or values.shape[1] != len(self.params):
            raise ValueError(
                f"X: found shape {values.shape}, expected (n, {len(self.params)}): "
                f"{', '.join(self.names)}"
            )
        if ZETA in self.names:
            _refuse_rate(values[:, self.names.index(ZETA)])
        return values

    def contains(self, X: ArrayLike | pd.DataFrame) -> NDArray[np.bool_]:
        """Whether each row lies in the box, its faces included."""
        u = self.to_unit(X)
        # Ranges written as float32 come back a rounding outside.
        return np.all((u >= -1e-6) & (u <= 1 + 1e-6), axis=1)

    def without(self, names: Iterable[str]) -> ParameterSpace:
        """The space without some of its parameters."""
        gone = set(names)
        return ParameterSpace(param for param in self.params if param.name not in gone)

    @classmethod
    def around(cls, inputs: pd.DataFrame) -> ParameterSpace:
        """The smallest box around a table of inputs; log where a column is positive and wide.

        Parameters
        ----------
        inputs : DataFrame
            A column a parameter. Columns that do not vary are left out.

        Returns
        -------
        ParameterSpace
        """
        known = {param.name: param for param in CLOUD.params}
        params = []
        for name in inputs:
            low, high = float(inputs[name].min()), float(inputs[name].max())
            if low < high:
                unit = known[name].unit if name in known else ""
                scale = "log" if low > 0 and (name in known or high > 10 * low) else "linear"
                params.append(Param(str(name), unit, low, high, scale))
        return cls(params)

    def label(self, name: str) -> str:
        """Name and unit of a parameter as an axis shows them."""
        param = next(param for param in self.params if param.name == name)
        words = _WORDS.get(name, name)
        return f"{words} [{param.unit}]" if param.unit else words

    def unit_of(self, name: str) -> str:
        """Unit of a parameter for people; empty for a pure number or what is no parameter."""
        return next((param.unit for param in self.params if param.name == name), "")

    def __len__(self) -> int:
        return len(self.params)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ParameterSpace) and self.params == other.params

    def __hash__(self) -> int:
        return hash(self.params)

    def __repr__(self) -> str:
        inside = ", ".join(f"{p.name} {p.low:g}-{p.high:g} {p.unit}".strip() for p in self.params)
        return f"<ParameterSpace: {inside}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(p.name)}</td><td>{p.low:g}</td><td>{p.high:g}</td>"
            f"<td>{html.escape(p.unit)}</td><td>{p.scale}</td></tr>"
            for p in self.params
        )
        head = "<tr><th>parameter</th><th>low</th><th>high</th><th>unit</th><th>scale</th></tr>"
        return f"<table>{head}{rows}</table>"

    @property
    def _log(self) -> NDArray[np.bool_]:
        return np.array([param.scale == "log" for param in self.params])

    @property
    def _axis(self) -> NDArray[np.float64]:
        ends = np.array([[param.low, param.high] for param in self.params], dtype=float).T
        return np.where(self._log, np.log10(np.where(self._log, ends, 1.0)), ends)


def clean_inputs(inputs: Any, names: Iterable[str]) -> pd.DataFrame:
    """The named columns of a table as plain numbers in the library's units.

    Parameters
    ----------
    inputs : DataFrame, Table, or mapping of str to array or Quantity
        Quantities are converted: a rate ζ in s⁻¹ becomes multiples of 1.3e-17 s⁻¹. Masked
        cells are NaN.
    names : iterable of str
        The columns that are wanted, in this order.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    SchemaError
        If a column is missing or in a unit of another kind, or ζ is given in s⁻¹ without a
        unit.

    Examples
    --------
    >>> import astropy.units as u
    >>> clean_inputs({"T_K": [10] * u.K, "zeta_1p3e17": [2.6e-17] / u.s}, ["zeta_1p3e17"])
       zeta_1p3e17
    0          2.0
    """
    import pandas as pd

    there = list(inputs.keys())
    columns = {}
    for name in names:
        if name not in there:
            raise SchemaError(
                f"inputs: column {name!r} is missing; there are {', '.join(map(str, there))}"
            )
        column = inputs[name]
        unit = getattr(column, "unit", None)
        if hasattr(column, "filled"):
            column = column.astype(float).filled(np.nan)
        numbers = np.atleast_1d(np.asarray(getattr(column, "value", column), dtype=float))
        if unit is not None:
            numbers = in_our_unit(name, numbers, unit, "inputs")
        columns[name] = numbers
        if name == ZETA:
            _refuse_rate(numbers)
    return pd.DataFrame(columns, index=row_labels(inputs))


def row_labels(table: Any) -> pd.Index | None:
    """Index of a DataFrame; None for anything else, a list's method of that name included."""
    import pandas as pd

    index = getattr(table, "index", None)
    return index if isinstance(index, pd.Index) else None


def in_our_unit(name: str, values: NDArray[np.float64], unit: Any, source: str) -> Any:
    """Values of a parameter or time in the library's unit.

    Parameters
    ----------
    name : str
        The column.
    values : array of float
        In ``unit``.
    unit : str or Unit
        Names that astropy does not know are taken as they are where the library's own is
        such a name (Habing).
    source : str
        For messages.

    Returns
    -------
    array of float

    Raises
    ------
    SchemaError
        If the unit is of another kind.

    Examples
    --------
    >>> in_our_unit("time_yr", np.array([1.0]), "Myr", "grid.ecsv").tolist()
    [1000000.0]
    """
    from astropy import units as u

    known = u.Unit(unit, parse_strict="silent")
    if isinstance(known, u.UnrecognizedUnit) and not _UNITS.get(name):
        return values
    try:
        if name == ZETA and known.is_equivalent(1 / u.s):
            return known.to(1 / u.s, values) / ZETA_UNIT
        return known.to(u.Unit(_UNITS.get(name, "")), values)
    except u.UnitConversionError:
        wanted = CLOUD.unit_of(name) or _UNITS.get(name, "") or "a pure number"
        raise SchemaError(
            f"{source}: column {name!r} has unit {str(unit)!r}, expected {wanted}"
        ) from None


_WORDS = {
    "T_K": "temperature",
    "nH_cm3": "density",
    ZETA: "cosmic-ray ionisation",
    "G0_habing": "radiation field",
    "Av_mag": "extinction",
    "fC": "C/H",
    "fO": "O/H",
}
_UNITS = {"T_K": "K", "nH_cm3": "cm-3", "Av_mag": "mag", "fC": "", "fO": "", "time_yr": "yr"}


def _drawn(engine: Any, n: int) -> NDArray[np.float64]:
    import warnings

    with warnings.catch_warnings():
        # A block that is no power of two is wanted here; the sequence as a whole is balanced.
        warnings.simplefilter("ignore", UserWarning)
        return np.asarray(engine.random(n))


def _refuse_rate(zeta: NDArray[np.float64]) -> None:
    small = np.flatnonzero(zeta < 1e-10)
    if len(small):
        raise SchemaError(
            f"column {ZETA!r}, row {small[0]}: found {zeta[small[0]]:g}, expected multiples of "
            "1.3e-17 s-1 (1 is the local rate); "
            "divide rates in s-1 by 1.3e-17, or give them as astropy quantities"
        )


CLOUD = ParameterSpace(
    [
        Param("T_K", "K", 10, 150),
        Param("nH_cm3", "cm-3", 1e3, 1e6),
        Param(ZETA, "1.3e-17 s-1", 0.1, 1000),
        Param("G0_habing", "Habing", 0.1, 1000),
        Param("Av_mag", "mag", 1, 30),
        Param("fC", "", 1e-5, 3e-4),
        Param("fO", "", 2e-5, 6e-4),
    ]
)
"""The seven parameters of a static cloud, over the range of the given grid."""
