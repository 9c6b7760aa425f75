from __future__ import annotations

import http.server
import io
import threading
import urllib.parse
import zipfile
from pathlib import Path

import numpy as np
import pytest

from decan.core.errors import CorruptFile, DataNotAvailable
from decan.gaia_variables import queries, read_epoch_photometry, read_xp_continuous
from decan.gaia_variables.queries import (
    datalink_addresses,
    fetch_datalink,
    run_query,
    unpack,
    variable_sources,
)

RAW = (
    "source_id,g_transit_time,g_transit_mag,g_transit_flux,g_transit_flux_error\n"
    '5937083312263887616,"[1700.1, 1701.2]","[14.0, 14.1]","[1000.0, 900.0]","[1.0, 1.0]"\n'
    '4295806720,"[1700.5, 1702.5]","[15.0, 15.1]","[500.0, 450.0]","[2.0, 2.0]"\n'
)
INDIVIDUAL = (
    "source_id,transit_id,band,time,mag,flux,flux_error,flux_over_error,"
    "rejected_by_photometry,rejected_by_variability,other_flags,solution_id\n"
    "4295806720,1,G,1700.5,15.0,500.0,2.0,250.0,false,false,1,375316653866487564\n"
    "4295806720,1,BP,1700.5,15.4,300.0,3.0,100.0,false,false,0,375316653866487564\n"
    "4295806720,2,G,1702.5,15.1,450.0,2.0,225.0,false,true,1,375316653866487564\n"
)
JOB = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" '
    'xmlns:xlink="http://www.w3.org/1999/xlink">\n'
    "<uws:jobId><![CDATA[1764010O]]></uws:jobId>\n<uws:phase>EXECUTING</uws:phase>\n</uws:job>"
)
ERROR = (
    '<?xml version="1.0" encoding="UTF-8"?><VOTABLE version="1.4"><RESOURCE type="results">'
    '<INFO name="QUERY_STATUS" value="ERROR">'
    '<![CDATA[Cannot parse query: unknown column "bprp"]]></INFO>'
    "</RESOURCE></VOTABLE>"
)
ROWS = "SOURCE_ID,best_class_name,bp_rp\n5937083312263887616,RR,0.51\n4295806720,RR,\n"


@pytest.fixture
def service(monkeypatch):
    """A local service of the Table Access Protocol that answers what it is told to."""
    monkeypatch.setattr(queries, "_PAUSE_S", 0.01)
    answers, asked = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            asked.append(dict(urllib.parse.parse_qsl(self.rfile.read(length).decode())))
            # As the standard has it, the job is made and the client is sent to it.
            self.send_response(303)
            self.send_header("Location", f"http://{self.headers['Host']}/tap/async/1764010O")
            self.end_headers()

        def do_GET(self):
            body = answers[self.path]
            if isinstance(body, list):
                body = body.pop(0) if len(body) > 1 else body[0]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    answers["/tap/async/1764010O"] = JOB
    yield f"http://127.0.0.1:{server.server_port}/tap", answers, asked
    server.shutdown()
    server.server_close()


def test_a_query_waits_for_its_job_and_gives_lower_case_columns_and_whole_ids(service):
    address, answers, asked = service
    answers["/tap/async/1764010O/phase"] = ["QUEUED", "EXECUTING", "COMPLETED"]
    answers["/tap/async/1764010O/results/result"] = ROWS
    table = run_query(variable_sources("RR", most=5000), service=address)
    assert asked[0]["PHASE"] == "RUN"
    assert asked[0]["QUERY"].startswith("SELECT TOP 5000 s.source_id")
    assert list(table.columns) == ["source_id", "best_class_name", "bp_rp"]
    # Beyond 2**53, where a float would lose the last digits.
    assert table["source_id"].tolist() == [5937083312263887616, 4295806720]


def test_a_query_that_fails_is_told_in_the_words_of_the_archive(service):
    address, answers, _ = service
    answers["/tap/async/1764010O/phase"] = "ERROR"
    answers["/tap/async/1764010O/error"] = ERROR
    with pytest.raises(DataNotAvailable, match=r'ended as ERROR\. Cannot parse .* column "bprp"'):
        run_query("SELECT bprp FROM gaiadr3.gaia_source", service=address)


def test_a_query_that_takes_too_long_names_its_job(service):
    address, answers, _ = service
    answers["/tap/async/1764010O/phase"] = "EXECUTING"
    with pytest.raises(DataNotAvailable, match=r"1764010O: still EXECUTING after 0\.05 s"):
        run_query("SELECT 1", service=address, timeout_s=0.05)


def test_a_page_in_place_of_a_job_is_shown(service):
    address, answers, _ = service
    answers["/tap/async/1764010O"] = "<html>The archive is down for maintenance</html>"
    with pytest.raises(DataNotAvailable, match=r"no job in its answer.*maintenance"):
        run_query("SELECT 1", service=address)


def test_addresses_hold_at_most_5000_ids_and_never_ask_for_combined():
    addresses = list(datalink_addresses(np.arange(1, 7002)))
    assert len(addresses) == 2
    query = urllib.parse.parse_qs(addresses[0].split("?", 1)[1])
    assert query["DATA_STRUCTURE"] == ["RAW"]
    assert len(query["ID"][0].split(",")) == 5000
    with pytest.raises(ValueError, match="'RAW' or 'INDIVIDUAL', found 'COMBINED'"):
        next(datalink_addresses([1], structure="COMBINED"))


def test_a_class_name_cannot_carry_a_query():
    with pytest.raises(ValueError, match="is no class of the archive"):
        variable_sources("RR' OR '1'='1")


def answer(monkeypatch, content):
    monkeypatch.setattr(queries, "request", lambda url, form, timeout_s: content)


def test_what_datalink_sends_is_unpacked_and_read(monkeypatch, tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../evil/EPOCH_PHOTOMETRY_RAW.csv", RAW)
    answer(monkeypatch, buffer.getvalue())
    [path] = fetch_datalink([4295806720], tmp_path / "curves")
    assert path.parent == tmp_path / "curves"
    assert len(read_epoch_photometry(path)) == 2


def test_an_error_page_instead_of_an_archive_is_shown(monkeypatch, tmp_path):
    answer(monkeypatch, b"<html>HTTP Status 500</html>")
    with pytest.raises(CorruptFile, match="HTTP Status 500"):
        fetch_datalink([1], tmp_path)


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(("structure", "content"), [("RAW", RAW), ("INDIVIDUAL", INDIVIDUAL)])
def test_both_structures_of_datalink_give_the_same_curve(monkeypatch, tmp_path, structure, content):
    name = f"EPOCH_PHOTOMETRY-Gaia DR3 4295806720 {structure}.csv"
    answer(monkeypatch, zipped(**{name: content}))
    [path] = fetch_datalink([4295806720], tmp_path, structure=structure)
    curves = read_epoch_photometry(path)
    star = curves[[int(np.flatnonzero(curves.source_id == 4295806720)[0])]].used()
    assert star.time_d.tolist() == [1700.5, 1702.5]
    np.testing.assert_allclose(star.mag_err, 2.5 / np.log(10) * 2 / np.array([500, 450]))


@pytest.mark.parametrize("form", ["csv", "ecsv", "fits", "vot"])
def test_products_that_datalink_sent_are_read_alike_in_every_format(form, tmp_path):
    astroquery = pytest.importorskip("astroquery")
    recorded = Path(astroquery.__file__).parent / "gaia" / "tests" / "data"
    name = "gaia_dr3_source_id_5937083312263887616_dl_products"
    tables = unpack((recorded / f"{name}_{form}.zip").read_bytes(), tmp_path, source="recorded")
    [path] = [one for one in tables if one.name.startswith("XP_CONTINUOUS")]
    found = read_xp_continuous(path)
    assert found.source_id.tolist() == [5937083312263887616]
    first = [3325.74309396, -392.20328365, 3753.40597369, -357.97660794]
    np.testing.assert_allclose(found.coefficients[0, [0, 1, 55, 56]], first, rtol=1e-9)
    assert np.isfinite(found.coefficients).all()
    assert (found.errors > 0).all()
    assert np.abs(found.correlations).max() <= 1
