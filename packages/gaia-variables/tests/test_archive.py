from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from decan.core.errors import CorruptFile, DataNotAvailable, SchemaError
from decan.gaia_variables import read_epoch_photometry, simulate_stars
from decan.gaia_variables.commands import commands
from decan.gaia_variables.mapping import load_curves
from decan.gaia_variables.readers import EpochSchema

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


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (lambda path: path.unlink(), 3, "curves.parquet: no such file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), 1, "curves.parquet: cannot be"),
        (lambda path: spoilt(path, lambda t: t.drop(columns="mag_err")), 1, "own: time, mag, mag"),
        (lambda path: spoilt(path, lambda t: t.astype({"source_id": float})), 1, "64-bit integers"),
        (lambda path: spoilt(path, lambda t: t.assign(mag=1000.0)), 1, "2.5 log10"),
    ],
    ids=["absent", "cut", "column missing", "float ids", "fluxes"],
)
def test_a_bad_file_ends_the_command_with_one_line_and_its_code(tmp_path, spoil, code, words):
    path = tmp_path / "curves.parquet"
    simulate_stars(3, n_epochs=20, rng=0).curves.to_table().to_parquet(path)
    spoil(path)
    done = CliRunner().invoke(commands, ["embed", str(path), "--out", str(tmp_path / "o.parquet")])
    kind = DataNotAvailable if code == 3 else ValueError
    assert isinstance(done.exception, kind | CorruptFile | SchemaError)
    assert words in str(done.exception)
    assert not (tmp_path / "o.parquet").exists()


def spoilt(path, change):
    change(pd.read_parquet(path)).to_parquet(path)


def test_a_table_without_portraits_says_how_to_make_one(tmp_path):
    path = tmp_path / "curves.parquet"
    simulate_stars(3, n_epochs=20, rng=0).curves.to_table().to_parquet(path)
    for command in (["similar", str(path), "1"], ["outliers", str(path)]):
        done = CliRunner().invoke(commands, command)
        assert "column 'xp_0' is missing" in str(done.exception)
        assert "decan gaia-variables embed" in str(done.exception)


def test_own_columns_are_read_alike_from_csv_and_parquet(tmp_path):
    table = simulate_stars(3, n_epochs=20, rng=0).curves.to_table().drop(columns="reason")
    table.to_csv(tmp_path / "a.csv", index=False)
    table.to_parquet(tmp_path / "a.parquet")
    first, second = (load_curves(tmp_path / name) for name in ("a.csv", "a.parquet"))
    np.testing.assert_allclose(first.mag, second.mag, rtol=1e-12)
    np.testing.assert_array_equal(first.source_id, second.source_id)


def test_another_release_is_one_more_schema(tmp_path):
    path = tmp_path / "dr4.csv"
    path.write_text(
        "SOURCE_ID,PASSBAND,OBS_TIME,MAGNITUDE,FLUX_E,FLUX_E_ERROR,NOISY\n"
        "5,G,1700.1,14.0,1000.0,2.0,false\n5,RP,1700.1,13.5,900.0,2.0,false\n"
        "5,G,1701.3,14.1,900.0,2.0,true\n"
    )
    schema = EpochSchema(
        "obs_time", "magnitude", "flux_e", "flux_e_error", "noisy", nested=False, band="passband"
    )
    curves = read_epoch_photometry(path, schema=schema)
    assert curves.time_d.tolist() == [1700.1, 1701.3]
    assert curves.n_used.tolist() == [1]
