"""Data sets of the library: what they hold, where they come from, and how they are read.

The tables leave out about a tenth of their galaxies for a check that nobody has trained on.
What a catalogue calls stellar mass is itself a fit to photometry and redshift, so information
about "mass" is information about that estimator: say so wherever a number is shown.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decan.core.data.registry import DataSet, File, Registry
from decan.core.data.tables import number_column, read_table
from decan.core.errors import CorruptFile, SchemaError
from decan.core.files import reading

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "DATASETS",
    "colours",
    "dereddened",
    "hatlas_table",
    "log_fluxes",
    "resolve_blocks",
    "sga_blocks",
]

UGRIZ = ("u", "g", "r", "i", "z")
NEAR_INFRARED = ("ukidss_y", "ukidss_h", "ukidss_k", "twomass_j", "twomass_h", "twomass_k")
WISE = ("w1", "w2", "w3")

_HINT = (
    "The table is derived from the catalogues of its citation; "
    "put it into $DECAN_DATA/stellar-mass/."
)


def dereddened(table: pd.DataFrame, bands: tuple[str, ...] = UGRIZ) -> pd.DataFrame:
    """Magnitudes of RESOLVE corrected for Galactic extinction.

    Parameters
    ----------
    table : DataFrame
        With ``mag_B`` and, where the survey gives it, ``ext_B`` for each band, mag.
    bands : tuple of str
        Bands, as the columns name them.

    Returns
    -------
    DataFrame
        One column a band, mag. UKIDSS H and K have no extinction in the table and stay as
        they are.

    Examples
    --------
    >>> import pandas as pd
    >>> dereddened(pd.DataFrame({"mag_r": [17.0], "ext_r": [0.25]}), ("r",))
           r
    0  16.75
    """
    import pandas as pd

    def corrected(band: str) -> pd.Series:
        magnitude = table[f"mag_{band}"].astype(float)
        extinction = f"ext_{band}"
        return magnitude - table[extinction] if extinction in table else magnitude

    return pd.DataFrame({band: corrected(band) for band in bands})


def colours(magnitudes: pd.DataFrame, reference: str) -> pd.DataFrame:
    """One reference magnitude and the colours of neighbouring bands.

    Parameters
    ----------
    magnitudes : DataFrame
        One column a band, in the order of wavelength, mag.
    reference : str
        The band that keeps its magnitude.

    Returns
    -------
    DataFrame
        The reference magnitude and one colour fewer than there are bands, mag.

    Examples
    --------
    >>> import pandas as pd
    >>> colours(pd.DataFrame({"g": [17.5], "r": [17.0], "i": [16.75]}), "r")
          r  g-r   r-i
    0  17.0  0.5  0.25
    """
    bands = list(magnitudes)
    made = {reference: magnitudes[reference]}
    for blue, red in pairwise(bands):
        made[f"{blue}-{red}"] = magnitudes[blue] - magnitudes[red]
    import pandas as pd

    return pd.DataFrame(made)


def log_fluxes(table: pd.DataFrame, bands: tuple[str, ...]) -> pd.DataFrame:
    """Magnitude-like asinh fluxes of the DustPedia and H-ATLAS tables.

    Fluxes of either sign are compressed by :func:`~decan.stellar_mass.photometry.luptitude`,
    with the median error of the band as softening.

    Parameters
    ----------
    table : DataFrame
        With ``flux_B_mjy`` and ``flux_B_err_mjy``, mJy.
    bands : tuple of str
        Bands, as the columns name them.

    Returns
    -------
    DataFrame
        One column a band, asinh magnitudes relative to 1 mJy.

    Examples
    --------
    >>> import pandas as pd
    >>> log_fluxes(pd.DataFrame({"flux_r_mjy": [10.0], "flux_r_err_mjy": [0.1]}), ("r",)).round(3)
         r
    0 -2.5
    """
    import pandas as pd

    from .photometry import luptitude

    made = {}
    for band in bands:
        error = table[f"flux_{band}_err_mjy"].to_numpy(float)
        made[band] = luptitude(table[f"flux_{band}_mjy"].to_numpy(float), error)
    return pd.DataFrame(made, index=table.index)


def resolve_blocks(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The inputs of RESOLVE by kind, none of them derived from the mass.

    Parameters
    ----------
    table : DataFrame
        The data set ``resolve_galaxies``.

    Returns
    -------
    dict of str to DataFrame
        ``ugriz`` (r and colours), ``nuv``, ``nir``, ``morphology``, ``cz`` (the distance
        modulus for H0 = 70 km/s/Mpc, mag).

    Examples
    --------
    >>> if DATASETS.where("resolve_galaxies"):
    ...     assert list(resolve_blocks(DATASETS.load("resolve_galaxies"))["ugriz"])[0] == "r"
    """
    import numpy as np
    import pandas as pd

    optical = dereddened(table)
    red = optical["r"]
    near = dereddened(table, NEAR_INFRARED)
    morphology = pd.DataFrame(
        {
            "log_r50": np.log10(table["r50_arcsec"].astype(float)),
            "concentration": (table["r90_arcsec"] / table["r50_arcsec"]).astype(float),
            "axis_ratio": table["axis_ratio"].astype(float),
            "axis_ratio_inner": table["axis_ratio_inner"].astype(float),
            "bulge_fraction": table["bulge_fraction_2c"].astype(float),
            "colour_gradient": table["dgr_mag"].astype(float),
        }
    )
    distance = 25 + 5 * np.log10(table["cz_kms"].astype(float) / 70)
    return {
        "ugriz": colours(optical, "r"),
        "nuv": pd.DataFrame({"nuv-r": dereddened(table, ("nuv",))["nuv"] - red}),
        "nir": near.rsub(red, axis=0).add_prefix("r-"),
        "morphology": morphology,
        "cz": pd.DataFrame({"distance_modulus": distance}),
    }


def sga_blocks(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The inputs of the Siena Galaxy Atlas by kind.

    Parameters
    ----------
    table : DataFrame
        The data set ``sga_gswlc``.

    Returns
    -------
    dict of str to DataFrame
        ``grz`` (r and colours within 26 mag/arcsec2), ``profile`` (sizes, axis ratio, and how
        fast magnitude and colour change from isophote to isophote), ``z`` (log10 redshift).

    Examples
    --------
    >>> if DATASETS.where("sga_gswlc"):
    ...     assert list(sga_blocks(DATASETS.load("sga_gswlc"))["z"]) == ["log_z"]
    """
    import numpy as np
    import pandas as pd

    def isophotal(band: str, level: str) -> pd.Series:
        return table[f"mag_{band}_sb{level}"].astype(float)

    # The faintest isophote is missing where the image ends before it.
    total = pd.DataFrame(
        {b: isophotal(b, "26").fillna(isophotal(b, "25")).fillna(isophotal(b, "24")) for b in "grz"}
    )
    profile = {
        "log_d26": np.log10(table["d26_arcmin"].astype(float)),
        "axis_ratio": table["axis_ratio"].astype(float),
    }
    for band in "grz":
        profile[f"log_sma50_{band}"] = np.log10(table[f"sma50_{band}_arcsec"].astype(float))
    for level in ("22.5", "23.5", "24.5"):
        profile[f"r{level}-r"] = isophotal("r", level) - total["r"]
        profile[f"g-r{level}"] = isophotal("g", level) - isophotal("r", level)
        profile[f"r-z{level}"] = isophotal("r", level) - isophotal("z", level)
    return {
        "grz": colours(total, "r"),
        "profile": pd.DataFrame(profile),
        "z": pd.DataFrame({"log_z": np.log10(table["z_spec"].astype(float))}),
    }


def hatlas_table(path: Path) -> pd.DataFrame:
    r"""Read the photometry of FIREnet's text table, fields split on the single blank.

    Fields may be empty, so that two blanks in a row are a missing value and not a wide gap: a
    reader that splits on runs of blanks shifts all later columns.

    Parameters
    ----------
    path : pathlib.Path
        Text, the names of the columns in its first line.

    Returns
    -------
    DataFrame
        Empty fields are NaN.

    Raises
    ------
    DataNotAvailable, CorruptFile
        If the file is absent, empty, or no text.
    SchemaError
        If a line has more or fewer fields than the header, a name stands there twice, or a
        field is no number.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "table.mag"
    >>> _ = path.write_text("id z_bin FUV NUV\nG1 0.01  2.5\n")
    >>> hatlas_table(path)[["z_bin", "FUV", "NUV"]].to_numpy()
    array([[0.01,  nan, 2.5 ]])
    """
    import pandas as pd

    with reading(path, "text table") as file:
        lines = file.read_text(encoding="utf-8").split("\n")
    if not lines[0].strip("# \r"):
        raise CorruptFile(f"{path}: no names of columns in the first line; is the file empty?")
    names = lines[0].rstrip("\r").lstrip("# ").split(" ")
    if repeated := [name for name in names if names.count(name) > 1]:
        raise SchemaError(f"{path}: column {repeated[0]!r} is there more than once")
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if not line and number == len(lines):
            break  # what follows the last end of a line
        fields = line.rstrip("\r").split(" ")
        if len(fields) != len(names):
            raise SchemaError(
                f"{path}: line {number} has {len(fields)} fields split on single blanks, expected "
                f"{len(names)} as in the header; an empty field is two blanks in a row"
            )
        rows.append([field or None for field in fields])
    table = pd.DataFrame(rows, columns=names)
    for name in names[1:]:
        table[name] = number_column(table, name, Path(path).name)
    return table


def _read(path: Path) -> pd.DataFrame:
    return read_table(path)


def _read_sdss(path: Path) -> pd.DataFrame:
    """GALEX, SDSS and 2MASS photometry of the wheel's test table, one column a band."""
    import numpy as np
    import pandas as pd
    from astropy.io import fits

    with fits.open(path) as opened:
        data: Any = opened[1].data

        def column(name: str) -> NDArray[np.float64]:
            return np.asarray(data[name], dtype=np.float64)

        columns = {"ra_deg": column("RA"), "dec_deg": column("DEC"), "z_spec": column("Z")}
        for index, band in enumerate(UGRIZ):
            columns[f"flux_{band}_nmgy"] = column("PETROFLUX")[:, index]
            columns[f"flux_{band}_ivar"] = column("PETROFLUX_IVAR")[:, index]
            columns[f"ext_{band}"] = column("EXTINCTION")[:, index]
        for band in "JHK":
            columns[f"mag_{band.lower()}"] = column(f"{band}_M_EXT")
    table = pd.DataFrame(columns)
    near = ["mag_j", "mag_h", "mag_k"]
    table[near] = table[near].where(table[near] > 0)
    return table


def _one(name: str, title: str, sha256: str, size: int, licence: str, citation: str) -> DataSet:
    file = File(f"{name}.parquet", sha256, size)
    return DataSet(name, title, (file,), licence=licence, citation=citation, read=_read, hint=_HINT)


DATASETS = Registry(
    "stellar-mass",
    [
        _one(
            "resolve_galaxies",
            "RESOLVE: photometry, morphology, gas, groups and SED masses of 2,056 nearby galaxies",
            "24791bca67950582b2118f0bee0fbafd7c0a26993de4b7d0052601e5fbbde833",
            360_188,
            "published survey data",
            "Eckert et al. 2015, ApJ 810, 166; Kannappan et al. 2013, ApJ 777, 42; Stark et al. "
            "2016; Eckert et al. 2017; Hutchens et al. 2023",
        ),
        _one(
            "sga_gswlc",
            "Siena Galaxy Atlas profiles with GSWLC masses, 714 galaxies",
            "5fef41eb571392a6fcf7dc78100cdb6c149be35a9ac13512195f66c6f9738ce8",
            372_955,
            "published catalogues; Legacy Surveys data CC-BY 4.0",
            "Moustakas et al. 2023, ApJS 269, 3; Salim et al. 2016, 2018",
        ),
        _one(
            "dustpedia_sed",
            "DustPedia: far-ultraviolet to mid-infrared fluxes and CIGALE masses, 632 galaxies",
            "bda949bba25deeff05925157d5b71eae38556fc400416b1ffa83750f475444a4",
            150_624,
            "MIT",
            "Davies et al. 2017; Clark et al. 2018; Dobbels et al. 2020",
        ),
        _one(
            "hatlas_photometry",
            "H-ATLAS and GAMA fluxes of 3,274 galaxies in five bins of redshift",
            "5764411d3e8fa4cac20ebc6d14be01cfdcf9ddfdc6bfc5d41e202206aca23164",
            638_780,
            "MIT",
            "Wright et al. 2016; Valiante et al. 2016; Dobbels et al. 2020",
        ),
        DataSet(
            "sdss_photometry",
            "SDSS ugriz and 2MASS photometry of 10,000 galaxies with redshift, without masses",
            (
                File(
                    "gst_tests_small.fits",
                    "d7e87e8abc45167e48889a0e824870760a2e6dde20650a6e41a72164859bf578",
                    1_609_920,
                    sources=("wheel:kcorrect==5.1.9!kcorrect/data/test/gst_tests_small.fits",),
                ),
            ),
            licence="BSD-3 (wheel); SDSS data public",
            citation="Blanton & Roweis 2007, AJ 133, 734 (kcorrect)",
            read=_read_sdss,
            hint="The table is part of the wheel kcorrect 5.1.9 on the Python index.",
        ),
    ],
)
"""Every data set the library knows, by name."""
