"""Speed and memory beside a peer, in the same run, as ratios.

A script in a library's ``benchmarks`` folder times its jobs with :func:`best_of`, gives what
it found to a :class:`Benchmark`, which prints it line by line, and needs no more. ``make
bench`` runs all scripts and gathers their lines into one table::

    python -m decan.core.benchmark --out table.md packages/*/benchmarks/bench_*.py
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from decan.core.files import replacing

__all__ = ["Benchmark", "best_of", "installed", "table_of"]

_FOLDER = "DECAN_BENCH"


def best_of(function: Callable[[], object], repeats: int = 3) -> float:
    """Least processor time of a few calls: what else the machine does hardly counts.

    Parameters
    ----------
    function : callable
        Called without arguments.
    repeats : int
        Calls.

    Returns
    -------
    float
        Seconds, summed over the threads of this process.

    Examples
    --------
    >>> best_of(lambda: sum(range(1000))) < 1.0
    True
    """
    seconds = []
    for _ in range(repeats):
        begin = time.process_time()
        function()
        seconds.append(time.process_time() - begin)
    return min(seconds)


def installed(distribution: str) -> str:
    """Version of a peer, or an empty string where it is not installed.

    Parameters
    ----------
    distribution : str
        Its name on the package index.

    Returns
    -------
    str

    Examples
    --------
    >>> installed("no-such-peer")
    ''
    """
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


class Benchmark:
    """What one script measured; each line is printed as it comes.

    Parameters
    ----------
    library : str
        Whose it is, for the table.

    Examples
    --------
    >>> bench = Benchmark("transits")
    >>> bench.ratio("five views", 0.001, 0.4, peer="a plain loop")
    five views: 1 ms, a plain loop 400 ms: ratio 400
    >>> bench.absent("detrending", "no-such-peer")
    detrending: no-such-peer is not installed, nothing to compare with
    """

    def __init__(self, library: str) -> None:
        self.library = library
        self.rows: list[dict[str, Any]] = []

    def ratio(self, job: str, ours: float, theirs: float, *, peer: str, unit: str = "s") -> None:
        """Take down a job that a peer did in the same run; the ratio is theirs over ours.

        Parameters
        ----------
        job : str
            What was done, with its size.
        ours, theirs : float
            Time or memory.
        peer : str
            Distribution name; its version is looked up. Other words are taken as they are.
        unit : str
            Of both; seconds are shown in ms where they are small.
        """
        name = f"{peer} {installed(peer) or '(not installed)'}" if " " not in peer else peer
        shown = _amount(ours, unit), _amount(theirs, unit)
        print(f"{job}: {shown[0]}, {name} {shown[1]}: ratio {theirs / ours:.3g}", flush=True)
        self._keep(job, shown[0], f"{name}, {shown[1]}", f"{theirs / ours:.3g}")

    def value(self, job: str, value: float, unit: str = "s") -> None:
        """Take down a figure that has no peer, such as a peak of memory.

        Parameters
        ----------
        job : str
            What was done, with its size.
        value : float
            What was found.
        unit : str
            Its unit.
        """
        print(f"{job}: {_amount(value, unit)}", flush=True)
        self._keep(job, _amount(value, unit), "", "")

    def absent(self, job: str, peer: str) -> None:
        """Take down that a peer is not installed, so that nobody takes silence for a result.

        Parameters
        ----------
        job : str
            What would have been compared.
        peer : str
            Who is missing.
        """
        print(f"{job}: {peer} is not installed, nothing to compare with", flush=True)
        self._keep(job, "", f"{peer}, not installed", "")

    def _keep(self, job: str, ours: str, peer: str, ratio: str) -> None:
        row = {"library": self.library, "job": job, "decan": ours, "peer": peer, "ratio": ratio}
        self.rows.append(row)
        if folder := os.environ.get(_FOLDER):
            with (Path(folder) / "rows.jsonl").open("a") as lines:
                lines.write(json.dumps(row) + "\n")


def table_of(rows: Sequence[dict[str, Any]]) -> str:
    """Rows of several scripts as one Markdown table, with the machine below it.

    Parameters
    ----------
    rows : sequence of dict
        :attr:`Benchmark.rows`.

    Returns
    -------
    str

    Examples
    --------
    >>> bench = Benchmark("pulx")
    >>> bench.value("a million events", 0.8, unit="GB")
    a million events: 0.8 GB
    >>> print(table_of(bench.rows).splitlines()[2])
    | pulx | a million events | 0.8 GB |  |  |
    """
    columns = ("library", "job", "decan", "peer", "ratio")
    lines = ["| library | job | decan | peer | peer over decan |", "|---|---|---|---|---|"]
    lines += [
        "| " + " | ".join(str(row[name]).replace("|", "\\|") for name in columns) + " |"
        for row in rows
    ]
    machine = f"{os.cpu_count()} cores of {_processor()}, Python {platform.python_version()}"
    packages = ", ".join(f"{name} {installed(name)}" for name in ("numpy", "scipy", "torch"))
    return "\n".join([*lines, "", f"{machine}, {packages}; {time.strftime('%Y-%m-%d')}.", ""])


def _amount(value: float, unit: str) -> str:
    if unit == "s" and abs(value) < 1:
        return f"{1e3 * value:.3g} ms" if abs(value) >= 1e-3 else f"{1e6 * value:.3g} µs"
    return f"{value:,.3g} {unit}" if abs(value) < 1e3 else f"{value:,.0f} {unit}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _run(scripts: Sequence[str], out: Path) -> int:
    """Run scripts one after the other, write the table; those that fail are named at the end."""
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {_FOLDER: folder, "OMP_NUM_THREADS": "1"}
        for script in scripts:
            print(f"== {script}", flush=True)
            if subprocess.run([sys.executable, script], env=environment, check=False).returncode:
                failed.append(script)
        kept = Path(folder) / "rows.jsonl"
        lines = kept.read_text().splitlines() if kept.exists() else []
    with replacing(out) as path:
        path.write_text(table_of([json.loads(line) for line in lines]))
    print(f"\n{len(lines)} rows: {out}")
    for script in failed:
        print(f"failed: {script}")
    return 1 if failed else 0


def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m decan.core.benchmark")
    parser.add_argument("scripts", nargs="+")
    parser.add_argument("--out", type=Path, default=Path("benchmarks.md"))
    arguments = parser.parse_args()
    return _run(arguments.scripts, arguments.out)


if __name__ == "__main__":
    sys.exit(_main())
