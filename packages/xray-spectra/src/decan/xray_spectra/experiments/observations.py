"""Experiments on real observations: the spectra given, their fits, agreement of observations."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from decan.core.errors import DecanError
from decan.core.experiment import REAL, SIMULATED, Claim, Provenance, Run, experiment

from ..autoencoder import SpectralAutoencoder
from ..batch import BinnedSpectra
from ..spectrum import Spectrum

__all__: list[str] = []

REAL_SPECTRA = tuple(
    f"acis_{name}"
    for name in (
        "12845_B30710", "1575_r0085", "1618_NGC4258", "1730_M33", "1838_G21p5", "3098_bubble",
        "459_3C273", "5708_PKS1127", "6903_4C19p44", "6904_4C19p44", "7302_4C19p44",
        "7303_4C19p44", "9774_3C186", "CDFS4Ms_179",
    )
)  # fmt: skip
_JET = ("acis_6903_4C19p44", "acis_6904_4C19p44", "acis_7302_4C19p44", "acis_7303_4C19p44")


@experiment(
    title="Real ACIS spectra to eight numbers and back",
    claims=[
        Claim("four observations of 4C 19.44 agree, p", goal=0.01, headline=True),
        Claim("reconstructions that fit (p > 0.001), share"),
    ],
    data=REAL_SPECTRA,
    tour=True,
)
def real_spectra(run: Run) -> None:
    """Fourteen real spectra are encoded with the shipped weights, which saw simulations only.

    For each: counts with their reconstruction, the photon spectrum before the response, class
    probabilities. Four observations of one jet, with 30 to 63 counts and responses that differ
    by up to a factor of sixteen in area, must agree within the errors of their latents.
    """
    spectra, provenance = _spectra(run)
    model = SpectralAutoencoder.pretrained()
    batch = BinnedSpectra.from_spectra(spectra)
    latents = model.encode(batch)
    table = latents.to_table()
    names = model.class_probabilities(latents)
    table.insert(1, "most probable", names.columns.to_numpy()[names.fillna(0).to_numpy().argmax(1)])
    table.insert(1, "object", [str(spectrum.meta.get("OBJECT", "")) for spectrum in spectra])
    run.table(
        "latents", table.round(3),
        caption="Latents with 1 sigma errors, p-value of the reconstruction, flags. Classes are "
        "those of the simulator, taken as equally common.",
    )  # fmt: skip
    fits = np.isfinite(latents.p_value)
    run.record(
        "reconstructions that fit (p > 0.001), share", float(np.mean(latents.p_value[fits] > 1e-3)),
        provenance=provenance, n=int(fits.sum()),
    )  # fmt: skip
    jet = [i for i, spectrum in enumerate(spectra) if f"acis_{spectrum.name}" in _JET]
    if jet:
        chi2, dof, p = latents.take(jet).agreement()
        run.record(
            "four observations of 4C 19.44 agree, p", p, provenance=REAL, n=len(jet),
            note=f"chi2 {chi2:.1f} for {dof} degrees of freedom; with 30 to 63 counts latents "
            "stay near the middle of all sources: a weak test",
        )  # fmt: skip
    run.figure(
        "reconstructions", _panels(spectra, batch, model, latents),
        caption="Counts (black), reconstruction out of eight numbers (red), expected background "
        "(grey). Where data and red line part, the flag says so.",
    )  # fmt: skip
    if run.preset != "quick" and provenance == REAL:
        _beside_fits(run, spectra, model, batch)


def _spectra(run: Run) -> tuple[list[Spectrum], Provenance]:
    if all(run.has(name) for name in REAL_SPECTRA):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # notes of each are in its table
            return [run.load(name) for name in REAL_SPECTRA], REAL
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            burst = run.load("swift_grb190114c")
    except DecanError:
        pass
    else:
        run.note("The ACIS spectra are not at hand; a Swift spectrum out of a wheel stands in.")
        return [burst], REAL
    from ..simulate import simulate_spectra

    simulated = simulate_spectra(8, net_counts=np.geomspace(30, 5000, 8), rng=run.seed)
    run.used("simulated spectra, analytic response", provenance=SIMULATED, n=8)
    run.note("No real spectrum is to be had; eight simulated ones stand in.")
    return simulated.spectra(), SIMULATED


def _panels(spectra: Any, batch: Any, model: Any, latents: Any) -> Any:
    import matplotlib.pyplot as plt

    from decan.core.plotting import style

    from ..plots import plot_counts

    expected = model.expected_counts(batch)
    rows = -(-len(spectra) // 3)
    with style():
        _, axes = plt.subplots(rows, 3, figsize=(12, 2.9 * rows), squeeze=False)
        for i, ax in enumerate(axes.flat):
            if i >= len(spectra):
                ax.set_axis_off()
                continue
            title = f"{spectra[i].name} {latents.flags[i]}".strip()
            shown = expected[i] if np.isfinite(expected[i]).all() else None
            plot_counts(batch.counts[i], shown, background=batch.background[i], title=title, ax=ax)
            if i:
                ax.get_legend().remove()
    return axes


def _beside_fits(run: Run, spectra: Any, model: Any, batch: Any) -> None:
    """Latents' reconstruction beside a fit of an absorbed power law, by goodness."""
    import pandas as pd

    from ..fit import fit_spectrum
    from ..models import power_law, tbabs
    from ..statistics import goodness

    expected = model.expected_counts(batch)
    rows = []
    for i, spectrum in enumerate(spectra):
        fit = fit_spectrum(spectrum, tbabs() * power_law(), rng=run.seed)
        statistic, p = goodness(batch.counts[i], expected[i])
        rows.append(
            {
                "spectrum": spectrum.name, "counts": float(batch.total[i]),
                "N_H (1e22 cm-2)": fit.values["nh_cm2"] / 1e22,
                "photon index": fit.values["photon_index"],
                "fit": fit.kind, "statistic": fit.statistic, "channels or groups": fit.n_channels,
                "fit p": fit.p_value,
                "reconstruction C-stat / 128 bins": float(statistic), "reconstruction p": float(p),
            }
        )  # fmt: skip
    run.table(
        "power-law-fits", pd.DataFrame(rows),
        caption="An absorbed power law fitted by W-stat (C-stat without background), beside the "
        "reconstruction out of the latents, which has no free parameter but its brightness.",
    )  # fmt: skip
