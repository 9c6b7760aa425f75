"""Looking around among portraits: the odd ones out, look-alikes, and walks through latent space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["find_outliers", "find_similar", "traverse"]


def find_outliers(
    latents: ArrayLike,
    *,
    nll: ArrayLike | None = None,
    source_id: ArrayLike | None = None,
    n_neighbours: int = 10,
) -> pd.DataFrame:
    """Stars ordered by strangeness: badly reconstructed, or alone in latent space.

    Both criteria become ranks from 0 (usual) to 1, and the score is the sum of
    ``-log10(1 - rank)``: one in a thousand counts 3, whichever way a star is strange.

    Parameters
    ----------
    latents : array_like, shape (n, n_latents)
        Rows with NaN get no density rank.
    nll : array_like, shape (n,) or (n, n_modalities), optional
        Negative log-likelihood per datum; of several modalities the mean rank counts.
    source_id : array_like of int, shape (n,), optional
        Ids; the row number if not given.
    n_neighbours : int
        Neighbour whose distance measures the density.

    Returns
    -------
    pandas.DataFrame
        source_id, score, density_rank, nll_rank, row; the strangest first.

    Raises
    ------
    ValueError
        If lengths differ.

    Examples
    --------
    >>> z = np.vstack([np.random.default_rng(0).normal(size=(99, 3)), [[9.0, 9.0, 9.0]]])
    >>> int(find_outliers(z).iloc[0]["row"])
    99
    """
    import pandas as pd

    z = np.asarray(latents, np.float64)
    ids = np.arange(len(z)) if source_id is None else np.asarray(source_id)
    if len(ids) != len(z):
        raise ValueError(f"source_id: expected {len(z)} ids like latents, found {len(ids)}")
    density = _ranks(_neighbour_distance(z, n_neighbours))
    likelihood = np.zeros(len(z))
    if nll is not None:
        values = np.asarray(nll, np.float64).reshape(len(z), -1)
        likelihood = _ranks(np.mean([_ranks(column) for column in values.T], axis=0))
    table = pd.DataFrame(
        {
            "source_id": ids,
            "score": _surprise(density) + _surprise(likelihood),
            "density_rank": density,
            "nll_rank": likelihood,
            "row": np.arange(len(z)),
        }
    )
    strange = table["score"] + 1e-3 * (density + likelihood)
    return table.loc[strange.sort_values(ascending=False, kind="stable").index].reset_index(
        drop=True
    )


def find_similar(
    latents: ArrayLike,
    source_id: ArrayLike,
    target: int,
    *,
    n: int = 10,
    std: ArrayLike | None = None,
) -> pd.DataFrame:
    """Stars that look like one star.

    Parameters
    ----------
    latents : array_like, shape (n_stars, n_latents)
        Portraits. Only latents that both stars have are compared.
    source_id : array_like of int, shape (n_stars,)
        Their ids.
    target : int
        Id of the star.
    n : int
        How many look-alikes.
    std : array_like, shape (n_stars, n_latents), optional
        σ of the latents: differences then count against their errors.

    Returns
    -------
    pandas.DataFrame
        source_id, distance (root mean square over the latents compared), row; the nearest first.

    Raises
    ------
    ValueError
        If the target is not among the ids.

    Examples
    --------
    >>> find_similar([[0.0], [5.0], [0.1]], [11, 12, 13], 11, n=1)["source_id"].tolist()
    [13]
    """
    import pandas as pd

    z, ids = np.asarray(latents, np.float64), np.asarray(source_id)
    found = np.flatnonzero(ids == target)
    if not len(found):
        raise ValueError(f"target: source_id {target} is not among the {len(ids):,} stars")
    known_to_some = np.isfinite(z).any(axis=0)
    z = z[:, known_to_some]
    scale: Any = np.nanstd(z, axis=0) + 1e-12
    if std is not None:
        errors = np.nan_to_num(np.asarray(std, np.float64)[:, known_to_some])
        scale = np.sqrt(scale**2 + errors**2 + errors[found[0]] ** 2)
    difference = (z - z[found[0]]) / scale
    known = np.isfinite(difference)
    counted = known.sum(axis=1)
    square = np.where(known, difference, 0) ** 2
    distance = np.where(counted > 0, np.sqrt(square.sum(axis=1) / np.maximum(counted, 1)), np.inf)
    distance[found[0]] = np.inf
    rows = np.argsort(distance, kind="stable")[: min(n, len(z) - 1)]
    rows = rows[np.isfinite(distance[rows])]
    return pd.DataFrame({"source_id": ids[rows], "distance": distance[rows], "row": rows})


def traverse(
    vae: Any, centre: ArrayLike, *, latent: int, reach: float = 2.0, n: int = 7
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """What one latent does: decoded inputs along it, the others held.

    Parameters
    ----------
    vae : XPVAE, FoldedVAE or DmDtVAE
        A fitted model.
    centre : array_like, shape (latent_dim,)
        Where to start.
    latent : int
        Which latent moves.
    reach : float
        How far to either side.
    n : int
        Number of steps.

    Returns
    -------
    tuple of ndarray
        Values of the latent, shape (n,), and what the decoder gives, shape (n, ...).

    Raises
    ------
    ValueError
        If there is no such latent.

    Examples
    --------
    >>> from decan.gaia_variables import VariablesPipeline
    >>> values, spectra = traverse(VariablesPipeline.pretrained().xp, np.zeros(5), latent=0, n=3)
    >>> values.tolist(), spectra.shape
    ([-2.0, 0.0, 2.0], (3, 100))
    """
    middle = np.asarray(centre, np.float64)
    if not 0 <= latent < vae.latent_dim:
        raise ValueError(f"latent: expected 0 to {vae.latent_dim - 1}, found {latent}")
    offset = np.linspace(-reach, reach, n)
    z = np.tile(middle, (n, 1))
    z[:, latent] += offset
    return middle[latent] + offset, vae.inverse_transform(z)


def _ranks(values: NDArray) -> NDArray:
    """Ranks from 0 to 1; what is not finite ranks as usual."""
    out = np.zeros(len(values))
    finite = np.isfinite(values)
    order = np.argsort(np.argsort(values[finite], kind="stable"), kind="stable")
    out[finite] = order / max(1, finite.sum() - 1)
    return out


def _surprise(rank: NDArray) -> NDArray:
    """Minus the logarithm of the share that is stranger; the strangest counts half a star."""
    return -np.log10(1 - rank * (1 - 0.5 / max(1, len(rank))))


def _neighbour_distance(z: NDArray, n_neighbours: int) -> NDArray:
    from sklearn.neighbors import NearestNeighbors

    out = np.full(len(z), np.nan)
    whole = np.isfinite(z).all(axis=1)
    count = int(whole.sum())
    if count < 3:
        return out
    scaled = (z[whole] - z[whole].mean(axis=0)) / (z[whole].std(axis=0) + 1e-12)
    tree = NearestNeighbors(n_neighbors=min(n_neighbours + 1, count)).fit(scaled)
    out[whole] = tree.kneighbors(scaled)[0][:, -1]
    return out
