"""Spoilt epoch photometry, spectra and light curves: read, or refused in one line of our own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

from decan.core.testing import assert_only_own_errors
from decan.gaia_variables import LightCurves, read_epoch_photometry, read_xp_continuous

N, PAIRS = 55, 1485


def individual(folder):
    path = folder / "EPOCH_PHOTOMETRY-INDIVIDUAL.csv"
    rows = "".join(
        f"5937083312263880{i % 3:03d},{'G' if i % 2 else 'BP'},{1700 + i / 3:.4f},14.{i:02d},"
        f"1000.0,1.0,{str(i == 4).lower()}\n" for i in range(60)
    )  # fmt: skip
    header = "SOURCE_ID,band,time,mag,flux,flux_error,rejected_by_photometry\n"
    path.write_text(header + rows, encoding="utf-8")
    return path


def raw_columns(n_stars=3, n_epochs=12):
    rng = np.random.default_rng(0)
    shape = (n_stars, n_epochs)
    return {
        "source_id": np.arange(n_stars) + 5937083312263880000,
        "g_transit_time": 1700 + 30 * rng.random(shape),
        "g_transit_mag": 14 + 0.1 * rng.normal(size=shape),
        "g_transit_flux": np.full(shape, 1000.0),
        "g_transit_flux_error": np.full(shape, 1.0),
        "photometry_flag_noisy_data": np.zeros(shape, bool),
    }


def raw_csv(folder):
    path = folder / "raw.csv"
    pd.DataFrame({
        name: values if values.ndim == 1 else [str(tuple(row.tolist())) for row in values]
        for name, values in raw_columns().items()
    }).to_csv(path, index=False)  # fmt: skip
    return path


def raw_parquet(folder):
    path = folder / "raw.parquet"
    pd.DataFrame({
        name: values if values.ndim == 1 else list(values)
        for name, values in raw_columns().items()
    }).to_parquet(path)  # fmt: skip
    return path


def raw_fits(folder):
    path = folder / "raw.fits"
    Table(raw_columns()).write(path)
    return path


def xp_columns():
    columns = {"source_id": np.arange(2) + 5937083312263880000}
    for band in ("bp", "rp"):
        columns[f"{band}_coefficients"] = np.ones((2, N))
        columns[f"{band}_coefficient_errors"] = np.full((2, N), 0.1)
        columns[f"{band}_coefficient_correlations"] = np.zeros((2, PAIRS))
    return columns


def xp_csv(folder):
    path = folder / "xp.csv"
    pd.DataFrame({
        name: values if values.ndim == 1 else [str(tuple(row.tolist())) for row in values]
        for name, values in xp_columns().items()
    }).to_csv(path, index=False)  # fmt: skip
    return path


def xp_parquet(folder):
    path = folder / "xp.parquet"
    pd.DataFrame({
        name: values if values.ndim == 1 else list(values) for name, values in xp_columns().items()
    }).to_parquet(path)  # fmt: skip
    return path


def xp_fits(folder):
    path = folder / "xp.fits"
    Table(xp_columns()).write(path)
    return path


def own_nested(folder):
    path = folder / "nested.parquet"
    columns = raw_columns()
    names = {"time": "g_transit_time", "mag": "g_transit_mag", "mag_err": "g_transit_flux_error"}
    table = {name: list(columns[theirs]) for name, theirs in names.items()}
    pd.DataFrame({"source_id": columns["source_id"], **table}).to_parquet(path)
    return path


def own_flat(folder):
    path = folder / "flat.csv"
    rows = "".join(f"{5 + i % 3},{1700 + i / 3:.4f},14.{i:02d},0.01\n" for i in range(60))
    path.write_text(f"source_id,time,mag,mag_err\n{rows}", encoding="utf-8")
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "read"),
    [
        (individual, read_epoch_photometry),
        (raw_csv, read_epoch_photometry),
        (raw_parquet, read_epoch_photometry),
        (raw_fits, read_epoch_photometry),
        (xp_csv, read_xp_continuous),
        (xp_parquet, read_xp_continuous),
        (xp_fits, read_xp_continuous),
        (own_nested, LightCurves.from_parquet),
        (own_flat, LightCurves.from_parquet),
    ],
)
def test_a_spoilt_file_is_read_or_refused(make, read, tmp_path):
    (tmp_path / "spoilt").mkdir()
    valid = make(tmp_path)
    assert assert_only_own_errors(read, valid, tmp_path / "spoilt", n=60, seed=13) > 6
