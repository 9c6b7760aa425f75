"""Reading, folding, encoding and fitting, beside astropy, dense matrices and jaxspec.

Usage: OMP_NUM_THREADS=1 python packages/xray-spectra/benchmarks/bench_spectra.py
Reads OGIP files out of the data folder where they are at hand, and the analytic response
otherwise. jaxspec is timed where it is installed; 0.4 needs astropy < 8 and jax < 0.10, older than
the tested set, so an environment of its own: the needs of decan-core, then ``jaxspec==0.4.1``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from decan.core.benchmark import Benchmark, best_of, installed
from decan.xray_spectra import (
    DATASETS,
    BinnedSpectra,
    SpectralAutoencoder,
    Spectrum,
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
    _beside_jaxspec(bench)


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


def _beside_jaxspec(bench: Benchmark) -> None:
    """One spectrum with grouping, background and response: read, folded, fitted."""
    jobs = ("read a spectrum, its background and response", "fold 256 spectra",
            "power law with errors: a fit, and 1,000 draws of a sampler")  # fmt: skip
    paths: Any = DATASETS.where("ogip_3c273")
    if not installed("jaxspec") or not paths:
        for job in jobs:
            bench.absent(job, "jaxspec")
        return
    import jax
    import jax.numpy as jnp
    from jaxspec.data import ObsConfiguration
    from jaxspec.data.obsconf import to_jax_matrix

    named = {path.name: path for path in paths}
    pha, arf, rmf, behind = (
        named[name] for name in ("3c273.pi.gz", "3c273.arf.gz", "3c273.rmf.gz", "3c273_bg.pi.gz")
    )

    def theirs() -> Any:
        return ObsConfiguration.from_pha_file(
            pha, rmf_path=rmf, arf_path=arf, bkg_path=behind, low_energy=0.5, high_energy=8.0
        )

    observation = theirs()  # the first call compiles
    ours = best_of(lambda: Spectrum.from_ogip(pha), 5)
    bench.ratio(jobs[0], ours, best_of(theirs, 5), peer="jaxspec")
    spectrum = Spectrum.from_ogip(pha)
    # Its own product, into all channels; its fits use the groups of the file alone.
    matrix = to_jax_matrix((observation.redistribution * observation.area).data, sparse=False)
    photons = np.random.default_rng(0).gamma(2.0, size=(256, matrix.shape[1]))
    fold = jax.jit(lambda flux: flux @ matrix.T)
    fold(jnp.asarray(photons)).block_until_ready()
    response = spectrum.require_response()
    on_ours = np.random.default_rng(0).gamma(2.0, size=(256, response.area.size))
    there = best_of(lambda: fold(jnp.asarray(photons)).block_until_ready(), 15)
    bench.ratio(jobs[1], best_of(lambda: response.fold(on_ours), 15), there, peer="jaxspec")
    fitted = best_of(lambda: fit_spectrum(spectrum, power_law()))
    bench.ratio(jobs[2], fitted, best_of(lambda: _posterior(observation), 1), peer="jaxspec")


def _posterior(observation: Any) -> Any:
    """What jaxspec has for a fit: its sampler, compiled, 1,000 draws after as many to warm up."""
    import numpyro.distributions as dist
    from jaxspec.fit import MCMCFitter
    from jaxspec.model.additive import Powerlaw

    prior = {
        "spectrum.powerlaw_1.alpha": dist.Uniform(0.0, 5.0),
        "spectrum.powerlaw_1.norm": dist.LogUniform(1e-6, 1e-2),
    }
    fitter = MCMCFitter(Powerlaw(), prior, observation)
    return fitter.fit(num_chains=1, num_warmup=1000, num_samples=1000)


if __name__ == "__main__":
    main()
