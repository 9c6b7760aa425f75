"""What the commands make: a folder of tables and one page that holds them with the figures."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decan.core.data.tables import write_table
from decan.core.report import Page

from . import plots
from .emulator import RatioEmulator
from .explain import MIN_R2, explain, importance_intervals
from .groups import embed, group, ratio_types, standardised
from .observation import Observation
from .retrieval import Retrieval
from .validation import cross_validate

if TYPE_CHECKING:
    from .emulators import EmulatorSet
    from .explain import Importance
    from .grid import ModelGrid
    from .ratios import RatioTable
    from .space import ParameterSpace

__all__ = ["explain_grid", "group_grid", "retrieve_sources"]

_NOT_LINES = (
    "Ratios are ratios of abundances. Ratios of line intensities need radiative transfer and "
    "must not be compared with them."
)


def explain_grid(
    grid: ModelGrid,
    out: str | os.PathLike[str],
    *,
    ratios: Iterable[str] | None = None,
    time_yr: float | None = None,
    n_boot: int = 20,
    seed: int = 0,
) -> Path:
    """Which parameter each ratio of a grid rests on: tables, figures, and one page.

    Parameters
    ----------
    grid : ModelGrid
        The models.
    out : path-like
        Folder to write.
    ratios : iterable of str, optional
        The nine working ratios by default.
    time_yr : float, optional
        The time, yr.
    n_boot : int
        Refitted emulators for the intervals.
    seed : int
        Seed.

    Returns
    -------
    pathlib.Path
        The page.

    Examples
    --------
    >>> import tempfile
    >>> from decan.astrochem import simulate_grid
    >>> folder = tempfile.mkdtemp()
    >>> page = explain_grid(simulate_grid(48, rng=1), folder, ratios=["CN/HCN"], n_boot=2)
    >>> sorted(path.name for path in Path(folder).iterdir())
    ['explain.html', 'importance.csv', 'ratios.csv', 'scores.csv']
    """
    table = grid.ratios(ratios, time_yr=time_yr) if ratios else grid.ratios(time_yr=time_yr)
    page = Page(
        f"What {len(table.names)} ratios rest on",
        f"{_said(grid)}; {_said(table)}. {_NOT_LINES}",
    )
    summary = page.section("The ratios")
    summary.table(table.summary(), caption="Models with both species detectable, and the values.")
    summary.figure(
        plots.plot_failures(grid.failure_map()),
        caption="Models that stopped or broke conservation: what is missing from the grid.",
    )
    scores, found = [], {}
    overview = page.section("Importance")
    for number, name in enumerate(table.names):
        score, importance = _explained(page, table, name, grid.space, n_boot, (seed, seed + number))
        scores.append(score)
        if importance is not None:
            found[name] = importance
    if found:
        overview.figure(
            plots.plot_importance(found),
            caption="Mean absolute Shapley value, dex, and median rank of each parameter.",
        )
    overview.table(pd.DataFrame(scores), caption="The emulators on models held out, five folds.")
    frames = [one.table().assign(ratio=name) for name, one in found.items()]
    tables = {
        "ratios": table.summary(),
        "scores": pd.DataFrame(scores),
        "importance": pd.concat(frames) if frames else pd.DataFrame(),
    }
    return _written(page, Path(out), "explain", tables)


def group_grid(
    grid: ModelGrid,
    out: str | os.PathLike[str],
    *,
    ratios: Iterable[str] | None = None,
    time_yr: float | None = None,
    min_cluster_size: int = 30,
    n_seeds: int = 10,
    seed: int = 0,
) -> Path:
    """Which models of a grid look alike: tables, figures, and one page.

    Parameters
    ----------
    grid : ModelGrid
        The models.
    out : path-like
        Folder to write.
    ratios : iterable of str, optional
        The nine working ratios by default.
    time_yr : float, optional
        The time, yr.
    min_cluster_size, n_seeds
        As in :func:`~decan.astrochem.group`.
    seed : int
        Seed of the first map.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    ValueError
        If the grid has too few distinct models for a map.

    Examples
    --------
    >>> from decan.astrochem import simulate_grid
    >>> group_grid(simulate_grid(4, rng=1), "somewhere")
    Traceback (most recent call last):
    ...
    ValueError: features: 4 distinct rows, fewer than n_neighbors + 2 = 32
    """
    table = grid.ratios(ratios, time_yr=time_yr) if ratios else grid.ratios(time_yr=time_yr)
    groups = group(
        embed(standardised(table), seed=seed), min_cluster_size=min_cluster_size, n_seeds=n_seeds
    )
    page = Page(f"Groups of {len(table)} models", f"{_said(grid)}. {_said(groups)}.")
    section = page.section("Groups")
    section.text(
        "Places on the map are no distances. A group is kept where maps of different seeds agree "
        f"(mean Jaccard index of 0.7 or more): {groups.kept or 'none'}. "
        f"{groups.embedding.n_repeated} models repeat another one and share its place."
    )
    section.figure(plots.plot_groups(groups), caption="Models by group; grey belongs to none.")
    description = groups.describe(table)
    section.table(
        description, caption="Median and quartiles (from, to) of the parameters in each group."
    )
    page.section("The map by parameter").figure(
        plots.plot_maps(groups, table.inputs),
        caption="The same map, coloured by the logarithm of each parameter.",
    )
    places = pd.DataFrame(groups.embedding.coordinates, columns=["UMAP 1", "UMAP 2"])
    models = pd.concat(
        [table.inputs.reset_index(), places, pd.Series(groups.labels, name="group")], axis=1
    )
    return _written(page, Path(out), "group", {"groups": description, "models": models})


def retrieve_sources(
    emulators: EmulatorSet,
    sources: dict[str, list[Observation]],
    out: str | os.PathLike[str],
    *,
    seed: int = 0,
) -> Path:
    """Parameters of observed clouds and the ratio to observe next: tables, figures, one page.

    Parameters
    ----------
    emulators : EmulatorSet
        Fitted, or the shipped ones.
    sources : dict of str to list of Observation
        What ``Observation.read`` gives.
    out : path-like
        Folder to write.
    seed : int
        Seed.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    ValueError
        If the ratios of a source cannot be used; the source is named.

    Examples
    --------
    >>> import tempfile
    >>> from decan.astrochem import EmulatorSet, simulate_grid
    >>> table = simulate_grid(64, rng=1).ratios(["CN/HCN", "HNC/HCN"])
    >>> emulators = EmulatorSet("gp", n_folds=2).fit(table)
    >>> folder = tempfile.mkdtemp()
    >>> page = retrieve_sources(emulators, {"A": [Observation("HNC/HCN", -1.0, 0.1)]}, folder)
    >>> sorted(path.name for path in Path(folder).iterdir())
    ['next-ratios.csv', 'posteriors.csv', 'retrieve.html']
    """
    retrieval = Retrieval(emulators, random_state=seed)
    page = Page(f"{len(sources)} clouds from their ratios", f"{_said(emulators)}. {_NOT_LINES}")
    summaries, nexts = [], []
    for name, observed in sources.items():
        try:
            posterior = retrieval.fit(observed)
        except ValueError as problem:
            raise ValueError(f"source {name!r}: {problem}") from None
        section = page.section(name)
        section.text("; ".join(map(repr, observed)))
        table = posterior.summary()
        summaries.append(table.assign(source=name, chi2=posterior.chi2))
        if posterior.inconsistent:
            section.badges([("inconsistent", "bad")])
            section.text(
                f"No cloud of the box gives these ratios together (smallest chi square "
                f"{posterior.chi2:.1f} for {len(observed)} ratios). There is no result."
            )
            continue
        section.figure(
            plots.plot_posterior(posterior),
            caption="Posterior of each parameter (blue) against the even prior (dashed line); "
            "the band holds 68 %.",
        )
        section.table(
            table,
            caption="Median and 68 % interval; narrowing 0 means nothing learned, below 0 that "
            "the ends of the box are likelier than its middle.",
        )
        coming = retrieval.next_ratio(posterior)
        if len(coming):
            nexts.append(coming.assign(source=name))
            section.figure(
                plots.plot_next_ratio(coming),
                caption="What each ratio not yet observed would tell about this cloud.",
            )
    tables = {
        "posteriors": pd.concat(summaries),
        "next-ratios": pd.concat(nexts) if nexts else pd.DataFrame(),
    }
    return _written(page, Path(out), "retrieve", tables)


def types_of(found: dict[str, Any], *, n_types: int = 3) -> pd.DataFrame:
    """Types of ratio from their importances."""
    profiles = pd.DataFrame(
        {name: np.median(one.draws, axis=0) for name, one in found.items()},
        index=list(next(iter(found.values())).space.names),
    ).T
    return ratio_types(profiles, n_types=min(n_types, len(profiles)))


def _said(thing: object) -> str:
    """What an object says of itself, as words of a page."""
    return repr(thing).strip("<>")


def _explained(
    page: Page,
    table: RatioTable,
    name: str,
    space: ParameterSpace,
    n_boot: int,
    seeds: tuple[int, int],
) -> tuple[dict[str, Any], Importance | None]:
    """A section on one ratio; its score, and its importances where the emulator knows it."""
    try:
        X, y = table.trainable_rows(name)
        emulator = RatioEmulator("xgb", space=space, random_state=seeds[0]).fit(X, y)
    except ValueError as problem:
        if len(table.names) == 1:
            raise
        # One ratio that cannot be learned is no reason to say nothing of the others.
        page.section(name).text(str(problem))
        return {"ratio": name, "models": int(table.usable[name].sum())}, None
    check = cross_validate(emulator, X, y, random_state=seeds[0])
    score = {
        "ratio": name,
        "models": len(y),
        "R2": check.r2().value,
        "RMSE [dex]": check.rmse().value,
        "68 % coverage": check.coverage,
    }
    section = page.section(name)
    if not emulator.held_out_r2_ >= MIN_R2:
        section.text(
            f"R² on held-out models is {emulator.held_out_r2_:.2f}, below {MIN_R2}: the "
            "emulator does not know this ratio, so no ranking is given."
        )
        return score, None
    result = explain(emulator, X, interactions=True, target=name)
    found = importance_intervals(emulator, X, y, n_boot=n_boot, rng=seeds[1])
    section.figure(
        plots.plot_beeswarm(result),
        caption=f"Shapley values of {name}: a point a model, bright is high.",
    )
    section.table(found.table(), caption="Importance and rank over refitted emulators.")
    section.table(result.interaction_table().head(5), caption="Strongest interactions.")
    section.table(result.regime_table(), caption="Importance in four ranges of temperature, dex.")
    section.text(
        f"Sums explain predictions to {result.additivity_error:.1g} dex; the reference is "
        "the box, with independent parameters."
    )
    return score, found


def _written(page: Page, out: Path, name: str, tables: dict[str, pd.DataFrame]) -> Path:
    for title, frame in tables.items():
        write_table(frame, out / f"{title}.csv")
    return page.save(out / f"{name}.html")
