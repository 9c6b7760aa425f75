"""What a fitted decomposition gives away: skies, tables, files, a page, and itself as a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .diagnostics import component_skies, expected_counts, noise_weighted_residuals

if TYPE_CHECKING:
    import pandas as pd

    from decan.core.report import Page

    from .decomposer import TensionDecomposer

__all__ = ["page_of", "write_components"]

_SHOWN = ("id", "kind", "x", "y", "pos_err", "size", "flux", "flux_err", "index", "significance",
          "p_global", "edge", "loop")  # fmt: skip


def write_components(fitted: TensionDecomposer, path: str | os.PathLike[str]) -> Path:
    """Mean and standard deviation of every component as one FITS file.

    Parameters
    ----------
    fitted : TensionDecomposer
        Fitted.
    path : path-like
        The file.

    Returns
    -------
    pathlib.Path
        Extensions TOTAL, TOTAL_STD, DIFFUSE, ..., EXPECTED, RESIDUAL, TENSION, CATALOGUE.

    Examples
    --------
    >>> write_components.__name__
    'write_components'
    """
    from astropy.io import fits
    from astropy.table import Table

    from decan.core.files import replacing

    image = fitted.images_[0]
    header = image.wcs.celestial.to_header() if image.wcs is not None else fits.Header()
    header["BUNIT"] = "count/pixel for an exposure of one"
    parts: list[Any] = [fits.PrimaryHDU(header=header)]
    latents = fitted.posterior_.latents()
    for name in ("total", "diffuse", "extended", "points"):
        skies = component_skies(fitted.model_, latents, name)
        parts.append(fits.ImageHDU(skies.mean(0), header, name=name.upper()))
        parts.append(fits.ImageHDU(skies.std(0), header, name=f"{name.upper()}_STD"))
    plain = header.copy()
    plain["BUNIT"] = "count"
    parts.append(fits.ImageHDU(expected_counts(fitted.model_, latents)[0], plain, name="EXPECTED"))
    plain["BUNIT"] = "sigma"
    residual = noise_weighted_residuals(fitted.model_, latents)[0]
    parts.append(fits.ImageHDU(residual, plain, name="RESIDUAL"))
    tension = np.stack([maps.matched for maps in fitted.tension_maps_])
    parts.append(fits.ImageHDU(tension, plain, name="TENSION"))
    table = Table.from_pandas(_for_files(fitted.catalogue_))
    for name, unit in fitted.catalogue_.attrs.get("units", {}).items():
        table[name].unit = unit
    parts.append(fits.BinTableHDU(table, name="CATALOGUE"))
    with replacing(path) as temporary:
        fits.HDUList(parts).writeto(temporary, overwrite=True)
    return Path(path)


def page_of(fitted: TensionDecomposer) -> Page:
    """A page with the picture first, then the catalogue, the loops and the checks.

    Parameters
    ----------
    fitted : TensionDecomposer
        Fitted.

    Returns
    -------
    decan.core.report.Page

    Examples
    --------
    >>> page_of.__name__
    'page_of'
    """
    import pandas as pd

    from decan.core.report import Page

    from .diagnostics import posterior_spectrum, predictive_check
    from .plots import plot_decomposition, plot_residuals, plot_spectrum

    image = fitted.images_[0]
    page = Page(f"Decomposition of {image.name}", str(fitted))
    section = page.section("The sky")
    section.figure(
        plot_decomposition(fitted),
        caption="Counts as seen; the sky without PSF and noise; its diffuse, extended and point "
        "emission; and the tension that called for the first components. Soft photons are red, "
        "hard ones blue.",
    )
    section = page.section("Catalogue")
    section.table(
        fitted.catalogue_[list(_SHOWN)],
        caption="Positions in pixels, fluxes in counts a unit of exposure, significance in sigma "
        "with the diffuse field free to take the source's place.",
    )
    section = page.section("Checks")
    latents = fitted.posterior_.latents()
    section.table(
        predictive_check(fitted.model_, latents, rng=0),
        caption="Would data drawn from the fit look like the data? A p-value near zero or one "
        "says no.",
    )
    residual = noise_weighted_residuals(fitted.model_, latents)[0]
    section.figure(
        plot_residuals(residual[np.isfinite(residual)]),
        caption="Residuals in units of the Poisson noise, beside a standard normal; few counts "
        "skew them.",
    )
    section.figure(
        plot_spectrum(posterior_spectrum(fitted.model_, latents)),
        caption="Power spectrum of the log of the diffuse emission, with its 68 % band.",
    )
    table = fitted.tension_maps_[-1].table
    if isinstance(table, pd.DataFrame):
        section.table(table, caption="Latents in the last search: one is the prior's chi-square.")
    page.section("Inference").table(
        fitted.history_[["loop", "round", "method", "energy", "first_decrement", "cg"]],
        caption="Energy of each round, the gain its first Newton step promised, and iterations.",
    )
    return page


def _for_files(catalogue: pd.DataFrame) -> pd.DataFrame:
    """A copy whose text columns every format takes."""
    copy = catalogue.copy()
    copy.attrs = {}
    copy["kind"] = copy["kind"].astype(object)
    return copy
