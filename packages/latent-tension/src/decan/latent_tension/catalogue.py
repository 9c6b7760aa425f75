"""The list of what was found, and how it compares with a known truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .components import Scene
from .model import SkyModel
from .psf import half_width

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "build_catalogue", "score_catalogue"]

COLUMNS = (
    "id",
    "kind",
    "x",
    "y",
    "pos_err",
    "lon",
    "lat",
    "pos_err_deg",
    "size",
    "flux",
    "flux_err",
    "index",
    "index_err",
    "significance",
    "ts",
    "elbo_gain",
    "p_global",
    "edge",
    "loop",
)

R68 = 1.515  # radius that holds 68.3 % of a round two-dimensional Gaussian, in sigmas
COUNT_BINS = ((12, 30), (30, 100), (100, 300), (300, np.inf))


def build_catalogue(
    scene: Scene,
    model: SkyModel,
    mean: Tensor,
    samples: Tensor,
    ts: np.ndarray,
    p_global: dict[int, float],
    artifacts: list[dict[str, float]],
) -> pd.DataFrame:
    """One row for each source, extended object and artifact.

    Parameters
    ----------
    scene : Scene
        Images and components.
    model : SkyModel
        The fitted model.
    mean, samples : Tensor
        Of the posterior.
    ts : ndarray
        Test statistic of each point source.
    p_global : dict
        Global p-value of each point source at its detection, by its number.
    artifacts : list of dict
        Masked defects.

    Returns
    -------
    pandas.DataFrame
        Columns ``COLUMNS``, then flux_b0, flux_err_b0, ... a band; brightest first. Positions
        in pixels of the first image; ``pos_err`` is the radius that holds the position with
        68 %; fluxes in counts a unit of exposure; units in ``attrs["units"]``.

    Examples
    --------
    >>> COLUMNS[:4]
    ('id', 'kind', 'x', 'y')
    """
    import pandas as pd

    rows = _point_rows(scene, model, mean, samples, ts, p_global)
    rows += _extended_rows(scene, model, mean, samples)
    for one in artifacts:
        nan = dict.fromkeys(
            (
                "pos_err",
                "size",
                "flux",
                "flux_err",
                "index",
                "index_err",
                "significance",
                "ts",
                "elbo_gain",
                "p_global",
            ),
            np.nan,
        )
        rows.append({"kind": "artifact", "x": one["x"], "y": one["y"], "loop": 0, **nan})
    image = scene.images[0]
    bands = [f"{p}_b{j}" for j in range(image.n_bands) for p in ("flux", "flux_err")]
    table = pd.DataFrame(rows, columns=[*COLUMNS, *bands])
    table["id"] = np.arange(1, len(table) + 1)
    table["lon"], table["lat"] = image.sky_position(table["x"], table["y"])
    table["pos_err_deg"] = table["pos_err"].astype(float) * (image.pixel_deg or np.nan)
    table["edge"] = [_at_edge(image, x, y) for x, y in zip(table["x"], table["y"], strict=True)]
    numbers = [c for c in table.columns if c not in ("id", "kind", "edge", "loop")]
    table[numbers] = table[numbers].astype(float)
    table["kind"] = table["kind"].astype(str)
    table["edge"] = table["edge"].astype(bool)
    units = {
        "x": "pix",
        "y": "pix",
        "pos_err": "pix",
        "size": "pix",
        "lon": "deg",
        "lat": "deg",
        "pos_err_deg": "deg",
    }
    table.attrs["units"] = units
    return table


def score_catalogue(
    catalogue: pd.DataFrame, truth: pd.DataFrame, *, radius: float = 2.0
) -> dict[str, Any]:
    """Completeness, false points, offsets and flux ratios against a simulation's truth.

    Points are matched greedily from the brightest true one. An unmatched point is false
    unless it lies on an extended object (within its size + 3 px), where it is counted apart.

    Parameters
    ----------
    catalogue : pandas.DataFrame
        Columns kind, x, y, flux, pos_err.
    truth : pandas.DataFrame
        Columns kind, x_pix, y_pix, counts_total, size_pix.
    radius : float
        Match radius in pixels.

    Returns
    -------
    dict
        ``found`` and ``total`` per bin of true counts, ``false``, ``on_extended``,
        ``extended_found``, and ``matches``, a table of counts, offset, pos_err, flux.

    Examples
    --------
    >>> import pandas as pd
    >>> truth = pd.DataFrame({"kind": ["point"], "x_pix": [3.0], "y_pix": [4.0],
    ...                       "counts_total": [50.0], "size_pix": [0.0]})
    >>> seen = pd.DataFrame({"kind": ["point"], "x": [3.1], "y": [4.0], "flux": [48.0],
    ...                      "pos_err": [0.2]})
    >>> score_catalogue(seen, truth)["found"]
    [0, 1, 0, 0]
    """
    import pandas as pd

    seen = catalogue[catalogue["kind"] == "point"].reset_index(drop=True)
    points = truth[truth["kind"] == "point"].sort_values("counts_total", ascending=False)
    extended = truth[truth["kind"] != "point"]
    free = np.ones(len(seen), bool)
    matches = []
    for row in rows_of(points):
        distance = np.hypot(seen["x"] - row.x_pix, seen["y"] - row.y_pix).to_numpy()
        distance = np.where(free, distance, np.inf)
        if len(distance) and distance.min() <= radius:
            k = int(distance.argmin())
            free[k] = False
            matches.append(
                {
                    "counts": row.counts_total,
                    "offset": distance[k],
                    "pos_err": seen["pos_err"][k],
                    "flux": seen["flux"][k],
                }
            )
    near = np.zeros(len(seen), bool)
    for row in rows_of(extended):
        near |= (
            np.hypot(seen["x"] - row.x_pix, seen["y"] - row.y_pix).to_numpy() <= row.size_pix + 3
        )
    table = pd.DataFrame(matches, columns=["counts", "offset", "pos_err", "flux"])
    boxes = catalogue[catalogue["kind"] == "extended"]
    hits = [
        bool((np.hypot(boxes["x"] - row.x_pix, boxes["y"] - row.y_pix) <= row.size_pix).any())
        for row in rows_of(extended)
    ]
    return {
        "found": [
            int(table["counts"].between(a, b, inclusive="left").sum()) for a, b in COUNT_BINS
        ],
        "total": [
            int(points["counts_total"].between(a, b, inclusive="left").sum()) for a, b in COUNT_BINS
        ],
        "false": int((free & ~near).sum()),
        "on_extended": int((free & near).sum()),
        "extended_found": sum(hits),
        "matches": table,
    }


def rows_of(table: pd.DataFrame) -> Any:
    """Rows of a table whose cells are read by name."""
    return table.itertuples()


def _point_rows(
    scene: Scene,
    model: SkyModel,
    mean: Tensor,
    samples: Tensor,
    ts: np.ndarray,
    p_global: dict[int, float],
) -> list[dict[str, Any]]:
    if model.points is None:
        return []
    where = model.slices["points"]
    values = model.points.parameters((mean + samples)[:, where])
    oy, ox = (
        o + r for o, r in zip(model.instruments[0].origin, model.instruments[0].rest, strict=True)
    )
    flux = values["flux"].sum(-1)
    spread = samples[:, where].reshape(len(samples), model.points.n, -1).std(0)
    centre = mean[where].reshape(model.points.n, -1)
    # Log evidence by Laplace: the fit's gain less what the parameters' freedom costs.
    occam = (torch.log(spread.clamp(1e-6, 1)) - centre**2 / 2).sum(1).cpu().numpy()
    rows = []
    for i, one in enumerate(scene.points):
        y, x = values["y"][:, i], values["x"][:, i]
        sigma = float(torch.sqrt((y.var() + x.var()) / 2))
        row = {
            "kind": "point",
            "x": float(x.mean()) - ox,
            "y": float(y.mean()) - oy,
            "pos_err": R68 * sigma,
            "size": 0.0,
            "flux": float(flux[:, i].mean()),
            "flux_err": float(flux[:, i].std()),
            "index": float(values["index"][:, i].mean()),
            "index_err": float(values["index"][:, i].std()),
            "significance": float(np.sqrt(ts[i])),
            "ts": float(ts[i]),
            "elbo_gain": float(ts[i] / 2 + occam[i]),
            "p_global": p_global.get(i, np.nan),
            "loop": one.loop,
        }
        rows.append(row | _bands(values["flux"][:, i]))
    return sorted(rows, key=lambda r: -r["flux"])


def _extended_rows(
    scene: Scene, model: SkyModel, mean: Tensor, samples: Tensor
) -> list[dict[str, Any]]:
    rows = []
    oy, ox = (
        o + r for o, r in zip(model.instruments[0].origin, model.instruments[0].rest, strict=True)
    )
    for i, (one, box) in enumerate(zip(scene.extended, model.boxes, strict=True)):
        latents = (mean + samples)[:, model.slices[f"extended_{i}"]]
        image = box.at(latents).intensity
        flux = image.sum((2, 3))
        total = image.sum(1).mean(0)
        y = torch.arange(box.window[0].start, box.window[0].stop).to(total)[:, None]
        x = torch.arange(box.window[1].start, box.window[1].stop).to(total)
        weight = total / total.sum()
        cy, cx = float((weight * y).sum()), float((weight * x).sum())
        rms = float(torch.sqrt((weight * ((y - cy) ** 2 + (x - cx) ** 2)).sum() / 2))
        index = box.index_of(latents)
        rows.append(
            {
                "kind": "extended",
                "x": cx - ox,
                "y": cy - oy,
                "pos_err": np.nan,
                "size": rms,
                "flux": float(flux.sum(1).mean()),
                "flux_err": float(flux.sum(1).std()),
                "index": float(index.mean()),
                "index_err": float(index.std()),
                "significance": one.peak,
                "ts": one.peak**2,
                "elbo_gain": np.nan,
                "p_global": np.nan,
                "loop": one.loop,
                **_bands(flux),
            }
        )
    return rows


def _bands(flux: Tensor) -> dict[str, float]:
    row: dict[str, float] = {}
    for j in range(flux.shape[1]):
        row |= {f"flux_b{j}": float(flux[:, j].mean()), f"flux_err_b{j}": float(flux[:, j].std())}
    return row


def _at_edge(image: Any, x: float, y: float) -> bool:
    """Whether the PSF's core reaches over the border or into the mask."""
    reach = max(2.0, float(half_width(image.psf.stamps(image.n_bands)).max()))
    _, ny, nx = image.shape
    if min(x, nx - 1 - x) < reach or (ny > 1 and min(y, ny - 1 - y) < reach):
        return True
    yy, xx = np.mgrid[:ny, :nx]
    return bool(image.mask.all(0)[np.hypot(yy - y, xx - x) < reach].any())
