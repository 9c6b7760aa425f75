"""Bad input: every row of what users did to other tools, and one line for each."""

import warnings

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Table
from astropy.utils.masked import Masked

from decan.core.errors import SchemaError
from decan.stellar_mass import StellarMassEstimator, decompose
from decan.stellar_mass.archive import hatlas_table
from decan.stellar_mass.inputs import as_columns, check_redshift, clean_sentinels
from decan.stellar_mass.photometry import asinh_magnitude, flux_from_asinh, luptitude
from decan.stellar_mass.pixels import binned_twice, check_cutouts, normalised


@pytest.fixture
def columns():
    rng = np.random.default_rng(0)
    mass = rng.uniform(9, 11, 120)
    table = pd.DataFrame({"mag_r": 27 - mass + rng.normal(0, 0.2, 120)})
    return table.assign(mag_i=table["mag_r"] - 0.3 + rng.normal(0, 0.1, 120)), mass


@pytest.mark.bad_input(1)
@pytest.mark.parametrize("value", [-9999.0, 9999.0, -99.0, 99.0, 0.0])
def test_sentinels_are_counted_once_and_never_trained_on(columns, value):
    table, mass = columns
    table = table.copy()
    table.loc[:4, "mag_r"] = value
    model = StellarMassEstimator(members=1, epochs=1, random_state=0, progress=False)
    with pytest.warns(UserWarning, match="mag_r 5") as seen:
        model.fit(table, mass)
    assert len([w for w in seen if "missing" in str(w.message)]) == 1
    assert model.members_.features.centre_[0] == pytest.approx(17, abs=0.5)


@pytest.mark.bad_input(2)
@pytest.mark.parametrize("bad", [np.nan, 5.0, 13.0])
def test_a_target_outside_is_refused_with_count_and_range(columns, bad):
    table, mass = columns
    mass = mass.copy()
    mass[3] = bad
    model = StellarMassEstimator(members=1, epochs=1, progress=False)
    with pytest.raises(ValueError, match="1 of 120 values"):
        model.fit(table, mass)


@pytest.mark.bad_input(4)
def test_a_target_among_the_inputs_is_named(columns):
    table, mass = columns
    near = 2 * mass + np.random.default_rng(1).normal(0, 0.01, 120)
    with pytest.warns(UserWarning, match="'copy' correlates with y"):
        decompose(table, pd.DataFrame({"copy": near}), mass, estimator="copula", rng=0)


@pytest.mark.bad_input(4)
@pytest.mark.parametrize("name", ["mu_delta", "specsfr_tot_p50", "logm_halo", "abs_mag_r"])
def test_a_column_derived_from_the_mass_is_named(columns, name):
    table, mass = columns
    noise = pd.DataFrame({name: np.random.default_rng(1).normal(5, 1, 120)})
    with pytest.warns(UserWarning, match=f"'{name}' sounds derived"):
        decompose(table, noise, mass, estimator="copula", rng=0)


@pytest.mark.bad_input(8)
@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.ones((2, 8, 8, 5)), "bands seem to stand last"),
        (np.ones((5, 8, 8)), "shape"),
        (np.stack([np.ones((5, 8, 8)), np.r_[np.ones((4, 8, 8)), np.zeros((1, 8, 8))]]),
         "object 1, band 4 is zero"),
        (np.where(np.arange(64).reshape(8, 8) < 30, np.nan, np.ones((2, 5, 8, 8))),
         "object 0 has 47 % NaN"),
    ],
)  # fmt: skip
def test_cutouts_that_are_none_are_refused_by_object(pixels, words):
    with pytest.raises(ValueError, match=words):
        check_cutouts(pixels)


@pytest.mark.bad_input(8)
def test_negative_fluxes_in_cutouts_are_legal():
    assert check_cutouts(-np.ones((1, 5, 8, 8))).min() == -1


@pytest.mark.bad_input(9)
@pytest.mark.parametrize("value", [-3.0, 63.1])
def test_fluxes_in_a_column_of_magnitudes_are_refused(columns, value):
    table, mass = columns
    table = table.copy()
    table.loc[7, "mag_r"] = value
    with pytest.raises(ValueError, match="'mag_r' has 1 values outside 0 to 40 mag"):
        decompose(table[["mag_r"]], table[["mag_i"]], mass, estimator="copula")


@pytest.mark.bad_input(9)
def test_vega_beside_ab_is_refused(columns):
    table, mass = columns
    mixed = pd.DataFrame({"w1mpro": table["mag_r"], "mag_w2_ab": table["mag_i"]})
    with pytest.raises(ValueError, match="Vega"):
        decompose(table, mixed, mass, estimator="copula")


@pytest.mark.bad_input(10)
def test_a_group_on_both_sides_is_impossible():
    from decan.core.data.splits import check_no_leak

    with pytest.raises(ValueError, match="also in training"):
        check_no_leak(["g1", "g2"], ["g2"])


@pytest.mark.bad_input(11)
def test_redshifts_that_give_no_distance_are_refused():
    with pytest.raises(ValueError, match=r"row 2 is -0\.01"):
        check_redshift([0.1, 0.2, -0.01])


@pytest.mark.bad_input(11)
def test_the_estimator_refuses_redshifts_that_give_no_distance(columns):
    table, mass = columns
    model = StellarMassEstimator(members=1, epochs=1, progress=False)
    with pytest.raises(ValueError, match=r"'z_spec': row 5 is -0\.01 \(1 of 120"):
        model.fit(table.assign(z_spec=np.where(np.arange(120) == 5, -0.01, 0.1)), mass)


@pytest.mark.bad_input(12)
def test_empty_fields_between_single_blanks_are_gaps_and_shift_nothing(tmp_path):
    path = tmp_path / "fluxes.mag"
    path.write_text("id z_bin u g r\nG1 0.01  2.0 3.0\nG2 0.03 1.0  3.5\n")
    table = hatlas_table(path)
    assert table["r"].tolist() == [3.0, 3.5]
    assert np.isnan(table.loc[0, "u"])
    path.write_text("id z_bin u g r\nG1 0.01 2.0 3.0\n")
    with pytest.raises(SchemaError, match="line 2 has 4 fields"):
        hatlas_table(path)


def test_text_and_infinities_are_refused_by_column():
    with pytest.raises(ValueError, match="'band'"):
        as_columns(pd.DataFrame({"band": ["g", "r"]}), "x1")
    with pytest.raises(ValueError, match="row 1, column 'f' is infinite"):
        as_columns(pd.DataFrame({"f": [1.0, np.inf]}), "x1")


@pytest.mark.bad_input(15)
@pytest.mark.parametrize(
    ("band", "magnitude", "flux"),
    [("r", 18.0, 63.096), ("r", 24.0, 0.1939), ("r", 24.802, 0.0), ("r", 25.5, -0.1651),
     ("z", 22.0, 1.2394), ("z", 24.0, -1.9289)],
)  # fmt: skip
def test_sdss_magnitudes_are_asinh_both_ways(band, magnitude, flux):
    found = flux_from_asinh(magnitude, band)
    assert found == pytest.approx(flux, abs=1e-3)
    assert asinh_magnitude(found, band) == pytest.approx(magnitude, abs=1e-6)


def test_bright_fluxes_are_ordinary_magnitudes_after_compression():
    flux = np.array([50.0, 500.0])
    assert luptitude(flux, 0.1) == pytest.approx(-2.5 * np.log10(flux), abs=1e-3)


def test_normalised_cutouts_know_no_brightness():
    shape = np.random.default_rng(0).uniform(0.5, 1, (1, 1, 4, 4))
    pixels = np.concatenate([shape, 7 * shape])
    out = normalised(pixels, pixels.sum((2, 3)), lowest_percentile=[0])
    assert np.allclose(out[0], out[1])


def test_no_warning_without_a_reason(columns):
    table, mass = columns
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decompose(table[["mag_r"]], table[["mag_i"]], mass, estimator="copula", rng=0)


MASKED = {
    "numpy": lambda x, mask: np.ma.array(x, mask=mask),
    "astropy": lambda x, mask: Masked(x, mask=mask),
    "table": lambda x, mask: Table({"x": np.ma.array(x, mask=mask)}),
    "pandas": lambda x, mask: pd.Series(np.where(mask, np.nan, x)).astype("Float64"),
    "object": lambda x, mask: pd.Series([None if m else v for v, m in zip(x, mask, strict=True)],
                                        dtype=object),
}  # fmt: skip


@pytest.mark.parametrize("kind", MASKED)
def test_what_is_masked_is_missing_whatever_holds_it(kind):
    mask = np.arange(6) < 2
    found = as_columns(MASKED[kind](np.where(mask, -9999.0, 1.5), mask), "x").values[:, 0]
    np.testing.assert_array_equal(found, np.where(mask, np.nan, 1.5))


@pytest.mark.parametrize("kind", ["rec", "fits"])
def test_structured_arrays_are_tables(kind):
    table = Table({"a": np.arange(3, dtype=">f4"), "b": np.arange(3) + 0.5})
    values = table.as_array() if kind == "rec" else fits.BinTableHDU(table).data
    found = as_columns(values, "x")
    assert found.names == ("a", "b")
    np.testing.assert_array_equal(found.values, [[0, 0.5], [1, 1.5], [2, 2.5]])


def test_99_among_whole_numbers_is_a_number_and_apart_from_them_is_none():
    counts = np.arange(100.0)
    apart = np.r_[np.arange(20.0), 99.0]
    assert np.isfinite(clean_sentinels(as_columns(counts, "x"), "x").values).all()
    with pytest.warns(UserWarning, match="x0 1"):
        assert np.isnan(clean_sentinels(as_columns(apart, "x"), "x").values[-1, 0])


@pytest.mark.parametrize(
    ("y", "words"),
    [(np.r_[np.full(3, -9999.0), np.ones(97)], "3 of 100 values stand for 'missing'"),
     (np.ma.array(np.arange(100.0), mask=np.arange(100) < 3), "3 of 100 values are NaN, masked"),
     (np.ones(100), "constant")],
)  # fmt: skip
def test_a_target_without_values_is_refused_with_their_number(y, words):
    x = np.random.default_rng(0).normal(size=(100, 2))
    with pytest.raises(ValueError, match=f"^y: .*{words}|^y: {words}"):
        decompose(x[:, 0], x[:, 1], y)


@pytest.mark.parametrize("name", ["r_mag", "rMag", "dered_r", "psfMag_r", "w1_mag"])
def test_fluxes_under_other_names_of_magnitudes_are_refused(columns, name):
    table, mass = columns
    table = table.rename(columns={"mag_r": name}).copy()
    table.loc[3, name] = 63.1
    with pytest.raises(ValueError, match="outside 0 to 40 mag"):
        decompose(table[[name]], table[["mag_i"]], mass)


def test_masked_pixels_are_sky_and_too_many_are_refused():
    cutouts = np.ones((2, 5, 8, 8))
    cutouts[0, 0, 0, 0] = 1e9
    assert check_cutouts(np.ma.array(cutouts, mask=cutouts > 1e8)).max() == 1
    with pytest.raises(ValueError, match="object 1 has 100 %"):
        check_cutouts(np.ma.array(cutouts, mask=np.arange(2)[:, None, None, None] > 0 * cutouts))


@pytest.mark.parametrize(
    ("call", "words"),
    [(lambda: binned_twice(np.ones((1, 1, 5, 5))), "5 pixels on a side"),
     (lambda: check_cutouts(np.ones((0, 5, 8, 8))), "there are none"),
     (lambda: normalised(np.ones((2, 1, 2, 2)), [[np.nan], [8.0]]), "object 0, band 0")],
)  # fmt: skip
def test_cutouts_without_an_answer_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_asinh_magnitudes_that_are_none_have_no_flux():
    masked = np.ma.array([18.0, 24.0], mask=[False, True])
    np.testing.assert_allclose(flux_from_asinh(masked, "r"), [63.0955, np.nan], rtol=1e-4)
    assert np.isnan(flux_from_asinh([-9999.0, np.nan], "r")).all()


def test_a_flux_in_another_unit_has_the_same_magnitude():
    # One nanomaggy is 3.631 microjansky.
    found = [asinh_magnitude(f, "r") for f in (2.0, 2.0 * u.nmgy, 7.262 * u.uJy, 7.262e-6 * u.Jy)]
    np.testing.assert_allclose(found, found[0], atol=1e-9)
    mixed = luptitude([1.0, 2.0] * u.mJy, [100.0, 100.0] * u.uJy)
    np.testing.assert_allclose(mixed, luptitude([1.0, 2.0], [0.1, 0.1]))
