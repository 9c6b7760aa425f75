from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from decan.core.errors import SchemaError
from decan.gaia_variables import read_epoch_photometry, simulate_stars
from decan.gaia_variables.commands import commands

RAW = (
    "SOURCE_ID,g_transit_time,g_transit_mag,g_transit_flux,g_transit_flux_error,"
    "variability_flag_g_reject\n"
    '5937083312263887616,"[1700.1, 1701.2, null]","[14.0, 14.1, 14.2]","[1000.0, 900.0, 800.0]",'
    '"[1.0, 1.0, 1.0]","[false, true, false]"\n'
    '4295806720,"(1700.5,1702.5)","(15.0,15.1)","(500.0,450.0)","(2.0,2.0)","(false,false)"\n'
)


def test_raw_rows_become_curves_with_pogson_errors(tmp_path):
    path = tmp_path / "EPOCH_PHOTOMETRY-Gaia DR3.csv"
    path.write_text(RAW)
    curves = read_epoch_photometry(path)
    assert curves.source_id.tolist() == [4295806720, 5937083312263887616]
    assert curves.counts()["not finite"] == 1
    # Rejections by the variability analysis are not followed.
    assert curves.n_used.tolist() == [2, 2]
    assert curves.mag_err[0] == pytest.approx(1.0857 * 2 / 500, rel=1e-4)


@pytest.mark.parametrize("upper", [True, False])
def test_both_column_cases_are_read(tmp_path, upper):
    table = pd.DataFrame(
        {
            "source_id": [5, 5], "band": ["G", "G"], "time": [1.0, 2.0], "mag": [14.0, 14.1],
            "flux": [1000.0, 900.0], "flux_error": [1.0, 1.0],
            "rejected_by_photometry": [False, True],
        }
    )  # fmt: skip
    table.columns = [name.upper() if upper else name for name in table.columns]
    for name in ("a.csv", "a.parquet"):
        if name.endswith("csv"):
            table.to_csv(tmp_path / name, index=False)
        else:
            table.to_parquet(tmp_path / name)
        assert read_epoch_photometry(tmp_path / name).counts()["flagged by the archive"] == 1


def test_unknown_columns_name_the_forms_that_are_known(tmp_path):
    (tmp_path / "a.csv").write_text("source_id,t,m\n1,2,3\n")
    with pytest.raises(SchemaError, match=r"known form \(INDIVIDUAL: time, mag, flux; RAW"):
        read_epoch_photometry(tmp_path / "a.csv")


def test_a_garbled_array_names_row_and_column(tmp_path):
    (tmp_path / "a.csv").write_text(RAW.replace("14.1", "fourteen"))
    with pytest.raises(SchemaError, match="row 0, column 'g_transit_mag'"):
        read_epoch_photometry(tmp_path / "a.csv")


def test_the_simulator_repeats_to_the_byte_and_follows_its_truth():
    first, second = (simulate_stars(50, rng=9) for _ in range(2))
    np.testing.assert_array_equal(first.curves.mag, second.curves.mag)
    np.testing.assert_array_equal(first.xp.flux, second.xp.flux)
    known = first.truth[first.truth["multiplicity"] == 2]
    np.testing.assert_allclose(known["dominant_frequency"], 2 * known["frequency"])


def test_simulated_epochs_look_like_gaia():
    curves = simulate_stars(400, rng=0).curves
    n = np.diff(curves.start)
    # Real DR3: 34, 52, 80 (5, 50, 95 %), a third of the gaps at 0.0740 d.
    assert 40 < np.median(n) < 65
    gap = np.diff(curves.time_d)[np.diff(curves.star) == 0]
    assert 0.2 < (np.abs(gap - 0.0740) < 1e-3).mean() < 0.5


def test_an_unknown_class_names_those_that_there_are():
    with pytest.raises(ValueError, match="no template 'RRX'; there are RRab"):
        simulate_stars(1, classes=["RRX"])


def test_the_commands_go_from_a_file_to_look_alikes(tmp_path):
    stars = simulate_stars(12, classes=["RRab", "EW"], n_epochs=40, rng=0)
    stars.curves.to_table().drop(columns="reason").to_parquet(tmp_path / "curves.parquet")
    out, run = tmp_path / "portraits.parquet", CliRunner()
    done = run.invoke(commands, ["embed", str(tmp_path / "curves.parquet"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert len(pd.read_parquet(out)) == 12
    for arguments in (["similar", str(out), "3", "--n", "2"], ["outliers", str(out), "--n", "3"]):
        done = run.invoke(commands, arguments)
        assert done.exit_code == 0, done.output
        assert "source_id" in done.output
