"""Searches: exact, calibrated, honest about aliases, and blind to nothing a detector does."""

import numpy as np
import pytest
from astropy import units as u
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from decan.core.testing import needs_data
from decan.pulx import (
    EventList,
    drift_map,
    epoch_fold,
    fold,
    leahy_power,
    orbit_intervals,
    pulsed_fraction_limit,
    required_exposure,
    search_accelerated,
    search_h,
    search_many,
    search_orbit,
    search_z,
    simulate_events,
    window_aliases,
)
from decan.pulx import nufft as nufft_room
from decan.pulx.archive import DATASETS
from decan.pulx.noise import Continuum
from decan.pulx.nufft import phase_sums
from decan.pulx.significance import SearchVolume, h_tail, z_tail
from decan.pulx.statistics import h_direct, refine, z_direct


def directly(times, frequency):
    turns = np.outer(frequency, times)
    return np.exp(2j * np.pi * (turns - np.rint(turns))).sum(axis=1)


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 200), first=st.floats(-5, 5), span=st.floats(0.1, 1e5),
    oversample=st.floats(1, 10), m=st.integers(1, 300), seed=st.integers(0, 99),
)  # fmt: skip
def test_fast_sums_equal_direct_sums(n, first, span, oversample, m, seed):
    times = np.random.default_rng(seed).uniform(-span, span, n)
    step = 1 / (oversample * span)
    sums = phase_sums(times, first, step, m)
    direct = directly(times, first + step * np.arange(m))
    # The phase of 1e6 turns is known to 1e-10 in a double; the transform itself to 1e-11.
    assert np.max(np.abs(sums - direct)) < 1e-8 * max(1, n)


@pytest.mark.bad_input(19)
def test_blocks_of_trials_and_events_give_the_same_sums(monkeypatch):
    times = np.random.default_rng(0).uniform(0, 1e4, 5000)
    whole = phase_sums(times, 0.1, 2e-5, 20_000)
    monkeypatch.setattr(nufft_room, "_TRIALS_AT_ONCE", 1024)
    monkeypatch.setattr(nufft_room, "_EVENTS_AT_ONCE", 300)
    assert np.max(np.abs(phase_sums(times, 0.1, 2e-5, 20_000) - whole)) < 1e-7


@needs_data(DATASETS, "ngc300_ulx1", "sgr1830", "psrb1509")
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("ngc300_ulx1", 0.02, 1.0), ("sgr1830", 0.05, 1.0), ("psrb1509", 1.0, 10.0)],
)
def test_z_and_h_equal_the_direct_sum_on_real_lists(name, low, high):
    events = DATASETS.load(name)
    times = events.times - events.span / 2
    z, h = search_z(events, low, high), search_h(events, low, high, nharm=4)
    rows = np.append(np.random.default_rng(0).integers(0, len(z.values), 100), z.values.argmax())
    assert np.max(np.abs(z.values[rows] - z_direct(times, z.frequency[rows]))) < 1e-6
    direct = h_direct(times, h.frequency[rows], n_harmonics=4)
    assert np.max(np.abs(h.values[rows] - direct)) < 1e-6


@needs_data(DATASETS, "ngc300_ulx1", "sgr1830", "psrb1509", "m82_chandra")
def test_real_pulsars_are_found_blind_and_the_field_without_one_is_silent():
    for name, low, high, known in (
        ("ngc300_ulx1", 0.02, 1.0, 0.050305),
        ("sgr1830", 0.05, 1.0, 0.095908),
        ("psrb1509", 1.0, 10.0, 6.59612),
    ):
        events = DATASETS.load(name)
        best = search_z(events, low, high).best
        assert abs(best["frequency_hz"] - known) < 1 / (5 * events.span)
        assert best["p_global"] < 1e-10
    assert search_z(DATASETS.load("m82_chandra"), 0.05, 1.1).best["p_global"] > 0.01


@needs_data(DATASETS, "ngc300_ulx1")
def test_the_ten_highest_peaks_of_ngc300_are_one_alias_family():
    events = DATASETS.load("ngc300_ulx1")
    peaks = search_accelerated(events, 0.02, 1.0, zmax=10).peaks(10)
    assert peaks["alias_of"].tolist() == [-1] + [0] * 9
    assert peaks["Z2"].min() > 0.90 * peaks["Z2"].max()
    steps = (peaks["frequency_hz"] - peaks["frequency_hz"][0]).abs() * 2 * 5500
    apart = steps[steps > 0.5]
    assert np.all(np.abs(apart / apart.round() - 1) < 0.05)


def test_two_real_pulsations_are_not_called_aliases_of_each_other():
    gti = orbit_intervals(20_000.0, rng=1)
    both = [
        simulate_events(gti=gti, rate=1.0, frequency=f, pulsed_fraction=0.5, rng=i)
        for i, f in enumerate((0.3, 0.41234))
    ]
    times = np.sort(np.concatenate([one.times + 0 for one in both]))
    peaks = search_z(EventList.from_times(times, gti=both[0].gti), 0.1, 1.0).peaks(12)
    own = peaks[peaks["alias_of"] < 0]["frequency_hz"].to_numpy()
    for frequency in (0.3, 0.41234):
        assert np.min(np.abs(own - frequency)) < 1e-4


@pytest.mark.bad_input(16)
@pytest.mark.parametrize("n_events", [10, 20, 40, 100, 1000])
def test_tails_of_single_trials_are_uniform_in_noise(n_events):
    """Also of fewer than 20 events, where Z² is not chi-square distributed."""
    rng = np.random.default_rng(n_events)
    values = [z_direct(rng.uniform(-50, 50, n_events), [1.1])[0] for _ in range(3000)]
    assert stats.kstest(z_tail(values, 1, n_events), "uniform").pvalue > 0.01


@pytest.mark.bad_input(16)
def test_the_tail_of_several_harmonics_of_few_events_is_monte_carlo():
    rng = np.random.default_rng(3)
    values = [z_direct(rng.uniform(-50, 50, 15), [1.1], n_harmonics=2)[0] for _ in range(2000)]
    assert stats.kstest(z_tail(values, 2, 15), "uniform").pvalue > 0.01


@pytest.mark.bad_input(16)
def test_fewer_than_twenty_events_claim_no_detection():
    events = EventList.from_times(np.arange(15) * 10.0 + 1, gti=[[0, 150]])
    search = search_z(events, 0.05, 0.5)
    assert np.isnan(search.best["p_global"])
    assert any("no claim of detection" in note for note in search.notes)


def test_global_tails_hold_for_searches_of_noise_with_gaps_and_red_noise():
    rng = np.random.default_rng(11)
    p = []
    for _ in range(80):
        gti = orbit_intervals(9000.0, rng=rng)
        events = simulate_events(gti=gti, rate=0.2, red_rms=0.25, red_tau=800.0, rng=rng)
        p.append(search_z(events, 0.02, 0.5).best["p_global"])
    # 4 expected of 80 at 5 %; more than 10 have a probability of 0.2 %.
    assert np.sum(np.array(p) < 0.05) <= 10


def test_thresholds_undo_global_tails():
    volume = SearchVolume.of(np.linspace(0, 1e4, 500), (0.1, 1.0), (-1e-7, 1e-7))
    assert volume.global_tail(volume.threshold(0.01)) == pytest.approx(0.01, rel=1e-4)
    assert float(h_tail(10.0)) == pytest.approx(np.exp(-3.98404))


def test_the_frequency_error_is_that_of_leahy_for_a_sine_without_gaps():
    events = simulate_events(span=4000.0, rate=3.0, frequency=0.5, pulsed_fraction=0.3, rng=2)
    best = search_z(events, 0.4, 0.6).best
    # Ransom et al. 2002, eq. 38: 3 / (π sqrt(6 P)) bins with P = Z²/2.
    expected = np.sqrt(3) / (np.pi * events.span * np.sqrt(best["Z2"]))
    assert best["frequency_err_hz"] == pytest.approx(expected, rel=0.1)


def test_frequency_errors_cover_the_truth_through_gaps():
    pulls = []
    for seed in range(30):
        gti = orbit_intervals(15_000.0, rng=seed)
        events = simulate_events(gti=gti, rate=1.0, frequency=0.2, pulsed_fraction=0.5, rng=seed)
        peak = refine(events.times - events.span / 2, 0.2, with_drift=True)
        pulls.append((peak.frequency - 0.2) / peak.frequency_error)
    assert 0.6 < np.std(pulls) < 1.4


@pytest.mark.bad_input(15)
def test_frequencies_above_nyquist_of_the_frames_are_refused_with_the_limit():
    events = simulate_events(span=500.0, frame_time=0.5, rng=0)
    with pytest.raises(ValueError, match=r"1/\(2 dt\) = 1\.0000 Hz"):
        search_z(events, 0.1, 2.0)


@pytest.mark.bad_input(15, 18)
def test_the_comb_of_the_frames_is_masked_and_listed_beyond_nyquist():
    events = simulate_events(span=500.0, rate=2.0, frame_time=0.5, rng=0)
    search = search_z(events, 0.1, 4.5, beyond_nyquist=True)
    assert any("multiples [1, 2]" in note for note in search.notes)
    offset = abs(search.best["frequency_hz"] / 2.0 - round(search.best["frequency_hz"] / 2.0))
    assert offset * 2.0 > 1 / events.span
    assert search.values.max() > 1.9 * len(events)  # the raw statistic keeps the line


def test_frames_make_no_false_line_below_nyquist():
    """Trap: a naive binned transform gave a power of 123 at 3.29 Hz."""
    events = simulate_events(span=20_000.0, rate=0.6, frame_time=0.0734, rng=4)
    assert search_accelerated(events, 0.02, 5.0, zmax=8).best["p_global"] > 1e-3


def test_a_drifting_pulsation_is_recovered_with_its_drift():
    events = simulate_events(
        span=8000.0, rate=1.5, frequency=0.9, drift=-6e-7, pulsed_fraction=0.35, rng=6
    )
    best = search_accelerated(events, 0.1, 2.0, zmax=50).best
    assert abs(best["frequency_hz"] - 0.9) < 4 * best["frequency_err_hz"]
    assert abs(best["drift_hz_s"] + 6e-7) < 4 * best["drift_err_hz_s"]


def test_summed_harmonics_find_a_drifting_pulse_that_one_harmonic_misses():
    span, drift = 4000.0, 9.2 / 4000.0**2
    events = simulate_events(
        span=span, rate=0.75, frequency=1.488, drift=drift, pulsed_fraction=0.14,
        second_harmonic=1.0, rng=8,
    )  # fmt: skip
    one, two = (search_accelerated(events, 0.1, 2.0, nharm=n, zmax=20) for n in (1, 2))
    assert abs(two.best["frequency_hz"] - 1.488) * span < 0.5
    assert abs(two.best["z"] - 9.2) < 3
    assert two.best["p_global"] < 1e-3 * one.best["p_global"]
    # Z² of both harmonics there is the direct sum, and the pulsed fraction that of the first.
    times = events.times - span / 2
    place = two.best["frequency_hz"], two.best["drift_hz_s"]
    assert two.best["Z2"] == pytest.approx(z_direct(times, *place, n_harmonics=2)[0], rel=1e-9)
    first = z_direct(times, *place)[0]
    assert two.best["pulsed_fraction"] == pytest.approx(np.sqrt(2 * first / len(times)), rel=1e-9)


@pytest.mark.bad_input(15)
def test_harmonics_beyond_the_frames_are_refused_with_the_highest_frequency():
    events = simulate_events(span=500.0, frame_time=0.1, rng=0)
    with pytest.raises(ValueError, match=r"harmonic 2 of fmax 4 Hz .* lower fmax to 2\.5 Hz"):
        search_accelerated(events, 0.1, 4.0, nharm=2)


def test_global_tails_hold_over_drifts_too():
    rng = np.random.default_rng(77)
    lists = (simulate_events(span=3000.0, rate=0.6, rng=rng) for _ in range(100))
    p = [search_accelerated(one, 0.1, 0.6, zmax=8, whiten=False).best["p_global"] for one in lists]
    # Binomial: 20 of 100 expected below 0.2, standard deviation 4.
    assert abs(np.sum(np.array(p) < 0.2) - 20) < 12


def test_a_refined_peak_is_no_lower_than_the_exact_map_around_it():
    events = simulate_events(
        span=3000.0, rate=1.0, frequency=0.4, drift=5e-7, pulsed_fraction=0.5, rng=3
    )
    best = search_accelerated(events, 0.1, 1.0, zmax=12).best
    frequency = best["frequency_hz"] + np.linspace(-1, 1, 41) / events.span
    drift = best["drift_hz_s"] + np.linspace(-2, 2, 21) / events.span**2
    assert drift_map(events, frequency, drift).max() <= best["Z2"] + 1e-6


def test_an_orbit_is_found_on_its_grid():
    events = simulate_events(
        span=40_000.0, rate=0.3, frequency=0.5, pulsed_fraction=0.5, orbit=(1.5, 8.0, 0.0), rng=1
    )
    table = search_orbit(
        events, 0.4995, 0.5005, period_day=[1.5, 3.0], projected_lts=[4.0, 8.0], n_phases=8
    )
    best = table.iloc[0]
    assert (best["period_day"], best["projected_lts"], best["node_s"]) == (1.5, 8.0, 0.0)
    assert best["p_trials"] < 1e-6


def test_the_window_names_the_orbit_of_the_satellite():
    gti = [[0, 3000], [5500, 8500], [11_000, 14_000], [16_500, 19_500]]
    events = EventList.from_times(np.linspace(1, 19_499, 4000), gti=gti)
    strongest = window_aliases(events, n=1).iloc[0]
    assert strongest["offset_hz"] == pytest.approx(1 / 5500, rel=0.03)


def test_folding_divides_by_exposure_so_gaps_make_no_pulse():
    gti = np.array([[k * 100.0, k * 100.0 + 55.0] for k in range(60)])
    events = simulate_events(gti=gti, rate=5.0, rng=0)
    profile = fold(events, 0.01, n_bins=10)
    exposed = profile.rate[profile.counts > 200]
    assert len(exposed) >= 5
    assert np.ptp(exposed) < 0.8  # 5 counts/s, five sigma of 1,000 counts in a bin


def test_epoch_folding_peaks_where_the_pulsation_is():
    events = simulate_events(span=3000.0, rate=3.0, frequency=0.31, pulsed_fraction=0.4, rng=0)
    table = epoch_fold(events, np.linspace(0.308, 0.312, 41))
    assert abs(table["frequency_hz"][table["chi2"].idxmax()] - 0.31) <= 2e-4


def test_the_continuum_finds_red_noise_and_ignores_a_line():
    rng = np.random.default_rng(0)
    f = np.arange(1, 4000) / 2000
    power = rng.exponential(2 + 0.05 / f**1.5)
    power[1500] = 400.0
    fit = Continuum.fit(f, power)
    assert fit.slope == pytest.approx(1.5, abs=0.25)
    assert float(fit(1.0)) == pytest.approx(2.05, abs=0.1)


def test_leahy_powers_have_mean_two_and_their_local_level_follows_red_noise():
    rng = np.random.default_rng(5)
    white = leahy_power(simulate_events(span=2000.0, rate=1.0, rng=rng), 0.05, 1.0)
    assert white.power.mean() == pytest.approx(2, abs=0.15)
    red = leahy_power(
        simulate_events(span=20_000.0, rate=3.0, red_rms=0.4, red_tau=100.0, rng=rng), 0.001, 1.0
    )
    assert red.continuum[5] > 5 * red.continuum[-100]


@needs_data(DATASETS, "m82_chandra_wheel")
def test_the_field_of_the_wheel_equals_that_of_the_folder():
    assert len(DATASETS.load("m82_chandra_wheel")) == 4612


def test_a_range_of_one_trial_gives_that_trial():
    events = simulate_events(span=1000.0, rate=1.0, rng=0)
    search = search_z(events, 0.5, 0.5 + 1e-9)
    assert len(search.peaks()) == 1
    assert search.best["Z2"] == pytest.approx(search.values[0])
    assert 0 < pulsed_fraction_limit(events, 0.5, 0.5 + 1e-9).pulsed_fraction <= 1


@pytest.mark.parametrize(("fmax", "words"), [(np.inf, "0 < fmin < fmax"), (1e9, "independent")])
def test_ranges_without_end_are_refused_before_they_fill_the_memory(fmax, words):
    with pytest.raises(ValueError, match=words):
        search_z(simulate_events(span=1000.0, rate=1.0, rng=0), 0.1, fmax)


def test_frequencies_and_energies_of_many_files_may_have_units(tmp_path):
    table = search_many(
        str(tmp_path / "absent.evt"), tmp_path, fmin=20 * u.mHz, fmax=1 * u.Hz,
        energy=[0.3, 10] * u.keV, progress=False,
    )  # fmt: skip
    assert table["error"].tolist() == [f"{tmp_path / 'absent.evt'}: no such file"]
    events = simulate_events(rate=2.0, frequency=0.3, pulsed_fraction=0.5, rng=0)
    assert fold(events, 300 * u.mHz).chi2 == fold(events, 0.3).chi2
    assert epoch_fold(events, [300, 310] * u.mHz)["frequency_hz"].tolist() == [0.3, 0.31]


def test_times_rates_and_drifts_may_have_any_unit():
    plain = simulate_events(
        span=2000.0, rate=1.0, frequency=0.3, drift=1e-6, pulsed_fraction=0.5, frame_time=0.0734,
        rng=1,
    )  # fmt: skip
    given = simulate_events(
        span=2 * u.ks, rate=1e3 / u.ks, frequency=300 * u.mHz, drift=1e-3 * u.mHz / u.s,
        pulsed_fraction=0.5, frame_time=73.4 * u.ms, rng=1,
    )  # fmt: skip
    assert plain.times == pytest.approx(given.times, abs=1e-9)
    same = search_z(given, 290 * u.mHz, 0.31 * u.Hz, drift=1e-3 * u.mHz / u.s)
    assert same.values == pytest.approx(search_z(plain, 0.29, 0.31, drift=1e-6).values, rel=1e-6)
    assert given.between(0.5 * u.ks, 1 * u.ks).exposure == pytest.approx(500.0)
    assert given.mjd(1 * u.ks)[1] == plain.mjd(1000.0)[1]
    power = leahy_power(given, 100 * u.mHz, 1 * u.Hz).power
    assert power == pytest.approx(leahy_power(plain, 0.1, 1.0).power, rel=1e-6)
    moved = EventList.from_times(
        [1.0, 2.0], gti=[[0, 3]] * u.s, timezero=500 * u.ms, reference=(55000, 0.0)
    )
    assert moved.reference[1] * 86400 == pytest.approx(0.5)
    assert required_exposure(0.1, 300 / u.ks, fmax=5e3 * u.mHz) == pytest.approx(
        required_exposure(0.1, 0.3)
    )
