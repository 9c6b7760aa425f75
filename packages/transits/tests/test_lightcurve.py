import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.time import Time

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
