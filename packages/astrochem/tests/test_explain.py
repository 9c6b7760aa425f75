"""Explanations: exact against closed forms and against the shap library."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import shap

from decan.astrochem import (
    CLOUD,
    RatioEmulator,
    closed_form,
    compare_importance,
    cross_validate,
    explain,
    importance_intervals,
    shap_difference,
    simulate_grid,
    sobol_indices,
    to_shap,
)
from decan.astrochem.games import interaction_operator, shapley_operator
from decan.astrochem.ratios import NINE_RATIOS
from decan.astrochem.simulate import ClosedForm
from decan.astrochem.trees import Forest


@pytest.mark.parametrize("ratio", NINE_RATIOS)
def test_closed_shapley_values_are_those_of_all_coalitions(ratio):
    """Against a reference of 4096 Sobol points, whose means differ from the box by 1e-3."""
    truth = closed_form(ratio)
    u, reference = CLOUD.to_unit(CLOUD.sobol(3, seed=5)), CLOUD.to_unit(CLOUD.sobol(4096))
    members = (np.arange(128)[:, None] >> np.arange(7)) & 1 == 1
    worth = np.array([
        [truth(np.where(chosen, point, reference)).mean() for chosen in members] for point in u
    ])  # fmt: skip
    assert np.allclose(worth @ shapley_operator(7).T, truth.shapley(u), atol=5e-3)
    pairs = np.einsum("ns,ijs->nij", worth, interaction_operator(7))
    assert np.allclose(pairs, truth.interactions(u), atol=5e-3)


@pytest.mark.parametrize("ratio", NINE_RATIOS[:4])
def test_closed_sobol_indices_are_those_of_sampling(ratio):
    truth = closed_form(ratio)
    first, total, variance = truth.sobol()
    found = sobol_indices(truth, n=4096, n_boot=20, rng=0)
    assert np.abs(found.total - total).max() < 0.02
    assert np.abs(found.first - first).max() < 0.02
    assert found.variance == pytest.approx(variance, rel=0.02)
    assert (found.total_interval[0] <= found.total + 1e-12).all()


def test_second_order_indices_find_the_only_product():
    product = ClosedForm(density_ionisation=2.0)
    found = sobol_indices(product, n=4096, second_order=True, n_boot=5, rng=0)
    # b²/144 of the interaction over b²/24 of main effects and interaction: 1/7 of the variance.
    assert found.second[1, 2] == pytest.approx(1 / 7, abs=0.02)
    assert np.abs(np.delete(found.second[1], 2)).max() < 0.02


def test_interactions_of_trees_agree_with_the_shap_library(trees, rows):
    X = CLOUD.to_axis(rows[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = shap.TreeExplainer(trees.trees, feature_perturbation="tree_path_dependent")
        pairs = path.shap_interaction_values(X[:20])
    _, _, matrix = Forest.from_xgboost(trees.trees).shapley(X[:20], None, interactions=True)
    # shap and XGBoost add leaves in float32.
    assert np.allclose(matrix, pairs, atol=1e-5)


@pytest.mark.parametrize("method", ["interventional", "path"])
def test_values_of_trees_agree_with_the_shap_library(trees, rows, method):
    assert shap_difference(trees, rows[0].head(20), method=method) < 1e-5


def test_the_shap_library_is_asked_of_trees_only(rows):
    with pytest.raises(ValueError, match="kind='gp': TreeSHAP explains single sets of trees"):
        shap_difference(RatioEmulator("gp").fit(*rows), rows[0].head(2))


def test_shaps_own_object_sums_to_the_predictions(trees, rows):
    explanation = to_shap(explain(trees, rows[0].head(9)))
    sums = explanation.values.sum(axis=1) + explanation.base_values
    assert np.allclose(sums, trees.predict(rows[0].head(9)), atol=1e-5)


@pytest.mark.parametrize("method", ["interventional", "path"])
def test_sums_explain_predictions_to_the_last_bits(trees, rows, method):
    result = explain(trees, rows[0], method=method, interactions=True)
    assert result.additivity_error < 1e-12
    assert np.allclose(result.interactions.sum(axis=2), result.values, atol=1e-12)
    # XGBoost's own prediction is a float32 sum of 150 leaves.
    assert np.allclose(result.prediction, trees.predict(rows[0]), atol=2e-5)


@pytest.mark.bad_input(14)
@pytest.mark.parametrize("value", [0.3, 0.3000000059604645])
def test_cut_and_data_are_compared_in_float32_as_xgboost_does(value):
    from xgboost import XGBRegressor

    X = np.array([[0.1], [0.2], [0.3], [0.4]], dtype=np.float32)
    model = XGBRegressor(
        n_estimators=1, max_depth=1, learning_rate=1.0, reg_lambda=0.0, base_score=1.5,
        min_child_weight=0.0, min_split_loss=0.0,
    ).fit(X, [1.0, 1.0, 2.0, 2.0])  # fmt: skip
    forest = Forest.from_xgboost(model.get_booster())
    x = np.array([[value]])
    assert forest.predict(x)[0] == pytest.approx(2.0)
    assert model.predict(x)[0] == pytest.approx(2.0)
    values, base, _ = forest.shapley(x, np.array([[0.1], [0.4]]))
    assert base == pytest.approx(1.5)
    assert values[0, 0] == pytest.approx(0.5)


def test_a_gaussian_process_is_explained_within_its_error_of_the_truth():
    X, y = simulate_grid(96, noise_dex=0.0, rng=0).ratios(["CN/HCN"]).rows("CN/HCN")
    emulator = RatioEmulator("gp", coordinates="physical", calibrate=False, space=CLOUD).fit(X, y)
    clouds = CLOUD.sobol(16, seed=3)
    result = explain(emulator, clouds, background=256)
    exact = closed_form("CN/HCN").shapley(CLOUD.to_unit(clouds))
    # Goal of the library for 2048 models: 0.05 dex; here 96 of a smooth ratio suffice.
    assert np.sqrt(((result.values - exact) ** 2).mean(axis=0)).max() < 0.05
    assert result.additivity_error < 1e-9


@pytest.mark.slow
def test_trees_find_values_and_ranks_of_the_closed_form():
    X, y = simulate_grid(2048, noise_dex=0.0, rng=0).ratios(["CS/SO"]).rows("CS/SO")
    emulator = RatioEmulator("xgb", calibrate=False, space=CLOUD).fit(X, y)
    truth = closed_form("CS/SO")
    exact = truth.shapley(CLOUD.to_unit(X))
    result = explain(emulator, X, background=2048)
    error = np.sqrt(((result.values - exact) ** 2).mean(axis=0))
    assert error.max() < 0.05
    assert (error**2).max() < 0.02 * truth.sobol()[2]


@pytest.mark.bad_input(8)
def test_a_constant_parameter_has_a_value_of_exactly_zero(rows):
    X = rows[0].assign(T_K=20.0)
    for kind in ("xgb", "gp"):
        with pytest.warns(UserWarning, match="does not vary"):
            emulator = RatioEmulator(kind, n_trees=30, calibrate=False).fit(X, rows[1])
        result = explain(emulator, X.head(5), background=X.head(8))
        assert (result.values[:, list(X).index("T_K")] == 0.0).all()


def test_a_ranking_is_refused_where_the_emulator_does_not_know(rows):
    X, _ = rows
    noise = np.random.default_rng(0).normal(size=len(X))
    emulator = RatioEmulator(n_trees=30, calibrate=False, space=CLOUD).fit(X, noise)
    result = explain(emulator, X, target="noise")
    with pytest.raises(ValueError, match="unknown"):
        result.ranking()
    cross_validate(emulator, X, noise)
    with pytest.raises(ValueError, match=r"noise: R².*below 0\.5"):
        explain(emulator, X, target="noise").ranking()


def test_a_sound_emulator_ranks_what_the_closed_form_ranks(trees, rows):
    cross_validate(trees, *rows)
    result = explain(trees, rows[0])
    exact = np.abs(closed_form("CN/HCN").shapley(CLOUD.to_unit(rows[0]))).mean(axis=0)
    assert result.ranking()[0] == CLOUD.names[int(exact.argmax())] == "nH_cm3"
    table = compare_importance(result, sobol_indices(trees, n=256, n_boot=5, rng=0))
    assert table.attrs["spearman"] > 0.9


def test_refits_give_ranks_with_intervals(rows):
    found = importance_intervals(RatioEmulator(n_trees=40, space=CLOUD), *rows, n_boot=6, rng=0)
    assert found.rank_of("nH_cm3").value == 1
    assert found.table()["share first"].sum() == pytest.approx(1)
    assert found.size_of("nH_cm3").low <= found.size_of("nH_cm3").value


def test_regimes_and_dependence_come_from_the_same_values(trees, rows):
    result = explain(trees, rows[0], interactions=True)
    table = result.regime_table("T_K", bins=[10, 50, 150])
    assert table["clouds"].sum() == len(rows[0])
    assert result.dependence("fC", "T_K").shape == (len(rows[0]), 3)
    assert isinstance(result.interaction_table(), pd.DataFrame)
    with pytest.raises(ValueError, match="interactions=True"):
        explain(trees, rows[0]).interaction_table()


def test_wrong_questions_are_refused(trees, rows):
    with pytest.raises(ValueError, match="'kernel' is neither"):
        explain(trees, rows[0], method="kernel")
    smooth = RatioEmulator("gp", calibrate=False, coordinates="physical").fit(*rows)
    with pytest.raises(ValueError, match="follows branches of trees"):
        explain(smooth, rows[0], method="path")


def test_deep_paths_are_refused_with_advice():
    from xgboost import XGBRegressor

    X = np.random.default_rng(0).normal(size=(4000, 12))
    model = XGBRegressor(n_estimators=20, max_depth=12).fit(X, X.sum(axis=1))
    with pytest.raises(ValueError, match="smaller max_depth"):
        Forest.from_xgboost(model.get_booster())


def test_ranges_end_where_they_say(trees, rows):
    T = rows[0]["T_K"]
    table = explain(trees, rows[0]).regime_table("T_K", bins=[10, 20, 50])
    assert table["clouds"].tolist() == [int((T < 20).sum()), int(T.between(20, 50).sum())]
    whole = explain(trees, rows[0]).regime_table("T_K", bins=3)
    assert whole["clouds"].sum() == len(T)
