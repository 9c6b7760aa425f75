"""What a table of models must hold before it is a grid: columns, units, rows, one scale."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from decan.core.errors import SchemaError

from .chemistry import is_species
from .ratios import FLOOR
from .space import CLOUD, in_our_unit

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "META_COLUMNS",
    "in_our_units",
    "species_columns",
]

META_COLUMNS = (
    "Av_eff_mag",
    "cpu_s",
    "elem_error",
    "H_error",
    "charge_error",
    "status",
    "network",
    "flag",
)
STATUSES = ("good", "unphysical", "stopped")
_KEYS = ("model_id", "time_yr")


def in_our_units(table: pd.DataFrame, source: str) -> pd.DataFrame:
    """A table as read, with columns that the file gives in another unit converted.

    Parameters
    ----------
    table : DataFrame
        ``attrs["units"]`` says the units of the file, where it has any.
    source : str
        For messages.

    Returns
    -------
    pandas.DataFrame
        Without ``attrs["units"]``, as all is in the library's units.

    Raises
    ------
    SchemaError
        If a unit cannot be converted, or species are no abundances per H nucleus.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"nH_cm3": [1e10]})
    >>> table.attrs["units"] = {"nH_cm3": "m-3"}
    >>> in_our_units(table, "grid.ecsv")["nH_cm3"].round().tolist()
    [10000.0]
    """
    units = table.attrs.get("units", {})
    changed = {}
    for name, unit in units.items():
        if name not in table or name in META_COLUMNS or name == "model_id":
            continue
        if name in CLOUD.names or name == "time_yr":
            changed[name] = in_our_unit(name, table[name].to_numpy(dtype=float), unit, source)
        elif is_species(name) and not _is_pure(unit):
            raise SchemaError(
                f"{source}: column {name!r} has unit {unit!r}; expected abundances per H "
                "nucleus, or their log10 (dex). Divide number densities by that of H nuclei"
            )
    table = table.assign(**changed)
    table.attrs = {key: value for key, value in table.attrs.items() if key != "units"}
    return table


def species_columns(table: pd.DataFrame, names: Sequence[str], source: str) -> list[str]:
    """Columns that are species; what is none is set aside with a warning.

    Parameters
    ----------
    table : DataFrame
        A grid.
    names : sequence of str
        Columns that are parameters.
    source : str
        For messages.

    Returns
    -------
    list of str

    Raises
    ------
    SchemaError
        If parameters of a cloud are missing while columns are there that may be them.

    Examples
    --------
    >>> import pandas as pd
    >>> species_columns(pd.DataFrame({"T_K": [10.0], "HCO+": [1e-9]}), ["T_K"], "grid.csv")
    ['HCO+']
    """
    known = {*names, *META_COLUMNS, *CLOUD.names, *_KEYS}
    others = [str(column) for column in table if column not in known]
    strange = [name for name in others if not is_species(name)]
    missing = [name for name in CLOUD.names if name not in table]
    if strange and missing and set(names) <= set(CLOUD.names):
        raise SchemaError(
            f"{source}: column {strange[0]!r} is neither a parameter nor a species, and "
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing; rename it, "
            "drop it, or say by ModelGrid.from_table(..., parameters=[...]) what the "
            "parameters are"
        )
    if strange:
        warnings.warn(
            f"{source}: {', '.join(map(repr, strange))} left out: neither parameter nor species",
            stacklevel=4,
        )
    return [name for name in others if name not in strange]


def same_network(tables: list[pd.DataFrame], name: str, allow: bool) -> list[pd.DataFrame]:
    """Tables with the same species, or with those that all have if that is allowed.

    Raises
    ------
    SchemaError
        If species differ and ``allow`` is not set.
    """
    shared = [c for c in tables[0] if all(c in other for other in tables[1:])]
    every = {str(c) for table in tables for c in table}
    different = sorted(every - set(map(str, shared)) - set(META_COLUMNS))
    if different and not allow:
        raise SchemaError(
            f"{name}: the files hold different species ({', '.join(different[:5])} not in all); "
            "models of different networks cannot be one grid. Pass allow_mixed=True to keep "
            "the common ones."
        )
    return [table[shared] for table in tables] if different else tables


def without_repeats(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """One row for each model and time.

    Raises
    ------
    SchemaError
        If two rows of one model and time differ.
    """
    keys = list(_KEYS)
    repeated = table.duplicated(keys, keep=False)
    if repeated.any():
        distinct = table[repeated].drop_duplicates()
        clash = distinct.duplicated(keys, keep=False)
        if clash.any():
            model, time = distinct.loc[clash, keys].iloc[0]
            raise SchemaError(
                f"{name}: model {_plain(model)} at {time:g} yr is there more than once with "
                "different values; keep one row for each model and time"
            )
        table = table.drop_duplicates()
    return table


def one_input_a_model(table: pd.DataFrame, names: Iterable[str], source: str) -> pd.DataFrame:
    """Parameters by model, which must be the same in all rows of a model.

    Raises
    ------
    SchemaError
        If they differ: then two models have one number, or a parameter changes in time.
    """
    columns = list(names)
    grouped = table.groupby("model_id", sort=True)[columns]
    low, high = grouped.min(), grouped.max()
    for name in columns:
        # float32 of one file and float64 of another are the same number.
        apart = high[name] - low[name] > 1e-6 * np.maximum(high[name].abs(), low[name].abs())
        if apart.any():
            model = apart.index[apart][0]
            raise SchemaError(
                f"{source}: column {name!r}: model {_plain(model)} has {low.loc[model, name]:g} "
                f"in one row and {high.loc[model, name]:g} in another; expected one value a "
                "model. Number different models differently, or give the final value"
            )
    return grouped.first()


def status_of(table: pd.DataFrame, source: str) -> pd.Series | None:
    """Status of each model that a table says, by the worst of its rows; None without any.

    A column ``flag`` is UCLCHEM's: negative numbers are runs that failed.

    Raises
    ------
    SchemaError
        If the column ``status`` holds another word.
    """
    if "status" in table:
        words = table["status"].astype(str)
        unknown = ~words.isin(STATUSES)
        if unknown.any():
            raise SchemaError(
                f"{source}: column 'status', row {int(np.argmax(unknown.to_numpy()))}: found "
                f"{words[unknown].iloc[0]!r}, expected {', '.join(STATUSES)}"
            )
        rank = words.map(STATUSES.index).groupby(table["model_id"]).max()
        return rank.map(dict(enumerate(STATUSES)))
    if "flag" in table:
        failed = (table["flag"].astype(float) < 0).groupby(table["model_id"]).any()
        return failed[failed].map({True: "stopped"})
    return None


def logarithms(raw: pd.DataFrame, scale: str | None, name: str) -> tuple[pd.DataFrame, int]:
    """Abundances as log10, with what is no abundance masked and counted.

    Negative numbers nearer to zero than any detection are the noise of a solver.

    Raises
    ------
    ValueError
        If the scale is unknown.
    SchemaError
        If the numbers cannot be of the scale.
    """
    if scale not in (None, "log10", "linear"):
        raise ValueError(f"scale: expected 'log10' or 'linear', found {scale!r}")
    lowest = raw.min()
    if scale is None:
        # No grid is made of abundances above 0.1 alone.
        scale = "log10" if (lowest < -1).any() else "linear"
    if scale == "log10":
        empty = ~np.isfinite(raw.to_numpy())
        return raw.where(~empty), int(empty.sum())
    negative = lowest < -FLOOR
    if negative.any():
        column = negative.index[negative][0]
        raise SchemaError(
            f"{name}: column {column!r} holds negative numbers ({lowest[column]:g}) and was "
            "taken as linear abundances; if it is log10, pass scale='log10'"
        )
    empty = ~(raw.to_numpy() > 0)
    logs = raw.where(~empty)
    logs[:] = np.log10(logs.to_numpy())
    return logs, int(empty.sum())


def _is_pure(unit: str) -> bool:
    from astropy import units as u

    if unit.strip().lower().startswith("dex"):
        return True
    return u.Unit(unit, parse_strict="silent") == u.dimensionless_unscaled


def _plain(number: object) -> str:
    return f"{number:g}" if isinstance(number, float) else str(number)
