import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest

from decan.core.errors import DataNotAvailable
from decan.transits.queries import (
    DR25_EVENT_COLUMNS,
    archive_query,
    fetch_kepler_light_curves,
    tess_objects,
    threshold_events,
)

LISTING = b"""<html><a href="kplr011442793-2009131105131_llc.fits">x</a>
<a href="kplr011442793-2009166043257_llc.fits">y</a>
<a href="kplr011442793-2009166043257_slc.fits">short cadence</a></html>"""
TOI = b"TIC ID,TOI,TFOPWG Disposition\n25155310,114.01,KP\n"


class Archive(BaseHTTPRequestHandler):
    """Answers in the formats that the archives answered in."""

    asked: ClassVar[list] = []

    def do_GET(self):
        path = urlparse(self.path)
        type(self).asked.append(path.path)
        if path.path == "/toi":
            return self.answer(200, TOI)
        if path.path.endswith("/011442793/"):
            return self.answer(200, LISTING)
        if path.path.endswith("_llc.fits"):
            return self.answer(200, b"SIMPLE  = T")
        return self.answer(404, b"<h1>Not Found</h1>")

    def do_POST(self):
        query = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())["QUERY"][0]
        if "q1_q17_dr25_tce" in query:
            row = ",".join("-1" if n.endswith("_err") else "2.5" for n in DR25_EVENT_COLUMNS)
            return self.answer(200, (",".join(DR25_EVENT_COLUMNS) + f"\n{row}\n").encode())
        return self.answer(200, b"# comment\nkepid,koi_period\n757450,8.88\n")

    def answer(self, code, body):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def archive():
    Archive.asked = []
    server = HTTPServer(("127.0.0.1", 0), Archive)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_query_gives_a_table_without_the_comments(archive):
    table = archive_query("select kepid from q1_q17_dr25_koi", url=f"{archive}/tap")
    assert table["koi_period"].tolist() == [8.88]


def test_minus_one_means_no_value_in_the_table_of_events(archive):
    table = threshold_events(url=f"{archive}/tap")
    assert np.isnan(table["tce_dicco_msky"][0])
    assert table["tce_period"][0] == 2.5


def test_tess_objects_come_with_their_dispositions(archive):
    assert tess_objects(url=f"{archive}/toi")["TFOPWG Disposition"].tolist() == ["KP"]


def test_long_cadence_files_of_a_star_are_fetched_once(archive, tmp_path):
    paths = fetch_kepler_light_curves(11442793, tmp_path, url=archive)
    assert [path.name[-9:] for path in paths] == ["_llc.fits", "_llc.fits"]
    before = len(Archive.asked)
    fetch_kepler_light_curves(11442793, tmp_path, url=archive)
    assert len(Archive.asked) == before + 1


def test_an_unknown_star_is_named(archive, tmp_path):
    with pytest.raises(DataNotAvailable, match="HTTP 404"):
        fetch_kepler_light_curves(1, tmp_path, url=archive)
