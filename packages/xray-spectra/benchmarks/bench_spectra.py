"""Reading, folding, encoding and fitting, beside astropy, dense matrices and jaxspec.

Usage: OMP_NUM_THREADS=1 python packages/xray-spectra/benchmarks/bench_spectra.py
Reads the CSC products of one detection out of the data folder where they are at hand, and the
analytic response otherwise. jaxspec is timed where it is installed; it needs an older astropy
than the tested set, so an environment of its own.
"""

from __future__ import annotations

import time
from importlib.metadata import PackageNotFoundError, version

import numpy as np

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
from decan.xray_spectra.ogip import read_rmf


def best_of(functions, repeats):
    """Shortest processor times of functions called in turn, seconds."""
    times = [[] for _ in functions]
    for _ in range(repeats):
        for held, function in zip(times, functions, strict=True):
            begin = time.process_time()
            function()
            held.append(time.process_time() - begin)
    return [min(held) for held in times]


def show(job, ours, peer="", other=float("nan")):
    ratio = f"{other / ours:8.1f}" if other == other else ""
    print(f"{job:34} {1e3 * ours:9.2f} ms   {peer:22} {ratio}")


def main():
    print(f"numpy {version('numpy')}, scipy {version('scipy')}, astropy {version('astropy')}")
    response = analytic_response()
    if DATASETS.where("csc_1575_r0085"):
        path = DATASETS.where("csc_1575_r0085")[2]
        show("read rmf3", *_pair(best_of([lambda: read_rmf(path), lambda: row_loop(path)], 7),
                                 "astropy row loop"))  # fmt: skip
        response = DATASETS.load("csc_1575_r0085").require_response()
    photons = np.random.default_rng(0).gamma(2.0, size=(256, response.area.size))
    dense, sparse = response.to_csr().toarray().astype(float), response.to_csr().T.tocsr()
    weight = response.area * response.width
    times = best_of([lambda: response.fold(photons), lambda: (photons * weight) @ dense,
                     lambda: (sparse @ (photons * weight).T).T], 15)  # fmt: skip
    show("fold 256 spectra", times[0], "dense numpy", times[1])
    show("fold 256 spectra", times[0], "scipy CSR", times[2])
    batch = BinnedSpectra.from_simulated(simulate_spectra(2000, rng=0))
    model = SpectralAutoencoder.pretrained()
    (seconds,) = best_of([lambda: model.encode(batch)], 5)
    show("encode one spectrum", seconds / len(batch))
    spectrum = simulate_spectra(1, net_counts=500.0, rng=1).spectrum(0)
    (fitted,) = best_of([lambda: fit_spectrum(spectrum, tbabs() * power_law())], 3)
    show("encode one spectrum", seconds / len(batch), "our power-law fit", fitted)
    _jaxspec(response)


def _jaxspec(response):
    """Folding of jaxspec through the same matrix, where it is installed."""
    try:
        import jax
        import jax.numpy as jnp

        told = f"jaxspec {version('jaxspec')} (jax {jax.__version__})"
    except (ImportError, PackageNotFoundError):
        print("jaxspec is not installed here: it needs an older astropy than the tested set")
        return
    # Its models are folded by one product with the transposed matrix, compiled.
    matrix = jnp.asarray(response.to_csr().toarray().T * (response.area * response.width))
    fold = jax.jit(lambda flux: flux @ matrix.T)
    photons = np.random.default_rng(0).gamma(2.0, size=(256, response.area.size))
    fold(photons).block_until_ready()
    times = best_of([lambda: response.fold(photons),
                     lambda: fold(photons).block_until_ready()], 15)  # fmt: skip
    show("fold 256 spectra", times[0], told, times[1])


def _pair(times, peer):
    return times[0], peer, times[1]


if __name__ == "__main__":
    main()
