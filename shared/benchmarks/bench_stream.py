"""Rows a second and peak memory of map_table, beside pandas and Dask on the same table.

Run: python shared/benchmarks/bench_stream.py [ROWS]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from decan.core.benchmark import Benchmark, installed

PREPARE = """
import json, resource, sys, time
source, sink = sys.argv[1:]
def function(t):
    return t.assign(colour=t["x0"] - t["x1"], n=t["flux"].map(len))
"""
WAYS = {
    "decan map_table": """
from decan.core.data.stream import map_table
start = time.perf_counter()
map_table(function, source, sink, progress=False)
""",
    "pandas, whole table": """
import pandas as pd
start = time.perf_counter()
function(pd.read_parquet(source)).to_parquet(sink, compression="zstd")
""",
    "dask.dataframe, threads": """
import dask, dask.dataframe as dd
dask.config.set({"dataframe.convert-string": False})
start = time.perf_counter()
frame = dd.read_parquet(source, split_row_groups=True)
meta = {**frame.dtypes.to_dict(), "colour": "f8", "n": "i8"}
frame.map_partitions(function, meta=meta).to_parquet(sink, compression="zstd", schema=None)
""",
}
# A child begins with the peak of its parent, so that the parent must be a small one.
BETWEEN = (
    "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]], check=True)"
)
REPORT = """
seconds = time.perf_counter() - start
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def write_table(path: Path, n_rows: int) -> None:
    """Ten numbers and a light curve of 20 points a row, in row groups of 250,000."""
    rng = np.random.default_rng(0)
    with pq.ParquetWriter(path, schema()) as writer:
        for start in range(0, n_rows, 250_000):
            n = min(250_000, n_rows - start)
            flux = pa.ListArray.from_arrays(
                np.arange(0, 20 * n + 1, 20, dtype=np.int32),
                pa.array(rng.normal(size=20 * n).astype(np.float32)),
            )
            columns = [pa.array(rng.normal(size=n)) for _ in range(10)]
            writer.write_table(pa.table([*columns, flux], schema=schema()))


def schema() -> pa.Schema:
    numbers = [(f"x{i}", pa.float64()) for i in range(10)]
    return pa.schema([*numbers, ("flux", pa.list_(pa.float32()))])


def main() -> None:
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    bench = Benchmark("core")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.parquet"
        write_table(source, n_rows)
        job = f"a table of {n_rows:,} rows, {source.stat().st_size / 1e6:.0f} MB, streamed"
        found = {}
        for i, (way, code) in enumerate(WAYS.items()):
            arguments = [PREPARE + code + REPORT, source, f"{folder}/out{i}"]
            command = [sys.executable, "-c", BETWEEN, *arguments]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found[way] = json.loads(done.stdout)
        seconds, megabytes = found.pop("decan map_table")
        for way, (time, memory) in found.items():
            name, *how = way.split(",", 1)
            peer = f"{way} {installed(name.split('.')[0])}" if how else name
            bench.ratio(job, seconds, time, peer=peer)
            bench.ratio(f"{job}: peak memory", megabytes, memory, peer=peer, unit="MiB")


if __name__ == "__main__":
    main()
