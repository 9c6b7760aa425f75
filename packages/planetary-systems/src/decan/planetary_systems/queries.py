"""Archives asked anew: NASA's planets by TAP, exports of DACE, catalogues of SysSim.

A table or column that has been renamed is named in the error. None of this is needed for
what the library ships.
"""

from __future__ import annotations

import os

import pandas as pd

from decan.core.data.remote import tap_query
from decan.core.data.tables import read_table
from decan.core.errors import CorruptFile, SchemaError

from .rows import numbers
from .systems import Systems

__all__ = ["NASA_COLUMNS", "NASA_TAP", "nasa_planets", "read_dace", "read_syssim"]

NASA_TAP = "https://exoplanetarchive.ipac.caltech.edu/TAP/sync"
"""The archive's TAP service."""

NASA_COLUMNS = (
    "pl_name", "hostname", "hip_name", "hd_name", "tic_id", "sy_snum", "sy_pnum", "cb_flag",
    "discoverymethod", "disc_year", "pl_controv_flag", "pl_orbper", "pl_orbsmax", "pl_rade",
    "pl_radeerr1", "pl_radeerr2", "pl_radelim", "pl_bmasse", "pl_bmasseerr1", "pl_bmasseerr2",
    "pl_bmasselim", "pl_bmassprov", "pl_orbeccen", "pl_insol", "ttv_flag", "st_teff", "st_rad",
    "st_mass", "st_met", "st_age", "sy_dist", "sy_vmag",
)  # fmt: skip
"""Columns that are asked for; masses in Earth masses, periods in days, axes in au."""

_TABLES = ("pscomppars", "ps")

# Names that the export of DACE has been seen or said to use, for what is needed.
_DACE = {
    "system": ("system_id", "System", "sim_id", "system"),
    "a": ("semi_major_axis", "sma", "a", "a_au"),
    "mass": ("total_mass", "m", "mass", "M"),
    "status": ("status", "planet_status", "emps_status"),
}
_SYSSIM = ("target_id", "star_id", "planet_mass", "planet_radius", "period", "ecc", "star_mass")


def nasa_planets(
    *, table: str = "pscomppars", service: str = NASA_TAP, where: str = ""
) -> pd.DataFrame:
    """The NASA Exoplanet Archive's planets as of today.

    Parameters
    ----------
    table : {"pscomppars", "ps"}
        One row a planet with mixed references, or one a planet and reference (of which
        the default ones are asked for). The tables ``exoplanets``, ``exomultpars`` and
        ``compositepars`` are gone.
    service : str
        Address of the TAP service.
    where : str
        Further condition in ADQL.

    Returns
    -------
    DataFrame
        For :func:`~decan.planetary_systems.observed.archive_systems`.

    Raises
    ------
    ValueError
        If the table is another one.
    DataNotAvailable
        If the archive does not answer; its own words are told.
    SchemaError
        If a column is missing.

    Examples
    --------
    >>> nasa_planets(table="exomultpars")
    Traceback (most recent call last):
    ...
    ValueError: table: found 'exomultpars', expected one of pscomppars, ps
    """
    if table not in _TABLES:
        raise ValueError(f"table: found {table!r}, expected one of {', '.join(_TABLES)}")
    conditions = [c for c in ("default_flag = 1" if table == "ps" else "", where) if c]
    adql = f"select {','.join(NASA_COLUMNS)} from {table}"
    if conditions:
        adql += " where " + " and ".join(conditions)
    found = tap_query(service, adql)
    missing = [name for name in NASA_COLUMNS if name not in found]
    if missing:
        raise SchemaError(
            f"{table} of the NASA archive: column {missing[0]!r} is missing; has it been renamed?"
        )
    return found


def read_dace(path: str | os.PathLike[str], **how: object) -> Systems:
    r"""Systems of a population exported by hand from DACE's module on evolution.

    Parameters
    ----------
    path : path-like
        The export (CSV or any table).
    **how
        Further arguments of :meth:`Systems.from_table` (``star_mass``, ``keep``).

    Returns
    -------
    Systems
        Planets whose status is not 0 are dropped and counted where there is a status.

    Raises
    ------
    SchemaError
        If system, semi-major axis or mass go by a name that is not known; the names
        that are there are told.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "export.csv"
    >>> _ = path.write_text("System,sma,m\n1,0.1,2.0\n1,0.5,3.0\n")
    >>> read_dace(path)
    <Systems: 1 systems, 2 planets, 2 to 2 a system>
    """
    table = read_table(path)
    names: dict[str, str | None] = {}
    for wanted, known in _DACE.items():
        found = [name for name in known if name in table]
        if not found and wanted != "status":
            raise SchemaError(
                f"{path}: no column for {wanted} ({', '.join(known)}); the table has "
                f"{', '.join(map(str, table.columns))}; rename it"
            )
        names[wanted] = found[0] if found else None
    assert names["system"] is not None
    return Systems.from_table(
        table, system=names["system"], a=names["a"], mass=names["mass"],
        status=names["status"], **how,  # type: ignore[arg-type]
    )  # fmt: skip


def read_syssim(path: str | os.PathLike[str]) -> Systems:
    r"""Systems of a physical catalogue of SysSim (He, Ford & Ragozzine).

    Parameters
    ----------
    path : path-like
        One of the catalogues linked from ExoJulia/SysSimExClusters; lines that begin
        with ``#`` are its header. The observed catalogues hold no masses and are refused.

    Returns
    -------
    Systems
        Masses and radii are turned from solar into Earth units; ``planets`` holds
        ``radius`` and ``eccentricity``. Stars without planets are not in the file.

    Raises
    ------
    SchemaError
        If a column of the catalogue is missing.
    CorruptFile
        If there is no table in the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "physical.csv"
    >>> names = "target_id,star_id,planet_mass,planet_radius,period,ecc,star_mass"
    >>> _ = path.write_text(names + "\n1,1,3e-6,0.01,365.25,0.0,1.0\n")
    >>> read_syssim(path).a_au.round(3)
    array([1.])
    """
    try:
        table = pd.read_csv(path, comment="#")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        words = " ".join(str(error).split())
        raise CorruptFile(f"{path}: no table can be read: {words}; fetch it again") from None
    for name in _SYSSIM:
        if name not in table:
            raise SchemaError(f"{path}: column {name!r} is missing; is it a physical catalogue?")
    table["radius"] = numbers(table, "planet_radius") * 109.076
    table["eccentricity"] = numbers(table, "ecc")
    return Systems.from_table(
        table, system="target_id", period="period", mass="planet_mass", star_mass="star_mass",
        mass_unit="solar", keep=["radius", "eccentricity"],
    )  # fmt: skip
