"""Readers of the archive's own files: epoch photometry and XP coefficients, driven by a schema.

A new release is one more entry in `EPOCH_SCHEMAS` or `XP_SCHEMAS`: column names are data.
Columns are found in any case (the archive changed it in 2024), ids stay int64.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decan.core.data.tables import read_table
from decan.core.errors import SchemaError
from decan.core.files import reading

from .lightcurves import LightCurves, check_source_ids

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "EPOCH_SCHEMAS",
    "XP_SCHEMAS",
    "EpochSchema",
    "XPCoefficients",
    "XPSchema",
    "epoch_photometry",
    "read_archive",
    "read_epoch_photometry",
    "read_xp_continuous",
]

_POGSON = 2.5 / np.log(10)
N_COEFFICIENTS = 55


@dataclass(frozen=True)
class EpochSchema:
    """Columns of one form of epoch photometry.

    Parameters
    ----------
    time, mag, flux, flux_error, rejected : str
        Lower-case names.
    nested : bool
        Whether a row is a star with arrays, or an epoch.
    band : str, optional
        Column that names the band, in rows of one epoch.
    over_error : str, optional
        Column with flux over error, used where there is no flux error.

    Examples
    --------
    >>> EPOCH_SCHEMAS["RAW"].nested
    True
    """

    time: str
    mag: str
    flux: str
    flux_error: str
    rejected: str
    nested: bool
    band: str = ""
    over_error: str = ""


EPOCH_SCHEMAS = {
    "INDIVIDUAL": EpochSchema(
        "time", "mag", "flux", "flux_error", "rejected_by_photometry", nested=False, band="band",
        over_error="flux_over_error",
    ),
    "RAW": EpochSchema(
        "g_transit_time", "g_transit_mag", "g_transit_flux", "g_transit_flux_error",
        "photometry_flag_noisy_data", nested=True, over_error="g_transit_flux_over_error",
    ),
}  # fmt: skip
"""DataLink's INDIVIDUAL (one row an epoch) and RAW (one row a star; also the bulk files)."""


@dataclass(frozen=True)
class XPSchema:
    """Columns of one form of XP continuous spectra.

    Parameters
    ----------
    coefficients, errors, correlations : str
        Names with ``{band}`` for bp or rp.

    Examples
    --------
    >>> XP_SCHEMAS["RAW"].coefficients.format(band="bp")
    'bp_coefficients'
    """

    coefficients: str
    errors: str
    correlations: str


XP_SCHEMAS = {
    "RAW": XPSchema(
        "{band}_coefficients", "{band}_coefficient_errors", "{band}_coefficient_correlations"
    )
}
"""XP_CONTINUOUS in its RAW form, of DataLink and of the bulk files."""


@dataclass(frozen=True)
class XPCoefficients:
    """XP coefficients as read: what `XPPreprocessor.transform` takes.

    Parameters
    ----------
    source_id : ndarray of int64, shape (n,)
        The stars.
    coefficients, errors : ndarray, shape (n, 110)
        55 BP, then 55 RP; NaN where a band is missing.
    correlations : ndarray, shape (n, 2, 1485)
        Upper triangles, column by column.

    Examples
    --------
    >>> XPCoefficients(np.array([5]), np.zeros((1, 110)), np.ones((1, 110)), np.zeros((1, 2, 1485)))
    <XPCoefficients: 1 star, 0 without one band or both>
    """

    source_id: NDArray[np.int64]
    coefficients: NDArray[np.float64]
    errors: NDArray[np.float64]
    correlations: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.source_id)

    def covariances(self, star: int) -> list[NDArray[np.float64]]:
        """Covariance matrices of one star's BP and RP coefficients, (55, 55) each."""
        matrices = []
        for band, errors in enumerate(np.split(self.errors[star], 2)):
            matrix = np.eye(N_COEFFICIENTS)
            # Column by column above the diagonal.
            column, row = np.tril_indices(N_COEFFICIENTS, -1)
            matrix[row, column] = matrix[column, row] = self.correlations[star, band]
            matrices.append(matrix * np.outer(errors, errors))
        return matrices

    def __repr__(self) -> str:
        absent = int((~np.isfinite(self.coefficients)).any(axis=1).sum())
        stars = f"{len(self):,} star{'' if len(self) == 1 else 's'}"
        return f"<XPCoefficients: {stars}, {absent} without one band or both>"


def read_epoch_photometry(
    path: str | os.PathLike[str], *, schema: EpochSchema | None = None
) -> LightCurves:
    r"""G light curves from a file of the archive: DataLink's RAW or INDIVIDUAL, or bulk.

    Magnitude errors follow from the fluxes, ``1.0857 flux_error / flux``.

    Parameters
    ----------
    path : path-like
        CSV, ECSV, FITS, VOTable or Parquet, also ``.gz``.
    schema : EpochSchema, optional
        The columns; recognised among `EPOCH_SCHEMAS` if not given.

    Returns
    -------
    LightCurves
        Epochs that the archive's photometry rejects are kept out of use. Rejections by
        its variability analysis are not followed: they remove eclipses.

    Raises
    ------
    DataNotAvailable, CorruptFile
        If the file is absent or broken.
    SchemaError
        If the columns are of no known form, or hold what they should not.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "EPOCH_PHOTOMETRY-INDIVIDUAL.csv"
    >>> _ = path.write_text("SOURCE_ID,band,time,mag,flux,flux_error,rejected_by_photometry\n"
    ...     "5,G,1700.1,14.0,1000.0,1.0,false\n5,BP,1700.1,14.3,600.0,2.0,false\n"
    ...     "5,G,1701.3,14.1,900.0,1.0,true\n")
    >>> read_epoch_photometry(path)
    <LightCurves: 1 star, 2 epochs, 1 in use (1 flagged by the archive)>
    """
    with reading(path, "epoch photometry") as file:
        return epoch_photometry(read_archive(file), file, schema=schema)


def epoch_photometry(
    table: pd.DataFrame, path: Path, *, schema: EpochSchema | None = None
) -> LightCurves:
    """G light curves from a table in a form of the archive; see :func:`read_epoch_photometry`.

    Parameters
    ----------
    table : pandas.DataFrame
        With lower-case columns.
    path : pathlib.Path
        Where it came from, for messages.
    schema : EpochSchema, optional
        The columns; recognised among `EPOCH_SCHEMAS` if not given.

    Returns
    -------
    LightCurves

    Raises
    ------
    SchemaError
        If the columns are of no known form.

    Examples
    --------
    >>> import pandas as pd
    >>> epoch_photometry(pd.DataFrame({"source_id": [5]}), Path("a.csv"))
    Traceback (most recent call last):
    ...
    decan.core.errors.SchemaError: a.csv: not epoch photometry of a known form (...
    """
    known = schema or _recognised(table, path)
    wanted = [known.time, known.mag, known.flux]
    _need(table, ["source_id", *wanted], path)
    ids = _source_ids(table, path, unique=known.nested)
    if known.nested:
        cells = {name: [_array(cell, path, row, name) for row, cell in enumerate(table[name])]
                 for name in _present(table, known)}  # fmt: skip
        lengths = np.array([len(cell) for cell in cells[known.time]], int)
        for name, column in cells.items():
            for row, cell in enumerate(column):
                if len(cell) != lengths[row]:
                    raise SchemaError(
                        f"{path.name}: row {row}: {len(cell)} values of {name!r}, "
                        f"{lengths[row]} of {known.time!r}"
                    )
        flat = {name: np.concatenate([*column, np.zeros(0)]) for name, column in cells.items()}
        ids = np.repeat(ids, lengths)
    else:
        keep = np.ones(len(table), bool)
        if known.band in table:
            keep = table[known.band].astype(str).str.strip().str.upper().to_numpy() == "G"
        flat = {name: _flat(table, name, path)[keep] for name in _present(table, known)}
        ids = ids[keep]
    rejected = flat.get(known.rejected)
    flags = None if rejected is None else np.nan_to_num(rejected) > 0
    error = _magnitude_error(flat, known, path)
    try:
        return LightCurves.from_arrays(
            ids, flat[known.time], flat[known.mag], error, flagged=flags, rows=f"{path.name}: epoch"
        )
    except ValueError as wrong:
        raise SchemaError(str(wrong)) from wrong


def read_xp_continuous(
    path: str | os.PathLike[str], *, schema: XPSchema | None = None
) -> XPCoefficients:
    r"""XP coefficients with errors and correlations from a file of the archive.

    Parameters
    ----------
    path : path-like
        CSV, ECSV, FITS, VOTable or Parquet, also ``.gz``.
    schema : XPSchema, optional
        The columns; DR3's RAW if not given.

    Returns
    -------
    XPCoefficients
        NaN where a band is empty.

    Raises
    ------
    DataNotAvailable, CorruptFile
        If the file is absent or broken.
    SchemaError
        If a column is missing or a row does not hold 55 coefficients.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "xp.csv"
    >>> _ = path.write_text("source_id,bp_coefficients\n1,\n")
    >>> read_xp_continuous(path)
    Traceback (most recent call last):
    ...
    decan.core.errors.SchemaError: xp.csv: column 'bp_coefficient_errors' is missing; ...
    """
    with reading(path, "XP spectra") as file:
        return _xp_of(read_archive(file), file, schema or XP_SCHEMAS["RAW"])


def read_archive(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Table of a file of the archive, with lower-case columns; arrays may be text.

    Parameters
    ----------
    path : path-like
        CSV, ECSV, FITS, VOTable or Parquet, also ``.gz``.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    DataNotAvailable
        If there is no such file.
    CorruptFile
        If it is no table.
    SchemaError
        If a row has no ``source_id``.

    Examples
    --------
    >>> read_archive("absent.csv")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: absent.csv: no such file
    """
    path = Path(path)
    table = read_table(path)
    names = [str(name).strip().lower() for name in table.columns]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise SchemaError(f"{path.name}: column {repeated[0]!r} is there more than once")
    table.columns = names
    if "source_id" in table and (absent := table["source_id"].isna().to_numpy()).any():
        raise SchemaError(f"{path.name}: row {int(absent.argmax())} has no source_id")
    return table


def _xp_of(table: pd.DataFrame, path: Path, known: XPSchema) -> XPCoefficients:
    names = [name.format(band=band) for band in ("bp", "rp")
             for name in (known.coefficients, known.errors, known.correlations)]  # fmt: skip
    _need(table, ["source_id", *names], path)
    ids = _source_ids(table, path, unique=True)
    n, pairs = len(table), N_COEFFICIENTS * (N_COEFFICIENTS - 1) // 2
    coefficients, errors = (
        np.full((n, 2, N_COEFFICIENTS), np.nan),
        np.full((n, 2, N_COEFFICIENTS), np.nan),
    )
    correlations = np.zeros((n, 2, pairs))
    for band, letter in enumerate(("bp", "rp")):
        for pattern, target, size in (
            (known.coefficients, coefficients, N_COEFFICIENTS),
            (known.errors, errors, N_COEFFICIENTS),
            (known.correlations, correlations, pairs),
        ):
            name = pattern.format(band=letter)
            for row, cell in enumerate(table[name]):
                values = _array(cell, path, row, name)
                if not len(values):
                    continue
                if len(values) != size:
                    raise SchemaError(
                        f"{path.name}: row {row}: {len(values)} values of {name!r}, expected {size}"
                    )
                target[row, band] = values
    return XPCoefficients(ids, coefficients.reshape(n, -1), errors.reshape(n, -1), correlations)


def _recognised(table: pd.DataFrame, path: Path) -> EpochSchema:
    for known in EPOCH_SCHEMAS.values():
        if {known.time, known.mag, known.flux} <= set(table.columns):
            return known
    forms = "; ".join(
        f"{name}: {known.time}, {known.mag}, {known.flux}" for name, known in EPOCH_SCHEMAS.items()
    )
    raise SchemaError(
        f"{path.name}: not epoch photometry of a known form ({forms}; own: time, mag, mag_err); "
        f"it has {', '.join(table.columns[:12])}"
    )


def _need(table: pd.DataFrame, names: list[str], path: Path) -> None:
    for name in names:
        if name not in table:
            raise SchemaError(
                f"{path.name}: column {name!r} is missing; it has {', '.join(table.columns[:12])}"
            )


def _source_ids(table: pd.DataFrame, path: Path, *, unique: bool) -> NDArray[np.int64]:
    try:
        return check_source_ids(table["source_id"].to_numpy(), unique=unique)
    except (TypeError, ValueError) as error:
        raise SchemaError(f"{path.name}: {error}") from error


def _present(table: pd.DataFrame, known: EpochSchema) -> list[str]:
    names = (known.time, known.mag, known.flux, known.flux_error, known.rejected, known.over_error)
    return [name for name in names if name in table]


def _array(cell: Any, path: Path, row: int, name: str) -> NDArray[np.float64]:
    """A cell as numbers: an array, or text such as "(1.0, 2.0)" or "[1.0, null]"."""
    if isinstance(cell, list | tuple | np.ndarray):
        filled = [np.nan if value is None else value for value in cell]
        try:
            return np.ma.filled(np.ma.asarray(filled, np.float64), np.nan)
        except (TypeError, ValueError) as error:
            raise SchemaError(f"{path.name}: row {row}, column {name!r}: {error}") from None
    if not isinstance(cell, str) or not cell.strip(" ()[]\"'"):
        return np.zeros(0)
    words = [word.strip().strip("\"'") for word in cell.strip().strip("()[]{}\"'").split(",")]
    try:
        return np.array([_WORDS.get(word.lower(), word) for word in words if word], np.float64)
    except ValueError as error:
        raise SchemaError(f"{path.name}: row {row}, column {name!r}: {error}") from None


_WORDS: Mapping[str, Any] = {
    "null": np.nan, "none": np.nan, "nan": np.nan, "--": np.nan, "": np.nan, "true": 1.0,
    "false": 0.0, "t": 1.0, "f": 0.0,
}  # fmt: skip


def _flat(table: pd.DataFrame, name: str, path: Path) -> NDArray[np.float64]:
    """Numbers of a column; "true" and "false" become 1 and 0."""
    column = table[name]
    if column.dtype == bool or np.issubdtype(np.asarray(column).dtype, np.number):
        return column.to_numpy(np.float64)
    words = column.astype(str).str.strip().str.strip('"').str.lower()
    found = np.empty(len(words))
    for row, word in enumerate(words):
        try:
            found[row] = _WORDS.get(word, word)
        except ValueError:
            raise SchemaError(
                f"{path.name}: row {row}, column {name!r}: {word!r} is no number"
            ) from None
    return found


def _magnitude_error(
    flat: Mapping[str, NDArray], known: EpochSchema, path: Path
) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        if known.flux_error in flat:
            return _POGSON * flat[known.flux_error] / flat[known.flux]
        if known.over_error in flat:
            return _POGSON / flat[known.over_error]
    raise SchemaError(
        f"{path.name}: neither {known.flux_error!r} nor {known.over_error!r} is there"
    )
