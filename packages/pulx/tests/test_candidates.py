"""Candidates: named by known pulsars, honest about recall, never split by a tie."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decan.core.errors import SchemaError
from decan.pulx import AmbiguousCluster, CandidateFinder, Features, published_tree
from decan.pulx.candidates import METHODS
from decan.pulx.clusters import fit_clusters, fuzzy_c_means
from decan.pulx.experiments.published import rows_for_leaves
from decan.pulx.ranking import at_fixed, threshold_for_recall, threshold_for_share, vote


@pytest.fixture(scope="session")
def finder(features, known):
    chosen = features.select("EP_8_FLUX", "Fpeak4XMM", "VAR_FLAG")
    return CandidateFinder(flags="bernoulli", random_state=0).fit(chosen, known=known)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_ranks_known_pulsars_above_chance(features, known, method):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AmbiguousCluster)
        fitted = CandidateFinder(method, random_state=0).fit(
            features.select("bands", "peak"), known=known
        )
    level = threshold_for_share(fitted.score_[~known], 0.25)
    if method == "hdbscan":  # these pulsars are not denser than the rest: no better than chance
        assert np.isfinite(fitted.score_).all()
    else:
        assert np.mean(fitted.score_[known] >= level) > 0.5
    assert np.allclose(fitted.score_samples(features.select("bands", "peak")), fitted.score_)


def test_the_soft_membership_of_hdbscan_is_that_of_the_package_and_survives_saving(
    features, known, tmp_path
):
    from hdbscan import HDBSCAN, all_points_membership_vectors

    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(m, 1, (120, 2)) for m in (-6, 6)] + [rng.normal(0, 9, (9, 2))])
    clusters = fit_clusters("hdbscan", x)
    model = HDBSCAN(6, min_samples=5, prediction_data=True).fit(x)
    inside = all_points_membership_vectors(model)
    joint = np.exp(clusters.joint_log_density(x))
    assert np.allclose(joint[:, :2], np.maximum(inside, 1e-6))
    assert np.allclose(joint.sum(axis=1), 1, atol=1e-5)
    # No row of one blob is taken for the other; outskirts are outside.
    assert set(joint.argmax(axis=1)[:120]) == {0, 2}
    assert set(joint.argmax(axis=1)[120:240]) == {1, 2}
    # A row of the fit has the same score alone, and a new row nearby nearly so.
    assert np.allclose(np.exp(clusters.joint_log_density(x[:3])), joint[:3])
    assert np.allclose(np.exp(clusters.joint_log_density(x[:3] + 1e-6)), joint[:3], atol=0.2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AmbiguousCluster)
        fitted = CandidateFinder("hdbscan").fit(features.select("colours"), known=known)
    fitted.save(tmp_path / "finder")
    again = CandidateFinder.load(tmp_path / "finder")
    assert np.array_equal(again.score_samples(features.select("colours")), fitted.score_)


def test_a_crowd_without_two_dense_parts_is_refused_by_hdbscan_with_what_to_do():
    x = np.random.default_rng(0).normal(size=(200, 6))
    with pytest.raises(ValueError, match="no two dense clusters among 200 rows; use another"):
        fit_clusters("hdbscan", x)


def test_population_odds_grow_with_the_peak_flux_and_not_with_what_labels_say_of_it(
    features, known
):
    chosen = features.select("colours", "SCATTER", "VISITS", "Fpeak4XMM")
    fitted = CandidateFinder("odds").fit(chosen, known=known)
    brighter = chosen.table.assign(Fpeak4XMM=chosen.table["Fpeak4XMM"] + 1)
    # Ten times the flux, ten times the odds.
    assert np.allclose(fitted.score_samples(brighter) - fitted.score_, np.log(10))


def test_the_scatter_of_a_source_seen_once_says_nothing_and_of_many_visits_much():
    from decan.pulx.labels import PopulationOdds

    rng = np.random.default_rng(0)
    n = rng.integers(1, 12, 300)
    wide = np.arange(300) < 40
    rms = np.where(wide, 0.4, 0.05)
    square = rms**2 * rng.chisquare(np.maximum(n - 1, 1)) * (n > 1)
    scatter = np.log10(np.sqrt((square + 2 * 0.15**2) / (n + 1)))
    x = np.column_stack([scatter, np.log10(n)])
    odds = PopulationOdds.fit(x, wide, np.arange(300), ["SCATTER", "VISITS"])
    said = odds.odds(x)
    assert np.allclose(said[n == 1], 0)
    assert said[wide & (n > 8)].min() > 2
    assert said[~wide & (n > 8)].max() < -2


def test_faint_pulsars_without_a_label_rank_higher_than_by_a_logistic_score():
    from decan.core.metrics import roc_auc
    from decan.pulx import features_4xmm, simulate_catalogue
    from decan.pulx.ranking import by_source_mean
    from decan.pulx.shipped import XMM_FEATURES

    auc = {"odds": [], "pu": [], "brightness": []}
    for seed in (7001, 7002, 7003, 7004):
        table = simulate_catalogue(rng=seed)
        features = features_4xmm(table, scatter=True)
        chosen = features.select(*XMM_FEATURES)
        known = table["known_pulsar"].to_numpy()[features.row] == 1
        hidden = table["hidden_pulsar"].to_numpy()[features.row] == 1
        for name, found in auc.items():
            score = (
                features.log_flux
                if name == "brightness"
                else CandidateFinder(name).fit(chosen, known=known).score_
            )
            _, mean, of_known, truth = by_source_mean(features.source, score, known, hidden)
            free = of_known == 0
            found.append(roc_auc(truth[free] > 0, mean[free]).value)
    assert np.mean(auc["odds"]) > np.mean(auc["pu"]) > np.mean(auc["brightness"])


def test_scores_do_not_saturate_into_ties(finder):
    from decan.core.metrics import tie_fraction

    assert tie_fraction(finder.score_[~finder.known_]) < 0.05


def test_clusters_are_named_by_known_pulsars_whatever_their_number(features, known):
    first, second = (
        CandidateFinder("kmeans", random_state=seed).fit(features.select("bands"), known=known)
        for seed in (0, 7)
    )
    assert np.corrcoef(first.score_, second.score_)[0, 1] > 0.99


@pytest.mark.bad_input(5)
@pytest.mark.parametrize("value", [False, True])
def test_no_known_row_or_only_known_rows_are_refused_before_fitting(features, value):
    with pytest.raises(ValueError, match="both kinds are needed"):
        CandidateFinder().fit(features, known=np.full(len(features), value))


@pytest.mark.bad_input(6)
def test_known_pulsars_split_evenly_give_a_warning_and_a_distance(features):
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"a": np.concatenate([rng.normal(-5, 1, 200), rng.normal(5, 1, 200)]),
                      "b": rng.normal(size=400)})  # fmt: skip
    known = np.zeros(400, bool)
    known[[0, 1, 2, 200, 201, 202]] = True
    with pytest.warns(AmbiguousCluster, match="ambiguous_cluster"):
        fitted = CandidateFinder(random_state=0).fit(x, known=known, groups=np.arange(400))
    assert fitted.ambiguous_
    assert fitted.score_.max() <= 0


@pytest.mark.bad_input(9)
def test_constant_features_are_left_out_with_a_warning_and_few_rows_are_refused(features, known):
    table = features.table.assign(same=3.0)
    constant = Features(table, features.source, features.row, features.log_flux)
    with pytest.warns(UserWarning, match="constant features left out: same"):
        fitted = CandidateFinder("pu").fit(constant, known=known)
    assert "same" not in fitted.names_
    few = np.append(np.flatnonzero(known)[:5], np.flatnonzero(~known)[:20])
    warnings.simplefilter("ignore")  # restored by pytest after each test
    with pytest.raises(ValueError, match="five rows a feature"):
        CandidateFinder().fit(features.where(few), known=known[few])


@pytest.mark.bad_input(8)
def test_blended_pulsars_can_be_kept_from_naming_a_cluster(features, known):
    name = features.source[known][0]
    usable = features.source != name
    fitted = CandidateFinder("pu").fit(features, known=known, usable=usable)
    assert not fitted.known_[features.source == name].any()
    assert fitted.rank()["source"].isin([name]).any()


def test_sources_are_needed_because_rows_are_not_independent(features, known):
    with pytest.raises(ValueError, match="groups"):
        CandidateFinder().fit(features.table, known=known)


def test_a_feature_that_is_not_finite_is_named(features, known):
    table = features.table.copy()
    table.loc[4, "EP_3_FLUX"] = np.nan
    broken = Features(table, features.source, features.row, features.log_flux)
    with pytest.raises(ValueError, match="'EP_3_FLUX': row 4"):
        CandidateFinder().fit(broken, known=known)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.floats(0.05, 1.0))
def test_no_more_than_the_share_is_selected_and_ties_stay_together(scores, share):
    scores = np.array(scores, float)
    level = threshold_for_share(scores, share)
    assert np.mean(scores >= level) <= share + 1e-9
    lower = scores[scores < level]
    if len(lower):  # the next block would have been too much
        assert np.mean(scores >= lower.max()) > share
    assert np.mean(scores >= threshold_for_recall(scores, share)) >= share - 1e-9


def test_recall_of_the_fit_is_by_construction_and_the_honest_one_is_measured(finder):
    assert np.all(finder.score_[finder.known_] >= finder.threshold_)
    table = finder.leave_one_source_out(share=0.25)
    assert table["source"].tolist()[-1] == "mean"
    assert 0 <= table["recall"].iloc[-1] <= 1
    assert (table["low"] <= table["recall"] + 1e-12).all()
    assert {"brightness"} <= set(table)


def test_a_held_out_source_has_no_say_in_its_own_score(features, known):
    """Changing the label of the held source changes nothing in its recall."""
    chosen = features.select("colours")
    fitted = CandidateFinder("pu").fit(chosen, known=known)
    name = sorted(set(features.source[known]), key=str)[0]
    held = features.source == name
    without = fitted._refit(chosen.where(~held), known[~held]).score_samples(chosen)[held]
    noise = chosen.table.copy()
    noise[held] += 3.0
    moved = Features(noise, features.source, features.row, features.log_flux)
    again = CandidateFinder("pu").fit(moved.where(~held), known=known[~held])
    assert np.allclose(again.score_samples(chosen)[held], without)


def test_ranking_at_fixed_flux_does_not_follow_flux(finder):
    from scipy.stats import spearmanr

    rows = finder.rank(by="observation", fixed="flux")
    assert abs(spearmanr(rows["score"], rows["log_flux"]).statistic) < 0.15
    assert abs(spearmanr(finder.score_, finder.features_.log_flux).statistic) > 0.5
    assert len(finder.rank(by="observation", fixed="counts")) == len(rows)


def test_a_constant_score_ranks_in_the_middle_at_fixed_brightness():
    assert np.allclose(at_fixed(np.ones(100), np.linspace(0, 1, 100)), 0.5)


def test_votes_hold_every_observation_once(finder):
    ranking = finder.rank()
    assert ranking["n_observations"].sum() == len(finder.features_)
    assert ranking["score"].is_monotonic_decreasing
    assert sorted(ranking["rank_by_brightness"]) == list(range(1, len(ranking) + 1))
    one = vote(["a"] * 4, [1.0, 1.0, -1.0, -1.0], 0.0).iloc[0]
    assert (one["n_selected"], one["share"]) == (2, 0.5)
    assert one["share_low"] < 0.5 < one["share_high"]


def test_stability_is_a_share_and_repeats_with_the_seed(features, known):
    fitted = CandidateFinder("pu").fit(features.select("colours"), known=known)
    first, second = (fitted.stability(8, rng=3) for _ in range(2))
    assert first.equals(second)
    assert first["share"].between(0, 1).all()


def test_a_saved_finder_scores_the_same(finder, features, tmp_path):
    finder.save(tmp_path / "finder", training={"seed": 0})
    again = CandidateFinder.load(tmp_path / "finder")
    assert np.array_equal(again.score_samples(features), finder.score_samples(features))
    assert again.threshold_ == finder.threshold_


@pytest.mark.parametrize("name", ["swift", "xmm"])
def test_the_shipped_finders_load_and_score(name, features):
    shipped = CandidateFinder.pretrained(name)
    row = pd.DataFrame([dict(zip(shipped.names_, shipped.centre_, strict=True))])
    assert np.isfinite(shipped.score_samples(row)).all()


def test_the_published_tree_has_its_nodes_and_rows_exactly():
    tree = published_tree()
    rows, leaf = rows_for_leaves(tree)
    assert len(rows) == 1769
    assert np.array_equal(tree.apply(rows), leaf)
    assert len(tree.nodes) == 13
    assert tree.fidelity == pytest.approx(0.9690, abs=1e-4)
    assert sum(sum(tree.nodes[n].counts) for n in tree.leaves) == 1769
    # The derived rule: 435 rows selected are those of the six pulsar-like leaves.
    assert tree.predict(rows).sum() == 435


def test_a_surrogate_of_a_single_cut_finds_it_and_says_it():
    from decan.pulx import SurrogateTree

    x = pd.DataFrame({"flux": np.linspace(-14, -12, 101), "other": np.zeros(101)})
    tree = SurrogateTree.fit(x, x["flux"] > -13)
    assert tree.fidelity == 1.0
    assert tree.rules().startswith("pulsar-like if flux > -12.99")
    with pytest.raises(ValueError, match="all rows are in one cluster"):
        SurrogateTree.fit(x, np.ones(101, bool))


def test_fuzzy_memberships_add_up_and_flags_as_bernoulli_do_not_collapse():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-2, 1, (80, 2)), rng.normal(2, 1, (80, 2))])
    assert np.allclose(fuzzy_c_means(x, 3, rng=0)[1].sum(axis=1), 1)
    flag = np.zeros((160, 1))
    flag[:4] = 5.0
    mixed = fit_clusters("gmm", np.hstack([x, flag]), 2, binary=np.array([2]), rng=0)
    labels = mixed.joint_log_density(np.hstack([x, flag])).argmax(axis=1)
    assert len(set(labels[:80])) <= 2
    assert np.mean(labels[:4] == np.bincount(labels[4:80]).argmax()) == 1.0


@pytest.mark.parametrize("bad", [{"method": "svm"}, {"flags": "x"}, {"recall": 0.0}, {"degree": 3}])
def test_options_that_are_not_offered_are_refused(bad):
    with pytest.raises(ValueError, match="expected"):
        CandidateFinder(**bad)


@pytest.mark.parametrize("missing", [np.nan, None])
def test_rows_whose_label_is_missing_are_not_known(features, known, missing):
    label = np.where(known, 1.0, 0.0).astype(object)
    rows = np.flatnonzero(~known)[:50]
    label[rows] = missing
    finder = CandidateFinder(random_state=0).fit(features, known=label.tolist())
    assert np.array_equal(finder.known_, known)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"VAR_FLAG": np.nan}, "VAR_FLAG: row 0 is missing"),
        ({"EP_8_FLUX": 1e-13, "Fpeak4XMM": 1e-13}, "EP_8_FLUX: looks like a flux"),
    ],
)
def test_a_tree_gives_no_verdict_on_what_is_missing_or_no_logarithm(change, words):
    row = {"EP_8_FLUX": -13.0, "Fpeak4XMM": -13.0, "VAR_FLAG": 0.0, "EP_3_FLUX": -14.0,
           "EP_5_FLUX": -14.0, "HRHard": 0.0}  # fmt: skip
    tree = published_tree()
    assert not tree.predict(pd.DataFrame([row]))[0]
    with pytest.raises(SchemaError, match=words):
        tree.predict(pd.DataFrame([row | change]))


def test_ranking_at_fixed_brightness_takes_time_in_proportion_to_the_rows():
    from time import process_time

    rng = np.random.default_rng(0)
    brightness = rng.normal(size=40_000)
    score = brightness + rng.normal(size=40_000)
    start = process_time()
    fixed = at_fixed(score, brightness)
    # A window of a tenth of all rows would take more than twenty seconds for a quarter million.
    assert process_time() - start < 6
    assert abs(np.corrcoef(fixed, brightness)[0, 1]) < 0.05
    assert np.corrcoef(fixed, score - brightness)[0, 1] > 0.9
