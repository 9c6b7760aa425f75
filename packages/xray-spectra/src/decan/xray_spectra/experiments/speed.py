"""Speed beside peers, in one process and run: ratios, not seconds."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from decan.core.experiment import MIXED, Claim, Run, experiment

__all__: list[str] = []


@experiment(
    title="Speed",
    data=["csc_1575_r0085"],
    claims=[
        Claim("RMF read, times faster than a row loop", goal=4.0, provenance=MIXED),
        Claim("RMF read, largest difference", goal=1e-7, better="lower", provenance=MIXED),
        Claim("folding 256 spectra, time over dense", goal=1.0, better="lower", provenance=MIXED),
        Claim("folding, memory over dense", goal=1 / 3, better="lower", provenance=MIXED),
        Claim("spectra encoded a second", goal=2000.0, provenance=MIXED),
        Claim("default training, minutes of one thread", goal=20.0, better="lower",
              provenance=MIXED),
    ],
)  # fmt: skip
def speed(run: Run) -> None:
    """Reading, folding and encoding on one thread, interleaved with what they are compared with.

    Processor time, best of several, so that other work on the machine does not count. The goal
    for training, 10 minutes on two cores, is held against 20 minutes of one thread.
    """
    import torch

    from ..archive import DATASETS
    from ..instrument import analytic_response
    from ..response_files import read_rmf

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        response = analytic_response()
        if run.has("csc_1575_r0085"):
            response = run.load("csc_1575_r0085").require_response()
            paths: Any = DATASETS.where("csc_1575_r0085")
            _reading(run, read_rmf, paths[2])
        else:
            run.note("The CSC files are not at hand: reading was not timed.")
        _folding(run, response)
        _encoding(run)
        if run.preset != "quick":
            _training(run)
    finally:
        torch.set_num_threads(threads)


def row_loop(path: Any) -> Any:
    """The matrix as astropy and a loop over rows and groups give it."""
    from astropy.io import fits

    with fits.open(path) as hdus:
        table = next(h for h in hdus if h.header.get("HDUCLAS2") == "RSP_MATRIX")
        data, names = table.data, table.columns.names
        first = table.header.get(f"TLMIN{names.index('F_CHAN') + 1}", 1)
        matrix = np.zeros((len(data), table.header["DETCHANS"]))
        for i in range(len(data)):
            row, used = data[i], 0
            starts, lengths = np.atleast_1d(row["F_CHAN"]), np.atleast_1d(row["N_CHAN"])
            values = row["MATRIX"]
            for group in range(row["N_GRP"]):
                begin, n = starts[group] - first, lengths[group]
                matrix[i, begin : begin + n] += values[used : used + n]
                used += n
    return matrix


def _reading(run: Run, read: Any, path: Any) -> None:
    ours, loop = _interleaved([lambda: read(path), lambda: row_loop(path)], 7)
    run.record("RMF read, times faster than a row loop", loop / ours, provenance=MIXED, n=7,
               note="CSC rmf3, 900 x 1024, gzip included in both")  # fmt: skip
    difference = np.abs(read(path).matrix.toarray() - row_loop(path)).max()
    run.record("RMF read, largest difference", float(difference), provenance=MIXED, n=900 * 1024)


def _folding(run: Run, response: Any) -> None:
    photons = np.random.default_rng(0).gamma(2.0, size=(256, response.area.size))
    dense = response.to_csr().toarray().astype(float)
    weight = response.area * response.width
    ours, full = _interleaved(
        [lambda: response.fold(photons), lambda: (photons * weight) @ dense], 15
    )
    run.record("folding 256 spectra, time over dense", ours / full, provenance=MIXED, n=15)
    run.record("folding, memory over dense", response.nbytes / dense.nbytes, provenance=MIXED,
               n=response.area.size)  # fmt: skip


def _encoding(run: Run) -> None:
    from ..autoencoder import SpectralAutoencoder
    from ..batch import BinnedSpectra
    from ..simulate import simulate_spectra

    batch = BinnedSpectra.from_simulated(simulate_spectra(2000, rng=0))
    model = SpectralAutoencoder.pretrained()
    (seconds,) = _interleaved([lambda: model.encode(batch)], 5)
    run.record(
        "spectra encoded a second",
        len(batch) / seconds,
        provenance=MIXED,
        n=len(batch),
        note="latents, errors, p-values and flags, processor time of one thread",
    )


def _training(run: Run) -> None:
    """Two short trainings of different lengths give the cost of a row and that of the rest."""
    from ..instrument import analytic_response
    from ..shipped import SIZES, train_autoencoder

    n, epochs = SIZES["shipped"]
    rows, lengths, times = 2048, (1, 1, 7), []  # the first warms up
    for length in lengths:
        begin = time.process_time()
        train_autoencoder([analytic_response()], n_sources=rows, epochs=length)
        times.append(time.process_time() - begin)
    per_row = max(times[2] - times[1], 0.0) / (rows * (lengths[2] - lengths[1]))
    minutes = (times[1] + per_row * n * epochs) / 60
    run.record(
        "default training, minutes of one thread", minutes, provenance=MIXED, n=n,
        note=f"extrapolated from 1 and 7 passes over {rows} rows to {epochs} passes over {n}",
    )  # fmt: skip


def _interleaved(functions: list[Any], repeats: int) -> list[float]:
    """Shortest processor time of each, seconds."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(repeats):
        for held, function in zip(times, functions, strict=True):
            begin = time.process_time()
            function()
            held.append(time.process_time() - begin)
    return [min(held) for held in times]
