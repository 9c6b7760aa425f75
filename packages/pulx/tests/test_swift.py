"""Swift as its archives give it: curves in blocks, and rows of the living catalogue."""

import numpy as np
import pandas as pd
import pytest

from decan.core.errors import CorruptFile, DataNotAvailable, SchemaError
from decan.pulx import features_lsxps, features_swift, read_swift_curve

CURVE = """READ TERR 1 2
! WT data
!MJD T_+ve T_-ve Rate Ratepos Rateneg FracExp
57010.25 0.01 -0.01 1.50 0.10 -0.10 1.0
NO NO NO NO NO NO NO
! PC data
!MJD T_+ve T_-ve Rate Ratepos Rateneg FracExp
57001.50 0.02 -0.03 0.20 0.02 -0.03 0.9 ! ObsID=00031287004
57000.50 0.01 -0.01 0.10 0.02 -0.02 0.9 ! ObsID=00031287002
NO NO NO NO NO NO NO
! PC upper limits
57005.50 0.01 -0.01 0.01 0 0 0.5
"""
HARDNESS = """READ TERR 1
READ SERR 2
! PC -- hard data
57000.501 0.01 -0.01 0.06 0.01
57001.5 0.02 -0.03 0.15 0.02
NO NO NO NO NO
! PC -- soft data
57000.501 0.01 -0.01 0.04 0.01
57001.5 0.02 -0.03 0.05 0.01
NO NO NO NO NO
! PC -- hardness ratio
57000.501 0.01 -0.01 1.5 0.4
"""


def write(folder, text, name="curve.qdp"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_blocks_of_a_curve_become_rows_in_time_with_mode_limit_and_observation(tmp_path):
    table = read_swift_curve(write(tmp_path, CURVE), source="ULX-1")
    assert table["mjd"].tolist() == [57000.5, 57001.5, 57005.5, 57010.25]
    assert table["mode"].tolist() == ["PC", "PC", "PC", "WT"]
    assert table["upper_limit"].tolist() == [False, False, True, False]
    assert table["obsid"].tolist()[:2] == ["00031287002", "00031287004"]
    assert table.loc[1, ["dt_minus_d", "dt_plus_d"]].tolist() == [-0.03, 0.02]
    assert table.loc[1, ["rate", "rate_err_plus", "rate_err_minus"]].tolist() == [0.2, 0.02, -0.03]


def test_hard_and_soft_rates_go_to_the_bins_of_their_mode_and_feed_the_features(tmp_path):
    table = read_swift_curve(
        write(tmp_path, CURVE), write(tmp_path, HARDNESS, "hardrat.qdp"), source="ULX-1"
    )
    assert table["hard_rate"].tolist()[:2] == [0.06, 0.15]
    assert table["soft_rate"].tolist()[:2] == [0.04, 0.05]
    assert table["hr"][0] == 1.5
    assert np.isnan(table["hr"][1])
    assert table["hard_rate"][2:].isna().all()
    features = features_swift(table)
    assert features.table["hardness"].tolist() == pytest.approx([0.2, 0.5])
    assert features.report == {"rows without a significant rate in both bands": 2}


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("READ TERR 1 2\n57000.5 0.01 -0.01 0.12\n", CorruptFile, "line 2: 4 numbers, expected 6"),
        ("READ TERR 1 2\n57000.5 0.01 x 0.12 0.1 -0.1\n", CorruptFile, "line 2: 'x' is no number"),
        ("57000.5 0.01 -0.01 0.12 0.1 -0.1\n", SchemaError, "line 1 has data before any READ"),
        ("READ TERR 1 2\n120.5 1 -1 0.12 0.1 -0.1\n", SchemaError, "120.5 is no MJD"),
        ("READ TERR 1 2\n", SchemaError, "no light curve"),
    ],
)
def test_what_is_wrong_with_a_curve_is_named_with_its_line(tmp_path, text, error, words):
    with pytest.raises(error, match=words):
        read_swift_curve(write(tmp_path, text), source="a")


def test_files_that_are_absent_or_no_text_or_of_no_bands_are_named(tmp_path):
    with pytest.raises(DataNotAvailable, match=r"absent\.qdp: no such file"):
        read_swift_curve(tmp_path / "absent.qdp", source="a")
    (tmp_path / "b.qdp").write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(CorruptFile, match="no text file"):
        read_swift_curve(tmp_path / "b.qdp", source="a")
    curve = write(tmp_path, CURVE)
    with pytest.raises(SchemaError, match="no block of hard or soft"):
        read_swift_curve(curve, curve, source="a")


@pytest.fixture
def lsxps():
    bands = {0: [0.1, 0.004], 1: [0.03, 0.0], 2: [0.03, 0.002], 3: [0.04, 0.002]}
    return pd.DataFrame(
        {
            "LSXPS_ID": [1, 2],
            **{f"Rate_band{b}": rate for b, rate in bands.items()},
            **{f"Rate_band{b}_pos": [0.01, 0.001] for b in bands},
            "HR1": [0.0, 1.0], "HR2": [0.14, 0.0],
            "PeakRate_band0": [0.5, 0.02], "RA": [10.0, 20.0], "Decl": [0.0, 1.0],
        }
    )  # fmt: skip


def test_rows_of_lsxps_give_colours_and_how_far_the_peak_stands_out(lsxps):
    features = features_lsxps(lsxps)
    assert features.report == {"band rates floored at their error": 1}
    assert features.table["log_rate_band1"].tolist() == pytest.approx(np.log10([0.03, 0.001]))
    assert features.table["PEAK_OVER_MEAN"].tolist() == pytest.approx(np.log10([5.0, 5.0]))
    assert features.source.tolist() == [1, 2]
    assert features.log_flux.tolist() == pytest.approx(np.log10([0.1, 0.004]))


def test_a_column_that_lsxps_lacks_is_named_and_rows_without_any_rate_are_dropped(lsxps):
    with pytest.raises(SchemaError, match="'PeakRate_band0' is missing"):
        features_lsxps(lsxps.drop(columns="PeakRate_band0"))
    lsxps.loc[1, "Rate_band0"] = 0.0
    features = features_lsxps(lsxps)
    assert len(features) == 1
    assert features.report["rows without a full-band rate"] == 1
