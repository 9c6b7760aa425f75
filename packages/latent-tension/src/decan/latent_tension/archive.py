"""Data sets of the library, and their readers to plain arrays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.registry import DataSet, File, Registry
from decan.core.errors import CorruptFile

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DATASETS", "read_arrays", "read_catalogue"]

_FERMI = "Ajello et al. 2017, ApJS 232, 18; Atwood et al. 2009, ApJ 697, 1071; Donath et al. 2023"
_CSC = "Evans et al. 2010, ApJS 189, 37"
_SHARE_ALIKE = "CC BY-NC-SA 4.0 (files); photons: NASA Fermi, public"
_PUBLIC = "public Chandra data; repository of the files without explicit licence"


def read_arrays(path: Path) -> dict[str, Any]:
    """Arrays of a NumPy archive; nothing in it is executed.

    Parameters
    ----------
    path : path-like
        The ``.npz`` file.

    Returns
    -------
    dict of ndarray
        Images are indexed (band, y, x).

    Raises
    ------
    CorruptFile
        If it is not such an archive.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "one.npz"
    >>> np.savez(path, counts=np.zeros((2, 2)))
    >>> read_arrays(path)["counts"].shape
    (2, 2)
    """
    import zipfile

    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise CorruptFile(f"{path}: not a NumPy archive of plain arrays ({error})") from error


def read_catalogue(path: Path) -> pd.DataFrame:
    r"""A catalogue as a table with units where the file or its columns' names give them.

    Parameters
    ----------
    path : path-like
        CSV, FITS, ECSV or Parquet.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    DataNotAvailable, CorruptFile, SchemaError
        As :func:`decan.core.data.tables.read_table`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "one.csv"
    >>> _ = path.write_text("name,glon_deg\nA,1.5\n")
    >>> float(read_catalogue(path)["glon_deg"].iloc[0])
    1.5
    """
    from decan.core.data.tables import read_table

    return read_table(path)


DATASETS = Registry(
    "latent-tension",
    [
        DataSet(
            "fermi-gc",
            "Fermi-LAT above 10 GeV, Galactic centre, four bands",
            (
                File(
                    "fermi_3fhl_gc_shared.npz",
                    "95982c3efadacde2d30458e622a117ce63d3901d2bf0edbf2bae59b1c920a838",
                    858839,
                ),
            ),
            _SHARE_ALIKE,
            _FERMI,
            read_arrays,
            "Made from folder fermi-3fhl-gc of gammapy/gammapy-data",
        ),
        DataSet(
            "fermi-gc-catalogue",
            "3FHL sources in that field",
            (
                File(
                    "fermi_3fhl_gc_catalog_shared.csv",
                    "af76d8edecdf88fcda9f28d958e87ed42ff353a7a343af91506e2e4abfa934f0",
                    2012,
                ),
            ),
            "CC0; NASA/Fermi-LAT catalogue",
            _FERMI,
            read_catalogue,
            "Rows of gll_psch_v13.fit inside the field",
        ),
        DataSet(
            "fermi-gc-events",
            "The photons of that field",
            (
                File(
                    "fermi_3fhl_gc_events_shared.parquet",
                    "ddbf843843a79a212c21557c311eb3476d1fa4ebf172919e3f79b76a2ae30519",
                    391350,
                ),
            ),
            _SHARE_ALIKE,
            _FERMI,
            read_catalogue,
            "Made from fermi-3fhl-gc-events.fits.gz of gammapy/gammapy-data",
        ),
        DataSet(
            "fermi-psf-classes",
            "Fermi-LAT above 4 GeV, Galactic centre, event types PSF2 and PSF3 apart",
            (
                File(
                    "fermi_gc_psf23.npz",
                    "eaca5c5c244db133800a1b0ce27debc5735d10fb9417b4db3e74b9c38e0155ab",
                    188603,
                ),
            ),
            _SHARE_ALIKE,
            _FERMI,
            read_arrays,
            "Made from folder fermi-gc of gammapy/gammapy-data",
        ),
        DataSet(
            "chandra-sgra",
            "Chandra ACIS-I, Sgr A*, ObsIDs 4683 and 4684",
            (
                File(
                    "chandra_gc_sgra.npz",
                    "f07743e9f236d4a9379d21fa6ccd534ade4d69ab2be5e3d3e27327aeee508ada",
                    24040,
                ),
            ),
            "repository GPL-3.0; Chandra data in the public domain",
            "Donath et al., pylira; Chandra ObsIDs 4683, 4684",
            read_arrays,
            "Made from pylira/data/files of astrostat/pylira",
        ),
        DataSet(
            "chandra-offaxis",
            "One faint source far off axis in two Chandra ObsIDs, 8478 and 7999",
            (
                File(
                    "chandra_csc_8478_r0043.npz",
                    "1f34274c39360f5bdc108f0730967e63c3296699831913e0d627913d92067345",
                    5259,
                ),
                File(
                    "chandra_csc_7999_r0035.npz",
                    "15dba3c4a86fab3a0168d4a69fba7c1f76c22f601cb3cfea6ce4169ff512fcdf",
                    4851,
                ),
            ),
            _PUBLIC,
            _CSC,
            lambda *paths: [read_arrays(path) for path in paths],
            "Made from sherpatest/acisf0*_000N001_r00* of sherpa/sherpa-test-data",
        ),
        DataSet(
            "chandra-g21",
            "Chandra ACIS-S, plerion G21.5-0.9, ObsID 1838",
            (
                File(
                    "chandra_g21_1838.npz",
                    "ae1f431645a6bba86d385c059c890f53ac7f0fc1213f194158e1e9bf5248976c",
                    12465,
                ),
            ),
            _PUBLIC,
            "Chandra ObsID 1838",
            read_arrays,
            "Made from sherpatest/image2.fits of sherpa/sherpa-test-data",
        ),
        DataSet(
            "rosat-a3158",
            "ROSAT PSPC R3-R7, galaxy cluster A3158",
            (
                File(
                    "rosat_pspc_a3158.npz",
                    "31ce339feb373a52b85cbca75fae92b27e1d830d3b5ef1e05a4bf64005893b1b",
                    597704,
                ),
            ),
            "repository GPL-3.0; ROSAT data public",
            "Eckert et al. 2020, OJAp 3, 12 (pyproffit)",
            read_arrays,
            "Made from folder validation of domeckert/pyproffit",
        ),
        DataSet(
            "simulated",
            "Twelve simulated eROSITA-like fields, 128 px, three bands",
            (
                File(
                    "sim_xray_128.npz",
                    "c383aff8c5bc3225bc4dffbc4aca43da7903bee7ef0ad9579ffd0e5447c46b63",
                    1122842,
                ),
            ),
            "CC0",
            "made for this project",
            read_arrays,
            "simulate_field makes fields of the same recipe",
        ),
        DataSet(
            "simulated-truth",
            "Truth of the twelve simulated fields",
            (
                File(
                    "sim_xray_128_truth.csv",
                    "b33cf853e174019c519fb00424de72115e2c8fd953af5987016b501599f93d5f",
                    26437,
                ),
            ),
            "CC0",
            "made for this project",
            read_catalogue,
            "simulate_field makes fields of the same recipe",
        ),
        DataSet(
            "chandra-m82",
            "Chandra M82, 945 s, event list with sky positions, out of a published wheel",
            (
                File(
                    "chandra_test.fits",
                    "9d2b1cb26d5d53a68a6e6dc5df005ab924e4dccb239cc3d2343b18750ab399b9",
                    227520,
                    ("wheel:stingray==2.3.2!stingray/tests/data/chandra_test.fits",),
                ),
            ),
            "MIT (wheel); Chandra data in the public domain",
            "Huppenkothen et al. 2019, ApJ 881, 39 (Stingray)",
        ),
    ],
)
