"""Pages: what was decided of each cutout and why, and a wall of all of them."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decan.core.report import Page

from .attention import grad_cam
from .masking import Normalizer, SourceMasker
from .plots import CLASS_COLOURS, grid_of_axes, plot_cutout, plot_probabilities
from .stamps import crop_or_pad, network_stamps

if TYPE_CHECKING:
    import pandas as pd

    from .classifier import RadioMorphologyClassifier
    from .cutouts import CutoutSet

__all__ = ["classification_page", "classified_figure", "thumbnail_wall"]

_SHOWN = 24
_THUMB = 96


def classification_page(
    classifier: RadioMorphologyClassifier, cutouts: CutoutSet, table: pd.DataFrame
) -> Page:
    """A page with cutouts, masks, attention and probabilities.

    Parameters
    ----------
    classifier : RadioMorphologyClassifier
        That made the table.
    cutouts : CutoutSet
        What it was shown.
    table : pandas.DataFrame
        From :meth:`RadioMorphologyClassifier.classify`.

    Returns
    -------
    decan.core.report.Page
        The first 24 sources with figures, and the whole table.

    Examples
    --------
    >>> from decan.radio_agn import CutoutSet, RadioMorphologyClassifier, simulate_bent_sources
    >>> made = simulate_bent_sources(1, flux_mjy=(100, 200), rng=0)
    >>> cutouts = CutoutSet.from_arrays(made.images)
    >>> classifier = RadioMorphologyClassifier.pretrained()
    >>> table = classifier.classify(cutouts)
    >>> classification_page(classifier, cutouts, table).title
    'Morphology of radio galaxies'
    """
    counts = table.loc[table["class"] != "", "class"].value_counts()
    told = ", ".join(f"{n} {name}" for name, n in counts.items()) or "none could be judged"
    page = Page("Morphology of radio galaxies", f"{len(table)} cutouts: {told}.")
    rows = np.flatnonzero(table["class"].to_numpy() != "")[:_SHOWN]
    if rows.size:
        page.section("Sources").figure(
            classified_figure(classifier, cutouts, table, rows),
            caption="Each cutout with the outline of the central source (white), where a network "
            "finds evidence for its answer (orange contours at 30, 60 and 90%), and the "
            "probabilities with their spread over the networks.",
        )
    shown = table.copy()
    for column in shown.select_dtypes("number"):
        shown[column] = shown[column].astype(float)
    page.section("Table").table(shown, caption="Probabilities, spread over networks, state.")
    training = getattr(classifier, "manifest_", {}).get("training", {})
    if training:
        page.sections[-1].text(
            f"Weights: {training.get('command', '')}; {training.get('left_out', '')}."
        )
    return page


def classified_figure(
    classifier: RadioMorphologyClassifier,
    cutouts: CutoutSet,
    table: pd.DataFrame,
    rows: NDArray[Any],
) -> NDArray[Any]:
    """Cutouts with mask and attention beside their probabilities.

    Parameters
    ----------
    classifier : RadioMorphologyClassifier
        That made the table.
    cutouts : CutoutSet
        The cutouts.
    table : pandas.DataFrame
        From :meth:`RadioMorphologyClassifier.classify`.
    rows : ndarray of int
        Which to show.

    Returns
    -------
    ndarray of Axes

    Examples
    --------
    >>> from decan.radio_agn import CutoutSet, RadioMorphologyClassifier, simulate_bent_sources
    >>> made = simulate_bent_sources(1, flux_mjy=(100, 200), rng=0)
    >>> cutouts = CutoutSet.from_arrays(made.images)
    >>> classifier = RadioMorphologyClassifier.pretrained()
    >>> table = classifier.classify(cutouts)
    >>> axes = classified_figure(classifier, cutouts, table, np.array([0]))
    >>> len(axes)
    2
    >>> import matplotlib.pyplot as plt
    >>> plt.close(axes[0].figure)
    """
    images = cutouts.images[rows]
    masker = SourceMasker("central")
    masker.transform(images)
    classes = list(classifier.classes_)
    which = [classes.index(name) for name in table["class"].to_numpy()[rows]]
    maps = grad_cam(classifier.networks_[0], network_stamps(images), which)
    axes = grid_of_axes(2 * len(rows), columns=4 if len(rows) > 1 else 2)
    for number, row in enumerate(rows):
        line = table.iloc[int(row)]
        # Two lines: names of files are long, and the bars stand close by.
        told = f"{line['class']} {line['probability']:.2f} ± {line['spread']:.2f}"
        picture, bars = axes[2 * number], axes[2 * number + 1]
        plot_cutout(images[number], mask=masker.masks_[number], attention=maps[number],
                    title=f"{line['name']}\n{told}", ax=picture)  # fmt: skip
        picture.title.set_fontsize(8)
        plot_probabilities([line[f"p_{name}"] for name in classes], classes, ax=bars)
    return axes


def thumbnail_wall(cutouts: CutoutSet, table: pd.DataFrame) -> Page:
    """A wall of thumbnails sorted by class and confidence.

    Parameters
    ----------
    cutouts : CutoutSet
        The cutouts.
    table : pandas.DataFrame
        From :meth:`RadioMorphologyClassifier.classify`.

    Returns
    -------
    decan.core.report.Page
        A section a class, the most certain first; each picture tells its name, probability
        and state.

    Examples
    --------
    >>> from decan.radio_agn import CutoutSet, RadioMorphologyClassifier, simulate_bent_sources
    >>> made = simulate_bent_sources(1, flux_mjy=(100, 200), rng=0)
    >>> cutouts = CutoutSet.from_arrays(made.images)
    >>> classifier = RadioMorphologyClassifier.pretrained()
    >>> table = classifier.classify(cutouts)
    >>> len(thumbnail_wall(cutouts, table).sections)
    1
    """
    page = Page("Wall of sources", "Sorted by class, the most certain first.")
    masked = SourceMasker("islands", dilation=1).transform(cutouts.images)
    pictures = crop_or_pad(Normalizer("sqrt").transform(masked), min(150, masked.shape[1]))
    order = [name for name in CLASS_COLOURS if (table["class"] == name).any()]
    order += sorted(set(table["class"]) - set(order))
    for name in order:
        rows = table.index[table["class"] == name]
        rows = table.loc[rows].sort_values("probability", ascending=False).index
        section = page.section(f"{name or 'Not judged'} ({len(rows)})")
        section.html(
            '<div style="display:flex;flex-wrap:wrap;gap:6px">'
            + "".join(_thumbnail(pictures[row], table.loc[row]) for row in rows)
            + "</div>"
        )
    return page


def _thumbnail(picture: NDArray[np.float64], line: pd.Series) -> str:
    from matplotlib import colormaps, image

    buffer = io.BytesIO()
    image.imsave(buffer, colormaps["cividis"](picture[::-1]), format="png")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    told = str(line["name"])
    if np.isfinite(line["probability"]):
        told += f", {line['class']} {line['probability']:.2f} ± {line['spread']:.2f}"
    told = html.escape(f"{told}, {line['status']}")
    colour = CLASS_COLOURS.get(line["class"], "#8A939E")
    return (
        f'<figure style="margin:0;width:{_THUMB}px;border-bottom:3px solid {colour}">'
        f'<img src="data:image/png;base64,{data}" alt="{told}" title="{told}" '
        f'width="{_THUMB}" height="{_THUMB}" loading="lazy" style="display:block">'
        f'<figcaption style="font-size:10px;overflow-wrap:anywhere">'
        f"{html.escape(_short(line))}</figcaption></figure>"
    )


def _short(line: Any) -> str:
    p = line["probability"]
    return f"{line['name']} {p:.2f}" if np.isfinite(p) else f"{line['name']} ({line['status']})"
