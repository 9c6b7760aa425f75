"""From files to a page: light curves in, an explorable map out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.errors import DecanError, SchemaError

from .archive import DATASETS
from .lightcurves import LightCurves
from .mappage import map_page
from .pipeline import MODALITIES, Portraits, VariablesPipeline, latent_names
from .readers import epoch_photometry, read_archive, read_xp_continuous
from .simulate import simulate_stars
from .umap import ParametricUMAP
from .xp import XPPreprocessor, XPSpectra

if TYPE_CHECKING:
    import pandas as pd

    from decan.core.report import Page

__all__ = ["load_curves", "load_portraits", "load_spectra", "map_of_file", "map_of_known"]

_FEWEST = 30


def load_curves(path: str | os.PathLike[str]) -> LightCurves:
    """Light curves from one's own table, or from a file in a form of the archive.

    Parameters
    ----------
    path : path-like
        The file: CSV, ECSV, FITS, VOTable or Parquet. One's own has the columns
        ``source_id``, ``time``, ``mag``, ``mag_err``, with an epoch a row, or lists and a
        star a row.

    Returns
    -------
    LightCurves

    Raises
    ------
    DataNotAvailable
        If there is no such file.
    CorruptFile
        If it is no table.
    SchemaError
        If its columns are of no known form, or ids are no integers.

    Examples
    --------
    >>> load_curves("absent.csv")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: absent.csv: no such file
    """
    path = Path(path)
    table = read_archive(path)
    try:
        if {"mag", "mag_err"} <= set(table.columns):
            return LightCurves.from_table(table, name=path.name)
        return epoch_photometry(table, path)
    except TypeError as error:
        # Of a file, a wrong type is a fault of its columns.
        raise SchemaError(f"{path.name}: {error}") from None


def load_portraits(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Table of portraits that ``decan gaia-variables embed`` or ``stream`` wrote.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    DataNotAvailable
        If there is no such file.
    SchemaError
        If it holds no portraits.

    Examples
    --------
    >>> load_portraits("absent.parquet")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: absent.parquet: no such file
    """
    table = read_archive(path)
    names = latent_names()
    for name in (
        "source_id",
        *names,
        *(f"{one}_std" for one in names),
        *(f"{one}_nll" for one in MODALITIES),
    ):
        if name not in table:
            raise SchemaError(
                f"{Path(path).name}: column {name!r} is missing, so it is no table of portraits; "
                "make one with 'decan gaia-variables embed'"
            )
    return table


def load_spectra(path: str | os.PathLike[str], source_id: ArrayLike) -> XPSpectra:
    """XP spectra of given stars; a star that the file lacks gets 'missing_band'.

    Parameters
    ----------
    path : path-like
        XP_CONTINUOUS file of the archive.
    source_id : array_like of int, shape (n,)
        The stars, in the order wanted.

    Returns
    -------
    XPSpectra

    Examples
    --------
    >>> load_spectra("absent.csv", [1])
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: absent.csv: no such file
    """
    found = read_xp_continuous(path)
    wanted = np.asarray(source_id)
    place = {int(one): k for k, one in enumerate(found.source_id)}
    rows = np.array([place.get(int(one), -1) for one in wanted], int)
    there = rows >= 0
    coefficients = np.full((len(wanted), 110), np.nan)
    errors, correlations = np.full((len(wanted), 110), np.nan), np.zeros((len(wanted), 2, 1485))
    for target, values in (
        (coefficients, found.coefficients),
        (errors, found.errors),
        (correlations, found.correlations),
    ):
        target[there] = values[rows[there]]
    return XPPreprocessor().transform(coefficients, errors, correlations)


def map_of_file(
    lightcurves: str | os.PathLike[str],
    xp: str | os.PathLike[str] | None = None,
    *,
    most: int = 2500,
    rng: int | None = 0,
) -> Page:
    """Map of the stars of a file.

    Parameters
    ----------
    lightcurves : path-like
        As :func:`load_curves`.
    xp : path-like, optional
        As :func:`load_spectra`.
    most : int
        Stars on the map at most; the first of the file.
    rng : int, optional
        Seed of the map.

    Returns
    -------
    decan.core.report.Page

    Raises
    ------
    DecanError
        If there are too few stars for a map.

    Examples
    --------
    >>> map_of_file("absent.csv")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: absent.csv: no such file
    """
    curves = load_curves(lightcurves)[:most]
    spectra = None if xp is None else load_spectra(xp, curves.source_id)
    return _page(
        curves,
        spectra,
        None,
        None,
        None,
        rng,
        f"{len(curves):,} stars of {Path(lightcurves).name}.",
    )


def map_of_known(*, most: int = 2500, rng: int | None = 0) -> Page:
    """Map of the real variables of the data folder, or of simulated stars without it.

    Parameters
    ----------
    most : int
        Stars on the map at most.
    rng : int, optional
        Seed of choice, simulation and map.

    Returns
    -------
    decan.core.report.Page

    Examples
    --------
    >>> map_of_known.__name__  # takes half a minute
    'map_of_known'
    """
    if DATASETS.where("lightcurves") and DATASETS.where("lightcurve-sources"):
        curves = DATASETS.load("lightcurves")
        if len(curves) > most:
            curves = curves[np.sort(np.random.default_rng(rng).permutation(len(curves))[:most])]
        table = DATASETS.load("lightcurve-sources").set_index("source_id").loc[curves.source_id]
        lead = f"{len(curves):,} real Gaia DR3 light curves, coloured by the archive's class."
        classes, colour = table["best_class_name"].to_numpy(str), table["bp_rp"].to_numpy(float)
        return _page(curves, None, None, classes, colour, rng, lead)
    stars = simulate_stars(min(most, 1500), rng=rng)
    classes = stars.truth["class_name"].to_numpy(str)
    lead = f"{len(stars):,} simulated stars: the data folder is not at hand."
    frequency = stars.truth["dominant_frequency"].to_numpy()
    keep = np.isfinite(frequency)
    return _page(
        stars.curves[keep], stars.xp[keep], frequency[keep], classes[keep], None, rng, lead
    )


def _page(
    curves: LightCurves,
    xp: XPSpectra | None,
    frequency: NDArray | None,
    classes: NDArray | None,
    colour: NDArray | None,
    rng: int | None,
    lead: str,
) -> Page:
    if len(curves) < _FEWEST:
        raise DecanError(f"a map needs {_FEWEST} stars or more, found {len(curves)}")
    pipeline = VariablesPipeline.pretrained()
    portraits = pipeline.transform(curves, xp, frequency=frequency, progress=True)
    features = _known(portraits)
    place = ParametricUMAP(random_state=rng, epochs=10).fit_transform(features)
    folded = pipeline.folder.transform(pipeline.cleaner.transform(curves), portraits.frequency)
    values = {
        "period (d)": 1 / portraits.frequency,
        "mean G (mag)": portraits.magnitude_mean,
        "standard deviation (mag)": portraits.magnitude_std,
    }
    if colour is not None:
        values["colour BP - RP (mag)"] = colour
    log = ("period (d)", "standard deviation (mag)")
    return map_page(
        place,
        curves.source_id,
        classes=classes,
        values=values,
        log=log,
        folded=folded,
        xp=xp,
        title="A map of variable stars",
        lead=lead,
    )


def _known(portraits: Portraits) -> NDArray[np.float64]:
    """Features without the columns of modalities that nobody has."""
    features = portraits.features()
    return features[:, np.isfinite(features).any(axis=0)]
