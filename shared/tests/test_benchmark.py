import subprocess
import sys

import pytest

from decan.core.benchmark import Benchmark, best_of, installed, table_of

GOOD = """
from decan.core.benchmark import Benchmark
bench = Benchmark("pulx")
bench.ratio("search", 0.5, 2.0, peer="numpy")
bench.absent("search", "no-such-peer")
"""


def test_the_ratio_is_theirs_over_ours_with_the_version_of_the_peer(capsys):
    bench = Benchmark("transits")
    bench.ratio("views", 2e-4, 1e-3, peer="numpy")
    assert bench.rows[0]["ratio"] == "5"
    assert f"numpy {installed('numpy')} 1 ms: ratio 5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "shown"), [(12.0, "12 s"), (0.25, "250 ms"), (3e-5, "30 µs"), (12345, "12,345 s")]
)
def test_times_are_shown_in_the_unit_they_are_read_in(seconds, shown, capsys):
    Benchmark("x").value("job", seconds)
    assert capsys.readouterr().out == f"job: {shown}\n"


def test_the_best_of_several_calls_counts():
    calls = []
    assert best_of(lambda: calls.append(1), 4) < 0.1
    assert len(calls) == 4


def test_all_scripts_are_run_though_one_fails_and_peers_that_are_missing_are_named(tmp_path):
    (tmp_path / "bench_bad.py").write_text("raise SystemExit(3)")
    (tmp_path / "bench_good.py").write_text(GOOD)
    scripts = [str(tmp_path / f"bench_{name}.py") for name in ("bad", "good")]
    out = tmp_path / "table.md"
    done = subprocess.run(
        [sys.executable, "-m", "decan.core.benchmark", "--out", str(out), *scripts],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"failed: {scripts[0]}" in done.stdout
    table = out.read_text()
    assert "| pulx | search | 500 ms | numpy" in table
    assert "no-such-peer, not installed" in table
    assert "cores of" in table


def test_a_table_without_rows_is_a_head():
    assert table_of([]).startswith("| library | job |")
