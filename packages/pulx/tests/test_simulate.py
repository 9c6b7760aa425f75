"""Simulators: the same columns, known truth, the same bytes for the same seed."""

import numpy as np
import pytest
from scipy import stats

from decan.core.testing import needs_data
from decan.pulx import (
    features_4xmm,
    orbit_intervals,
    published_tree,
    simulate_catalogue,
    simulate_events,
    simulate_long_term,
    simulate_snapshots,
)
from decan.pulx.archive import DATASETS
from decan.pulx.populations import blind_lists
from decan.pulx.response import absorption_cross_section, pn_response


def test_the_same_seed_gives_the_same_catalogue_and_events():
    first, second = (simulate_catalogue(80, 200, n_pulsars=2, n_pulsar_rows=9, n_hidden=2, rng=4)
                     for _ in range(2))  # fmt: skip
    assert first.equals(second)
    times = [simulate_events(red_rms=0.2, rng=1).times for _ in range(2)]
    assert np.array_equal(*times)


def test_node_shares_are_near_the_published_ones():
    shares = []
    for seed in range(100, 106):
        leaf = published_tree().apply(features_4xmm(simulate_catalogue(rng=seed)).table)
        shares.append([np.mean(np.isin(leaf, g)) for g in ((6, 11, 12), (9, 10), (8,))])
    assert np.all(np.abs(np.mean(shares, axis=0) - (0.209, 0.024, 0.012)) < 0.03)


@needs_data(DATASETS, "sim_xmm_640", "pn_bands")
def test_the_catalogue_has_the_columns_and_levels_of_the_shared_one():
    shared = DATASETS.load("sim_xmm_640")
    ours = simulate_catalogue(response=DATASETS.load("pn_bands"), rng=0)
    assert set(shared.columns) <= set(ours.columns)
    for band in range(1, 6):
        name = f"EP_{band}_FLUX_ERR"
        assert np.median(ours[name]) == pytest.approx(np.median(shared[name]), rel=0.25)
        assert (ours[f"EP_{band}_FLUX"] == 0).mean() == pytest.approx(
            (shared[f"EP_{band}_FLUX"] == 0).mean(), abs=0.03
        )


@needs_data(DATASETS, "pn_bands")
def test_the_tabulated_response_converts_like_the_calibration_files():
    real = DATASETS.load("pn_bands").conversion_factors()
    # Published for the files: (6.68, 5.45, 3.73, 1.27, 0.386)e11 ct cm2/erg.
    assert np.allclose(real / 1e11, [6.68, 5.45, 3.73, 1.27, 0.386], rtol=0.02)
    assert np.allclose(pn_response().conversion_factors(), real, rtol=0.16)


def test_the_cross_section_is_continuous_where_the_table_is():
    for edge in (0.867, 1.303, 2.471, 4.038):
        below, above = absorption_cross_section([edge - 1e-6, edge + 1e-6])
        assert above == pytest.approx(below, rel=0.12)


def test_events_have_the_rate_the_pulsation_and_the_frames_asked_for():
    events = simulate_events(span=20_000.0, rate=1.0, frequency=0.2, pulsed_fraction=0.5,
                             frame_time=0.1, rng=0)  # fmt: skip
    assert len(events) == pytest.approx(20_000, abs=5 * np.sqrt(20_000))
    from decan.pulx.statistics import z_direct

    z = z_direct(events.times - events.span / 2, [0.2])[0]
    expected = len(events) / 2 * (0.5 * np.sinc(0.2 * 0.1)) ** 2 + 2
    assert z == pytest.approx(expected, rel=0.08)
    assert np.allclose((events.times / 0.1 - 0.5) % 1, 0, atol=1e-6) or np.allclose(
        np.round(events.times / 0.1 - 0.5), events.times / 0.1 - 0.5, atol=1e-6
    )


def test_noise_is_poisson_and_dead_time_separates_events():
    gaps = np.diff(simulate_events(span=5000.0, rate=2.0, rng=0).times)
    assert stats.kstest(gaps, "expon", args=(0, 0.5)).pvalue > 1e-3
    assert np.diff(simulate_events(span=500.0, rate=5.0, dead_time=0.1, rng=0).times).min() >= 0.1


def test_red_noise_has_its_rms():
    events = simulate_events(span=200_000.0, rate=2.0, red_rms=0.3, red_tau=1000.0, rng=1)
    counts = np.bincount((events.times // 100).astype(int))[:2000]
    excess = np.sqrt(max(0, counts.var() - counts.mean())) / counts.mean()
    assert excess == pytest.approx(0.3, rel=0.2)


def test_occultations_leave_the_share_that_was_asked_for():
    gti = orbit_intervals(100_000.0, share=0.6, flares=2, rng=0)
    assert 0.45 < np.sum(gti[:, 1] - gti[:, 0]) / 100_000 < 0.65
    assert np.all(gti[1:, 0] >= gti[:-1, 1])


def test_off_states_and_waves_are_in_long_term_curves():
    t = np.arange(0.0, 3000.0)
    flat = simulate_long_term(t, superorbital_day=None, rng=0)
    assert flat.std() == pytest.approx(0.15, rel=0.2)
    off = simulate_long_term(t, off_share=0.3, off_dex=2.0, superorbital_dex=0.1, rng=0)
    assert np.mean(off < -1) == pytest.approx(0.3, abs=0.15)


def test_snapshots_have_both_labels_and_limits():
    rows = simulate_snapshots(3, 5, rng=0)
    assert rows["source"].nunique() == 8
    assert rows["upper_limit"].any()


def test_blind_lists_know_their_truth():
    lists = list(blind_lists(3, 1, span=(2e3, 4e3), rng=0))
    assert [one.kind for one in lists] == ["constant", "drift", "orbit", "noise"]
    assert lists[-1].frequency is None
    assert all(len(one.events) > 100 for one in lists)


@pytest.mark.parametrize("bad", [{"pulsed_fraction": 1.2}, {"rate": 0.0}])
def test_impossible_event_lists_are_refused(bad):
    with pytest.raises(ValueError, match="expected within"):
        simulate_events(**bad)
    with pytest.raises(ValueError, match="do not fit"):
        simulate_catalogue(5, 10, n_pulsars=4, n_hidden=4, n_pulsar_rows=5)
