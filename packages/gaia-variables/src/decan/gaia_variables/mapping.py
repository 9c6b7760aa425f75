"""From files to a page: light curves in, an explorable map out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.errors import DecanError

from .archive import DATASETS
from .lightcurves import LightCurves
from .mappage import map_page
from .pipeline import Portraits, VariablesPipeline
from .readers import read_epoch_photometry, read_xp_continuous
from .simulate import simulate_stars
from .umap import ParametricUMAP
from .xp import XPPreprocessor, XPSpectra

if TYPE_CHECKING:
    from decan.core.report import Page

__all__ = ["load_curves", "load_spectra", "map_of_file", "map_of_known"]

_FEWEST = 30


def load_curves(path: str | os.PathLike[str]) -> LightCurves:
    """Light curves from Parquet (own columns), or from a file in a form of the archive.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    LightCurves

    Examples
    --------
    >>> load_curves("absent.csv")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: absent.csv: no such file
    """
    path = Path(path)
    if path.suffix == ".parquet" and path.is_file():
        import pyarrow.parquet as pq

        names = {name.lower() for name in pq.read_schema(path).names}
        if {"mag", "mag_err"} <= names:
            return LightCurves.from_parquet(path)
    return read_epoch_photometry(path)


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
