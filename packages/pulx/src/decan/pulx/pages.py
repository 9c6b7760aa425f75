"""Pages and tables of the two commands: ranked candidates, and searched event lists."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.tables import read_table, write_table
from decan.core.errors import SchemaError
from decan.core.report import Page

from .acceleration import search_accelerated
from .batch import search_many, searched_range
from .candidates import FROM_LABELS, CandidateFinder
from .catalogue import clean_detections, three_valued
from .detections import features_4xmm, features_chandra
from .events import EventList
from .features import Features
from .folding import fold
from .limits import pulsed_fraction_limit
from .long_term import features_lsxps, features_swift
from .periodogram import search_z
from .plots import plot_light_curve, plot_ranking, plot_tree
from .shipped import SWIFT_FEATURES, XMM_FEATURES
from .swift_curves import read_swift_folder

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["rank_catalogue", "search_files"]

_MOST_SHOWN = 12
_MOST_SELECTED = 0.5


def rank_catalogue(
    path: Path,
    out: Path,
    *,
    known: str = "known_pulsar",
    method: str = "gmm",
    recall: float = 1.0,
    missing: str = "floor",
    seed: int = 0,
) -> Path:
    """Rank a catalogue and write the table, the tree and a page.

    Parameters
    ----------
    path : pathlib.Path
        Detections with the columns of 4XMM, of Swift snapshots, of LSXPS, or of the Chandra
        catalogue; or a folder of Swift curves (:func:`read_swift_folder`).
    out : pathlib.Path
        Folder for ``candidates.csv``, ``observations.csv`` and ``index.html``.
    known : str
        A column that marks known pulsars, or their names, separated by commas.
    method, recall, missing : str, float, str
        As in :class:`CandidateFinder` and :func:`features_4xmm`.
    seed : int
        Seed.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    SchemaError
        If the table is of no known kind, or known pulsars cannot be found in it.

    Examples
    --------
    >>> import tempfile
    >>> from decan.pulx import simulate_catalogue
    >>> folder = Path(tempfile.mkdtemp())
    >>> table = simulate_catalogue(100, 260, n_pulsars=4, n_pulsar_rows=25, n_hidden=0, rng=0)
    >>> table.to_csv(folder / "rows.csv", index=False)
    >>> rank_catalogue(folder / "rows.csv", folder / "page").name
    'index.html'
    """
    rows = read_swift_folder(path) if path.is_dir() else read_table(path)
    table, dropped = clean_detections(_named_as_known(rows))
    table = table.reset_index(drop=True)
    features = _features(table, missing, method)
    label = _known(table, features, known)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        finder = CandidateFinder(method, recall=recall, random_state=seed).fit(
            features, known=label
        )
    ranking, fixed = finder.rank(), finder.rank(fixed="flux")
    place = {name: i + 1 for i, name in enumerate(fixed["source"])}
    ranking["rank_at_fixed_flux"] = [place[name] for name in ranking["source"]]
    for name, frame in (
        ("candidates.csv", ranking),
        ("observations.csv", finder.rank(by="observation")),
    ):
        write_table(frame, out / name)
    page = _ranking_page(path.name, finder, ranking, {**dropped, **features.report}, table)
    for one in said:
        page.sections[0].text(f"Caution: {one.message}")
    return page.save(out / "index.html")


def search_files(
    paths: Sequence[Path],
    out: Path,
    *,
    fmin: float = 0.02,
    fmax: float = 5.0,
    nharm: int = 1,
    zmax: float | None = None,
    energy: str = "",
    jobs: int = 1,
    resume: bool = True,
) -> Path:
    """Search event files and write the summary and a page.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        Event files.
    out : pathlib.Path
        Folder for ``summary.csv``, one JSON file for each event file, and ``index.html``.
    fmin, fmax, nharm, zmax : float
        As in :func:`search_many`.
    energy : str
        Energies in keV, ``"0.3-10"``; all without it.
    jobs : int
        Files at once.
    resume : bool
        Keep what an earlier call finished.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    ValueError
        If ``energy`` cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> search_files([Path("absent.evt")], Path(tempfile.mkdtemp())).name
    'index.html'
    """
    band = _band(energy)
    table = search_many(
        paths, out, fmin=fmin, fmax=fmax, nharm=nharm, zmax=zmax, energy=band, n_jobs=jobs,
        resume=resume,
    )  # fmt: skip
    found = int(np.sum(table["p_global"] < 0.01))
    page = Page(
        f"Pulsation search of {len(table)} event list{'s' if len(table) != 1 else ''}",
        f"{fmin:g} to {fmax:g} Hz, with drifts. "
        f"{found or 'No'} list{'s' if found != 1 else ''} with a peak that noise gives in less "
        "than 1 % of such searches.",
    )
    columns = ["name", "n_events", "exposure_s", "frequency_hz", "drift_hz_s", "Z2", "p_global",
               "pulsed_fraction", "limit", "timing", "error"]  # fmt: skip
    shown = table.reindex(columns=columns)
    names = zip(shown["name"], table["file"], strict=True)
    shown["name"] = [name if isinstance(name, str) else Path(file).name for name, file in names]
    shown["timing"] = [word if isinstance(word, str) else "" for word in shown["timing"]]
    page.section("Summary").table(
        shown,
        caption="Most significant first; limit: 99.73 % upper limit on the pulsed fraction of a "
        "sinusoid of constant frequency.",
        tones=["good" if p < 0.01 else "" for p in table["p_global"].fillna(1)],
    )
    for file in table["file"][table["error"] == ""].head(_MOST_SHOWN):
        _search_section(page, Path(file), band, fmin, fmax, nharm, zmax)
    return page.save(out / "index.html")


def _search_section(
    page: Page, path: Path, band: Any, fmin: float, fmax: float, nharm: int, zmax: float | None
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the notes of the list say the same
        events = EventList.from_fits(path, energy=band)
    low, high = searched_range(events, fmin, fmax, nharm)
    constant = search_z(events, low, high)
    drifting = search_accelerated(events, low, high, nharm=nharm, zmax=zmax)
    section = page.section(events.name)
    section.text(repr(events)[1:-1] + ".")
    for note in dict.fromkeys([*events.notes, *drifting.notes]):
        section.text(note[0].upper() + note[1:] + ".")
    section.figure(
        constant.plot(),
        caption="Z² at constant frequency. The dashed line is the level that noise reaches "
        "somewhere in this range in 1 % of lists; open circles repeat a stronger peak through "
        "the gaps.",
    )
    if drifting.found:
        best = drifting.best
        section.figure(
            drifting.plot(),
            caption="Z² over frequency and drift around the best peak, with the aliases of the "
            "gaps as open circles.",
        )
        section.figure(
            fold(events, best["frequency_hz"], drift=best["drift_hz_s"]).plot(),
            caption=f"Folded at {best['frequency_hz']:.6f} Hz and {best['drift_hz_s']:.2e} Hz/s, "
            "each bin divided by its exposure.",
        )
        section.table(drifting.peaks(), caption="Peaks over frequency and drift.")
    limit = str(pulsed_fraction_limit(events, low, high, search=constant))
    section.text(limit[0].upper() + limit[1:] + ".")


def _ranking_page(
    name: str, finder: CandidateFinder, ranking: pd.DataFrame, report: dict[str, int], table: Any
) -> Page:
    candidates = ranking[~ranking["known"] & (ranking["share"] > 0.5)]
    page = Page(
        f"Candidates in {name}",
        f"{len(finder.features_):,} observations of {len(ranking):,} sources; "
        f"{len(candidates)} sources without known pulsations look like the known pulsars in most "
        "of their observations.",
    )
    start = page.section("Ranking")
    start.figure(
        plot_ranking(ranking),
        caption="The first sources, with the share of their observations that are selected.",
    )
    start.table(
        ranking.head(40),
        caption="Best first. The last columns give the place by brightness alone, and the place "
        "among sources of about the same flux.",
    )
    start.facts("What was done to the rows", [(k, f"{v:,}") for k, v in report.items()])
    _trust_section(page, finder)
    if finder.members_.any() and not finder.members_.all():
        tree = finder.explain()
        rule = page.section("The rule in words")
        rule.text(re.sub(r"\s*\n\s*", " ", tree.rules()) + ".")
        rule.figure(
            plot_tree(tree),
            caption=f"A tree that repeats the clusters in {tree.fidelity:.1%} of the rows.",
        )
    if {"mjd", "rate"} <= set(table.columns):
        curves = page.section("Light curves")
        for source in candidates["source"].head(6):
            rows = table[table["source"] == source]
            limit = rows["upper_limit"] if "upper_limit" in rows else np.zeros(len(rows), bool)
            curves.figure(
                plot_light_curve(
                    rows["mjd"], rows["rate"], rows["rate_err_plus"], limit, name=str(source)
                ),
                caption=f"{source}: rate over time; triangles are upper limits.",
            )
    return page


def _trust_section(page: Page, finder: CandidateFinder) -> None:
    known = finder.known_
    trust = page.section("How far to trust it")
    others = float(np.mean(finder.score_[~known] >= finder.threshold_))
    trust.text(
        f"The threshold is set to keep {finder.recall:.0%} of {int(known.sum())} known rows; it "
        f"selects {others:.0%} of the other rows."
    )
    if others > _MOST_SELECTED:
        trust.text("Caution: that separates little. A smaller recall selects fewer: --recall 0.9.")
    trust.text(
        "The recall of known rows is true by construction. The honest figure is the recall on a "
        "pulsar that the fit has not seen:"
    )
    if len(set(finder.features_.source[known].tolist())) > 1:
        trust.table(
            finder.leave_one_source_out(),
            caption="Recall when 25 % of the others are selected (chance: 0.25), and of "
            "brightness alone.",
        )


def _features(table: pd.DataFrame, missing: str, method: str) -> Features:
    """Features of the kind of table; for scores from labels the few that a dozen bear."""
    learned = method in FROM_LABELS
    if "EP_8_FLUX" in table:
        features = features_4xmm(table, missing=missing, scatter=learned)  # type: ignore[arg-type]
        names = [name for name in XMM_FEATURES if name != "VAR_FLAG" or name in table]
        return features.select(*names) if learned else features
    if "soft_rate" in table:
        features = features_swift(table)
        return features.select(*SWIFT_FEATURES) if learned else features
    if "flux_aper_b" in table:
        features = features_chandra(table)
        return features.select("HRSoft", "HRHard", "log_peak") if learned else features
    if "Rate_band0" in table:
        features = features_lsxps(table)
        return features.select("HR1", "HR2", "PEAK_OVER_MEAN", "log_peak") if learned else features
    raise SchemaError(
        "the table is of no known kind: 4XMM has EP_8_FLUX, Swift snapshots have soft_rate, LSXPS "
        "has Rate_band0, the Chandra catalogue has flux_aper_b; this one has "
        + ", ".join(map(str, table.columns[:8]))
    )


def _named_as_known(table: pd.DataFrame) -> pd.DataFrame:
    """Names of 4XMM's columns in capitals, which HEASARC and others write small."""
    small = {str(name).lower(): name for name in table}
    wanted = [f"EP_{b}_FLUX{end}" for b in (1, 2, 3, 4, 5, 8) for end in ("", "_ERR")]
    wanted += [*(f"EP_HR{k}" for k in (1, 2, 3, 4)), *(f"EP_{b}_RATE" for b in (1, 2, 3, 4, 5)),
               "VAR_FLAG", "SUM_FLAG", "SRCID", "RA", "DEC", "EP_EXTENT", "EP_8_DET_ML",
               "EP_8_CTS"]  # fmt: skip
    if "ep_8_flux" not in small:
        return table
    found = {small[name.lower()]: name for name in wanted if name.lower() in small}
    for name in wanted:
        other = f"{name.lower()}or"  # HEASARC: ep_8_flux_error
        if name.endswith("_ERR") and other in small and name.lower() not in small:
            found[small[other]] = name
    return table.rename(columns=found)


def _known(table: pd.DataFrame, features: Features, known: str) -> Any:
    if known in table:
        column = table[known]
        if column.dtype == object or str(column.dtype).startswith("str"):
            words = column.astype(str)
            if words.isin(["pulsar"]).any():
                return (words == "pulsar").to_numpy()[features.row]
        return three_valued(column.to_numpy(), known)[features.row] == 1
    names = {name.strip() for name in known.split(",") if name.strip()}
    sources = features.source.astype(str)
    label = np.isin(sources, list(names))
    lost = sorted(names - set(sources.tolist()))
    if label.any() and lost:
        raise SchemaError(
            f"known pulsars: no usable row of a source named {', '.join(map(repr, lost))}; mend "
            "the name, or leave it out"
        )
    if not label.any():
        raise SchemaError(
            f"known pulsars: the table has no column {known!r}, and no source of that name; give a "
            "column, or names separated by commas (--known 'NGC 300 ULX-1, M82 X-2')"
        )
    return label


def _band(energy: str) -> tuple[float, float] | None:
    if not energy:
        return None
    parts = energy.replace(",", "-").split("-")
    try:
        low, high = (float(part) for part in parts)
    except ValueError:
        raise ValueError(f"energy {energy!r}: expected two numbers in keV, as 0.3-10") from None
    return low, high
