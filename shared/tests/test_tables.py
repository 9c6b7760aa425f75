"""Promises of decan.core.data.tables: what astropy writes comes back, what is broken is named."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decan.core.data.columns import numbers_from_text
from decan.core.data.tables import read_table, writable, write_table
from decan.core.errors import CorruptFile, DataNotAvailable, SchemaError

WRITERS = {
    "fits": {"format": "fits"},
    "vot": {"format": "votable"},
    "ecsv": {"format": "ascii.ecsv"},
    "csv": {"format": "ascii.csv"},
    "tsv": {"format": "ascii.tab"},
    "tbl": {"format": "ascii.ipac"},
    "parquet": {"format": "parquet"},
}
WITH_UNITS = ["fits", "vot", "ecsv", "tbl", "parquet"]
# Formats whose own rules tell that something is missing at the end.
SELF_DELIMITING = ["fits", "vot", "parquet"]


def koi(rows: int = 50) -> Table:
    rng = np.random.default_rng(1)
    table = Table()
    table["kepid"] = np.arange(rows) + 10**15
    table["name"] = [f"K{i:05d}.01" for i in range(rows)]
    table["period"] = rng.lognormal(size=rows) * u.day
    table["depth"] = rng.normal(size=rows).astype(np.float32)
    return table


def write(table: Table, folder: Path, suffix: str) -> Path:
    """Write as astropy does; .gz on top where the suffix says so."""
    plain = folder / f"table.{suffix.removesuffix('.gz')}"
    with warnings.catch_warnings():
        # Astropy warns of units lost in formats that have none, which is known here.
        warnings.simplefilter("ignore")
        table.write(plain, overwrite=True, **WRITERS[suffix.removesuffix(".gz")])
    if not suffix.endswith(".gz"):
        return plain
    packed = folder / f"table.{suffix}"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    return packed


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("suffix", WRITERS)
def test_what_astropy_writes_comes_back(tmp_path, suffix, packed):
    table = koi()
    read = read_table(write(table, tmp_path, suffix + packed))
    assert list(read.columns) == table.colnames
    for name in ("kepid", "period"):
        np.testing.assert_array_equal(read[name], np.asarray(table[name]))
    # Text formats write float32 with as many digits as it takes to tell it from its neighbours.
    np.testing.assert_array_equal(read["depth"].astype(np.float32), table["depth"])
    assert read["name"].tolist() == table["name"].tolist()
    assert read["name"].dtype == pd.Series(["a"]).dtype
    assert all(dtype.isnative for dtype in read.dtypes if isinstance(dtype, np.dtype))
    assert read.attrs["units"] == ({"period": "d"} if suffix in WITH_UNITS else {})
    assert read.attrs["masked"] == {}


@pytest.mark.parametrize("suffix", WRITERS)
def test_absent_cells_are_nan_and_masked(tmp_path, suffix):
    table = koi(4)
    absent = np.array([False, True, False, True])
    table["count"] = MaskedColumn([1, 2, 3, 4], mask=absent)
    table["depth"] = MaskedColumn([1.5, 2.5, 3.5, 4.5], mask=absent)
    read = read_table(write(table, tmp_path, suffix))
    np.testing.assert_array_equal(read["count"], [1, np.nan, 3, np.nan])
    np.testing.assert_array_equal(read["depth"], [1.5, np.nan, 3.5, np.nan])
    assert read.attrs["masked"]["count"] == np.flatnonzero(absent).tolist()
    # FITS has no mark for an absent float but NaN itself.
    assert ("depth" in read.attrs["masked"]) == (suffix != "fits")


@pytest.mark.parametrize("suffix", ["ecsv", "vot", "parquet", "fits", "tbl", "csv"])
def test_an_identifier_beyond_the_floats_survives_an_absent_neighbour(tmp_path, suffix):
    # 2**53 + 1 is the first integer that float64 cannot hold.
    table = Table({"id": MaskedColumn([2**53 + 1, 7], mask=[False, True]), "x": [1.0, 2.0]})
    read = read_table(write(table, tmp_path, suffix))
    assert int(read["id"][0]) == 2**53 + 1
    assert pd.isna(read["id"][1])


@pytest.mark.parametrize("suffix", [f"{s}{p}" for s in WRITERS for p in ("", ".gz")])
def test_a_file_cut_anywhere_is_corrupt_and_never_silently_shorter(tmp_path, suffix):
    table = koi(300)
    path = write(table, tmp_path, suffix)
    whole = path.read_bytes()
    told = suffix.endswith(".gz") or suffix in SELF_DELIMITING
    # From nothing to all but one byte (of gzip, eight bytes of check sum and size end it).
    offsets = {0, 1, *np.linspace(2, len(whole) - 2, 9).astype(int), len(whole) - 1}
    if whole.endswith(b"\n") and suffix not in ("fits", "parquet"):
        offsets -= {len(whole) - 1}  # text without its last newline is still whole
    for offset in sorted(offsets):
        path.write_bytes(whole[:offset])
        fault, read = outcome(path)
        if fault is not None:
            assert path.name in fault
        else:
            assert not told, f"cut at {offset} of {len(whole)} bytes went unnoticed"
            # A text file may end between two rows, or inside the last cell.
            assert list(read.columns) == table.colnames
            assert whole[:offset].count(b"\n") >= len(read)


def outcome(path: Path) -> tuple[str | None, pd.DataFrame | None]:
    try:
        return None, read_table(path, required=["kepid", "name", "period", "depth"])
    except (CorruptFile, SchemaError) as error:
        return str(error), None


@pytest.mark.parametrize("blocks", range(1, 6))
def test_fits_cut_between_two_blocks_is_noticed(tmp_path, blocks):
    path = write(koi(300), tmp_path, "fits")
    path.write_bytes(path.read_bytes()[: 2880 * blocks])
    with pytest.raises((CorruptFile, SchemaError), match=r"table\.fits"):
        read_table(path)


@pytest.mark.parametrize("suffix", WRITERS)
def test_noise_is_corrupt(tmp_path, suffix):
    path = tmp_path / f"noise.{suffix}"
    path.write_bytes(np.random.default_rng(0).bytes(4000))
    with pytest.raises((CorruptFile, SchemaError), match="noise"):
        read_table(path, required=["period"])


@pytest.mark.parametrize("suffix", WRITERS)
def test_flipped_bytes_never_end_in_a_bare_traceback(tmp_path, suffix):
    path = write(koi(10), tmp_path, suffix)
    whole = path.read_bytes()
    rng = np.random.default_rng(2)
    for _ in range(40):
        garbled = bytearray(whole)
        for position in rng.integers(len(whole), size=rng.choice([1, 3, 20])):
            garbled[position] = rng.integers(256)
        path.write_bytes(garbled)
        fault, _ = outcome(path)
        assert fault is None or path.name in fault


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataNotAvailable, match=r"nothing\.fits"):
        read_table(tmp_path / "nothing.fits")
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "nothing.fits")


def test_an_unknown_format_lists_the_known_ones(tmp_path):
    (tmp_path / "table.xyz").write_text("hello")
    with pytest.raises(SchemaError, match=r"'\.xyz'.*\.fits"):
        read_table(tmp_path / "table.xyz")


def test_a_file_of_unknown_suffix_is_known_by_its_first_bytes(tmp_path):
    path = write(koi(), tmp_path, "fits")
    assert len(read_table(path.rename(tmp_path / "table.dat"))) == 50


def test_a_missing_column_is_named_with_its_near_matches(tmp_path):
    path = write(koi(), tmp_path, "fits")
    with pytest.raises(SchemaError, match=r"table\.fits: column 'perod' is missing.*'period'"):
        read_table(path, required=["perod"])
    with pytest.raises(SchemaError, match=r"'PERIOD' is missing.*'period'"):
        read_table(path, required={"PERIOD": "d"})


def test_a_unit_that_cannot_be_converted_is_named_with_the_way_out(tmp_path):
    path = write(koi(), tmp_path, "fits")
    with pytest.raises(SchemaError, match=r"'period' has unit 'd', expected 'K'") as caught:
        read_table(path, required={"period": "K"})
    assert "units={'period': 'K'}" in str(caught.value)
    assert read_table(path, required={"period": "K"}, units={"period": "K"}) is not None


@pytest.mark.parametrize("suffix", WITH_UNITS)
def test_a_convertible_unit_is_converted(tmp_path, suffix):
    table = koi()
    read = read_table(write(table, tmp_path, suffix), required={"period": "h"})
    # 24 h a day: one multiplication, so at most one rounding.
    np.testing.assert_allclose(read["period"], np.asarray(table["period"]) * 24, rtol=4e-16)
    assert read.attrs["units"]["period"] == "h"


def test_a_column_without_unit_is_taken_to_be_in_the_required_one(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("period\n1\n2\n")
    read = read_table(path, required={"period": "d"})
    assert read["period"].tolist() == [1, 2]
    assert read.attrs["units"] == {"period": "d"}


@pytest.mark.parametrize(
    ("archive", "wanted", "factor"),
    [("hours", "h", 1), ("days", "h", 24), ("Earth radii", "earthRad", 1), ("ppm", "", 1e-6)],
)
def test_units_are_read_as_the_archives_write_them(tmp_path, archive, wanted, factor):
    path = tmp_path / "t.csv"
    path.write_text("x\n3.0\n")
    read = read_table(path, units={"x": archive}, required={"x": wanted})
    assert read["x"][0] == pytest.approx(3.0 * factor)


def test_a_unit_for_a_column_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(SchemaError, match="'perid' is missing"):
        read_table(write(koi(), tmp_path, "csv"), units={"perid": "d"})


def test_one_string_is_no_list_of_columns(tmp_path):
    with pytest.raises(TypeError, match="not one string"):
        read_table(write(koi(), tmp_path, "csv"), required="period")


def test_a_required_unit_that_does_not_exist_is_the_callers_mistake(tmp_path):
    with pytest.raises(ValueError, match="no unit that astropy knows"):
        read_table(write(koi(), tmp_path, "csv"), required={"period": "furlong/fortnight?"})


@pytest.mark.parametrize("suffix", ["csv", "tsv", "tbl", "fits", "vot", "parquet"])
def test_a_repeated_column_name_is_refused(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    if suffix in ("csv", "tsv"):
        path.write_text("a,b,a\n1,2,3\n".replace(",", "," if suffix == "csv" else "\t"))
    elif suffix == "tbl":
        path.write_text("|a |a |\n|i |i |\n 1  2 \n")
    elif suffix == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table([[1], [2]], names=["a", "a"]), path)
    else:
        path = write(Table({"aa": [1.0], "ab": [2.0]}), tmp_path, suffix)
        path.write_bytes(path.read_bytes().replace(b"ab", b"aa"))
    with pytest.raises(SchemaError, match=r"'aa?' .*more than on"):
        read_table(path)


@pytest.mark.parametrize("cells", [["3.780-101", "1.5+100", "2.0"], ["1.0D+05", "-2.5d-3", "0.1"]])
@pytest.mark.parametrize("suffix", ["csv", "tsv", "tbl"])
def test_exponents_as_fortran_writes_them_are_numbers(tmp_path, suffix, cells):
    path = tmp_path / f"t.{suffix}"
    body = ["| rate      |x  |", "| double    |int|"] if suffix == "tbl" else ["rate;x"]
    body += [f"  {c:<11}1   " if suffix == "tbl" else f"{c};1" for c in cells]
    path.write_text("\n".join(body).replace(";", "," if suffix == "csv" else "\t") + "\n")
    expected = {"3": [3.78e-101, 1.5e100, 2.0], "1": [1e5, -2.5e-3, 0.1]}[cells[0][0]]
    assert read_table(path)["rate"].tolist() == expected


@pytest.mark.parametrize("suffix", ["ecsv", "vot"])
def test_a_fortran_exponent_in_a_typed_format_is_named_by_row(tmp_path, suffix):
    path = write(Table({"rate": [0.015625, 7.5]}), tmp_path, suffix)
    path.write_bytes(path.read_bytes().replace(b"0.015625", b"3.780-101"))
    with pytest.raises(SchemaError, match=rf"table\.{suffix}: column 'rate', row 0.*3\.780-101"):
        read_table(path)


def test_a_date_or_a_name_is_no_fortran_number(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("date,name\n2019-123,12.5-10\n2020-001,J1.2+345\n")
    read = read_table(path)
    assert read["date"].tolist() == ["2019-123", "2020-001"]
    assert read["name"].tolist() == ["12.5-10", "J1.2+345"]


def test_text_in_a_column_of_numbers_is_named_by_row(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("period\n1.0\n\n2.0\nabout three\n")
    with pytest.raises(SchemaError, match=r"t\.csv: column 'period', row 2 .*'about three'"):
        read_table(path, required={"period": "d"})
    assert read_table(path, required=["period"])["period"][2] == "about three"


def test_text_in_a_declared_column_of_numbers_is_named_by_row(tmp_path):
    path = tmp_path / "t.tbl"
    path.write_text("| p     |\n|double |\n|d      |\n  1.0    \n  three  \n")
    with pytest.raises(SchemaError, match=r"t\.tbl: column 'p', row 1 .*'three'"):
        read_table(path)


def test_a_csv_row_with_too_few_or_many_cells_is_named(tmp_path):
    path = tmp_path / "t.csv"
    for row in ("3", "3,4,5"):
        path.write_text(f"# a comment\na,b\n1,2\n{row}\n5,6\n")
        with pytest.raises(CorruptFile, match=r"row 1 .* has \d cells, expected 2"):
            read_table(path)


def test_a_csv_cut_inside_quotes_is_corrupt(tmp_path):
    path = tmp_path / "t.csv"
    for cut in ('a,b\n1,"x"\n2,"y\n3,z\n', 'a,b\n1,"x"\n2,"y'):
        path.write_text(cut)
        with pytest.raises(CorruptFile, match="quote that never ends"):
            read_table(path)
    path.write_text('a,b\n1,"x\ny"\n2,5" wide\n')  # a line break in quotes, an inch without
    assert read_table(path)["b"].tolist() == ["x\ny", '5" wide']


def test_identifiers_of_too_many_digits_or_other_bases_stay_text(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,hex,big\n99999999999999999999999,0x1F,18446744073709551615\n")
    read = read_table(path)
    assert read["id"][0] == "99999999999999999999999"
    assert read["hex"][0] == "0x1F"
    assert read["big"][0] == 2**64 - 1


def test_numbers_are_numbers_however_they_are_written(tmp_path):
    path = tmp_path / "t.csv"
    cells = ["+3", " 1. ", ".5", "1e-400", "1e400", "-Inf", "nan", "2E+02", ""]
    path.write_text("x,n\n" + "".join(f'"{cell}",0\n' for cell in cells))
    expected = [3, 1, 0.5, 0, np.inf, -np.inf, np.nan, 200, np.nan]
    read = read_table(path)
    np.testing.assert_array_equal(read["x"], expected)
    # A written nan is a value; only an empty cell is absent.
    assert read.attrs["masked"]["x"] == [8]


def test_comments_before_a_csv_header_are_skipped(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('# from the archive\n#\nname,n\n"a, b",1\n"#c",2\n')
    read = read_table(path)
    assert read["name"].tolist() == ["a, b", "#c"]
    assert read["n"].tolist() == [1, 2]


def test_words_for_absent_count_only_among_numbers(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,country,flag\n1.5,NA,True\nNA,DE,False\n")
    read = read_table(path)
    assert np.isnan(read["x"][1])
    assert read["country"][0] == "NA"
    assert read["flag"].tolist() == [True, False]


def test_a_cell_across_an_ipac_bar_is_corrupt(tmp_path):
    path = tmp_path / "t.tbl"
    path.write_text("|a |b |\n|i |i |\n 1234 \n")
    with pytest.raises(CorruptFile, match="crosses the bar"):
        read_table(path)


def test_fits_columns_of_arrays_become_columns_of_arrays(tmp_path):
    table = Table({"flux": np.arange(6.0).reshape(2, 3), "id": [1, 2]})
    read = read_table(write(table, tmp_path, "fits"), required={"flux": "Jy"})
    np.testing.assert_array_equal(read["flux"][1], [3.0, 4.0, 5.0])
    assert read["flux"][0].dtype.isnative


def test_an_absent_cell_of_a_scaled_fits_column_is_absent(tmp_path):
    path = tmp_path / "t.fits"
    column = fits.Column("a", "I", array=np.array([1, -99, 3], dtype=np.int16), null=-99)
    hdu = fits.BinTableHDU.from_columns([column])
    hdu.header["TSCAL1"], hdu.header["TZERO1"] = 0.5, 1.0
    hdu.writeto(path)
    read = read_table(path)
    np.testing.assert_array_equal(read["a"], [1.5, np.nan, 2.5])
    assert read.attrs["masked"]["a"] == [1]


def test_fits_columns_of_varying_length_become_columns_of_arrays(tmp_path):
    path = tmp_path / "t.fits"
    ragged = np.array([np.array([1.0]), np.array([2.0, 3.0])], dtype=object)
    column = fits.Column("flux", "PD()", unit="mJy", array=ragged)
    fits.BinTableHDU.from_columns([column]).writeto(path)
    read = read_table(path, required={"flux": "Jy"})
    # A factor of a thousand, one rounding.
    np.testing.assert_allclose(read["flux"][1], [0.002, 0.003], rtol=4e-16)


def test_the_state_of_a_votable_query_is_not_ignored(tmp_path):
    path = write(koi(3), tmp_path, "vot")
    whole = path.read_bytes()
    first = whole.index(b"<TABLE")
    for value, text in (("ERROR", "no such column"), ("OVERFLOW", "")):
        info = f'<INFO name="QUERY_STATUS" value="{value}">{text}</INFO>'.encode()
        path.write_bytes(whole[:first] + info + whole[first:])
        if value == "ERROR":
            with pytest.raises(CorruptFile, match="no such column"):
                read_table(path)
        else:
            with pytest.warns(UserWarning, match="cut the answer"):
                assert len(read_table(path)) == 3


@pytest.mark.parametrize("encoding", ["binary", "binary2"])
def test_votables_in_binary_are_read(tmp_path, encoding):
    path = tmp_path / "t.vot"
    koi(5).write(path, format="votable", tabledata_format=encoding)
    np.testing.assert_array_equal(read_table(path)["kepid"], koi(5)["kepid"])


def test_a_flipped_byte_is_found_where_the_fits_file_has_a_check_sum(tmp_path):
    path = tmp_path / "t.fits"
    fits.table_to_hdu(koi()).writeto(path, checksum=True)
    whole = bytearray(path.read_bytes())
    assert len(read_table(path)) == 50
    whole[whole.index(b"K00007.01")] ^= 1
    path.write_bytes(whole)
    with pytest.raises(CorruptFile, match="DATASUM"):
        read_table(path)


def test_an_extension_is_chosen_by_number_or_name(tmp_path):
    path = tmp_path / "t.fits"
    first = fits.table_to_hdu(Table({"time": [1.0]}))
    second = fits.table_to_hdu(Table({"start": [2.0]}))
    first.name, second.name = "EVENTS", "GTI"
    fits.HDUList([fits.PrimaryHDU(), first, second]).writeto(path)
    assert list(read_table(path).columns) == ["time"]
    assert list(read_table(path, hdu=2).columns) == ["start"]
    assert list(read_table(path, hdu="gti").columns) == ["start"]
    with pytest.raises(SchemaError, match="1 'EVENTS', 2 'GTI'"):
        read_table(path, hdu="SPECTRUM")
    with pytest.raises(SchemaError, match="hdu=0"):
        read_table(path, hdu=0)


def test_an_extension_of_a_csv_is_a_mistake(tmp_path):
    with pytest.raises(SchemaError, match="holds one table"):
        read_table(write(koi(), tmp_path, "csv"), hdu=1)


def test_times_and_coordinates_become_the_columns_they_are_made_of(tmp_path):
    table = QTable(
        {"t": Time([55000.0], format="mjd"), "p": SkyCoord([10.0] * u.deg, [20.0] * u.deg)}
    )
    read = read_table(write(table, tmp_path, "ecsv"))
    assert read["t.jd1"][0] + read["t.jd2"][0] == 2455000.5
    assert read.attrs["units"]["p.ra"] == "deg"


def test_a_table_read_here_keeps_its_units_through_pandas_and_parquet(tmp_path):
    read = read_table(write(koi(), tmp_path, "fits"))
    read.to_parquet(tmp_path / "again.parquet")
    again = read_table(tmp_path / "again.parquet")
    assert again.attrs["units"] == {"period": "d"}
    pd.testing.assert_frame_equal(read, again)


def test_masked_tables_can_be_joined_copied_and_written(tmp_path):
    table = koi(3)
    table["depth"] = MaskedColumn([1.0, 2.0, 3.0], mask=[True, False, False])
    read = read_table(write(table, tmp_path, "ecsv"))
    assert len(pd.concat([read, read.copy()])) == 6
    assert read[read["kepid"] > 0].merge(read, on="kepid").shape[0] == 3
    read.to_parquet(tmp_path / "again.parquet")
    assert read_table(tmp_path / "again.parquet").attrs["units"] == read.attrs["units"]


def test_a_named_index_of_pandas_is_a_column_and_an_unnamed_one_is_none(tmp_path):
    frame = pd.DataFrame({"x": [1.0, 2.0]}, index=pd.Index([5, 6], name="kepid"))
    frame.to_parquet(tmp_path / "named.parquet")
    assert set(read_table(tmp_path / "named.parquet").columns) == {"x", "kepid"}
    frame.rename_axis(None).to_parquet(tmp_path / "unnamed.parquet")
    assert list(read_table(tmp_path / "unnamed.parquet").columns) == ["x"]


def test_units_of_parquet_fields_are_read(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    field = pa.field("x", pa.float64(), metadata={"unit": "mag"})
    pq.write_table(pa.table([[1.0, None]], schema=pa.schema([field])), tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet")
    assert read.attrs["units"] == {"x": "mag"}
    assert read.attrs["masked"]["x"] == [1]


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_table_without_rows_keeps_its_columns(tmp_path, suffix):
    read = read_table(write(koi(2)[:0], tmp_path, suffix))
    assert list(read.columns) == ["kepid", "name", "period", "depth"]
    assert len(read) == 0


def test_parquet_types_beyond_numbers_and_text(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "class": pa.array(["a", None]).dictionary_encode(),
            "when": pa.array([1, None], pa.date32()),
            "mag": pa.array([1, 2]).cast(pa.decimal128(25, 1)),
            "flux": pa.array([[1.0, 2.0], None]),
            "nothing": pa.nulls(2),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet")
    assert read["class"][0] == "a"
    assert read["when"][0] == pd.Timestamp("1970-01-02")
    assert read["mag"].tolist() == [1.0, 2.0]
    assert read["flux"][0].tolist() == [1.0, 2.0]
    assert read["nothing"].isna().all()
    assert set(read.attrs["masked"]) == {"class", "when", "flux", "nothing"}


def test_importing_the_room_loads_no_pandas_and_no_astropy():
    code = "import sys, decan.core.data.tables, decan.core.data.registry as _; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"pandas", "astropy", "pyarrow", "torch", "pooch"} & set(loaded.stdout.split())


NAMES = st.text("abcdefgh_", min_size=1, max_size=6)
FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=64)
INTEGERS = st.integers(-(2**62), 2**62)
WORDS = st.text("abcxyz ,;\"'|", min_size=1, max_size=8).map(str.strip).filter(bool)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), rows=st.integers(1, 6))
@pytest.mark.parametrize("suffix", [s for s in WRITERS if s != "tbl"])
def test_any_table_comes_back_as_it_was(tmp_path, suffix, data, rows):
    names = data.draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    table = Table()
    for name in names:
        cells = data.draw(st.sampled_from([FLOATS, INTEGERS, WORDS]))
        table[name] = data.draw(st.lists(cells, min_size=rows, max_size=rows))
    read = read_table(write(table, tmp_path, suffix))
    assert list(read.columns) == names
    for name in names:
        assert read[name].tolist() == table[name].tolist()


@given(st.lists(FLOATS.filter(lambda x: x == 0 or abs(x) > 1e-300), min_size=1, max_size=5))
def test_any_number_survives_the_loss_of_its_exponents_letter(values):
    whole = [f"{value:.12e}" for value in values]
    # Fortran drops the letter exactly where the exponent needs three digits.
    short = [re.sub(r"e([+-][0-9]{3})$", r"\1", cell) for cell in whole]
    found, absent = numbers_from_text(short)
    assert found.tolist() == [float(cell) for cell in whole]
    assert not absent.any()


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".ecsv", ".fits"])
def test_a_written_table_comes_back_with_its_units(tmp_path, suffix):
    table = pd.DataFrame({"name": ["a", "b"], "n": [1, 2], "flux": [1.5, np.nan]})
    table.attrs["units"] = {"flux": "Jy", "gone": "d"}
    back = read_table(write_table(table, tmp_path / f"new/table{suffix}"))
    assert back["name"].tolist() == ["a", "b"]
    assert back["n"].tolist() == [1, 2]
    np.testing.assert_array_equal(back["flux"], table["flux"])
    assert suffix == ".csv" or back.attrs["units"]["flux"] == "Jy"


def test_a_table_for_an_unknown_suffix_is_refused_and_the_old_file_kept(tmp_path):
    old = tmp_path / "table.xls"
    old.write_text("old")
    with pytest.raises(SchemaError, match=r"table\.xls.*\.csv"):
        write_table(pd.DataFrame(), old)
    assert old.read_text() == "old"


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_csv_of_a_spreadsheet_with_semicolons_or_tabs_is_a_table(separator, tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text(f"id{separator}period{separator}note\n1{separator}0.5{separator}a, b\n")
    table = read_table(path, required=["id", "period"])
    assert table.to_dict("list") == {"id": [1], "period": [0.5], "note": ["a, b"]}


@pytest.mark.parametrize(("name", "said"), [("o.xlsx", "unknown format"), ("o.csv", "is a folder")])
def test_a_table_that_could_not_be_written_is_known_before_the_work(name, said, tmp_path):
    (tmp_path / "o.csv").mkdir()
    with pytest.raises(SchemaError, match=said):
        writable(tmp_path / name)
