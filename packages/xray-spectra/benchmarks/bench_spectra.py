"""Reading, folding, encoding and fitting, beside astropy, dense matrices and jaxspec.

Usage: OMP_NUM_THREADS=1 python packages/xray-spectra/benchmarks/bench_spectra.py
Reads the CSC products of one detection out of the data folder where they are at hand, and the
analytic response otherwise. jaxspec is timed where it is installed; it needs an older astropy
than the tested set, so an environment of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from decan.core.benchmark import Benchmark, best_of, installed
from decan.xray_spectra import (
    DATASETS,
    BinnedSpectra,
    SpectralAutoencoder,
    analytic_response,
    simulate_spectra,
)
from decan.xray_spectra.experiments.speed import row_loop
from decan.xray_spectra.fit import fit_spectrum
from decan.xray_spectra.models import power_law, tbabs
from decan.xray_spectra.response_files import read_rmf


def main() -> None:
    bench, response = Benchmark("xray-spectra"), analytic_response()
    if DATASETS.where("csc_1575_r0085"):
        path: Any = DATASETS.where("csc_1575_r0085")
        ours, loop = (best_of(lambda f=f: f(path[2]), 5) for f in (read_rmf, row_loop))
        bench.ratio("read an RMF of 900 x 1024", ours, loop, peer="loop over astropy's rows")
        response = DATASETS.load("csc_1575_r0085").require_response()
    _folding(bench, response)
    batch = BinnedSpectra.from_simulated(simulate_spectra(1000, rng=0))
    model = SpectralAutoencoder.pretrained()
    encoded = best_of(lambda: model.encode(batch)) / len(batch)
    spectrum = simulate_spectra(1, net_counts=500.0, rng=1).spectrum(0)
    fitted = best_of(lambda: fit_spectrum(spectrum, tbabs() * power_law()))
    bench.ratio("latents of a spectrum", encoded, fitted, peer="our fit of a power law")


def _folding(bench: Benchmark, response: Any) -> None:
    photons = np.random.default_rng(0).gamma(2.0, size=(256, response.area.size))
    dense, sparse = response.to_csr().toarray().astype(float), response.to_csr().T.tocsr()
    weight = response.area * response.width
    ours = best_of(lambda: response.fold(photons), 15)
    job = "fold 256 spectra"
    bench.ratio(job, ours, best_of(lambda: (photons * weight) @ dense, 15), peer="dense in NumPy")
    there = best_of(lambda: (sparse @ (photons * weight).T).T, 15)
    bench.ratio(job, ours, there, peer="CSR in SciPy")
    bench.ratio(
        "memory of a response", response.nbytes / 1e6, dense.nbytes / 1e6,
        peer="dense in NumPy", unit="MB",
    )  # fmt: skip
    if not installed("jaxspec"):
        bench.absent(job, "jaxspec")
        return
    import jax
    import jax.numpy as jnp

    # Its models are folded by one product with the transposed matrix, compiled.
    matrix = jnp.asarray(dense.T * weight)
    fold = jax.jit(lambda flux: flux @ matrix.T)
    fold(photons).block_until_ready()
    there = best_of(lambda: fold(photons).block_until_ready(), 15)
    bench.ratio(job, ours, there, peer="jaxspec")


if __name__ == "__main__":
    main()
