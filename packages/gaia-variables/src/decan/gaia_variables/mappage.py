"""A map that one can explore: one HTML file with every star's light curve and spectrum in it."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .folding import Folded
from .xp import XPSpectra

if TYPE_CHECKING:
    from decan.core.report import Page

__all__ = ["map_page"]

_MOST = 20_000


def map_page(
    coordinates: ArrayLike,
    source_id: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    values: Mapping[str, ArrayLike] | None = None,
    log: tuple[str, ...] = (),
    folded: Folded | None = None,
    xp: XPSpectra | None = None,
    title: str = "A map of variable stars",
    lead: str = "",
) -> Page:
    """Interactive latent map as a page of this house.

    Parameters
    ----------
    coordinates : array_like, shape (n, 2)
        Places on the map; rows with NaN are left out, and said so.
    source_id : array_like of int, shape (n,)
        The stars.
    classes : array_like of str, shape (n,), optional
        Their classes.
    values : mapping of str to array_like, shape (n,), optional
        What points may be coloured by, with units in the names.
    log : tuple of str
        Which of the values are coloured by their logarithm.
    folded : Folded, optional
        Light curves to show, in the same order.
    xp : XPSpectra, optional
        Spectra to show, in the same order.
    title, lead : str
        Heading, and the sentence under it.

    Returns
    -------
    decan.core.report.Page
        Save it with ``.save(path)``; nothing is loaded from elsewhere.

    Raises
    ------
    ValueError
        If lengths differ, no star has a place, or there are more than 20,000.

    Examples
    --------
    >>> page = map_page([[0.0, 1.0], [2.0, 3.0]], [11, 12], classes=["RRab", "EW"])
    >>> "gv-map" in page.render()
    True
    """
    from decan.core.report import Page

    place, ids = np.asarray(coordinates, np.float64), np.asarray(source_id)
    if place.shape != (len(ids), 2):
        raise ValueError(f"coordinates: expected shape ({len(ids)}, 2), found {place.shape}")
    there = np.asarray(np.isfinite(place).all(axis=1))
    if not 0 < there.sum() <= _MOST:
        raise ValueError(
            f"coordinates: expected 1 to {_MOST:,} stars on a map, found {there.sum():,}"
        )
    names, codes = _classes(classes, len(ids))
    data: dict[str, Any] = {
        "ids": [str(one) for one in ids[there]],
        "names": names,
        "x": _packed(place[there, 0], np.float32),
        "y": _packed(place[there, 1], np.float32),
        "classes": _packed(codes[there], np.uint8),
        "values": [
            _value(name, np.asarray(column, np.float64), there, name in log)
            for name, column in (values or {}).items()
        ],
        **_curves(folded, there),
        "flux": None if xp is None else _packed(_spectra(xp)[there], np.int16),
    }
    options = "".join(
        f'<option value="{html.escape(one["key"])}">{html.escape(one["label"])}</option>'
        for one in data["values"]
    )
    page = Page(title, lead)
    section = page.section("The map")
    section.html(_markup(options, data))
    left_out = int((~there).sum())
    section.text(
        "Move over the map to see a star's light curve and spectrum; a click holds it. Drag to "
        "move, turn the wheel or press + and - to come closer. Click a class to hide it."
        + (f" {left_out:,} stars without a place are left out." if left_out else "")
    )
    return page


def _markup(options: str, data: Mapping[str, Any]) -> str:
    room = files(__package__).joinpath("data")
    style = room.joinpath("map.css").read_text(encoding="utf-8")
    script = room.joinpath("map.js").read_text(encoding="utf-8")
    # "</" inside a script element would end it.
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    return f"""<style>{style}</style>
<div class="gv" id="gv">
<div class="gv-bar">
<label>Colour by <select><option value="class">class</option>{options}</select></label>
<label>Find a star
<input type="search" inputmode="numeric" placeholder="source_id" autocomplete="off"></label>
<button type="button" class="gv-find">Find</button>
<button type="button" class="gv-reset">Whole map</button>
</div>
<canvas class="gv-map" tabindex="0" role="img"
aria-label="Map of the stars; arrow keys move it, plus and minus zoom"></canvas>
<div>
<div class="gv-facts" aria-live="polite"></div>
<canvas class="gv-small gv-lc" role="img"
aria-label="Folded light curve of the chosen star"></canvas>
<canvas class="gv-small gv-xp" role="img" aria-label="XP spectrum of the chosen star"></canvas>
</div>
<div class="gv-legend"></div>
</div>
<script type="application/json" id="gv-data">{text}</script>
<script>{script}</script>"""


def _classes(classes: ArrayLike | None, n: int) -> tuple[list[str], NDArray[np.int64]]:
    if classes is None:
        return ["star"], np.zeros(n, np.int64)
    labels = np.asarray(classes).astype(str)
    if labels.shape != (n,):
        raise ValueError(f"classes: expected shape ({n},), found {labels.shape}")
    names, codes = np.unique(labels, return_inverse=True)
    return names.tolist(), codes


def _value(name: str, column: NDArray, there: NDArray, log: bool) -> dict[str, Any]:
    if column.shape != there.shape:
        raise ValueError(f"values[{name!r}]: expected shape {there.shape}, found {column.shape}")
    if log:
        with np.errstate(invalid="ignore", divide="ignore"):
            column = np.log10(column)
    column = np.where(np.isfinite(column), column, np.nan)[there]
    known = column[np.isfinite(column)]
    low, high = np.quantile(known, [0.02, 0.98]) if len(known) else (0.0, 1.0)
    return {
        "key": name, "label": name, "log": log, "low": float(low), "high": float(high),
        "data": _packed(column, np.float32),
    }  # fmt: skip


def _curves(folded: Folded | None, there: NDArray) -> dict[str, str]:
    mask: NDArray = np.zeros((len(there), 1), bool)
    phase: NDArray = np.zeros(mask.shape)
    mag, bright, extent = phase, phase[:, 0], phase[:, 0]
    if folded is not None:
        mask, phase, mag = folded.mask, folded.phase, folded.mag
        bright, extent = folded.brightest, folded.range_mag
    mask, phase, mag = mask[there], phase[there], mag[there]
    start = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
    return {
        "start": _packed(start, np.uint32),
        "phase": _packed(np.round(65535 * np.mod(phase[mask], 1.0)), np.uint16),
        "mag": _packed(np.round(65535 * np.clip(mag[mask], 0, 1)), np.uint16),
        "bright": _packed(np.nan_to_num(bright[there]), np.float32),
        "range": _packed(np.nan_to_num(extent[there]), np.float32),
    }


def _spectra(xp: XPSpectra) -> NDArray:
    flux = np.where(np.isfinite(xp.flux), np.clip(xp.flux, -1.6, 1.6) * 20000, -32768)
    return np.round(flux)


def _packed(values: NDArray, kind: Any) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode("ascii")
