"""Whether generated systems are like computed ones, and whether a difference would show.

Every comparison of two samples stands beside the same comparison of two real ones (the
floor) and of independent planets with the real ones (the power), and beside what a grid
alone would cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decan.core.metrics import Estimate

from .codec import GridCodec
from .features import SPACING_FEATURES, neighbour_table, stability_shares, system_features
from .systems import Systems

__all__ = ["FidelityReport", "compare", "distinguish", "fidelity_report", "shuffled_planets"]

_CLASSIFIERS = ("forest", "boosting")


@dataclass(frozen=True)
class FidelityReport:
    """What :func:`fidelity_report` found.

    Parameters
    ----------
    distributions : DataFrame
        Kolmogorov-Smirnov distances to the real systems, one row a quantity.
    neighbours : DataFrame
        How planets resemble their neighbours, one row a statistic.
    spacing : DataFrame
        Shares of systems with close pairs.
    classifiers : DataFrame
        Area under the ROC curve of classifiers: generated, floor, power, grid.
    memorised : dict
        Distances to the nearest training system, and identical words.
    notes : list of str
        What a reader must know.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"comparison": "generated", "classifier": "forest", "AUC": 0.6, "spread": 0.02,
    ...        "systems": 151}
    >>> print(FidelityReport(*[pd.DataFrame()] * 3, pd.DataFrame([row])))
    told apart with AUC 0.600 ± 0.020
    """

    distributions: pd.DataFrame
    neighbours: pd.DataFrame
    spacing: pd.DataFrame
    classifiers: pd.DataFrame
    memorised: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def auc(self) -> Estimate:
        """Area under the curve of the first classifier, with its spread over draws."""
        row = self.classifiers.iloc[0]
        value, spread = float(row["AUC"]), float(row["spread"])
        return Estimate(value, value - spread, value + spread, n=int(row["systems"]))

    def page(self) -> Any:
        """The report as a :class:`decan.core.report.Page`."""
        from decan.core.report import Page

        page = Page("Two samples of planetary systems", str(self))
        for title, frame, caption in (
            ("Classifiers", self.classifiers,
             "0.5 is indistinguishable; 'floor' compares two real samples, 'power' independent "
             "planets with real systems, 'grid' real systems passed through the grid."),
            ("Distributions", self.distributions, "Kolmogorov-Smirnov distances."),
            ("Neighbours", self.neighbours, "Spearman correlations of neighbouring planets."),
            ("Spacing", self.spacing, "Shares of systems with a pair closer than so many mutual "
             "Hill radii on circular orbits."),
        ):  # fmt: skip
            page.section(title).table(frame.round(4), caption=caption)
        if self.memorised:
            rows = pd.DataFrame(self.memorised.items(), columns=["quantity", "value"])
            page.section("Memorisation").table(rows, caption="Against the training systems.")
        for note in self.notes:
            page.sections[0].text(note)
        return page

    def __str__(self) -> str:
        row = self.classifiers.iloc[0]
        floor = self.classifiers[self.classifiers["comparison"] == "floor"]
        text = f"told apart with AUC {row['AUC']:.3f} ± {row['spread']:.3f}"
        if len(floor):
            text += f" (floor {floor.iloc[0]['AUC']:.3f})"
        return text


def fidelity_report(
    real: Systems,
    generated: Systems,
    *,
    reference: Systems | None = None,
    groups: ArrayLike | None = None,
    reference_groups: ArrayLike | None = None,
    codec: GridCodec | None = None,
    classifiers: tuple[str, ...] = _CLASSIFIERS,
    n_draws: int = 6,
    rng: np.random.Generator | int | None = None,
) -> FidelityReport:
    """Compare generated with real systems in everything that is known to tell them apart.

    Parameters
    ----------
    real : Systems
        Systems that the generator has not seen.
    generated : Systems
        At least as many; draws of the size of ``real`` are taken from them.
    reference : Systems, optional
        Other real systems, those trained on: floor, grid cost and memorisation rest on
        them.
    groups, reference_groups : array_like, optional
        Discs of the real and the reference systems: kept together in folds.
    codec : GridCodec, optional
        Grid whose own cost is printed, and by which words are compared.
    classifiers : tuple of str
        ``"forest"`` (random forest), ``"boosting"`` (gradient boosting).
    n_draws : int
        Draws of each comparison.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    FidelityReport

    Raises
    ------
    ValueError
        If a sample has fewer than twenty systems with planets.

    References
    ----------
    Lopez-Paz & Oquab 2017 (classifier tests); Weiss et al. 2018, AJ 155, 48 (peas in a
    pod); Gladman 1993 (2 sqrt 3 mutual Hill radii).

    Examples
    --------
    >>> from decan.planetary_systems.simulate import simulate_clustered
    >>> s = simulate_clustered(120, rng=0)
    >>> report = fidelity_report(s[:40], s[40:], classifiers=("boosting",), n_draws=1, rng=0)
    >>> report.classifiers["comparison"].tolist()
    ['generated', 'generated', 'power']
    """
    rng = np.random.default_rng(rng)
    codec = codec or GridCodec()
    notes = []
    samples = {"real": real, "generated": generated, "reference": reference}
    empty = {k: int((s.counts == 0).sum()) for k, s in samples.items() if s is not None}
    if any(empty.values()):
        notes.append("systems without planets, left out of the classifiers: "
                     + ", ".join(f"{v} {k}" for k, v in empty.items() if v))  # fmt: skip
    groups = np.arange(len(real)) if groups is None else np.asarray(groups)
    kept = real.counts > 0
    real_in, groups = real[kept], groups[kept]
    made = generated[generated.counts > 0]
    if min(len(real_in), len(made)) < 20:
        raise ValueError(f"{len(real_in)} real and {len(made)} generated systems with planets: "
                         "at least 20 of each are needed")  # fmt: skip
    arms: dict[str, Systems] = {"generated": made, "power": shuffled_planets(real_in, rng=rng)}
    arm_groups: dict[str, NDArray[Any]] = {}
    if reference is not None:
        with_planets = reference.counts > 0
        arms["floor"] = reference[with_planets]
        column, row, _ = codec.cells(arms["floor"])
        arms["grid"] = codec.place(column, row, arms["floor"].counts, rng=rng)
        if reference_groups is not None:
            own = np.asarray(reference_groups)[with_planets]
            arm_groups = {"floor": own, "grid": own}
    rows = [
        distinguish(real_in, arms[name], groups=groups, other_groups=arm_groups.get(name),
                    classifier=kind, n_draws=n_draws, rng=rng, comparison=name, spacing=spacing)
        for name in ("generated", "floor", "power", "grid") if name in arms
        for kind in classifiers
        for spacing in ((True, False) if name in ("generated", "grid") else (True,))
    ]  # fmt: skip
    tables = _plain_tables({k: v for k, v in {**arms, "real": real}.items() if k != "grid"},
                           generated, reference)  # fmt: skip
    memorised = {} if reference is None else memorisation(real_in, made, arms["floor"], codec)
    return FidelityReport(*tables, pd.DataFrame(rows), memorised, notes)


def compare(one: Systems, other: Systems) -> pd.DataFrame:
    """Kolmogorov-Smirnov distances of two samples, one row a quantity.

    Parameters
    ----------
    one, other : Systems

    Returns
    -------
    DataFrame
        Columns ``quantity`` and ``KS``: mass, semi-major axis, multiplicity, total mass,
        period ratio; NaN where a sample has none.

    Examples
    --------
    >>> from decan.planetary_systems.simulate import simulate_clustered
    >>> same = simulate_clustered(200, rng=0)
    >>> float(compare(same, same)["KS"].max())
    0.0
    """
    from scipy.stats import ks_2samp

    rows = []
    first, second = _quantities(one), _quantities(other)
    for name in first:
        both = len(first[name]) and len(second[name])
        distance = float(ks_2samp(first[name], second[name]).statistic) if both else np.nan
        rows.append({"quantity": name, "KS": distance})
    return pd.DataFrame(rows)


def distinguish(
    real: Systems,
    other: Systems,
    *,
    groups: ArrayLike,
    other_groups: ArrayLike | None = None,
    classifier: str = "forest",
    n_draws: int = 6,
    spacing: bool = True,
    comparison: str = "generated",
    rng: np.random.Generator | int | None = None,
) -> Mapping[str, Any]:
    """Area under the ROC curve of a classifier that is to tell two samples apart.

    Parameters
    ----------
    real, other : Systems
        Without empty systems; of ``other`` as many are drawn as there are real ones.
    groups : array_like
        Disc of each real system.
    other_groups : array_like, optional
        Disc of each other system, where it has one.
    classifier : {"forest", "boosting"}
    n_draws : int
        Draws of ``other``, each with five folds by group.
    spacing : bool
        Whether the classifier sees the six features of spacing.
    comparison : str
        Name of the row.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    dict
        One row of a table: AUC and its spread over draws.

    Examples
    --------
    >>> from decan.planetary_systems.simulate import simulate_clustered
    >>> s = simulate_clustered(120, rng=0)
    >>> s = s[s.counts > 0]
    >>> row = distinguish(s[:40], s[40:], groups=range(40), classifier="boosting", n_draws=1, rng=0)
    >>> row["features"]
    23
    """
    from threadpoolctl import threadpool_limits

    from decan.core.data.splits import group_folds
    from decan.core.metrics import roc_auc

    rng = np.random.default_rng(rng)
    x_real, x_other = system_features(real), system_features(other)
    if not spacing:
        x_real, x_other = (x.drop(columns=list(SPACING_FEATURES)) for x in (x_real, x_other))
    labels = np.asarray(groups)
    size, found = min(len(x_real), len(x_other)), []
    for _ in range(n_draws):
        if other_groups is None:
            chosen = rng.choice(len(x_other), size, replace=False)
            # A group of its own each, unlike any disc.
            own = np.array([f"generated {i}" for i in range(size)])
        else:
            pool = np.asarray(other_groups)
            some = rng.permutation(np.unique(pool))[: len(np.unique(labels))]
            chosen = np.flatnonzero(np.isin(pool, some))
            own = pool[chosen].astype(str)
        x = np.concatenate([x_real.to_numpy(), x_other.to_numpy()[chosen]])
        y = np.repeat([0, 1], [len(x_real), len(chosen)])
        code = np.unique(np.concatenate([labels.astype(str), own]), return_inverse=True)[1]
        score = np.empty(len(y))
        with threadpool_limits(1):
            for train, test in group_folds(code, 5, stratify=y, rng=rng):
                model = _classifier(classifier, int(rng.integers(2**31))).fit(x[train], y[train])
                score[test] = model.predict_proba(x[test])[:, 1]
        found.append(roc_auc(y, score).value)
    return {
        "comparison": comparison,
        "classifier": classifier,
        "features": x_real.shape[1],
        "AUC": float(np.mean(found)),
        "spread": float(np.std(found)),
        "systems": len(real),
    }


def shuffled_planets(systems: Systems, *, rng: np.random.Generator | int | None = None) -> Systems:
    """Systems of independent planets: multiplicities kept, planets dealt anew.

    Parameters
    ----------
    systems : Systems
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Systems
        Against which the power of a comparison is measured.

    Examples
    --------
    >>> systems = Systems.from_planets([([0.1, 1.0], [1.0, 5.0]), ([0.5], [300.0])])
    >>> shuffled_planets(systems, rng=0).counts
    array([2, 1])
    """
    chosen = np.random.default_rng(rng).permutation(systems.n_planets)
    order = np.lexsort((systems.log_a[chosen], systems.system_of_planet))
    return Systems(systems.counts, systems.log_a[chosen][order], systems.log_m[chosen][order],
                   context=systems.context)  # fmt: skip


def memorisation(
    real: Systems, generated: Systems, training: Systems, codec: GridCodec
) -> dict[str, float]:
    """Whether generated systems lie nearer to the training systems than unseen real ones.

    Returns
    -------
    dict
        Median and 1 % quantile of the distance to the nearest training system of like
        multiplicity (dex, rms over log a and log M), the one-sided p value that generated
        systems are nearer, and the share of identical words of four planets and more.
    """
    from scipy.stats import ks_2samp

    made = generated[: min(600, len(generated))]
    near_made, near_real = (nearest_distance(s, training) for s in (made, real))
    words = set(codec.encode(training))
    long = [w for w in codec.encode(generated) if len(w) >= 4]
    test = ks_2samp(near_made, near_real, alternative="greater")
    return {
        "nearest training system, generated, median": float(np.median(near_made)),
        "nearest training system, generated, 1 %": float(np.quantile(near_made, 0.01)),
        "nearest training system, unseen real, median": float(np.median(near_real)),
        "nearest training system, unseen real, 1 %": float(np.quantile(near_real, 0.01)),
        "p value, generated nearer": float(test.pvalue),
        "identical words of at least 4 planets": sum(w in words for w in long) / max(len(long), 1),
    }


def nearest_distance(systems: Systems, training: Systems) -> NDArray[np.float64]:
    """Distance to the nearest training system of like multiplicity, dex rms."""
    found = np.full(len(systems), np.nan)
    for n in np.unique(systems.counts):
        mine, theirs = systems.counts == n, training.counts == n
        if n == 0 or not theirs.any():
            continue
        x, y = (np.hstack(s.padded(int(n))) for s in (systems[mine], training[theirs]))
        square = (x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T
        found[mine] = np.sqrt(np.maximum(square.min(1), 0) / (2 * n))
    return found[~np.isnan(found)]


def _plain_tables(
    arms: dict[str, Systems], generated: Systems, reference: Systems | None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    real = arms["real"]
    distance = compare(real, generated).rename(columns={"KS": "generated"})
    if reference is not None:
        distance["floor"] = compare(real, reference)["KS"]
        distance["generated to reference"] = compare(reference, generated)["KS"]
    distance["independent planets"] = compare(real, arms["power"])["KS"]
    names = {"real": "real", "generated": "generated", "floor": "reference",
             "power": "independent planets"}  # fmt: skip
    near, close = [], []
    for key, words in names.items():
        if key in arms:
            near.append({"sample": words, **peas_in_a_pod(arms[key])})
            close.append({"sample": words, **stability_shares(arms[key])})
    return distance, pd.DataFrame(near), pd.DataFrame(close)


def peas_in_a_pod(systems: Systems) -> dict[str, float]:
    """How like neighbouring planets are.

    Parameters
    ----------
    systems : Systems

    Returns
    -------
    dict
        Spearman correlations of neighbours' log M and of neighbouring period ratios,
        Pearson correlation of log M, and the share of pairs with the larger planet outside.
    """
    from scipy.stats import pearsonr, spearmanr

    pairs = neighbour_table(systems)
    two = pairs[pairs["next_log_ratio"].notna()]
    if len(pairs) < 3 or len(two) < 3:
        return dict.fromkeys(
            ["mass, Spearman", "mass, Pearson", "period ratio, Spearman", "outer larger"], np.nan
        )
    return {
        "mass, Spearman": float(spearmanr(pairs["log_m_inner"], pairs["log_m_outer"]).statistic),
        "mass, Pearson": float(pearsonr(pairs["log_m_inner"], pairs["log_m_outer"]).statistic),
        "period ratio, Spearman": float(
            spearmanr(two["log_ratio"], two["next_log_ratio"]).statistic
        ),
        "outer larger": float((pairs["log_m_outer"] > pairs["log_m_inner"]).mean()),
    }


def _quantities(systems: Systems) -> dict[str, NDArray[np.float64]]:
    with_planets = systems[systems.counts > 0]
    return {
        "mass": systems.log_m,
        "semi-major axis": systems.log_a,
        "multiplicity": systems.counts.astype(float),
        "total mass": np.log10(with_planets.total_mass),
        "period ratio": neighbour_table(systems)["log_ratio"].to_numpy(),
    }


def _classifier(kind: str, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

    if kind == "forest":
        return RandomForestClassifier(200, min_samples_leaf=2, random_state=seed, n_jobs=1)
    if kind == "boosting":
        return HistGradientBoostingClassifier(max_iter=100, max_leaf_nodes=8,
                                              early_stopping=False, random_state=seed)  # fmt: skip
    raise ValueError(f"classifier: found {kind!r}, expected one of {', '.join(_CLASSIFIERS)}")
