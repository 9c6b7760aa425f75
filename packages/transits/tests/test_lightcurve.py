import os
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable, Table
from astropy.time import Time, TimeDelta
from astropy.timeseries import TimeSeries
from astropy.utils.masked import Masked

from decan.core.errors import CorruptFile, DataNotAvailable, SchemaError
from decan.transits import LightCurve, TransitSignal


def kepler_file(path: Path, quarter: int = 3, *, start: float = 260.0) -> Path:
    n = 200
    time = start + 0.0204 * np.arange(n)
    flux = np.full(n, 4.0e4, dtype=np.float32)
    flux[5] = np.nan
    quality = np.zeros(n, dtype=np.int32)
    quality[10] = 8
    columns = [
        fits.Column("TIME", "D", unit="BJD - 2454833", array=time),
        fits.Column("PDCSAP_FLUX", "E", array=flux),
        fits.Column("PDCSAP_FLUX_ERR", "E", array=np.full(n, 7.0)),
        fits.Column("SAP_QUALITY", "J", array=quality),
        fits.Column("MOM_CENTR1", "D", array=np.full(n, 475.9) + 0.1),
        fits.Column("MOM_CENTR2", "D", array=np.full(n, 482.6)),
        fits.Column("POS_CORR1", "E", array=np.full(n, 0.1)),
        fits.Column("POS_CORR2", "E", array=np.zeros(n)),
    ]
    primary = fits.PrimaryHDU()
    primary.header.update(
        TELESCOP="Kepler", OBJECT="KIC 11442793", QUARTER=quarter, TEFF=5970, RADIUS=1.2
    )
    table = fits.BinTableHDU.from_columns(columns)
    table.header.update(BJDREFI=2454833, BJDREFF=0.0)
    fits.HDUList([primary, table]).writeto(path)
    return path


def test_a_kepler_file_is_read_with_its_time_system_star_and_quality_mask(tmp_path):
    curve = LightCurve.read(kepler_file(tmp_path / "kplr.fits"))
    assert curve.time_format == "bkjd"
    assert curve.meta["teff"] == 5970
    assert len(curve) == 198
    assert curve.dropped == {"flagged": 1, "NaN": 1, "repeated": 0}


def test_quarters_are_joined_and_normalised_apart(tmp_path):
    first = kepler_file(tmp_path / "a.fits", 3)
    second = kepler_file(tmp_path / "b.fits", 4, start=352.0)
    curve = LightCurve.read(first, second)
    assert set(curve.segment) == {3, 4}
    np.testing.assert_allclose(curve.flux, 1.0, rtol=1e-6)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.8])
def test_a_truncated_file_is_a_corrupt_file(tmp_path, share):
    path = kepler_file(tmp_path / "kplr.fits")
    os.truncate(path, int(path.stat().st_size * share))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises((CorruptFile, SchemaError), match=r"kplr\.fits"):
            LightCurve.read(path)


def test_a_missing_file_is_named():
    with pytest.raises(DataNotAvailable, match=r"nowhere\.fits"):
        LightCurve.read("nowhere.fits")


def test_a_table_without_flux_names_the_columns_found(tmp_path):
    path = tmp_path / "star.csv"
    path.write_text("time,brightness\n1,2\n2,3\n")
    with pytest.raises(SchemaError, match="brightness"):
        LightCurve.read(path)


@pytest.mark.bad_input(4)
def test_rows_are_sorted_and_what_is_dropped_is_counted():
    curve = LightCurve([3.0, 1.0, 2.0, 2.0], [1.0, 1.0, np.nan, 1.0])
    assert curve.time.tolist() == [1.0, 2.0, 3.0]
    curve = LightCurve([3.0, 1.0, 2.0, 2.0], [1.0, 1.0, 1.1, 1.0])
    assert curve.dropped["repeated"] == 1


@pytest.mark.bad_input(4)
def test_errors_that_are_not_positive_are_replaced_with_a_warning():
    with pytest.warns(UserWarning, match="1 values are not positive"):
        curve = LightCurve([1, 2, 3], [1, 1, 1], flux_err=[0.1, 0.0, 0.3])
    assert curve.flux_err[1] == pytest.approx(0.2)


@pytest.mark.bad_input(7)
@pytest.mark.parametrize("name", ["halo", "core", "quality", "flux_err"])
def test_columns_of_another_length_are_refused_with_both_lengths(name):
    with pytest.raises(ValueError, match=f"{name}: has 2 rows, but time has 3"):
        LightCurve([1, 2, 3], [1, 1, 1], **{name: [1, 1]})


@pytest.mark.bad_input(7)
def test_centroids_of_another_length_are_refused():
    with pytest.raises(ValueError, match="centroid: has 2 rows, but time has 3"):
        LightCurve([1, 2, 3], [1, 1, 1], centroid=np.zeros((2, 2)))


def test_a_curve_around_zero_is_refused():
    with pytest.raises(ValueError, match="add 1"):
        LightCurve([1, 2, 3], [-0.1, 0.0, 0.1])


@pytest.mark.bad_input(1)
@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("period_day", (0.0, 1.0, 1.0)),
        ("period_day", (np.nan, 1.0, 1.0)),
        ("epoch", (1.0, np.inf, 1.0)),
        ("duration_hour", (1.0, 1.0, -1.0)),
    ],
)
def test_impossible_signals_are_refused_and_the_field_named(field, values):
    with pytest.raises(ValueError, match=field):
        TransitSignal(*values)


@pytest.mark.bad_input(2)
def test_a_duration_in_minutes_is_refused_with_the_guess():
    with pytest.raises(ValueError, match=r"in minutes, pass 3\.32"):
        TransitSignal(3.28987, 1327.5, 199.09)


@pytest.mark.bad_input(2)
def test_a_duration_in_days_is_warned_about_with_the_guess():
    with pytest.warns(UserWarning, match=r"looks like days; if it is, pass 3\.32"):
        TransitSignal(3.28987, 1327.5, 199.09 / 1440)


def test_quantities_and_times_are_accepted():
    signal = TransitSignal(79.0 * u.hour, Time(2458327.5, format="jd", scale="tdb"), 0.1 * u.day)
    assert signal.period_day == pytest.approx(79 / 24)
    assert signal.duration_hour == pytest.approx(2.4)
    assert signal.epoch_in("btjd") == pytest.approx(1327.5)


def test_a_depth_as_a_pure_quantity_is_a_fraction():
    assert TransitSignal(3.0, 1.0, 2.0, 0.01 * u.one).depth_ppm == pytest.approx(1e4)


@pytest.mark.bad_input(2)
def test_a_duration_of_more_than_a_quarter_of_the_period_is_warned_about():
    with pytest.warns(UserWarning, match="30% of the period"):
        TransitSignal(1.0, 0.0, 7.2)


MASKED = {
    "numpy": lambda flux, mask: np.ma.array(flux, mask=mask),
    "astropy": lambda flux, mask: Masked(flux, mask=mask),
    "quantity": lambda flux, mask: Masked(flux * u.electron / u.s, mask=mask),
}


@pytest.mark.parametrize("kind", MASKED)
def test_masked_flux_is_dropped_and_counted_as_nan(kind):
    mask = np.arange(100) == 7
    flux = np.where(mask, 1e4, 1.0)
    curve = LightCurve(np.arange(100.0), MASKED[kind](flux, mask))
    assert curve.dropped["NaN"] == 1
    assert curve.flux.max() == 1.0


@pytest.mark.parametrize(
    ("time_format", "first"), [(None, 2458000.5), ("btjd", 1000.5), ("bkjd", 3167.5)]
)
def test_a_time_in_another_format_is_taken_in_the_system_of_the_curve(time_format, first):
    time = Time(58000.0 + np.arange(10), format="mjd", scale="tdb")
    curve = LightCurve(time, np.ones(10), time_format=time_format)
    assert curve.time_format == (time_format or "bjd")
    assert curve.time[0] == pytest.approx(first, abs=1e-9)


def test_utc_is_converted_to_tdb():
    time = Time(2458000.5 + np.arange(3), format="jd", scale="utc")
    # 37 leap seconds and 32.184 s; TDB differs from TT by less than 2 ms.
    shift = LightCurve(time, np.ones(3)).time[0] - 2458000.5
    assert shift * 86400 == pytest.approx(69.184, abs=3e-3)


def test_an_error_in_another_unit_is_converted_to_that_of_the_flux():
    flux = np.full(5, 1000.0) * u.electron / u.s
    error = np.full(5, 0.002) * u.electron / u.ms
    np.testing.assert_allclose(LightCurve(np.arange(5.0), flux, flux_err=error).flux_err, 0.002)


def test_an_absent_flag_drops_nothing():
    quality = np.array([0.0, np.nan, 8.0, 0.0])
    curve = LightCurve(np.arange(4.0), np.ones(4), quality=quality)
    assert curve.dropped == {"flagged": 1, "NaN": 0, "repeated": 0}


def test_a_halo_without_data_is_quiet_and_one_around_zero_is_left_out_with_a_warning():
    time, flux = np.arange(10.0), np.ones(10)
    assert np.isnan(LightCurve(time, flux, core=flux, halo=np.full(10, np.nan)).halo).all()
    with pytest.warns(UserWarning, match="halo: the median of segment 0"):
        curve = LightCurve(time, flux, core=flux, halo=np.zeros(10))
    assert np.isnan(curve.halo).all()


@pytest.mark.parametrize("name", ["time", "flux"])
def test_what_is_no_number_is_refused_by_name(name):
    for wrong in (None, ["a", "b", "c"]):
        columns = {"time": np.arange(3.0), "flux": np.ones(3), name: wrong}
        with pytest.raises(ValueError, match=rf"^{name}: .*expected"):
            LightCurve(**columns)


@pytest.mark.parametrize("form", ["ecsv", "fits", "vot"])
def test_times_of_a_table_are_converted_to_days(tmp_path, form):
    days = 1325 + 0.1 * np.arange(50)
    path = tmp_path / f"star.{form}"
    table = QTable({"time": (days * 24) * u.h, "flux": np.ones(50)})
    table.write(path, **({"format": "votable"} if form == "vot" else {}))
    np.testing.assert_allclose(LightCurve.read(path).time, days)


def test_a_table_with_a_named_time_system_keeps_it(tmp_path):
    path = tmp_path / "star.csv"
    path.write_text("BTJD,Flux\n1325,1\n1326,1\n")
    assert LightCurve.read(path).time_format == "btjd"


def mission_file(path, *, level=1000.0, drop=(), **header):
    n = 50
    columns = {"TIME": 100.0 + header.get("CAMPAIGN", 0) + np.arange(n) / 48,
               "SAP_FLUX": np.full(n, level), "SAP_FLUX_ERR": np.ones(n),
               "SAP_QUALITY": np.zeros(n), "QUALITY": np.zeros(n)}  # fmt: skip
    made = [fits.Column(k, "D", array=v) for k, v in columns.items() if k not in drop]
    table = fits.BinTableHDU.from_columns(made)
    primary = fits.PrimaryHDU()
    for key, value in header.items():
        (table if key.startswith("BJD") else primary).header[key] = value
    fits.HDUList([primary, table]).writeto(path)
    return path


def test_campaigns_of_k2_are_normalised_apart(tmp_path):
    star = {"TELESCOP": "Kepler", "OBJECT": "EPIC 1", "BJDREFI": 2454833, "BJDREFF": 0.0}
    files = [
        mission_file(tmp_path / f"{c}.fits", level=level, CAMPAIGN=c, **star)
        for c, level in ((5, 1000.0), (18, 1300.0))
    ]
    np.testing.assert_allclose(LightCurve.read(*files).flux, 1.0)


def test_a_tess_file_without_errors_is_read(tmp_path):
    star = {"TELESCOP": "TESS", "OBJECT": "TIC 1", "SECTOR": 1, "BJDREFI": 2457000, "BJDREFF": 0.0}
    path = mission_file(tmp_path / "qlp.fits", drop=("SAP_FLUX_ERR",), **star)
    curve = LightCurve.read(path)
    assert curve.flux_err is None
    assert curve.time_format == "btjd"


@pytest.mark.parametrize(
    ("reference", "found"), [({}, None), ({"BJDREFI": "2457000", "BJDREFF": "0.0D0"}, "btjd")]
)
def test_a_reference_that_is_absent_or_text_is_not_taken_for_zero(tmp_path, reference, found):
    star = {"TELESCOP": "TESS", "OBJECT": "TIC 1", "SECTOR": 1}
    path = mission_file(tmp_path / "odd.fits", **star, **reference)
    assert LightCurve.read(path).time_format == found


@pytest.mark.parametrize("value", [None, "five", np.array([5.0, 6.0]), 5 * u.m])
def test_a_period_that_is_no_time_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"^period_day: expected one number"):
        TransitSignal(value, 1.0, 2.0)


def test_an_epoch_in_julian_days_is_shown_to_the_second():
    signal = TransitSignal(5.0, 2458327.51412, 2.0, time_format="bjd")
    assert "T0 = 2458327.51412 BJD" in str(signal)
    assert "2458327.51 to 2458330.51 d" in repr(LightCurve(2458327.51 + np.arange(4), np.ones(4)))


def test_columns_of_a_table_carry_their_units_and_masks():
    days = 1325 + 0.1 * np.arange(50)
    table = Table({"t": 24 * days, "f": np.ma.array(np.ones(50), mask=np.arange(50) == 3)})
    table["t"].unit = "h"
    curve = LightCurve(table["t"], table["f"], flux_err=np.full(50, 0.1) * u.percent)
    np.testing.assert_allclose(curve.time, np.delete(days, 3))
    assert curve.dropped["NaN"] == 1
    error = LightCurve(days, np.ones(50) * u.one, flux_err=np.full(50, 0.1) * u.percent).flux_err
    np.testing.assert_allclose(error, 0.001)


def test_errors_that_are_all_absent_are_no_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        curve = LightCurve(np.arange(5.0), np.ones(5), flux_err=np.full(5, np.nan))
    assert curve.flux_err is None


def test_a_time_series_of_astropy_is_read_with_its_time(tmp_path):
    time = Time(2458325.0 + np.arange(5), format="jd", scale="tdb")
    TimeSeries(time=time, data={"flux": np.ones(5)}).write(tmp_path / "star.ecsv")
    curve = LightCurve.read(tmp_path / "star.ecsv")
    assert curve.time_format == "bjd"
    np.testing.assert_allclose(curve.time, time.jd, atol=1e-9)


def test_a_folded_curve_is_refused():
    with pytest.raises(ValueError, match=r"^curve: expected times, found phases"):
        LightCurve.from_lightkurve(
            SimpleNamespace(time=TimeDelta(np.linspace(-0.5, 0.5, 5), format="jd"))
        )


def test_a_file_with_a_plain_flux_and_without_flags_is_read(tmp_path):
    star = {"TELESCOP": "TESS", "OBJECT": "TIC 1", "SECTOR": 1, "BJDREFI": 2457000}
    path = mission_file(tmp_path / "lc.fits", drop=("QUALITY", "SAP_QUALITY"), **star)
    with fits.open(path, mode="update") as hdus:
        hdus[1].columns.change_name("SAP_FLUX", "FLUX")
    assert len(LightCurve.read(path)) == 50
