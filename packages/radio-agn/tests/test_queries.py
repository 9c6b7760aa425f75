"""Archives that are slow, blank or wrong."""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from astropy.io import fits

from decan.radio_agn.queries import SURVEYS, Survey, fetch_cutouts


@pytest.fixture
def archive(blob, monkeypatch):
    """A server that knows three positions: a source, a blank field, and one it is slow about."""
    import decan.core.data.remote as remote

    monkeypatch.setattr(remote, "PAUSE_SECOND", 0.01)
    calls = Counter()
    state = {"busy": True}

    def image(data):
        hdu = fits.PrimaryHDU(data)
        for axis, (kind, step) in enumerate((("RA---SIN", -1), ("DEC--SIN", 1)), 1):
            hdu.header[f"CTYPE{axis}"] = kind
            hdu.header[f"CDELT{axis}"] = step * 1.8 / 3600
            hdu.header[f"CRPIX{axis}"] = 75.5
            hdu.header[f"CRVAL{axis}"] = 10.0
        import io

        buffer = io.BytesIO()
        hdu.writeto(buffer)
        return buffer.getvalue()

    answers = {"10.0": image(blob), "20.0": image(np.zeros((150, 150), np.float32))}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            ra = parse_qs(urlparse(self.path).query)["ra"][0]
            calls[ra] += 1
            if ra == "30.0" and state["busy"]:
                self.send_response(503)
                self.end_headers()
                return
            if ra == "40.0":
                body = b"<html>no such survey</html>"
            else:
                body = answers.get(ra, answers["10.0"])
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/cutout"
    yield Survey(address, lambda ra, dec, size: {"ra": f"{ra:.1f}"}, 5.4, 1.8), calls, state
    server.shutdown()
    server.server_close()


@pytest.mark.bad_input(14)
def test_what_is_delivered_is_kept_failures_are_listed_and_asked_for_again(archive, tmp_path):
    service, calls, state = archive
    ask = {"services": [service], "cache": tmp_path, "progress": False}
    with pytest.warns(UserWarning, match="3 of 4 cutouts were not delivered"):
        found = fetch_cutouts([10.0, 20.0, 30.0, 40.0], [0.0] * 4, names=list("abcd"), **ask)
    assert found.status == ["ok", "failed", "failed", "failed"]
    assert found.images.shape == (4, 150, 150)
    failures = json.loads((tmp_path / "failures.json").read_text())
    assert set(failures) == {"b", "c", "d"}
    assert "blank" in failures["b"]
    assert "no such survey" in failures["d"]

    state["busy"] = False
    calls.clear()
    with pytest.warns(UserWarning, match="2 of 4"):
        again = fetch_cutouts([10.0, 20.0, 30.0, 40.0], [0.0] * 4, names=list("abcd"), **ask)
    assert again.status == ["ok", "failed", "ok", "failed"]
    assert calls["10.0"] == 0


def test_the_next_service_is_asked_when_the_first_one_fails(archive, tmp_path):
    service, _, _ = archive
    dead = Survey(service.address, lambda ra, dec, size: {"ra": "40.0"}, 5.4, 1.8)
    found = fetch_cutouts([10.0], [0.0], services=[dead, service], cache=tmp_path, progress=False)
    assert found.status == ["ok"]


def test_the_servers_are_asked_in_their_own_words():
    skyview, server = SURVEYS["FIRST"]
    query = skyview.query(180.0, -0.5, 4.5)
    assert query["Position"] == "180.000000,-0.500000"
    assert query["Size"] == "0.075000"
    assert server.query(180.0, -0.5, 4.5)["RA"] == "12 00 00.00 -00 30 00.0"


def test_an_unknown_survey_is_refused():
    with pytest.raises(ValueError, match="expected one of FIRST, LoTSS, VLASS"):
        fetch_cutouts([1.0], [1.0], survey="NVSS")


def test_a_sharp_survey_without_a_beam_in_its_header_is_seen_through_the_beam_of_first(
    archive, tmp_path
):
    first, _, _ = archive
    sharp = Survey(first.address, first.query, 2.5, 1.8)
    found = fetch_cutouts([10.0], [0.0], services=[sharp], cache=tmp_path, progress=False)
    assert "smoothed from a beam of 2.5" in found.notes[0]
    assert found.beam_arcsec[0, 0] == pytest.approx(5.4)
