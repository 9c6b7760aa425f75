import http.server
import threading

import numpy as np
import pandas as pd
import pytest

from decan.core.errors import DataNotAvailable, SchemaError
from decan.core.testing import needs_data
from decan.planetary_systems import DATASETS, load_bern, load_miguel
from decan.planetary_systems.archive import disc_split
from decan.planetary_systems.insertions import measured_planets
from decan.planetary_systems.observed import archive_systems
from decan.planetary_systems.queries import NASA_COLUMNS, nasa_planets, read_dace, read_syssim
from decan.planetary_systems.stars import named_systems, toi469

ROW = {
    "pl_name": "X b", "hostname": "X", "pl_orbper": 10.0, "pl_orbsmax": np.nan, "pl_bmasse": 5.0,
    "pl_bmasseerr1": 1.0, "pl_bmasseerr2": -0.5, "pl_bmassprov": "Mass", "st_mass": 1.0,
    "pl_controv_flag": 0,
}  # fmt: skip


def table(*changes):
    return pd.DataFrame([{**ROW, **change} for change in changes])


@pytest.mark.bad_input(22)
@pytest.mark.parametrize("case", ["planet-around-two-stars"])
def test_a_circumbinary_planet_needs_the_mass_of_both_stars(case):
    binary = {"pl_name": "Kepler-1647 b", "hostname": "Kepler-1647", "pl_orbper": 1107.5923,
              "st_mass": 1.2207, "cb_flag": 1, "pl_bmasse": 483.0}  # fmt: skip
    alone = archive_systems(table(binary), min_planets=0)
    assert alone.dropped == {"circumbinary, mass of one star only": 1}
    assert alone.n_planets == 0
    both = archive_systems(table({**binary, "st_mass_total": 1.2207 + 0.9678}))
    # Kepler's third law with both stars; the planet's own mass changes the fourth digit.
    assert both.a_au == pytest.approx([2.720], abs=0.002)
    assert "mass of one star only" in repr(alone)
    # With an axis of the archive's own, that one: never 2.24 au, and no mass for both stars.
    given = archive_systems(table({**binary, "pl_orbsmax": 2.7205}))
    assert given.a_au == pytest.approx([2.7205])
    assert np.isnan(given.star_mass).all()
    assert np.isnan(given.period_day).all()


@pytest.mark.bad_input(8, 24)
@pytest.mark.parametrize("case", ["missing-values-stay-missing"])
def test_missing_archive_values_are_never_filled(case):
    poor = {"pl_bmasseerr1": np.nan, "pl_bmasseerr2": np.nan, "st_mass": np.nan,
            "hostname": "Poor", "pl_name": "Poor b"}  # fmt: skip
    found = archive_systems(table({}, poor), min_planets=0)
    assert found.n_planets == 1
    assert found.dropped == {"no semi-major axis: star mass unknown": 1}
    assert found.notes["stars of unknown mass (Poor)"] == 1
    # An axis of the archive's own is taken; the error stays unknown.
    found = archive_systems(table({}, {**poor, "pl_orbsmax": 0.09}))
    assert np.isnan(found.planets["mass_err_lo"][1])
    assert np.isnan(found.star_mass[1])
    assert found.notes["masses without error, point value used"] == 1


@pytest.mark.bad_input(6)
def test_masses_by_a_relation_are_flagged():
    found = archive_systems(table({}, {"pl_name": "X c", "pl_orbper": 30.0,
                                       "pl_bmassprov": "M-R relationship"}))  # fmt: skip
    assert found.planets["mass_kind"].tolist() == ["mass", "relation"]


def test_limits_of_masses_are_no_measured_masses():
    found = archive_systems(
        table({"pl_bmasselim": 0}, {"pl_bmasselim": 1, "pl_orbper": 20.0, "pl_name": "X c"},
              {"pl_bmasselim": -1, "pl_orbper": 40.0, "pl_name": "X d"})
    )  # fmt: skip
    assert found.planets["mass_kind"].tolist() == ["mass", "upper limit", "lower limit"]
    assert found.notes["masses that are limits"] == 2
    assert measured_planets(found).tolist() == [0]


def test_an_alias_in_any_row_of_a_host_joins_it():
    found = archive_systems(
        table({"hostname": "A", "hd_name": None}, {"hostname": "A", "hd_name": "HD 1",
              "pl_orbper": 20.0}, {"hostname": "B", "hd_name": "HD 1", "pl_orbper": 40.0})
    )  # fmt: skip
    assert found.counts.tolist() == [3]


def test_an_archive_table_of_astropy_or_plain_columns_is_the_same():
    from astropy.table import Table

    frame = table({}, {"pl_name": "X c", "pl_orbper": 20.0})
    for other in (Table.from_pandas(frame), frame.to_dict("list")):
        assert archive_systems(other).a_au == pytest.approx(archive_systems(frame).a_au)


@pytest.mark.bad_input(21)
def test_hosts_that_share_a_catalogue_number_are_one():
    found = archive_systems(
        table({"hd_name": "HD 42813", "hostname": "HD 42813"},
              {"hd_name": "HD 42813", "hostname": "HIP 29442", "pl_orbper": 3.0})
    )  # fmt: skip
    assert found.counts.tolist() == [2]
    assert found.notes["hosts joined"] == 1


def test_a_renamed_column_is_named():
    with pytest.raises(SchemaError, match="'pl_bmassprov' is missing; has it been renamed"):
        archive_systems(table({}).drop(columns="pl_bmassprov"))


class Archive(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        columns = NASA_COLUMNS if "pscomppars" in asked else NASA_COLUMNS[:-1]
        body = (",".join(columns) + "\n" + ",".join(["1"] * len(columns)) + "\n").encode()
        status = 400 if "nonsense" in asked else 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if status == 200 else b"x" * len(body))

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def archive():
    server = http.server.HTTPServer(("127.0.0.1", 0), Archive)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/TAP/sync"
    server.shutdown()
    server.server_close()


def test_the_archive_is_asked_and_a_missing_column_told(archive):
    assert len(nasa_planets(service=archive)) == 1
    with pytest.raises(SchemaError, match="ps of the NASA archive: column 'sy_vmag'"):
        nasa_planets(table="ps", service=archive)
    with pytest.raises(DataNotAvailable):
        nasa_planets(service=archive, where="nonsense")
    with pytest.raises(ValueError, match="exomultpars"):
        nasa_planets(table="exomultpars", service=archive)


def test_exports_are_read_or_their_columns_told(tmp_path):
    export = tmp_path / "dace.csv"
    export.write_text("System,sma,m,status\n1,0.1,2.0,0\n1,0.5,3.0,2\n2,1.0,1.0,0\n")
    found = read_dace(export)
    assert found.counts.tolist() == [1, 1]
    assert found.dropped == {"status not 0": 1}
    export.write_text("System,sma,weight\n1,0.1,2.0\n")
    with pytest.raises(SchemaError, match=r"no column for mass.*System, sma, weight"):
        read_dace(export)


def test_catalogues_of_syssim_come_in_earth_units(tmp_path):
    catalogue = tmp_path / "physical.csv"
    catalogue.write_text(
        "# header\ntarget_id,star_id,planet_mass,planet_radius,period,ecc,star_mass\n"
        "1,7,3.0034896e-6,0.0091679,365.256898,0.01,1.0\n"
    )
    found = read_syssim(catalogue)
    assert found.mass_earth == pytest.approx([1.0])
    assert found.a_au == pytest.approx([1.0], abs=1e-5)
    assert found.planets["radius"].tolist() == pytest.approx([1.0], rel=1e-3)


def test_named_systems_are_published_facts():
    systems = named_systems()
    assert systems.counts.tolist() == [8, 7, 8, 3]
    known, star = toi469("b")
    assert known["planet"].tolist() == ["b"]
    assert star.mass == 0.901


@needs_data(DATASETS, "bern_10gyr", "bern_other_ages", "bern_discs")
def test_bern_discs_split_as_published_and_keep_their_empty_systems():
    systems = load_bern("ng74", 5.0)
    assert [int(disc_split(systems.names, p).sum()) for p in ("train", "validation", "test")] == [
        650, 99, 151,
    ]  # fmt: skip
    assert len(systems) == 900
    assert (systems.counts == 0).any()
    assert systems.dropped["status not 0"] > 0
    young = load_bern("ngm11")
    assert young.dropped["semi-major axis not positive and finite"] == 2
    with pytest.raises(ValueError, match="'ng99' is not known"):
        load_bern("ng99")


@needs_data(DATASETS, "miguel_populations")
def test_planets_lighter_than_their_envelope_are_dropped():
    assert load_miguel(0.0).dropped["total mass below envelope"] > 0


@needs_data(DATASETS, "nasa_pscomppars")
def test_the_archive_holds_the_hosts_that_were_counted():
    systems = archive_systems(DATASETS.load("nasa_pscomppars"), min_planets=2, complete=True)
    # 837 hosts and 2,104 planets of at least two, none controversial, all masses given.
    assert (len(systems), systems.n_planets) == (837, 2104)
