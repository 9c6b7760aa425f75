"""The user's object: what it answers, and what it refuses."""

import numpy as np
import pytest

from decan.core.errors import IntegrityError
from decan.radio_agn import CutoutSet, RadioMorphologyClassifier, simulate_bent_sources


@pytest.fixture(scope="module")
def small():
    """A classifier of two tiny networks, fitted on simulated sources."""
    sources = simulate_bent_sources(
        40, fractions={"FRII": 0.5, "NAT": 0.5}, flux_mjy=(50, 300), neighbour_mean=0, rng=3
    )
    classifier = RadioMorphologyClassifier(fields=(2, 3), n_folds=2, epochs=2)
    groups = np.arange(40) // 2
    return classifier.fit(sources.images, sources.table["truth"], groups=groups), sources


def test_probabilities_sum_to_one_and_follow_the_classes(small):
    classifier, sources = small
    p = classifier.predict_proba(sources.images[:6])
    assert p.sum(axis=1) == pytest.approx(1.0)
    assert (classifier.classes_[p.argmax(axis=1)] == classifier.predict(sources.images[:6])).all()


def test_it_learns_what_the_shapes_are(small):
    classifier, sources = small
    p = classifier.out_of_fold_
    right = classifier.classes_[p.argmax(axis=1)] == sources.table["truth"]
    # Twenty sources to learn from; chance is one half with an error of 0.08.
    assert right.mean() > 0.7


def test_turning_and_mirroring_a_cutout_changes_no_answer(shipped, made):
    images = made.images[:10]
    base = shipped.predict_proba(images)
    for view in (np.rot90(images, axes=(1, 2)), np.rot90(images, 2, (1, 2)), images[:, ::-1]):
        turned = shipped.predict_proba(view)
        assert (turned.argmax(axis=1) == base.argmax(axis=1)).all()
        assert np.abs(turned - base).max() < 1e-2
    embedded = shipped.embed(images)
    change = np.linalg.norm(shipped.embed(np.rot90(images, axes=(1, 2))) - embedded, axis=1)
    assert (change / np.linalg.norm(embedded, axis=1)).max() <= 1e-5


def test_specialists_share_wide_and_narrow_tails_anew_and_leave_all_else(shipped, made):
    wat, nat = (list(shipped.classes_).index(name) for name in shipped.pair_)
    with_them = shipped.predict_proba(made.images[:10])
    plain = RadioMorphologyClassifier._from_state(*shipped._state())
    plain.pair_ = ()
    without = plain.predict_proba(made.images[:10])
    others = [k for k in range(5) if k not in (wat, nat)]
    assert with_them[:, others] == pytest.approx(without[:, others])
    both = with_them[:, [wat, nat]].sum(axis=1)
    assert both == pytest.approx(without[:, [wat, nat]].sum(axis=1))
    assert np.abs(with_them - without).max() > 1e-3


def test_what_is_saved_is_what_is_loaded(small, tmp_path):
    classifier, sources = small
    again = RadioMorphologyClassifier.load(classifier.save(tmp_path / "model"))
    assert np.array_equal(
        again.predict_proba(sources.images[:4]), classifier.predict_proba(sources.images[:4])
    )
    (tmp_path / "model" / "networks.safetensors").write_bytes(b"changed")
    with pytest.raises(IntegrityError):
        RadioMorphologyClassifier.load(tmp_path / "model")


@pytest.mark.bad_input(1, 7)
def test_blank_and_faint_cutouts_give_nan_and_are_named(shipped, made):
    stack = made.images[:4].copy()
    stack[1] = np.nan
    stack[2] = 7.0
    stack[3] = np.random.default_rng(0).normal(0, 0.15, stack[3].shape)
    cutouts = CutoutSet.from_arrays(stack, names=["good", "empty", "flat", "noise"])
    with pytest.warns(UserWarning, match="not judged") as told:
        table = shipped.classify(cutouts)
    said = " ".join(str(one.message) for one in told)
    assert "empty, flat" in said
    assert "noise" in said
    p = table[[f"p_{name}" for name in shipped.classes_]].to_numpy()
    assert np.isfinite(p[0]).all()
    assert np.isnan(p[1:]).all()
    assert table["class"].tolist()[1:] == ["", "", ""]
    assert table["status"].tolist() == ["ok", "blank", "blank", "low_snr"]


@pytest.mark.bad_input(1)
def test_blank_cutouts_take_no_part_in_a_fit():
    sources = simulate_bent_sources(
        12, fractions={"FRII": 0.5, "NAT": 0.5}, flux_mjy=(80, 300), rng=8
    )
    images, labels = sources.images.copy(), np.array(["FRII", "NAT"] * 6)
    images[0] = np.nan
    classifier = RadioMorphologyClassifier(fields=(2,), n_folds=2, epochs=1)
    classifier.fit(images, labels)
    assert np.isnan(classifier.out_of_fold_[0]).all()
    assert np.isfinite(classifier.out_of_fold_[1:]).all()


@pytest.mark.bad_input(5)
def test_smaller_cutouts_are_padded_and_flux_outside_the_window_is_told(shipped, made):
    small = made.images[:2, 30:-30, 30:-30]
    assert np.isfinite(shipped.predict_proba(small)).all()
    large = np.random.default_rng(0).normal(0, 0.15, (1, 320, 320))
    large[0, 155:165, 155:165] = large[0, 2:12, 2:12] = 50.0
    with pytest.warns(UserWarning, match="more than 10% of their flux outside"):
        table = shipped.classify(CutoutSet.from_arrays(large))
    assert table["lost_flux"][0] == pytest.approx(0.5, abs=0.02)


@pytest.mark.bad_input(8)
def test_one_class_and_rare_classes_are_refused_with_their_counts(made):
    classifier = RadioMorphologyClassifier(fields=(2,), n_folds=5, epochs=1)
    with pytest.raises(ValueError, match=r"only one class .*NAT 10"):
        classifier.fit(made.images[:10], ["NAT"] * 10)
    with pytest.raises(ValueError, match=r"fewer sources than the 5 folds \(NAT 8, WAT 2\)"):
        classifier.fit(made.images[:10], ["NAT"] * 8 + ["WAT"] * 2)


def test_soft_labels_that_allow_two_classes_are_learned_from(made):
    shares = np.zeros((12, 3))
    shares[:4, 0] = shares[4:8, 1] = shares[8:, 2] = 1
    shares[0] = [1, 1, 0]
    classifier = RadioMorphologyClassifier(fields=(2,), n_folds=2, epochs=1)
    classifier.fit(made.images[:12], shares, classes=["WAT", "NAT", "FRII"])
    assert classifier.classes_.tolist() == ["WAT", "NAT", "FRII"]


def test_the_shipped_weights_say_how_they_were_made():
    manifest = RadioMorphologyClassifier.pretrained().manifest_
    assert manifest["training"]["command"] == "decan radio-agn train --preset shipped"


@pytest.mark.parametrize(
    ("y", "more", "words"),
    [(["a", None] * 10, {}, "^y: row 1 has no label .10 such"),
     (np.ma.array(["a", "b"] * 10, mask=[False, True] * 10), {}, "^y: row 1 has no label"),
     (np.tile([-1.0, 2.0], (20, 1)), {}, "^y: row 0: shares"),
     (["a", "b"] * 10, {"groups": np.arange(30)}, "^groups: found 30")],
)  # fmt: skip
def test_labels_and_groups_that_are_none_are_refused(made, y, more, words):
    with pytest.raises(ValueError, match=words):
        RadioMorphologyClassifier(epochs=1).fit(made.images[:20], y, **more)


def test_no_cutouts_give_an_empty_catalogue(shipped):
    assert shipped.classify(np.zeros((0, 150, 150))).shape[0] == 0
