"""A grid of chemical models: inputs, abundances by time, and the checks a grid must pass."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.splits import group_split
from decan.core.data.tables import number_column, read_table
from decan.core.errors import SchemaError

from .archive import read_h5, read_uclchem_folder
from .chemistry import atoms_in, charge_of, find_species, parse_pair
from .columns import (
    META_COLUMNS,
    in_our_units,
    logarithms,
    one_input_a_model,
    same_network,
    species_columns,
    status_of,
    without_repeats,
)
from .ratios import FLOOR, NINE_RATIOS, RatioTable
from .space import CLOUD, ParameterSpace, clean_inputs

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ModelGrid"]

LIMITS = {"elem_error": 0.01, "H_error": 0.05, "charge_error": 0.01}
"""Largest conservation errors of a model that may be trained on."""

_ELEMENTS = ("C", "N", "O", "S", "SI", "MG")
_INITIAL = {"N": 6.18e-5, "S": 3.51e-6, "SI": 1.78e-9, "MG": 2.256e-6}


class ModelGrid:
    """Chemical models over a box of parameters, at several times.

    Parameters
    ----------
    inputs : DataFrame
        A row a model (index ``model_id``), a column a parameter.
    abundances : DataFrame
        Index ``(model_id, time_yr)``, a column a species, **log10** of the number per H
        nucleus. NaN where there is none.
    status : Series, optional
        By model: ``good``, ``unphysical`` or ``stopped``. Models without one are unphysical
        beyond the limits of conservation, stopped without abundances, and good otherwise.
    meta : DataFrame, optional
        Same index as ``abundances``: ``cpu_s`` and the conservation errors of the file.
    initial : mapping of str to float, optional
        Elements that all models share, per H nucleus. Without it, what the first time holds.
    name : str
        What the grid is called in pages.

    Raises
    ------
    SchemaError
        If abundances belong to models without inputs.

    Examples
    --------
    >>> from decan.astrochem import simulate_grid
    >>> grid = simulate_grid(64, rng=1)
    >>> grid
    <ModelGrid 'simulated': 64 models, 1 time, 11 species>
    >>> grid.ratios(["CN/HCN"]).values.shape
    (64, 1)
    """

    def __init__(
        self,
        inputs: pd.DataFrame,
        abundances: pd.DataFrame,
        *,
        status: pd.Series | None = None,
        meta: pd.DataFrame | None = None,
        initial: Mapping[str, float] | None = None,
        name: str = "grid",
    ) -> None:
        import pandas as pd

        strangers = abundances.index.get_level_values(0).difference(inputs.index)
        if len(strangers):
            raise SchemaError(f"{name}: model {strangers[0]} has abundances and no inputs")
        self.inputs = inputs
        self.abundances = abundances
        self.meta = meta if meta is not None else pd.DataFrame(index=abundances.index)
        self.initial = None if initial is None else dict(initial)
        self.name = name
        self.zeros = 0
        self.status = self._judged() if status is None else status.reindex(inputs.index)
        if self.status.isna().any():
            # What is said of some models only does not excuse the others from the checks.
            self.status = self.status.fillna(self._judged())

    @classmethod
    def read(
        cls, *paths: str | os.PathLike[str], scale: str | None = None, allow_mixed: bool = False
    ) -> ModelGrid:
        """Grid of files: Parquet, CSV and their like, HDF5, or a folder of UCLCHEM's output.

        Parameters
        ----------
        *paths : path-like
            Tables with ``model_id``, parameters, ``time_yr`` and species; several are put
            together.
        scale : {'log10', 'linear'}, optional
            What the columns of species hold. UCLCHEM's own output is linear; a table is
            taken as log10 if it has numbers below -1 and as linear otherwise.
        allow_mixed : bool
            Whether files with different species may be put together; only those that all
            have are kept.

        Returns
        -------
        ModelGrid

        Raises
        ------
        DataNotAvailable, CorruptFile
            If a file is absent or damaged.
        SchemaError
            If columns are missing, the networks differ, or rows contradict each other.
        """
        import pandas as pd

        tables: list[pd.DataFrame] = []
        name = ", ".join(Path(path).name for path in paths)
        for path in map(Path, paths):
            if path.suffix in (".h5", ".hdf5"):
                tables.append(_numbered_after(tables, read_h5(path)))
            elif path.is_dir() and not any(path.glob("*.parquet")):
                tables.append(_numbered_after(tables, read_uclchem_folder(path)))
            else:
                blocks = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
                for block in blocks:
                    table = read_table(block, required=["model_id", "time_yr"])
                    tables.append(in_our_units(table, block.name))
        tables = same_network(tables, name, allow_mixed)
        return cls.from_table(pd.concat(tables, ignore_index=True), scale=scale, name=name)

    @classmethod
    def from_table(
        cls,
        table: pd.DataFrame,
        *,
        scale: str | None = None,
        stopped: pd.DataFrame | None = None,
        parameters: Sequence[str] | None = None,
        name: str = "grid",
    ) -> ModelGrid:
        """Grid of one table with a row a model and time.

        Parameters
        ----------
        table : DataFrame
            ``model_id``, ``time_yr``, parameters, species; optionally ``status`` (or
            UCLCHEM's ``flag``, negative where a run failed) and the conservation errors.
            Columns in other units (``attrs["units"]``) are converted; those that are neither
            parameter nor species are left out with a warning.
        scale : {'log10', 'linear'}, optional
            As in :meth:`read`.
        stopped : DataFrame, optional
            Inputs of models without a result, index ``model_id``.
        parameters : sequence of str, optional
            Columns that are parameters. The seven of :data:`~decan.astrochem.CLOUD` by default.
        name : str
            What the grid is called.

        Returns
        -------
        ModelGrid

        Raises
        ------
        SchemaError
            If a column is missing, a row is there twice with different values, a model has
            several values of a parameter, several networks are mixed, or the abundances are
            not of the scale named.
        """
        import pandas as pd

        names = list(parameters or (p for p in CLOUD.names if p in table))
        for column in ("model_id", "time_yr"):
            if column not in table:
                raise SchemaError(f"{name}: column {column!r} is missing")
        if "network" in table and len(table["network"].unique()) > 1:
            raise SchemaError(
                f"{name}: models of several networks are mixed "
                f"({', '.join(map(str, table['network'].unique()))}); select one"
            )
        if not len(table):
            raise SchemaError(f"{name}: holds no row")
        table = in_our_units(table, name)
        species = species_columns(table, names, name)
        numbers = [*dict.fromkeys(["time_yr", *names, *species])]
        table = table.assign(**{c: number_column(table, c, name) for c in numbers})
        table = without_repeats(table, name)
        index = pd.MultiIndex.from_frame(table[["model_id", "time_yr"]])
        raw = table[species].set_axis(index).astype(float)
        logs, zeros = logarithms(raw, scale, name)
        inputs = clean_inputs(one_input_a_model(table, names, name), names)
        status = status_of(table, name)
        if stopped is not None:
            inputs = pd.concat([inputs, stopped[names]])
        said = [c for c in META_COLUMNS if c in table and c not in ("status", "flag")]
        meta = table[said].set_axis(index)
        grid = cls(
            inputs.sort_index(),
            logs.sort_index(),
            status=status,
            meta=meta.sort_index(),
            initial=_INITIAL if _is_given(raw) else None,
            name=name,
        )
        grid.zeros = zeros
        return grid

    @property
    def species(self) -> list[str]:
        """Names of all species."""
        return list(self.abundances.columns)

    @property
    def times(self) -> list[float]:
        """Times of output, yr."""
        return sorted(set(self.abundances.index.get_level_values(1)))

    @property
    def space(self) -> ParameterSpace:
        """The box of the grid's parameters."""
        if set(self.inputs) == set(CLOUD.names) and CLOUD.contains(self.inputs).all():
            return CLOUD
        return ParameterSpace.around(self.inputs)

    def at(self, time_yr: float) -> pd.DataFrame:
        """Log10 abundances of the good models at one time.

        Parameters
        ----------
        time_yr : float
            One of :attr:`times`, yr.

        Returns
        -------
        pandas.DataFrame
            Index ``model_id``.

        Raises
        ------
        ValueError
            If the grid has no such time; times are never interpolated.
        """
        near = [t for t in self.times if np.isclose(t, time_yr, rtol=1e-6)]
        if not near:
            raise ValueError(
                f"time_yr: the grid has no {time_yr:g} yr; it has "
                f"{', '.join(f'{t:g}' for t in self.times)}"
            )
        here = self.abundances.index.get_level_values(1) == near[0]
        frame = self.abundances.loc[here].droplevel(1)
        return frame.loc[frame.index.isin(self.good)].sort_index()

    @property
    def good(self) -> pd.Index:
        """Numbers of the models that may be trained on."""
        return self.status.index[self.status == "good"]

    def ratios(
        self,
        pairs: Iterable[str | tuple[str, str]] = NINE_RATIOS,
        *,
        time_yr: float | None = None,
        floor: float = FLOOR,
    ) -> RatioTable:
        """Log ratios of abundances, masked where a species could not be detected.

        Abundance ratios, not line ratios: those need radiative transfer.

        Parameters
        ----------
        pairs : iterable of str or (str, str)
            ``"HNC/HCN"`` and its like; ``"HCN"`` alone is its abundance per H nucleus.
        time_yr : float, optional
            The time; 1e5 yr if the grid has it, the last otherwise.
        floor : float
            Both species must be above this abundance per H nucleus.

        Returns
        -------
        RatioTable

        Raises
        ------
        ValueError
            If a species is not in the grid (the closest names are given) or the floor is
            not positive.
        """
        import pandas as pd

        if not floor > 0:
            raise ValueError(f"floor: {floor:g}; expected a positive abundance per H nucleus")
        if time_yr is None:
            time_yr = 1e5 if any(np.isclose(t, 1e5) for t in self.times) else self.times[-1]
        logs = self.at(time_yr)
        least = np.log10(floor)
        values, usable, limits = {}, {}, {}
        for pair in pairs:
            above, below = parse_pair(pair)
            name = find_species(above, self.species)
            value = logs[name].astype(float)
            seen, limit = value > least, value.fillna(least).clip(least)
            if below is not None:
                below = find_species(below, self.species)
                name, second = f"{name}/{below}", logs[below].astype(float)
                value, seen = value - second, seen & (second > least)
                limit = limit - second.fillna(least).clip(least)
            values[name], usable[name], limits[name] = value.where(seen), seen, limit
        return RatioTable(
            inputs=self.inputs.loc[logs.index],
            values=pd.DataFrame(values),
            usable=pd.DataFrame(usable),
            limits=pd.DataFrame(limits),
            time_yr=float(time_yr),
            floor=floor,
        )

    def conservation(self) -> pd.DataFrame:
        """Errors of elements, hydrogen and charge, counted from the species in float64.

        Returns
        -------
        pandas.DataFrame
            Index as the abundances: ``elem_error`` (largest of C, N, O, S, Si, Mg),
            ``H_error``, ``charge_error``; as fractions, 0.01 is 1 %.
        """
        import pandas as pd

        numbers = 10.0 ** self.abundances.to_numpy(dtype=np.float64)
        numbers = np.nan_to_num(numbers, nan=0.0)
        count = {
            e: np.array([atoms_in(s).get(e, 0) for s in self.species]) for e in ("H", *_ELEMENTS)
        }
        models = self.abundances.index.get_level_values(0)
        worst = np.zeros(len(numbers))
        for element in _ELEMENTS:
            total = numbers @ count[element]
            start = self._initial_of(element, total, models)
            with np.errstate(divide="ignore", invalid="ignore"):
                error = np.where(start > 0, np.abs(total / start - 1), 0.0)
            worst = np.maximum(worst, error)
        charge = np.array([charge_of(s) for s in self.species])
        electrons = numbers @ (charge < 0)
        cations = numbers @ np.maximum(charge, 0)
        hydrogen = numbers @ count["H"]
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.where(electrons > 0, np.abs(cations - electrons) / electrons, 0.0)
        return pd.DataFrame(
            {
                "elem_error": worst,
                "H_error": np.abs(hydrogen - 1) if hydrogen.any() else 0.0,
                "charge_error": off,
            },
            index=self.abundances.index,
        )

    def failure_map(self) -> pd.DataFrame:
        """Inputs and status of every model that was tried, failures included.

        Returns
        -------
        pandas.DataFrame
            Index ``model_id``; the parameters and ``status``. What is missing from a grid
            is missing somewhere in parameter space, never at random.
        """
        return self.inputs.assign(status=self.status.reindex(self.inputs.index)).sort_index()

    def split(self, fractions: Mapping[str, float], *, rng: Any = None) -> dict[str, ModelGrid]:
        """Parts of the grid; all times of a model go to one part.

        Parameters
        ----------
        fractions : mapping of str to float
            Share of each part; together 1.
        rng : numpy.random.Generator or int, optional
            See SPEC 7.

        Returns
        -------
        dict of str to ModelGrid
        """
        ids = np.asarray(self.inputs.index)
        parts = group_split(ids, fractions, rng=rng)
        return {name: self.select(ids[rows]) for name, rows in parts.items()}

    def select(self, model_ids: Iterable[int]) -> ModelGrid:
        """The grid of some models."""
        ids = self.inputs.index[self.inputs.index.isin(list(model_ids))]
        rows = self.abundances.index.get_level_values(0).isin(ids)
        return ModelGrid(
            self.inputs.loc[ids],
            self.abundances.loc[rows],
            status=self.status.loc[self.status.index.isin(ids)],
            meta=self.meta.loc[rows],
            initial=self.initial,
            name=self.name,
        )

    def __len__(self) -> int:
        return len(self.inputs)

    def __repr__(self) -> str:
        counts = self.status.value_counts()
        bad = ", ".join(f"{n} {s}" for s, n in counts.items() if s != "good")
        times = "1 time" if len(self.times) == 1 else f"{len(self.times)} times"
        return (
            f"<ModelGrid {self.name!r}: {counts.get('good', 0)} models"
            f"{f' ({bad})' if bad else ''}, {times}, {len(self.species)} species>"
        )

    def _initial_of(self, element: str, total: np.ndarray, models: pd.Index) -> np.ndarray:
        import pandas as pd

        column = {"C": "fC", "O": "fO"}.get(element)
        if column in self.inputs:
            return self.inputs[column].reindex(models).to_numpy(dtype=float)
        if self.initial and element in self.initial:
            return np.full(len(total), self.initial[element])
        return pd.Series(total).groupby(np.asarray(models)).transform("first").to_numpy()

    def _judged(self) -> pd.Series:
        import pandas as pd

        status = pd.Series("good", index=self.inputs.index)
        status[~self.inputs.index.isin(self.abundances.index.get_level_values(0))] = "stopped"
        errors = self.conservation()
        for column in LIMITS:
            if column in self.meta:
                # inf in a file means beyond float32, so the file's number counts too.
                errors[column] = np.fmax(errors[column], self.meta[column].to_numpy(float))
        if self._complete():
            beyond = (errors > pd.Series(LIMITS)).any(axis=1)
            status[errors.index.get_level_values(0)[beyond].unique()] = "unphysical"
        return status

    def _complete(self) -> bool:
        """Whether the species are a whole network, so that sums of elements mean something."""
        return {"H2", "E-", "CO"} <= set(self.species)


def _numbered_after(tables: list[pd.DataFrame], table: pd.DataFrame) -> pd.DataFrame:
    """A table whose models were only counted, counted on from those that are there."""
    taken = [int(other["model_id"].max()) + 1 for other in tables]
    return table.assign(model_id=table["model_id"] + max(taken, default=0))


def _is_given(raw: pd.DataFrame) -> bool:
    """Whether a table has the network of the given grid, whose other elements are known."""
    return {"SIOH+", "HOSO+", "@OCS", "BULK"} <= set(raw) and raw.shape[1] == 177
