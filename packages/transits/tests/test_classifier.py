import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from decan.core.errors import IntegrityError, SchemaError
from decan.core.metrics import recall_at_precision
from decan.transits import SignalClassifier, ZoneThresholds
from decan.transits.archive import held_back, star_fold
from decan.transits.classifier import EnsembleScore
from decan.transits.features import KNOWN_SCALARS, SCALARS, SHAPES, scalar_features, shape_features
from decan.transits.networks import (
    COMPACT_VIEWS,
    DEPTH_VIEWS,
    CompactNet,
    reversed_in_time,
)
from decan.transits.watson import WATSON_VIEWS, WatsonNet


def toy_signals(n=150, seed=0):
    """Noise, V shapes and flat-bottomed dips: three classes that views tell apart."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    views = {name: rng.normal(0, 0.3, (n, bins)) for name, (bins, _) in COMPACT_VIEWS.items()}
    place = np.abs(np.linspace(-2, 2, 61))
    views["local"][y == 1] -= np.clip(1 - place, 0, 1)
    views["local"][y == 2] -= place < 0.6
    scalars = scalar_features(
        period_day=rng.uniform(1, 10, n), duration_hour=rng.uniform(1, 5, n),
        depth_ppm=10 ** rng.uniform(2, 4, n), snr=rng.uniform(8, 50, n),
        n_transits=rng.integers(2, 20, n), teff=rng.normal(5700, 500, n),
    )  # fmt: skip
    return views, scalars, y, np.arange(n) // 2


@pytest.fixture(scope="module")
def fitted():
    views, scalars, y, star = toy_signals()
    return SignalClassifier(epochs=2).fit(views, scalars, y, star, progress=False)


def test_missing_scalars_are_unknown_and_never_zero():
    row = scalar_features(
        period_day=[3.0], duration_hour=[3.0], depth_ppm=[100.0], snr=[10.0], n_transits=[5]
    )
    known = dict(zip(SCALARS, np.isfinite(row[0]), strict=True))
    assert all(known[name] for name in KNOWN_SCALARS)
    assert not any(value for name, value in known.items() if name not in KNOWN_SCALARS)


def test_missing_views_make_missing_shapes():
    views, *_ = toy_signals(4)
    views["secondary"][1] = np.nan
    table = shape_features(views)
    mine = [name.startswith("secondary") for name in SHAPES]
    assert np.isnan(table[1, mine]).all()
    assert np.isfinite(np.delete(table, 1, axis=0)).all()


@pytest.mark.bad_input(10)
def test_views_of_other_bin_counts_are_refused():
    with pytest.raises(ValueError, match=r"views\['local'\]: expected shape \(n, 61\)"):
        shape_features({"global": np.zeros((1, 201)), "local": np.zeros((1, 75)),
                        "secondary": np.zeros((1, 61))})  # fmt: skip


def test_time_reversal_acts_on_time_on_all_views_of_a_sample_at_once():
    torch.manual_seed(0)
    batch = {
        name: torch.arange(bins).float().repeat(40, 1) for name, (bins, _) in COMPACT_VIEWS.items()
    }
    batch["scalars"] = torch.randn(40, 3)
    turned = reversed_in_time(batch)
    flips = torch.stack([turned[name][:, 0] > 0 for name in COMPACT_VIEWS])
    assert (flips == flips[0]).all()
    assert 0 < flips[0].sum() < 40
    assert torch.equal(turned["scalars"], batch["scalars"])


def test_a_missing_branch_is_drawn_for_each_sample_and_is_the_same_vector_at_inference():
    torch.manual_seed(0)
    network = CompactNet(3, 3, dropout=0.0, branch_dropout=0.5)
    batch = {name: torch.randn(1, bins).repeat(64, 1) for name, (bins, _) in COMPACT_VIEWS.items()}
    batch["scalars"] = torch.randn(1, 3).repeat(64, 1)
    seen = network.train()(batch)
    # Equal samples, drawn apart: they differ.
    assert len(torch.unique(seen.round(decimals=4), dim=0)) > 4
    hidden = {**batch, **{name: torch.full_like(batch[name], torch.nan) for name in COMPACT_VIEWS}}
    other = {**hidden, "local": hidden["local"]}
    assert torch.isfinite(network.eval()(hidden)).all()
    assert torch.equal(network(hidden), network(other))


def test_odd_and_even_share_weights_and_their_difference_is_kept():
    torch.manual_seed(0)
    network = CompactNet(3, 3, views=DEPTH_VIEWS).eval()
    batch = {
        name: torch.randn(5, bins, channels) if channels > 1 else torch.randn(5, bins)
        for name, (bins, channels) in DEPTH_VIEWS.items()
    }
    batch["scalars"] = torch.randn(5, 3)
    swapped = {**batch, "odd": batch["even"], "even": batch["odd"]}
    assert "even" not in network.views
    assert not torch.allclose(network(batch), network(swapped))


def test_the_released_network_is_built_layer_by_layer():
    network = WatsonNet().eval()
    count = {
        name: sum(p.numel() for p in module.parameters())
        for name, module in [*network.focus.items(), ("head", network.head)]
    }
    # Counts of the released model, branch by branch.
    assert count == {
        "main": 611_936, "secondary": 611_936, "even": 611_936, "odd": 611_936,
        "centroid": 612_064, "ghost": 611_360, "head": 5_011_328,
    }  # fmt: skip
    assert sum(p.numel() for p in network.parameters()) == 8_804_176
    batch = {
        name: torch.rand(2, bins, channels) if channels > 1 else torch.rand(2, bins)
        for name, (bins, channels) in WATSON_VIEWS.items()
    }
    batch |= {"transit": torch.rand(2, 9), "offset": torch.rand(2, 1), "star": torch.rand(2, 2)}
    assert network(batch).shape == (2,)


def test_the_compact_network_has_less_than_100_000_parameters():
    assert sum(p.numel() for p in CompactNet(15, 7).parameters()) < 100_000


def test_out_of_fold_probabilities_rank_what_they_have_not_seen(fitted):
    _, _, y, _ = toy_signals()
    event = fitted.out_of_fold_[:, 0]
    assert event[y > 0].mean() > event[y == 0].mean() + 0.3
    assert ((fitted.out_of_fold_ >= 0) & (fitted.out_of_fold_ <= 1)).all()
    assert (fitted.out_of_fold_[:, 1] <= fitted.out_of_fold_[:, 0]).all()


def test_a_star_trained_on_is_judged_by_the_member_that_left_it_out(fitted):
    views, scalars, _, star = toy_signals()
    score = fitted.predict(views, scalars, star=star)
    # The same members judge; only the calibration was fitted with all stars here.
    assert np.median(np.abs(score.event - fitted.out_of_fold_[:, 0])) < 0.05
    assert np.isnan(score.event_spread).all()


def test_a_saved_classifier_gives_the_same_scores(fitted, tmp_path):
    views, scalars, _, _ = toy_signals()
    fitted.save(tmp_path / "model")
    again = SignalClassifier.load(tmp_path / "model")
    before, after = fitted.predict(views, scalars), again.predict(views, scalars)
    # Networks are kept in half precision: three digits.
    np.testing.assert_allclose(before.planet, after.planet, atol=5e-3)
    assert again.zones_ == fitted.zones_


def test_a_changed_file_is_refused_by_name(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    weights = tmp_path / "model" / "networks.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    with pytest.raises(IntegrityError, match="networks"):
        SignalClassifier.load(tmp_path / "model")


def test_another_artifact_is_refused(tmp_path):
    from decan.core import artifacts

    artifacts.save(tmp_path / "x", kind="decan.demo.Other", settings={}, parts={})
    with pytest.raises(SchemaError, match=r"decan\.demo\.Other"):
        SignalClassifier.load(tmp_path / "x")


@pytest.mark.bad_input(9)
def test_a_class_that_is_missing_is_refused_before_training():
    views, scalars, y, star = toy_signals()
    with pytest.raises(ValueError, match=r"without class\(es\) \[2\]"):
        SignalClassifier(epochs=1).fit(views, scalars, np.minimum(y, 1), star)


def test_any_subset_of_views_is_legal(vetter):
    views, scalars, _, _ = toy_signals(6)
    for name in COMPACT_VIEWS:
        left = {**views, name: np.full_like(views[name], np.nan)}
        score = vetter.classifier.predict(left, scalars)
        assert np.isfinite(score.planet).all()


@pytest.mark.bad_input(9)
@given(st.lists(st.integers(1, 10**10), min_size=1, max_size=50), st.integers(2, 12))
def test_folds_depend_on_the_star_alone(stars, n_folds):
    fold = star_fold(stars, n_folds)
    assert (fold == star_fold(stars[::-1], n_folds)[::-1]).all()
    assert ((fold >= 0) & (fold < n_folds)).all()


def test_folds_are_even_and_independent_of_what_is_held_back():
    star = np.arange(1_000_000, 1_050_000)
    share = np.bincount(star_fold(star, 10)) / star.size
    np.testing.assert_allclose(share, 0.1, atol=0.005)
    np.testing.assert_allclose(np.bincount(star_fold(star[~held_back(star)], 10)) / 45_000, 0.1,
                               atol=0.01)  # fmt: skip


@given(st.integers(0, 10**6), st.floats(0.5, 0.99))
def test_zones_hold_their_promise_where_they_were_made(seed, precision):
    rng = np.random.default_rng(seed)
    y = rng.random(300) < 0.3
    p = np.clip(np.where(y, 0.7, 0.3) + rng.normal(0, 0.2, 300), 0, 1).round(2)
    zones = ZoneThresholds.from_validation(p, y, precision=precision, npv=precision)
    zone = zones.assign(p, np.zeros(300))
    if (zone == 1).any():
        assert y[zone == 1].mean() >= precision
    if (zone == -1).any():
        assert (~y[zone == -1]).mean() >= precision


def test_a_wide_spread_neither_accepts_nor_rejects():
    zones = ZoneThresholds(0.1, 0.9)
    assert zones.assign([0.95, 0.05], [0.3, 0.3]).tolist() == [0, 0]


def test_the_mean_of_members_lies_between_them():
    members = np.random.default_rng(0).random((10, 5, 2))
    score = EnsembleScore.of(members)
    assert (score.event <= members[:, :, 0].max(axis=0)).all()
    assert (score.event_spread > 0).all()


@pytest.mark.bad_input(10)
def test_a_classifier_refuses_views_of_another_recipe_or_scale(vetter):
    views, scalars, *_ = toy_signals(3)
    depth = {"global": np.zeros((3, 301)), "main": np.zeros((3, 75))}
    with pytest.raises(ValueError, match=r"'local' is missing.*yu2019"):
        vetter.classifier.predict({**depth, "global": np.zeros((3, 201))}, scalars)
    stretched = {name: np.clip(view, 0, 1) for name, view in views.items()}
    with pytest.raises(ValueError, match="median 0 and minimum -1"):
        vetter.classifier.predict(stretched, scalars)


@pytest.mark.bad_input(11)
@pytest.mark.parametrize("level", [0.3, 1.0])
def test_tied_probabilities_stand_or_fall_together(level):
    y, p = np.array([1, 1, 0]), np.full(3, level)
    assert recall_at_precision(y, p, 0.99).value == 0.0
    assert recall_at_precision(y, p, 0.6).value == 1.0
