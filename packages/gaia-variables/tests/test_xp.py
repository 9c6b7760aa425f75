from __future__ import annotations

import numpy as np
import pytest

from decan.core.errors import SchemaError
from decan.core.testing import needs_data
from decan.gaia_variables import DATASETS, XPPreprocessor, read_xp_continuous
from decan.gaia_variables.xp import design_matrix, huijse_grid, wavelengths_nm


def coefficients(n=3):
    c = np.zeros((n, 110))
    c[:, [0, 55]] = 300.0, 200.0
    return c


@pytest.mark.bad_input(8)
def test_a_missing_band_gives_a_status_and_nan():
    c = coefficients()
    c[1, :55] = np.nan
    xp = XPPreprocessor().transform(c)
    assert xp.status.tolist() == ["ok", "missing_band", "ok"]
    assert np.isnan(xp.flux[1]).any()


@pytest.mark.bad_input(8)
def test_not_55_coefficients_are_refused():
    with pytest.raises(ValueError, match=r"expected shape \(n, 110\)"):
        XPPreprocessor().transform(np.zeros((2, 108)))


@pytest.mark.bad_input(9)
def test_a_spectrum_without_positive_flux_gives_a_status():
    assert XPPreprocessor().transform(-coefficients(1)).status.tolist() == ["no_flux"]


@pytest.mark.bad_input(15)
def test_no_spectrum_passes():
    assert XPPreprocessor().transform(np.zeros((0, 110))).flux.shape == (0, 100)


def test_brightness_is_lost_and_colour_kept():
    c = coefficients(1)
    faint, bright = (XPPreprocessor().transform(factor * c) for factor in (1.0, 1000.0))
    np.testing.assert_allclose(faint.flux, bright.flux, rtol=1e-6)
    assert bright.scale[0] == pytest.approx(1000 * faint.scale[0])


def test_errors_are_those_of_the_full_covariance():
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(55, 55))
    covariance = factor @ factor.T + 55 * np.eye(55)
    error = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(error, error)
    triangle = np.concatenate([correlation[:column, column] for column in range(1, 55)])
    xp = XPPreprocessor().transform(
        coefficients(1), np.tile(error, (1, 2)), np.tile(triangle, (1, 2, 1))
    )
    design = design_matrix("bp", huijse_grid())
    expected = np.sqrt(np.diag(design.T @ covariance @ design)) / xp.scale[0]
    np.testing.assert_allclose(xp.err[0, :50], expected, rtol=1e-5)


def test_the_basis_is_orthogonal_enough_to_recover_coefficients():
    grid = np.linspace(0, 59, 400)
    design = design_matrix("rp", grid)
    c = np.random.default_rng(1).normal(size=55)
    recovered = np.linalg.lstsq(design.T, c @ design, rcond=None)[0]
    np.testing.assert_allclose(recovered, c, atol=1e-5)


@needs_data(DATASETS, "xp-format-no-bp")
def test_rows_of_the_archive_are_read_and_a_missing_bp_is_seen():
    found = DATASETS.load("xp-format-no-bp")
    xp = XPPreprocessor().transform(found.coefficients, found.errors, found.correlations)
    assert (xp.status == "missing_band").sum() == 1
    good = xp.status == "ok"
    # Published errors of real sources lie between 1e-4 and 0.1 of the peak.
    assert (xp.err[good] > 1e-5).all()
    assert (np.median(xp.err[good], axis=1) < 0.1).all()


@needs_data(DATASETS, "xp-format")
def test_the_designs_agree_with_gaiaxpy_to_rounding():
    source = DATASETS.where("xp-format").parent / "xp_internal_basis_dr3.npz"
    with np.load(source) as basis:
        for band in ("bp", "rp"):
            np.testing.assert_allclose(
                design_matrix(band, huijse_grid()), basis[f"{band}_design_50"], atol=1e-10
            )


def test_a_row_with_too_few_coefficients_names_row_and_column(tmp_path):
    path = tmp_path / "xp.csv"
    names = ["coefficients", "coefficient_errors", "coefficient_correlations"]
    header = ",".join(["source_id", *(f"{b}_{n}" for b in ("bp", "rp") for n in names)])
    path.write_text(f'{header}\n5,"(1.0, 2.0)",,,,,\n')
    with pytest.raises(SchemaError, match="row 0: 2 values of 'bp_coefficients', expected 55"):
        read_xp_continuous(path)


def test_wavelengths_rise_in_rp_and_fall_in_bp():
    u = huijse_grid()
    assert (np.diff(wavelengths_nm("rp", u)) > 0).all()
    assert (np.diff(wavelengths_nm("bp", u)) < 0).all()
