"""Event lists: what a file says is kept, and what is wrong with it is said."""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits

from decan.core.errors import CorruptFile, SchemaError
from decan.core.testing import needs_data
from decan.pulx import EventList, search_z, simulate_events
from decan.pulx.archive import DATASETS
from decan.pulx.gti import exposure, merge_intervals, window_transform

T = np.linspace(0.5, 99.5, 100)


@pytest.mark.bad_input(11)
def test_mjdreff_as_fortran_text_is_read_and_no_microsecond_is_lost(write_events):
    """Case MJDREFF: gammapy/gammapy#5200."""
    path = write_events(
        [5e8, 5e8 + 1], gti=[[5e8, 5e8 + 10]],
        MJDREFI=51910, MJDREFF="7.428703703703703D-4", TIMEZERO=0.0,
    )  # fmt: skip
    events = EventList.from_fits(path)
    day, rest = events.mjd(events.times[:1])
    # 51910 + 5e8 s / 86400 + 7.428703703703703e-4, in exact thirds: 0.037037... + 0.000742870...
    exact = 5e8 / 86400 - 5787 + 7.428703703703703e-4
    assert day[0] == 57697
    assert abs(rest[0] - exact) * 86400 < 1e-6
    assert day[0] + rest[0] == pytest.approx(57697.037779907407, abs=1e-11)


@pytest.mark.bad_input(11)
def test_mjdreff_that_is_no_number_is_named_and_never_taken_as_zero(write_events):
    path = write_events(T, gti=[[0, 100]], MJDREFI=51910, MJDREFF="unknown")
    with pytest.raises(SchemaError, match="MJDREFF is 'unknown'"):
        EventList.from_fits(path)


@pytest.mark.bad_input(14)
def test_touching_intervals_are_one_and_every_event_is_kept_once():
    """Case GTI: StingraySoftware/stingray#471."""
    times = np.linspace(0.001, 0.999, 50)
    events = EventList.from_times(times, gti=[[0, 0.1 + 0.2], [0.3, 1.0]])
    assert len(events) == 50
    assert len(events.gti) == 1
    assert events.exposure == pytest.approx(1.0)
    assert events.notes == ()


@pytest.mark.bad_input(14)
def test_a_true_overlap_is_merged_and_counted():
    times = np.linspace(0.001, 0.999, 50)
    events = EventList.from_times(times, gti=[[0, 0.35], [0.3, 1.0]])
    assert events.exposure == pytest.approx(1.0)
    assert events.notes == ("1 overlapping good-time interval merged",)


@pytest.mark.bad_input(14)
def test_reversed_intervals_are_refused_with_their_row():
    with pytest.raises(ValueError, match="row 1 is"):
        EventList.from_times(T, gti=[[0, 50], [100, 60]])


@pytest.mark.bad_input(14)
def test_events_outside_good_time_are_dropped_with_a_count():
    events = EventList.from_times(T, gti=[[0, 50]])
    assert len(events) == 50
    assert events.notes == ("50 events outside good time dropped",)


@pytest.mark.bad_input(13)
def test_unsorted_times_are_sorted_duplicates_kept_and_nan_counted():
    events = EventList.from_times([3.0, 1.0, np.nan, 3.0], gti=[[0, 10]])
    assert events.times.tolist() == [1.0, 3.0, 3.0]
    assert events.notes == ("1 event without a finite time dropped", "times were not sorted")


@pytest.mark.bad_input(12)
def test_without_intervals_good_time_is_from_first_to_last_event_with_a_warning(write_events):
    with pytest.warns(UserWarning, match="no good-time intervals"):
        events = EventList.from_fits(write_events(T))
    assert events.gti.tolist() == [[0.0, 99.0]]


@pytest.mark.bad_input(11)
def test_timezero_is_added_and_without_reference_no_mjd_is_claimed(write_events):
    events = EventList.from_fits(write_events(T, gti=[[0, 100]], TIMEZERO=0.25))
    assert "TIMEZERO 0.25 s added" in events.notes
    assert "no time reference in the header: times are relative" in events.notes
    with pytest.raises(ValueError, match="no time reference"):
        events.mjd(0.0)


@pytest.mark.bad_input(10)
def test_topocentric_times_are_searched_and_marked(write_events):
    path = write_events(T, gti=[[0, 100]], TIMESYS="TT", TIMEREF="LOCAL")
    search = search_z(EventList.from_fits(path), 0.05, 0.4)
    assert search.timing == "topocentric"
    assert any("motion of Earth and satellite" in note for note in search.notes)


@pytest.mark.parametrize("keywords", [{"TIMEREF": "SOLARSYSTEM"}, {"TIMESYS": "TDB"}])
def test_barycentred_times_are_known_as_such(write_events, keywords):
    assert EventList.from_fits(write_events(T, gti=[[0, 100]], **keywords)).barycentred


def test_lower_case_columns_and_energies_are_found(write_events):
    energy = fits.Column("PI", "J", array=np.where(T < 50, 100, 2000))
    path = write_events(T, gti=[[0, 100]], columns=[energy], TELESCOP="NICER")
    assert len(EventList.from_fits(path, energy=(0.3, 10))) == 50


def test_energies_of_an_unknown_mission_are_not_guessed(write_events):
    with pytest.raises(ValueError, match="channels of 'NEW'"):
        EventList.from_fits(write_events(T, gti=[[0, 100]], TELESCOP="NEW"), energy=(0.3, 10))


def test_patterns_and_flags_of_xmm_are_selected_and_the_frame_time_is_known(write_events):
    columns = [
        fits.Column("PATTERN", "J", array=np.arange(100) % 10),
        fits.Column("FLAG", "J", array=np.zeros(100)),
        fits.Column("PI", "J", array=np.full(100, 1000)),
    ]
    path = write_events(
        T, gti=[[0, 100]], columns=columns, TELESCOP="XMM", INSTRUME="EPN",
        SUBMODE="PrimeFullWindow",
    )  # fmt: skip
    events = EventList.from_fits(path)
    assert len(events) == 50
    assert events.frame_time == 0.0734


def test_a_file_that_is_no_fits_or_has_no_events_is_named(tmp_path):
    broken = tmp_path / "broken.fits"
    broken.write_bytes(b"SIMPLE  = garbage")
    with pytest.raises(CorruptFile, match=r"broken\.fits"):
        EventList.from_fits(broken)
    empty = tmp_path / "empty.fits"
    fits.PrimaryHDU(np.zeros((2, 2))).writeto(empty)
    with pytest.raises(SchemaError, match="no event extension"):
        EventList.from_fits(empty)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_a_compressed_file_that_was_cut_is_called_cut_wherever_it_ends(write_events, share):
    import gzip

    rng = np.random.default_rng(0)
    path = write_events(np.sort(rng.uniform(0, 5e4, 9000)), gti=[[0, 5e4]])
    whole = gzip.compress(path.read_bytes())
    cut = path.with_suffix(".evt.gz")
    cut.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CorruptFile, match=r"events\.evt\.gz: .*(ends early|ended before|cut)"):
        EventList.from_fits(cut)


def test_good_time_far_beyond_the_last_event_of_a_cut_file_is_cut_too():
    times = np.sort(np.random.default_rng(0).uniform(0, 1000, 2000))
    events = EventList.from_times(times, gti=[[0, 20_000]])
    assert events.span < 1001
    assert any("without any event" in note for note in events.notes)


@pytest.mark.bad_input(11)
@needs_data(DATASETS, "fake_timezero", "fake_plain")
def test_timezero_moves_times_and_intervals_together():
    plain, moved = DATASETS.load("fake_plain"), DATASETS.load("fake_timezero")
    assert np.allclose(plain.times, moved.times)
    # 0.2 s later on the clock of the mission.
    step = (moved.reference[1] - plain.reference[1]) * 86400
    assert step == pytest.approx(0.2, abs=1e-5)


def test_the_window_transform_equals_numerical_integration():
    gti = np.array([[0.0, 300.0], [550.0, 800.0]])
    t = np.concatenate([np.linspace(a, b, 40_001)[:-1] + (b - a) / 8e4 for a, b in gti])
    weight = np.repeat((gti[:, 1] - gti[:, 0]) / 4e4, 40_000) / exposure(gti)
    f, fdot = np.array([0.001, 0.02]), np.array([1e-5, -3e-6])
    direct = [
        np.sum(weight * np.exp(2j * np.pi * (a * t + b * t**2 / 2)))
        for a, b in zip(f, fdot, strict=True)
    ]
    assert np.allclose(window_transform(gti, f, fdot), direct, atol=1e-6)
    flat = [np.sum(weight * np.exp(2j * np.pi * a * t)) for a in f]
    assert np.allclose(window_transform(gti, f), flat, atol=1e-6)


def test_merging_keeps_the_covered_time():
    merged, _ = merge_intervals([[5, 6], [0, 2], [1, 3]])
    assert exposure(merged) == pytest.approx(4.0)


def test_a_stingray_list_comes_over_with_its_intervals():
    from types import SimpleNamespace

    theirs = SimpleNamespace(time=T, gti=[[0, 100]], mjdref=55000.5, timesys="tdb",
                             timeref="solarsystem")  # fmt: skip
    ours = EventList.from_stingray(theirs)
    assert (len(ours), ours.barycentred, ours.reference) == (100, True, (55000, 0.5))


def test_a_part_of_a_list_keeps_its_intervals():
    part = simulate_events(span=100.0, rate=2.0, rng=0).between(20.0, 60.0)
    assert part.exposure == pytest.approx(40.0)
    assert part.times.min() >= 20.0


REFERENCE = {"MJDREFI": 51910, "MJDREFF": 7.428703703703703e-4}


@pytest.mark.bad_input(11)
def test_a_time_zero_in_two_parts_is_their_sum(write_events):
    parts = {"TIMEZERI": 100, "TIMEZERF": 0.5}
    moved = EventList.from_fits(write_events(T, gti=[[0, 100]], **REFERENCE, **parts))
    plain = EventList.from_fits(write_events(T, gti=[[0, 100]], **REFERENCE))
    assert (moved.reference[1] - plain.reference[1]) * 86400 == pytest.approx(100.5, abs=1e-6)


@pytest.mark.bad_input(11)
def test_a_reference_in_the_primary_header_alone_is_found(write_events):
    path = write_events(T, gti=[[0, 100]])
    with fits.open(path, mode="update") as hdus:
        hdus[0].header.update(REFERENCE)
    assert EventList.from_fits(path).reference[0] == 51910


def test_times_in_days_are_days_and_other_units_are_refused(write_events):
    path = write_events(T / 86400, gti=[[0, 100 / 86400]], TIMEUNIT="d")
    assert EventList.from_fits(path).exposure == pytest.approx(100.0)
    with pytest.raises(SchemaError, match="TIMEUNIT is 'fortnight'"):
        EventList.from_fits(write_events(T, gti=[[0, 100]], TIMEUNIT="fortnight"))


def test_intervals_of_no_length_are_left_out_of_files(write_events):
    path = write_events(T, gti=[[0, 50], [50, 50], [50, 100]])
    assert EventList.from_fits(path).exposure == pytest.approx(100.0)


def test_times_at_the_centre_of_the_earth_are_not_barycentred(write_events):
    path = write_events(T, gti=[[0, 100]], TIMESYS="TDB", TIMEREF="GEOCENTRIC")
    assert not EventList.from_fits(path).barycentred


def test_masked_times_are_dropped_and_counted():
    events = EventList.from_times(np.ma.masked_less(T, 50.0), gti=[[0, 100]])
    assert events.times.min() >= 0
    assert len(events) == np.sum(T >= 50)
    assert "without a finite time dropped" in events.notes[0]


def test_good_time_of_chandra_is_that_of_the_chips_with_events(write_events):
    chip = fits.Column("CCD_ID", "I", array=np.full(len(T), 7))
    path = write_events(T, gti=[[0, 40]], columns=[chip], TELESCOP="CHANDRA")
    with fits.open(path, mode="update") as hdus:
        hdus["GTI"].header["CCD_ID"] = 3
        bounds = [fits.Column(n, "D", array=[v]) for n, v in (("START", 0.0), ("STOP", 100.0))]
        hdus.append(fits.BinTableHDU.from_columns(bounds, name="GTI"))
        hdus[-1].header["CCD_ID"] = 7
    assert EventList.from_fits(path).exposure == pytest.approx(100.0)


@pytest.mark.parametrize("band", [(0.3, 10), (300 * u.eV, 10 * u.keV), [300, 10_000] * u.eV])
def test_energies_may_have_units(write_events, band):
    channel = fits.Column("PI", "J", array=np.where(np.arange(len(T)) < 60, 100, 5))
    path = write_events(T, gti=[[0, 100]], columns=[channel], TELESCOP="NICER")
    assert len(EventList.from_fits(path, energy=band)) == 60


@pytest.mark.parametrize(
    ("band", "words"),
    [((10, 0.3), "lowest and highest"), ((0.3,), "lowest and highest"),
     ((300, 10_000), "no event between 300 and 10000 keV; those of the file have 0.05 to 1 keV")],
)  # fmt: skip
def test_bands_without_any_event_say_why(write_events, band, words):
    channel = fits.Column("PI", "J", array=np.where(np.arange(len(T)) < 60, 100, 5))
    path = write_events(T, gti=[[0, 100]], columns=[channel], TELESCOP="NICER")
    with pytest.raises(ValueError, match=words):
        EventList.from_fits(path, energy=band)
