"""The promises of decan.core.estimator."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import make_blobs, make_moons
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from decan.core.errors import IntegrityError, SchemaError, TrainingDiverged
from decan.core.estimator import TorchClassifier, TorchRegressor, TorchTransformer


def mlp(n_features, n_hidden, n_outputs):
    return nn.Sequential(nn.Linear(n_features, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_outputs))


class SmallClassifier(TorchClassifier):
    def __init__(self, n_hidden=16, **training):
        super().__init__(**training)
        self.n_hidden = n_hidden

    def build_network(self, n_features, n_outputs):
        return mlp(n_features, self.n_hidden, n_outputs)


class SmallRegressor(TorchRegressor):
    def build_network(self, n_features, n_outputs):
        return mlp(n_features, 16, n_outputs)


class Autoencoder(nn.Module):
    def __init__(self, n_features, n_components):
        super().__init__()
        self.encode = mlp(n_features, 8, n_components)
        self.decode = mlp(n_components, 8, n_features)

    def forward(self, x):
        return self.decode(self.encode(x))


class SmallTransformer(TorchTransformer):
    def build_network(self, n_features, n_outputs):
        return Autoencoder(n_features, n_outputs)


SMALL = {"batch_size": 32, "learning_rate": 0.02, "device": "cpu", "progress": False}
MODELS = [
    SmallClassifier(epochs=20, **SMALL),
    SmallRegressor(epochs=20, **SMALL),
    SmallTransformer(epochs=5, **SMALL),
]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Networks this small are slower on two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=MODELS, ids=lambda model: type(model).__name__)
def model(request):
    return clone(request.param).set_params(epochs=2, random_state=0)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    # Offsets and scales that a network would choke on if it saw them.
    X = rng.normal(size=(90, 3)) * [1, 1e-6, 1e6] + [1e4, 0, -1e8]
    return X, (X[:, 0] > 1e4).astype(int)


def answer(model, X):
    if isinstance(model, TorchClassifier):
        return model.predict_proba(X)
    return model.transform(X) if isinstance(model, TorchTransformer) else model.predict(X)


# Every check of scikit-learn passes; none is expected to fail.
@parametrize_with_checks(MODELS)
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


def test_settings_of_the_training_are_parameters_of_the_subclass():
    model = SmallClassifier(n_hidden=5, epochs=7)
    assert model.get_params()["n_hidden"] == 5
    assert model.get_params()["epochs"] == 7
    assert repr(model) == "SmallClassifier(epochs=7, n_hidden=5)"
    with pytest.raises(TypeError, match="epoch"):
        SmallClassifier(epoch=7)


def test_the_same_seed_gives_the_same_bits_and_another_one_not(model, table):
    one, two = clone(model).fit(*table), clone(model).fit(*table)
    other = clone(model).set_params(random_state=1).fit(*table)
    np.testing.assert_array_equal(answer(one, table[0]), answer(two, table[0]))
    assert not np.array_equal(answer(one, table[0]), answer(other, table[0]))


def test_no_global_generator_is_touched(model, table):
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    answer(model.fit(*table), table[0])
    assert torch.equal(torch_before, torch.get_rng_state())
    np.testing.assert_array_equal(numpy_before, np.random.get_state()[1])  # noqa: NPY002


def test_units_of_the_features_do_not_matter(model, table):
    X, y = table
    # Powers of two change no digit, so standardised features are equal to the bit.
    one = answer(clone(model).fit(X, y), X)
    np.testing.assert_allclose(answer(clone(model).fit(X * 1024, y), X * 1024), one, atol=1e-6)


def test_a_row_is_judged_the_same_in_any_company(model, table):
    X, y = table
    model.fit(X, y)
    together = answer(model, np.tile(X, (100, 1)))[: len(X)]
    alone = np.concatenate([answer(model, X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_array_equal(together, alone)


def test_what_is_saved_answers_as_before(model, table, tmp_path):
    X, y = table
    model.fit(X, y).save(tmp_path / "model", metrics={"score": 0.9}, training={"data": "simulated"})
    again = type(model).load(tmp_path / "model")
    np.testing.assert_array_equal(answer(again, X), answer(model, X))
    assert again.get_params() == model.get_params()
    assert again.n_features_in_ == 3
    assert again.history_.frame()["loss"].equals(model.history_.frame()["loss"])


def test_equal_runs_are_saved_as_equal_files(model, table, tmp_path):
    for name in ("one", "two"):
        clone(model).fit(*table).save(tmp_path / name)
    for one in (tmp_path / "one").iterdir():
        assert one.read_bytes() == (tmp_path / "two" / one.name).read_bytes()


def test_words_as_classes_and_names_of_columns_survive_saving(table, tmp_path):
    X, y = (
        pd.DataFrame(table[0], columns=["depth", "period", "snr"]),
        np.array(["EB", "PC"])[table[1]],
    )
    model = SmallClassifier(epochs=30, random_state=0, **SMALL).fit(X, y)
    model.save(tmp_path / "model")
    again = SmallClassifier.load(tmp_path / "model")
    assert again.classes_.tolist() == ["EB", "PC"]
    assert again.score(X, y) == model.score(X, y) > 0.9
    with pytest.raises(ValueError, match="feature names should match"):
        again.predict(X[["snr", "period", "depth"]])


def test_a_damaged_or_foreign_artifact_is_refused(table, tmp_path):
    SmallClassifier(epochs=1, random_state=0, **SMALL).fit(*table).save(tmp_path / "model")
    with pytest.raises(SchemaError):
        SmallRegressor.load(tmp_path / "model")
    weights = tmp_path / "model" / "network.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(IntegrityError, match="network"):
        SmallClassifier.load(tmp_path / "model")


def test_it_learns_what_no_line_separates():
    X, y = make_moons(400, noise=0.1, random_state=0)
    model = SmallClassifier(n_hidden=32, epochs=60, random_state=0, **SMALL).fit(X[:300], y[:300])
    # A straight line gets 0.87; noise of 0.1 leaves the moons apart.
    assert model.score(X[300:], y[300:]) > 0.97
    assert model.history_.frame()["loss"].iloc[-1] < 0.1


def test_several_targets_keep_their_units_and_shape():
    X = np.random.default_rng(1).normal(size=(300, 2))
    y = np.column_stack([1e6 + 1e3 * X[:, 0], 1e-3 * X[:, 1]])
    model = SmallRegressor(epochs=60, random_state=0, **SMALL).fit(X, y)
    assert model.predict(X).shape == (300, 2)
    # Within three per cent of each target's own scatter.
    assert (np.abs(model.predict(X) - y).mean(axis=0) < [30, 3e-5]).all()


def test_an_autoencoder_keeps_what_two_numbers_can_hold():
    latent = np.random.default_rng(2).normal(size=(300, 2))
    X = latent @ np.random.default_rng(3).normal(size=(2, 6))
    model = SmallTransformer(epochs=80, random_state=0, **SMALL).fit(X)
    assert model.transform(X).shape == (300, 2)
    # The variance that is lost, of 1; one component alone would lose a third or more.
    assert model.history_.records[-1]["loss"] < 0.1
    assert model.get_feature_names_out().tolist() == ["smalltransformer0", "smalltransformer1"]


def test_early_stopping_uses_the_rows_that_were_given_for_it():
    X, y = make_blobs(300, centers=2, random_state=0, cluster_std=3.0)
    model = SmallClassifier(epochs=200, patience=3, random_state=0, **SMALL)
    model.fit(X[:200], y[:200], validation=(X[200:], y[200:]))
    frame = model.history_.frame()
    assert len(frame) < 200
    assert len(frame) == model.history_.best_epoch + 3
    with pytest.raises(ValueError, match="validation"):
        clone(model).fit(X, y)


@pytest.mark.parametrize("kind", [SmallRegressor, SmallTransformer])
def test_validation_is_scaled_like_the_training(kind, table):
    X, y = table
    validation = (X, y) if kind is SmallRegressor else X
    model = kind(epochs=3, random_state=0, **SMALL).fit(X, y, validation=validation)
    frame = model.history_.frame()
    # Losses of standardised rows are of order one whatever the units.
    assert frame["validation_loss"].between(0, 3).all()


def test_it_works_in_pipelines_and_searches_by_group(table):
    X, y = table
    search = GridSearchCV(
        make_pipeline(PolynomialFeatures(), SmallClassifier(epochs=5, random_state=0, **SMALL)),
        {"smallclassifier__n_hidden": [4, 8]},
        cv=GroupKFold(3),
    )
    assert search.fit(X, y, groups=np.arange(90) // 3).best_score_ > 0.5


def test_a_pickle_answers_as_before(model, table):
    model.fit(*table)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(answer(again, table[0]), answer(model, table[0]))


def test_a_loss_of_ones_own_is_used(table):
    class Absolute(SmallRegressor):
        def loss(self, network, batch):
            error = (network(batch["x"]) - batch["y"]).abs()
            return error.mean(), {"largest": error.max()}

    model = Absolute(epochs=2, random_state=0, **SMALL).fit(*table)
    assert "largest" in model.history_.frame()


def test_constant_columns_are_no_harm():
    X = np.column_stack([np.full(40, 0.1), np.linspace(0, 1, 40)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SmallRegressor(epochs=2, random_state=0, **SMALL).fit(X, np.full(40, 7.0))
    assert np.abs(model.predict(X) - 7).max() < 2


def test_a_fit_that_fails_leaves_no_old_network_behind(table):
    X, y = table
    model = SmallClassifier(epochs=1, random_state=0, **SMALL).fit(X, y)
    with pytest.raises(TrainingDiverged):
        model.set_params(learning_rate=1e30, epochs=3).fit(2 * X, y)
    with pytest.raises(ValueError, match="not fitted"):
        model.predict(X)


def test_mistakes_are_named(table):
    X, y = table

    class NoNetwork(TorchClassifier):
        pass

    class Wrong(TorchClassifier):
        def build_network(self, n_features, n_outputs):
            return nn.Linear(n_features, 7)

    class NoCode(TorchTransformer):
        def build_network(self, n_features, n_outputs):
            return nn.Linear(n_features, n_features)

    with pytest.raises(NotImplementedError, match="NoNetwork must define build_network"):
        NoNetwork(progress=False).fit(X, y)
    with pytest.raises(ValueError, match=r"gives shape \(2, 7\) for 2 rows, expected \(2, 2\)"):
        Wrong(progress=False).fit(X, y)
    with pytest.raises(TypeError, match=r"needs a method encode"):
        NoCode(progress=False).fit(X)
    with pytest.raises(ValueError, match="n_components: found 0"):
        SmallTransformer(n_components=0).fit(X)
    with pytest.raises(ValueError, match="one class only"):
        SmallClassifier().fit(X, np.zeros(90))
    with pytest.raises(ValueError, match="validation: class 5 does not occur in y"):
        SmallClassifier(**SMALL).fit(X, y, validation=(X, np.full(90, 5)))
