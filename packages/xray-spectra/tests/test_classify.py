import numpy as np
import pandas as pd
import pytest

from decan.core.errors import SchemaError
from decan.core.testing import needs_data
from decan.xray_spectra import DATASETS, BinnedSpectra, labelled_sources
from decan.xray_spectra.catalogue import (
    CatalogueClassifier,
    catalogue_features,
    hardness_features,
)
from decan.xray_spectra.classify import (
    LatentClassifier,
    LatentRegressor,
    nearest,
    split_by_source,
)
from decan.xray_spectra.relations import latent_formula, mutual_information


@pytest.fixture(scope="module")
def latents(model, simulated):
    return model.encode(BinnedSpectra.from_simulated(simulated))


@pytest.mark.parametrize("method", ["forest", "clusters", "hdbscan", "neighbours"])
def test_classes_come_out_of_latents_and_out_of_files(method, latents, simulated, tmp_path):
    truth = simulated.table["cls"].to_numpy(dtype=str)
    train = np.arange(400) % 4 > 0
    classifier = LatentClassifier(method).fit(latents.take(train), truth[train])
    p = classifier.predict_proba(latents.take(~train))
    np.testing.assert_allclose(p.sum(axis=1), 1)
    # Chance is 0.125; a forest on 300 rows reaches about 0.55.
    assert np.mean(classifier.predict(latents.take(~train)) == truth[~train]) > 0.3
    again = LatentClassifier.load(classifier.save(tmp_path / method))
    np.testing.assert_array_equal(again.predict_proba(latents), classifier.predict_proba(latents))


def test_sources_that_are_all_alike_are_not_two_clusters():
    z = np.ones((60, 2))
    with pytest.raises(ValueError, match="hdbscan: no two dense clusters among 60"):
        LatentClassifier("hdbscan").fit(z, ["a", "b"] * 30)


def test_sources_between_dense_clusters_belong_to_the_nearest():
    rng = np.random.default_rng(0)
    z = np.concatenate([rng.normal(at, 0.3, (60, 2)) for at in (-3, 3)])
    classifier = LatentClassifier("hdbscan").fit(z, ["a"] * 60 + ["b"] * 60)
    assert classifier.predict([[-1.0, -1.0], [1.0, 1.2]]).tolist() == ["a", "b"]


@pytest.mark.bad_input(14)
def test_a_class_of_four_is_refused_by_name(latents, simulated):
    truth = simulated.table["cls"].to_numpy(dtype=str)
    truth = np.where(truth == "NS", "AGN", truth).astype("<U12")
    truth[:4] = "pulsar"
    with pytest.raises(ValueError, match="'pulsar' has 4 members"):
        LatentClassifier().fit(latents, truth)
    with pytest.raises(ValueError, match="'pulsar' has 4 members"):
        CatalogueClassifier().fit(latents.values, truth)


@pytest.mark.bad_input(9)
def test_no_source_is_on_both_sides_and_a_leak_raises():
    from decan.core.data.splits import check_no_leak

    names = np.repeat(
        [f"source {i}" for i in range(60)], np.random.default_rng(0).integers(1, 9, 60)
    )
    train, test = split_by_source(names, 0.25, rng=1)
    assert not set(names[train]) & set(names[test])
    assert 0.15 < test.size / names.size < 0.35
    with pytest.raises(ValueError, match="split by group"):
        check_no_leak(names, names[:1])


def test_column_density_follows_the_truth(latents, simulated, tmp_path):
    train = np.arange(400) % 2 == 0
    regressor = LatentRegressor(["log_nh", "gamma"]).fit(
        latents.take(train), simulated.table[train]
    )
    found = regressor.predict(latents.take(~train))
    truth = simulated.table["log_nh"].to_numpy()[~train]
    assert np.corrcoef(found["log_nh"], truth)[0, 1] > 0.7
    inside = np.abs(found["log_nh"] - truth) < found["log_nh_sigma"]
    assert 0.5 < inside.mean() < 0.85
    again = LatentRegressor.load(regressor.save(tmp_path / "regressor"))
    np.testing.assert_array_equal(again.predict(latents), regressor.predict(latents))


def test_the_nearest_known_source_of_a_source_is_itself(latents):
    rows, distance = nearest(latents.take(slice(0, 20)), latents, k=3)
    assert (rows[:, 0] == np.arange(20)).all()
    assert (distance[:, 0] == 0).all()


def test_formulas_are_judged_on_rows_they_have_not_seen():
    rng = np.random.default_rng(0)
    flux = {name: rng.gamma(4, size=600) for name in ("s", "m", "h")}
    noise = rng.normal(size=(600, 1))
    signal = np.log10(flux["h"] / flux["s"])[:, None] ** 2
    found, nothing = latent_formula(np.hstack([signal, noise]), flux)
    assert found.r2 > 0.99
    assert nothing.r2 < 0.1


def test_mutual_information_of_a_gaussian_pair_is_the_closed_form():
    rng = np.random.default_rng(1)
    rho = 0.8
    x = rng.normal(size=4000)
    y = rho * x + np.sqrt(1 - rho**2) * rng.normal(size=4000)
    found = mutual_information(x[:, None], y, n_permutations=20)
    # -½ log2(1 - ρ²); the estimator's own scatter at 4,000 points is about 0.02 bit.
    assert found.bits[0] == pytest.approx(-0.5 * np.log2(1 - rho**2), abs=0.06)
    nothing = mutual_information(
        rng.normal(size=(1000, 1)), rng.normal(size=1000), n_permutations=40
    )
    assert nothing.p_value[0] > 0.02


def test_shuffles_keep_the_values_of_a_source_together():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(100), 4)
    z, y = (np.repeat(rng.normal(size=100), 4) + 0.01 * rng.normal(size=400) for _ in range(2))
    naive = mutual_information(z[:, None], y, n_permutations=30)
    grouped = mutual_information(z[:, None], y, groups=groups, n_permutations=30)
    # Four copies of each source look like information unless sources are shuffled whole.
    assert naive.p_value[0] < 0.05
    assert grouped.p_value[0] > 0.05


@needs_data(DATASETS, "muwclass_csc2")
def test_no_feature_holds_the_label_or_the_position():
    table = labelled_sources()
    changed = table.copy()
    rng = np.random.default_rng(0)
    order = rng.permutation(len(table))
    hidden = [
        name for name in table
        if name.startswith(("P_A", "P_C", "P_H", "P_L", "P_N", "P_Y", "e_P_", "Class", "CSCv2"))
        or name in ("True_Class", "SubClass", "Catalog_name", "CT", "Class_ref", "e_Class_prob")
    ]  # fmt: skip
    assert len(hidden) > 25
    changed[hidden] = table[hidden].iloc[order].to_numpy()
    for features in (hardness_features, catalogue_features):
        assert features(changed).equals(features(table))


@needs_data(DATASETS, "muwclass_csc2")
def test_real_sources_are_told_apart_and_saved(tmp_path):
    table = labelled_sources()
    X, y = catalogue_features(table).to_numpy(), table["True_Class"].to_numpy(dtype=str)
    train = np.arange(len(y)) % 3 > 0
    classifier = CatalogueClassifier(n_trees=40).fit(X[train], y[train])
    recall = [np.mean(classifier.predict(X[~train & (y == name)]) == name) for name in np.unique(y)]
    assert np.mean(recall) > 0.6
    again = CatalogueClassifier.load(classifier.save(tmp_path / "catalogue"))
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


def test_features_of_a_table_are_known_by_name_in_any_order(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=300), "b": rng.normal(size=300) * 5})
    truth = np.where(table["a"] > 0, "up", "down")
    classifier = CatalogueClassifier(n_trees=20).fit(table, truth)
    again = CatalogueClassifier.load(classifier.save(tmp_path / "model"))
    for one in (classifier, again):
        assert np.array_equal(
            one.predict_proba(table[["b", "a"]].iloc[:9]), one.predict_proba(table.iloc[:9])
        )
        with pytest.raises(SchemaError, match="no column 'b'"):
            one.predict(table[["a"]])
        with pytest.raises(SchemaError, match="the training had 2 columns"):
            one.predict(np.zeros((3, 5)))


def test_classes_and_targets_that_cannot_be_learnt_are_refused(latents):
    X = latents.values
    with pytest.raises(ValueError, match="classes: 3 for"):
        CatalogueClassifier().fit(X, ["a"] * 3)
    with pytest.raises(ValueError, match="at least two are needed"):
        CatalogueClassifier().fit(X, ["a"] * len(X))
    with pytest.raises(ValueError, match="truth: no 'log_nh'; it has gamma"):
        LatentRegressor().fit(latents, {"gamma": np.ones(len(X))})
    with pytest.raises(ValueError, match="'log_nh' is known in 0 rows"):
        LatentRegressor().fit(latents, {"log_nh": np.full(len(X), np.nan)})


def test_a_catalogue_value_that_is_no_number_is_named():
    rows = pd.DataFrame({"Fs": ["1e-14", "faint"], "Fm": [1e-14] * 2, "Fh": [1e-14] * 2})
    with pytest.raises(SchemaError, match="faint"):
        catalogue_features(rows)
