import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlparse

import pytest

from decan.core.data import remote
from decan.core.data.remote import request, tap_query
from decan.core.errors import DataNotAvailable, SchemaError

REFUSED = b'<VOTABLE><INFO name="QUERY_STATUS" value="ERROR">ORA-00904: bad column</INFO></VOTABLE>'


class Archive(BaseHTTPRequestHandler):
    """Answers in the formats that archives answer in, and fails as they do."""

    failures: ClassVar[list] = []
    asked: ClassVar[list] = []

    def do_GET(self):
        self.asked.append(urlparse(self.path).query)
        if self.failures:
            failure = self.failures.pop()
            return self.answer(failure, b"busy") if failure != "cut" else self.cut()
        return self.answer(200, b"fine")

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        query = form["QUERY"][0]
        if "nonsense" in query:
            return self.answer(400, REFUSED)
        if "page" in query:
            return self.answer(200, b"<html>Down for maintenance</html>")
        if "error" in query:
            return self.answer(200, REFUSED)
        return self.answer(
            200, f"# comment\nlang,length\n{form['LANG'][0]},{len(query)}\n".encode()
        )

    def answer(self, code, body):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def cut(self):
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"fi")

    def log_message(self, *args):
        pass


@pytest.fixture
def archive(monkeypatch):
    monkeypatch.setattr(remote, "PAUSE_SECOND", 0.0)
    monkeypatch.delenv("DECAN_OFFLINE", raising=False)
    Archive.failures, Archive.asked = [], []
    server = HTTPServer(("127.0.0.1", 0), Archive)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/tap"
    server.shutdown()
    server.server_close()


def test_a_query_gives_a_table_without_the_comments(archive):
    table = tap_query(archive, "select 1")
    assert table.to_dict("records") == [{"lang": "ADQL", "length": 8}]


def test_a_question_of_any_length_is_carried(archive):
    assert tap_query(archive, "x" * 100_000)["length"].item() == 100_000


@pytest.mark.parametrize("failure", [429, 500, 503, "cut"])
def test_a_busy_or_broken_archive_is_asked_again(archive, failure):
    Archive.failures = [failure, failure]
    assert request(archive, params={"id": "a b"}) == b"fine"
    assert Archive.asked == ["id=a+b"] * 3


def test_an_archive_that_stays_busy_is_given_up_in_its_own_words(archive):
    Archive.failures = [503] * 9
    with pytest.raises(DataNotAvailable, match="/tap: HTTP 503: busy"):
        request(archive)
    assert len(Archive.asked) == 3


def test_what_is_not_there_is_asked_once(archive):
    Archive.failures = [404] * 9
    with pytest.raises(DataNotAvailable, match="HTTP 404"):
        request(archive)
    assert len(Archive.asked) == 1


def test_a_refused_query_quotes_the_service(archive):
    with pytest.raises(DataNotAvailable, match="HTTP 400: ORA-00904: bad column"):
        tap_query(archive, "nonsense")


@pytest.mark.parametrize(
    ("query", "words"), [("page", "Down for maintenance"), ("error", "ORA-00904: bad column")]
)
def test_a_page_in_place_of_a_table_is_refused(archive, query, words):
    with pytest.raises(SchemaError, match=words):
        tap_query(archive, query)


def test_offline_means_offline(archive, monkeypatch):
    monkeypatch.setenv("DECAN_OFFLINE", "1")
    with pytest.raises(DataNotAvailable, match="DECAN_OFFLINE forbids"):
        request(archive)
    assert Archive.asked == []


def test_nobody_at_an_address_is_one_clear_line(monkeypatch):
    monkeypatch.setattr(remote, "PAUSE_SECOND", 0.0)
    monkeypatch.delenv("DECAN_OFFLINE", raising=False)
    with pytest.raises(DataNotAvailable, match=r"^http://127.0.0.1:1: no answer \("):
        request("http://127.0.0.1:1", timeout_s=1)


def test_ids_of_nineteen_digits_survive_also_beside_absent_ones():
    table = remote.csv_table(b"source_id,name\n4295806720123456789,HD 1#2\n,x\n", "archive")
    assert int(table["source_id"][0]) == 4295806720123456789
    assert table["source_id"].isna().tolist() == [False, True]
    assert table["name"][0] == "HD 1#2"
