"""Networks, pre-training, the published network, attention, evaluation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator

from decan.radio_agn import (
    BYOL,
    PaperNetwork,
    RadioAugment,
    equivariance_error,
    grad_cam,
    peak_separation,
    selection_inflation,
    similarity_search,
)
from decan.radio_agn.augment import turn
from decan.radio_agn.blend import Blend, PairBlend, cross_blend, within
from decan.radio_agn.byol import BYOLNetwork
from decan.radio_agn.crossval import build_network
from decan.radio_agn.evaluation import check_groups, evaluate_grouped_cv
from decan.radio_agn.fitting import _pair_loss, ensemble_logits, fit_network, network_logits
from decan.radio_agn.networks import PlainEncoder


def test_training_goes_on_from_its_checkpoint_to_the_same_weights(stamps, tmp_path):
    allowed = np.eye(2)[np.arange(16) % 2]
    how = {"epochs": 2, "batch_size": 8, "progress": False}
    whole, parts = (build_network(2, fields=(2,), random_state=1) for _ in range(2))
    fit_network(whole, stamps[:16], allowed, **how)
    fit_network(parts, stamps[:16], allowed, checkpoint=tmp_path / "run.ckpt", **how)
    again = build_network(2, fields=(2,), random_state=1)
    fit_network(again, stamps[:16], allowed, checkpoint=tmp_path / "run.ckpt", **how)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, parts.state_dict()[name])
        assert torch.equal(value, again.state_dict()[name])


def test_answers_are_averaged_over_turns_that_a_mirror_maps_onto_each_other(stamps):
    network = build_network(3, fields=(3, 4), random_state=2)
    base = network_logits(network, stamps[:6])
    np.testing.assert_allclose(network_logits(network, stamps[:6, :, :, ::-1]), base, atol=1e-3)


def test_each_picture_is_turned_by_its_own_angle_each_time_it_is_seen():
    torch.manual_seed(0)
    picture = torch.zeros(1, 1, 33, 33)
    picture[..., 16, 4:28] = 1.0
    batch = picture.expand(4, -1, -1, -1)
    first, second = RadioAugment()(batch), RadioAugment()(batch)
    assert not torch.allclose(first[0], first[1])
    assert not torch.allclose(first, second)


def test_a_turn_keeps_the_flux_of_a_centred_source():
    picture = torch.zeros(1, 1, 65, 65)
    picture[..., 28:37, 20:45] = 1.0
    for angle in (15.0, 45.0, 100.0):
        assert float(turn(picture, angle).sum()) == pytest.approx(float(picture.sum()), rel=0.02)


def test_the_byol_target_follows_weights_slowly_and_statistics_at_once():
    network = BYOLNetwork(PlainEncoder((4,), in_channels=1), hidden=8, projection=4, decay=0.9)
    target = dict(network.target.named_parameters())
    before = {name: value.clone() for name, value in target.items()}
    with torch.no_grad():
        for value in network.encoder.parameters():
            value.add_(1.0)
    network.encoder(torch.rand(4, 1, 9, 9))
    network.follow()
    moved = target["0.layers.0.weight"] - before["0.layers.0.weight"]
    assert torch.allclose(moved, torch.full_like(moved, 0.1), atol=1e-6)
    for mine, theirs in zip(network.target[0].buffers(), network.encoder.buffers(), strict=True):
        assert torch.equal(mine, theirs)


def test_nothing_is_dropped_in_the_byol_target():
    encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(9, 4), torch.nn.Dropout(0.5))
    encoder.n_features = 4
    network = BYOLNetwork(encoder, hidden=4, projection=2).train()
    kept = [m.training for m in network.target.modules() if isinstance(m, torch.nn.Dropout)]
    assert kept == [False]


def test_byol_learns_and_its_encoder_is_saved(stamps, tmp_path):
    byol = BYOL(fields=(2, 3), hidden=16, projection=8)
    byol.fit(stamps, epochs=3, batch_size=20)
    losses = [record["loss"] for record in byol.history_.records]
    assert losses[-1] < losses[0]
    again = BYOL.load(byol.save(tmp_path / "byol"))
    picture = torch.from_numpy(stamps[:2])
    with torch.no_grad():
        assert torch.equal(again.encoder_(picture), byol.encoder_.eval()(picture))


@pytest.mark.bad_input(12)
@pytest.mark.parametrize(("n", "size"), [(5, 1), (1, 4)])
def test_byol_refuses_batches_of_one(stamps, n, size):
    with pytest.raises(ValueError, match="at least two pictures a batch"):
        BYOL(fields=(2,)).fit(stamps[:n], batch_size=size)


@pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8")
def test_the_published_map_turns_but_its_flattened_answer_is_not_invariant():
    torch.manual_seed(0)
    encoder = PaperNetwork(2, "D4", 65).eval().encoder
    y, x = torch.meshgrid(torch.linspace(-1, 1, 65), torch.linspace(-1, 1, 65), indexing="ij")
    picture = torch.exp(-20 * ((x - 0.3) ** 2 + (y + 0.1) ** 2))[None, None]
    with torch.no_grad():
        base, turned = encoder.features(picture), encoder.features(picture.rot90(1, (-2, -1)))
    change = [
        float((a - b).norm() / a.norm())
        for a, b in ((base, turned), (base.mean((-2, -1)), turned.mean((-2, -1))))
    ]
    # The pooling of e2cnn is not symmetric on its grid, hence a few per cent.
    assert change[1] < 0.05 < 0.5 < change[0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8")
def test_the_published_network_has_the_published_sizes():
    network = PaperNetwork(2)
    assert network.encoder.n_features == 20_736
    dense = sum(p.numel() for p in network.head.parameters())
    assert dense == 20_736 * 120 + 120 + 120 * 84 + 84 + 84 * 2 + 2


def test_attention_lies_on_the_source(shipped, stamps):
    maps = grad_cam(shipped.networks_[0], stamps[:8])
    assert maps.min() >= 0
    assert maps.max() == pytest.approx(1.0)


def test_peaks_of_attention_are_as_far_apart_as_they_were_put():
    picture = np.zeros((2, 31, 31))
    picture[0, 15, 5], picture[0, 15, 25] = 1.0, 0.9
    picture[1, 15, 15] = 1.0
    found = peak_separation(picture, pixel_arcsec=3.6)
    assert found[0] == pytest.approx(72.0)
    assert np.isnan(found[1])


def test_multiples_of_ninety_degrees_flip_nothing(shipped, stamps):
    found = equivariance_error(shipped.networks_[0], stamps[:6], [90.0, 180.0])
    assert (found["change"] <= 1e-5).all()
    assert (found["flips"] == 0).all()


@pytest.mark.bad_input(9)
def test_one_source_under_two_names_is_refused_with_the_pair_or_merged():
    ra, dec = [10.0, 10.001, 50.0], [0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match=r"rows 0 \(a\) and 1 \(b\).*merge=True"):
        check_groups(["a", "b", "c"], ra, dec)
    assert check_groups(["a", "b", "c"], ra, dec, merge=True).tolist() == [0, 0, 1]


def test_grouped_cross_validation_gives_intervals_and_never_divides_a_group():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b"], 30)
    x = np.where(y == "a", 0.0, 2.0)[:, None] + rng.normal(size=(60, 1))
    table, p = evaluate_grouped_cv(
        LogisticRegression(), x, y, np.arange(60) // 2, n_folds=3, n_repeats=2, n_boot=50, rng=1
    )
    auc = table.set_index("score").loc["ROC AUC"]
    # Two unit Gaussians two apart: AUC = Phi(sqrt 2) = 0.921.
    assert auc["low"] - 0.1 < 0.921 < auc["high"] + 0.1
    assert p.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.bad_input(8)
def test_the_evaluator_refuses_one_class():
    with pytest.raises(ValueError, match="found a 4"):
        evaluate_grouped_cv(None, np.zeros((4, 1)), ["a"] * 4, np.arange(4))


def test_selection_on_the_test_set_never_loses():
    rng = np.random.default_rng(0)
    found = selection_inflation(rng.random((20, 50)), rng.random((20, 50)))
    assert (found["inflation"] >= 0).all()


def test_the_most_similar_source_is_the_source_itself():
    embeddings = np.random.default_rng(0).normal(size=(30, 5))
    rows, cosine = similarity_search(embeddings, embeddings[7])
    assert rows[0] == 7
    assert cosine[0] == pytest.approx(1.0)


def test_a_blend_finds_the_temperature_of_overconfident_answers():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 3))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(3, p=row) for row in p])
    sharp = np.log(p) * 2.0
    blend = Blend.fit(sharp, np.zeros_like(sharp), np.eye(3)[truth])
    assert blend.weight / blend.temperature == pytest.approx(0.5, rel=0.1)


def test_no_fold_is_calibrated_on_itself():
    logs = np.log(np.full((20, 2), 0.5))
    allowed = np.eye(2)[np.arange(20) % 2]
    strange = allowed.copy()
    strange[:10] = strange[:10, ::-1]
    fold = np.repeat([0, 1], 10)
    skewed = logs + np.array([0.3, 0.0])
    first, _ = cross_blend(skewed, logs, allowed, fold)
    second, _ = cross_blend(skewed, logs, strange, fold)
    assert np.array_equal(first[:10], second[:10])


def test_an_ensemble_looks_once_by_turns_and_quarter_turns_and_mirrors_change_nothing(stamps):
    networks = [build_network(3, fields=(2, 3), random_state=k).eval() for k in range(5)]
    base = ensemble_logits(networks, stamps[:6])
    for view in (np.rot90(stamps[:6], axes=(2, 3)), stamps[:6, :, :, ::-1]):
        assert np.abs(ensemble_logits(networks, view) - base).max() < 1e-4
    # The second network has looked at the picture turned by 45 degrees.
    assert np.abs(network_logits(networks[1], stamps[:6], angles=(45.0,)) - base[1]).max() < 1e-5


def test_rows_without_a_label_of_the_convention_teach_nothing_about_the_pair():
    logits = torch.randn(4, 2, requires_grad=True)
    shares = torch.tensor([[1.0, 0.0], [float("nan")] * 2, [0.25, 0.75], [float("nan")] * 2])
    _pair_loss(logits.log_softmax(dim=1), shares).backward()
    assert logits.grad.isfinite().all()
    assert (logits.grad[[1, 3]] == 0).all()
    assert (logits.grad[[0, 2]] != 0).all()


@settings(max_examples=20)
@given(st.floats(0.01, 0.99), st.floats(-3, 3), st.floats(-3, 3))
def test_opinions_that_lean_to_no_side_give_equal_shares_and_sums_are_kept(share, first, second):
    blend = PairBlend((first, second))
    equal = np.log([[0.5, 0.5]])
    assert blend(equal, equal)[0] == pytest.approx([0.5, 0.5])
    p = within([[1 - share, share / 4, 3 * share / 4]], (1, 2), blend(equal, np.log([[0.2, 0.8]])))
    assert p.sum() == pytest.approx(1.0)
    assert p[0, 1:].sum() == pytest.approx(share)


def test_the_weights_of_opinions_follow_who_is_right():
    rng = np.random.default_rng(0)
    truth = rng.random(400) < 0.5
    odds = np.where(truth, 2.0, -2.0)
    good = np.stack([-odds, odds], axis=1) + rng.normal(0, 1, (400, 2))
    noise = rng.normal(0, 1, (400, 2))
    weights = PairBlend.fit([good, noise], truth).weights
    assert weights[0] > 5 * abs(weights[1])


def test_an_estimator_with_folds_of_its_own_is_told_the_groups():
    seen = []

    class Majority(BaseEstimator):
        def fit(self, X, y, groups=None):
            seen.append(len(groups) == len(y))
            self.classes_ = np.unique(y)
            return self

        def predict_proba(self, X):
            return np.full((len(X), 2), 0.5)

    y = np.repeat(["a", "b"], 10)
    evaluate_grouped_cv(Majority(), np.zeros((20, 1)), y, np.arange(20), n_folds=2, n_repeats=1,
                        n_boot=0, rng=0)  # fmt: skip
    assert seen == [True, True]
    with pytest.raises(ValueError, match="X has 3 rows, y 20, groups 20"):
        evaluate_grouped_cv(Majority(), np.zeros((3, 1)), y, np.arange(20))
