"""Figures of skies, tension and catalogues; each function returns what it drew on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.plotting import COLOURS, figure_of, new_axes, style

from .catalogue import rows_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from .decomposer import TensionDecomposer

__all__ = [
    "mark_sources",
    "plot_decomposition",
    "plot_residuals",
    "plot_rgb",
    "plot_spectrum",
    "plot_tension",
    "rgb",
]


def rgb(bands: np.ndarray, *, limits: tuple[np.ndarray, np.ndarray] | None = None) -> np.ndarray:
    """Colour picture of an intensity in bands: soft is red, hard is blue.

    Parameters
    ----------
    bands : ndarray, shape (band, y, x)
        Intensities or counts; one or two bands give fewer colours.
    limits : (ndarray, ndarray), optional
        Black and white level of each channel, to compare pictures.

    Returns
    -------
    ndarray, shape (y, x, 3)
        Values between zero and one, after an arcsinh stretch.

    Examples
    --------
    >>> rgb(np.ones((3, 4, 5))).shape
    (4, 5, 3)
    """
    channels = _channels(np.asarray(bands, float))
    low, high = limits if limits is not None else _limits(channels)
    scaled = (channels - low[:, None, None]) / np.maximum(high - low, 1e-12)[:, None, None]
    stretched = np.arcsinh(8 * np.clip(scaled, 0, None)) / np.arcsinh(8)
    return np.clip(stretched, 0, 1).transpose(1, 2, 0)


def plot_rgb(
    bands: np.ndarray, *, ax: Axes | None = None, title: str = "", limits: Any = None
) -> Axes:
    """Colour picture of a sky.

    Parameters
    ----------
    bands : ndarray, shape (band, y, x)
        Intensities or counts.
    ax : Axes, optional
        Where to draw.
    title : str
        Above it.
    limits : tuple, optional
        As in :func:`rgb`.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> ax = plot_rgb(np.ones((3, 8, 8)), title="sky")
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(4.2, 4.2))
    ax.imshow(rgb(bands, limits=limits), origin="lower", interpolation="nearest")
    _bare(ax, title)
    return ax


def mark_sources(ax: Axes, catalogue: pd.DataFrame, *, colour: str = "yellow") -> Axes:
    """Circles on the sources of a catalogue: small for points, dashed by size for extended.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    catalogue : pandas.DataFrame
        Columns kind, x, y, size.
    colour : str
        A name of the house's palette.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> mark_sources(ax, catalogue)  # doctest: +SKIP
    """
    from matplotlib.patches import Circle

    for row in rows_of(catalogue):
        if row.kind == "extended":
            ax.add_patch(
                Circle(
                    (row.x, row.y), 2 * row.size, fill=False, ls="--", lw=1.1, color=COLOURS["sky"]
                )
            )
        elif row.kind == "artifact":
            ax.plot(row.x, row.y, "x", color=COLOURS["red"], ms=6)
        else:
            ax.add_patch(Circle((row.x, row.y), 2.5, fill=False, lw=1.1, color=COLOURS[colour]))
    return ax


def plot_decomposition(decomposer: TensionDecomposer, *, truth: pd.DataFrame | None = None) -> Any:
    """Counts, total sky, diffuse, extended and point emission, and the first tension map.

    Parameters
    ----------
    decomposer : TensionDecomposer
        Fitted.
    truth : pandas.DataFrame, optional
        True sources of a simulation, marked by crosses on the counts.

    Returns
    -------
    ndarray of Axes

    Examples
    --------
    >>> plot_decomposition(decomposer)  # doctest: +SKIP
    """
    import matplotlib.pyplot as plt

    image = decomposer.images_[0]
    parts = {name: decomposer.mean(name) for name in ("total", "diffuse", "extended")}
    limits = _limits(_channels(parts["total"]))
    with style():
        # As flat as the image, so that no panel stands in an empty field.
        ratio = float(np.clip(image.shape[1] / image.shape[2], 0.3, 1.5))
        axes = plt.subplots(2, 3, figsize=(10.2, 0.6 + 6.4 * ratio))[1]
    smooth = _smooth(image.counts)
    plot_rgb(smooth, ax=axes[0, 0], title="counts, smoothed by 1 px")
    if truth is not None and len(truth):
        axes[0, 0].plot(truth["x_pix"], truth["y_pix"], "+", color="white", ms=4, mew=0.7)
    plot_rgb(parts["total"], ax=axes[0, 1], title="sky, without PSF and noise", limits=limits)
    plot_rgb(parts["diffuse"], ax=axes[0, 2], title="diffuse")
    plot_rgb(parts["extended"], ax=axes[1, 0], title="extended objects", limits=limits)
    plot_rgb(_through_psf(decomposer), ax=axes[1, 1], title="point sources, through the PSF")
    plot_tension(decomposer, loop=1, ax=axes[1, 2])
    mark_sources(axes[0, 1], decomposer.catalogue_)
    return axes


def plot_tension(decomposer: TensionDecomposer, *, loop: int = 1, ax: Axes | None = None) -> Axes:
    """Tension matched to a point source in one loop, with the final sources marked.

    Parameters
    ----------
    decomposer : TensionDecomposer
        Fitted.
    loop : int
        Which, from one.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> plot_tension(decomposer, loop=2)  # doctest: +SKIP
    """
    ax = new_axes(ax, figsize=(4.6, 4.2))
    maps = decomposer.tension_maps_[loop - 1]
    drawn = ax.imshow(maps.matched, origin="lower", cmap="RdBu_r", vmin=-7, vmax=7)
    figure_of(ax).colorbar(drawn, ax=ax, shrink=0.85, label="σ of its own null")
    mark_sources(ax, decomposer.catalogue_, colour="black")
    _bare(ax, f"tension before loop {loop}")
    return ax


def plot_spectrum(spectrum: pd.DataFrame, *, ax: Axes | None = None, truth: Any = None) -> Axes:
    """Power spectrum of a diffuse field with its 68 % band.

    Parameters
    ----------
    spectrum : pandas.DataFrame
        Of :func:`decan.latent_tension.diagnostics.posterior_spectrum`.
    ax : Axes, optional
        Where to draw.
    truth : (array_like, array_like), optional
        k and power of a simulation.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> table = pd.DataFrame({"k": [0.1, 0.2], "power": [2.0, 1.0], "low": [1.0, 0.5],
    ...                       "high": [3.0, 2.0]})
    >>> ax = plot_spectrum(table)
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax)
    ax.fill_between(
        spectrum["k"], spectrum["low"], spectrum["high"], color=COLOURS["blue"], alpha=0.25, lw=0
    )
    ax.loglog(spectrum["k"], spectrum["power"], color=COLOURS["blue"], label="posterior")
    if truth is not None:
        ax.loglog(*truth, ".", color=COLOURS["orange"], ms=4, label="truth")
        ax.legend()
    ax.set_xlabel("k (cycles / pixel)")
    ax.set_ylabel("power (white = 1)")
    return ax


def plot_residuals(
    residuals: np.ndarray, *, ax: Axes | None = None, label: str = "", reach: float = 5.0
) -> Axes:
    """Histogram of weighted residuals beside the standard normal.

    Parameters
    ----------
    residuals : ndarray
        Noise- or uncertainty-weighted; NaN is left out.
    ax : Axes, optional
        Where to draw.
    label : str
        For the legend.
    reach : float
        Half the width of the axis.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> ax = plot_residuals(np.random.default_rng(0).standard_normal(500))
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax)
    bins = np.linspace(-reach, reach, 61)
    values = np.clip(residuals[np.isfinite(residuals)], -reach, reach)
    ax.hist(values, bins.tolist(), density=True, histtype="step", label=label or None)
    x = np.linspace(-reach, reach, 200)
    ax.plot(x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), color=COLOURS["grey"], lw=1)
    ax.set_xlabel("residual (σ)")
    ax.set_ylabel("density")
    if label:
        ax.legend()
    return ax


def _channels(bands: np.ndarray) -> np.ndarray:
    if len(bands) == 1:
        return np.repeat(bands, 3, 0)
    if len(bands) == 2:
        return np.stack([bands[0], bands.mean(0), bands[1]])
    groups = np.array_split(np.arange(len(bands)), 3)
    return np.stack([bands[g].sum(0) for g in groups])


def _limits(channels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low = np.percentile(channels, 5, axis=(1, 2)) * 0.7
    return low, np.maximum(np.percentile(channels, 99.7, axis=(1, 2)), low + 1e-12)


def _smooth(counts: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return np.stack([gaussian_filter(c, 1.0) for c in counts])


def _through_psf(decomposer: TensionDecomposer) -> np.ndarray:
    """Posterior mean of the point sources as the instrument would see them."""
    model, latents = decomposer.model_, decomposer.posterior_.latents()
    if model.points is None:
        return np.zeros(decomposer.images_[0].shape)
    state = model.points.at(latents[:, model.slices["points"]])
    return np.asarray(model.points.counts(state, 0).mean(0).cpu().numpy())


def _bare(ax: Axes, title: str) -> None:
    ax.set_title(title)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
