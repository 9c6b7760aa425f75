import io
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlparse

import pytest

from decan.core.errors import CorruptFile, DataNotAvailable
from decan.xray_spectra import UnsupportedInstrumentError
from decan.xray_spectra.csc import CSCClient, detection_query, parse_name


class Archive:
    """A local archive that sends what it is asked for, and remembers the requests."""

    def __init__(self):
        self.asked, self.lost, self.page = [], set(), None
        archive = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                query = parse_qs(urlparse(self.path).query)
                body = archive.answer(query.get("packageset", [""])[0])
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/retrieve"

    def answer(self, packages):
        if self.page is not None:
            return self.page
        self.asked.append(packages.split(","))
        buffer = io.BytesIO()
        kinds = {"spectrum": "pha3", "arf": "arf3", "rmf": "rmf3"}
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for package in self.asked[-1]:
                one, kind, _ = package.split("/")
                if one in self.lost:
                    continue
                obsid, obi, region = (int(part) for part in one.split("."))
                name = f"acisf{obsid:05d}_{obi:03d}N001_r{region:04d}_{kinds[kind]}.fits.gz"
                content = b"same matrix" if kind == "rmf" else one.encode()
                member = tarfile.TarInfo(f"package/{name}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return buffer.getvalue()


@pytest.fixture
def archive():
    held = Archive()
    yield held
    held.server.shutdown()
    held.server.server_close()


@pytest.mark.parametrize("n", [0, 1, 49, 50, 51])
def test_n_of_n_detections_arrive(archive, tmp_path, n):
    wanted = [f"{1000 + i}.0.{i}" for i in range(n)]
    client = CSCClient(retrieve=archive.address)
    found = client.retrieve(wanted, tmp_path / "csc", progress=False)
    assert list(found) == wanted
    assert all(set(files) == {"pha", "arf", "rmf"} for files in found.values())
    assert sum(len(asked) for asked in archive.asked) == 3 * n
    assert len(archive.asked) == -(-n // 50)


def test_what_is_there_is_not_asked_for_again_and_equal_matrices_are_kept_once(archive, tmp_path):
    client = CSCClient(retrieve=archive.address)
    client.retrieve(["1.0.1", "1.0.2"], tmp_path, progress=False)
    found = client.retrieve(["1.0.1", "1.0.2", "1.0.3"], tmp_path, progress=False)
    assert [len(asked) for asked in archive.asked] == [6, 3]
    assert len({files["rmf"].stat().st_ino for files in found.values()}) == 1


def test_what_the_archive_did_not_send_is_said(archive, tmp_path):
    archive.lost = {"7.0.1"}
    with pytest.raises(DataNotAvailable, match=r"1 of 2 detections, the first is 7\.0\.1"):
        CSCClient(retrieve=archive.address).retrieve(["6.0.1", "7.0.1"], tmp_path, progress=False)
    assert len(list(tmp_path.glob("acisf00006*"))) == 3


@pytest.mark.bad_input(12)
def test_an_error_page_is_quoted(archive, tmp_path):
    archive.page = b"<html>The archive is closed on Wednesdays</html>" * 20
    with pytest.raises(CorruptFile, match="closed on Wednesdays"):
        CSCClient(retrieve=archive.address).retrieve(["1.0.1"], tmp_path, progress=False)


@pytest.mark.parametrize(
    ("name", "detection", "exposure"),
    [
        ("acisf01575_001N001_r0085_pha3.fits.gz", "1575.1.85", ""),
        ("acisf123456_000N002_r1234_rmf3.fits", "123456.0.1234", ""),
        ("acisf01575_001N001_e2_r0085_arf3.fits.gz", "1575.1.85", "e2"),
        ("acisf01575_001e1N001_r0085b_pha3.fits.gz", "1575.1.85", "e1"),
    ],
)
def test_names_are_parsed_as_a_whole(name, detection, exposure):
    product = parse_name(name)
    assert product.detection == detection
    assert product.exposure == exposure


@pytest.mark.bad_input(4)
def test_names_of_other_things_are_refused():
    with pytest.raises(UnsupportedInstrumentError, match="HRC"):
        parse_name("hrcf00001_000N001_r0001_pha3.fits")
    with pytest.raises(ValueError, match="not the name"):
        parse_name("acisf01575_evt3.fits")


def test_the_query_asks_for_unique_matches_of_significant_detections():
    query = detection_query(min_counts=100, where="m.dec > 0", top=5)
    for words in ("TOP 5", "a.match_type = 'u'", "src_cnts_aper_b > 100", "(m.dec > 0)"):
        assert words in query
