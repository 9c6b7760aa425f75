"""One source on one page: data, reconstruction, photon spectrum, neighbours, probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .autoencoder import SpectralAutoencoder
from .batch import BinnedSpectra
from .classify import nearest
from .grid import ENERGY_EDGES
from .latents import Latents
from .plots import plot_counts, plot_photons, plot_probabilities

if TYPE_CHECKING:
    from decan.core.report import Page

    from .spectrum import Spectrum

__all__ = ["photon_band", "source_page"]

_DRAWS = 200


def source_page(
    spectrum: Spectrum,
    *,
    model: SpectralAutoencoder | None = None,
    reference: Latents | None = None,
) -> Page:
    """The page of one source.

    Parameters
    ----------
    spectrum : Spectrum
        The source, with its response.
    model : SpectralAutoencoder, optional
        The shipped one without it; the channel-space one for a spectrum without response.
    reference : Latents, optional
        Known sources among which neighbours are sought; simulated ones without it.

    Returns
    -------
    Page
        From :mod:`decan.core.report`; ``page.save(path)`` writes it.

    Raises
    ------
    ValueError
        If the spectrum cannot be encoded.

    Examples
    --------
    >>> from decan.xray_spectra import Spectrum
    >>> source_page(Spectrum(np.zeros(1024), name="empty.pi"))
    Traceback (most recent call last):
    ...
    ValueError: empty.pi: 0 counts in 0.5-8 keV, at least 20 needed
    """
    from decan.core.report import Page

    name = "source" if spectrum.response is not None else "channels"
    model = model or SpectralAutoencoder.pretrained(name)
    batch = BinnedSpectra.from_spectra([spectrum])
    latents = model.encode(batch, on_error="raise" if not batch.reasons[0] else "flag")
    page = Page(f"X-ray spectrum {spectrum.name}", _lead(spectrum, latents))
    section = page.section("Counts")
    for note in spectrum.notes:
        section.text(note)
    if latents.flags[0]:
        section.text(f"{latents.flags[0]}: {latents.reasons[0]}.")
    counts, background = batch.counts[0], batch.background[0]
    section.figure(
        plot_counts(counts, model.expected_counts(batch)[0], background=background),
        caption="Counts (joined for the eye until a bin holds five), their reconstruction out of "
        "the latents, and the expected background.",
    )
    if model.forward_fold:
        photons, band = photon_band(model, latents, spectrum, batch)
        page.section("Photon spectrum").figure(
            plot_photons(photons, band),
            caption="What the decoder gives before it is folded through the response, with its 1 "
            "sigma band: the source, not the instrument.",
        )
    if model.guide:
        found = model.class_probabilities(latents).iloc[0]
        page.section("Class").figure(
            plot_probabilities({str(name): float(p) for name, p in found.items()}),
            caption="Probabilities if all eight classes were equally common, learnt from "
            "simulations that are cleaner than nature.",
        )
    _neighbours(page, model, latents, reference)
    table = latents.to_table()
    page.section("Latents").table(
        _latent_table(latents),
        caption=f"Latents with 1 sigma errors; p-value {table['p_value'][0]:.3g}.",
    )
    return page


def photon_band(
    model: SpectralAutoencoder, latents: Latents, spectrum: Spectrum, batch: BinnedSpectra
) -> tuple[Any, tuple[Any, Any]]:
    """Photon spectrum of a source with its 1σ band, in physical units.

    Parameters
    ----------
    model : SpectralAutoencoder
        With forward folding.
    latents : Latents
        Of this one source.
    spectrum : Spectrum
        The source, for exposure and response.
    batch : BinnedSpectra
        The same on the common grid.

    Returns
    -------
    photons : ndarray, shape (160,)
        Photons / cm² / s / keV.
    band : (ndarray, ndarray)
        16th and 84th percentile over draws of the latents within their errors.

    Examples
    --------
    >>> from decan.xray_spectra import simulate_spectra
    >>> spectrum = simulate_spectra(1, net_counts=300.0, rng=0).spectrum(0)
    >>> model, batch = SpectralAutoencoder.pretrained(), BinnedSpectra.from_spectra([spectrum])
    >>> photons, (low, high) = photon_band(model, model.encode(batch), spectrum, batch)
    >>> bool((low <= high).all())
    True
    """
    rng = np.random.default_rng(0)
    draws = latents.values[0] + latents.sigma[0] * rng.normal(size=(_DRAWS, model.n_latent))
    shapes = model.inverse_transform(np.vstack([latents.values, draws]))
    response = spectrum.require_response()
    energy = (ENERGY_EDGES[1:] + ENERGY_EDGES[:-1]) / 2
    on_response = np.stack([np.interp(response.energy, energy, s, left=0, right=0) for s in shapes])
    inside = spectrum.band(CHANNEL_LOW, CHANNEL_HIGH)
    rates = response.fold(on_response)[:, inside].sum(axis=1)
    net = max(float(batch.total[0] - batch.background[0].sum()), 0.0)
    scaled = shapes * (net / spectrum.exposure_s / np.maximum(rates, 1e-30))[:, None]
    low, high = np.quantile(scaled[1:], [0.16, 0.84], axis=0)
    return scaled[0], (low, high)


CHANNEL_LOW, CHANNEL_HIGH = 0.5, 8.0


def _lead(spectrum: Spectrum, latents: Latents) -> str:
    told = [str(spectrum.meta[key]) for key in ("OBJECT", "INSTRUME", "DATE-OBS")
            if spectrum.meta.get(key)]  # fmt: skip
    return f"{latents.counts[0]:,.0f} counts in 0.5-8 keV, {spectrum.exposure_s / 1e3:.1f} ks. " + (
        ", ".join(told)
    )


def _neighbours(page: Page, model: SpectralAutoencoder, latents: Latents, known: Any) -> None:
    import pandas as pd

    labels: Any = None
    if known is None:
        from .simulate import simulate_spectra

        simulated = simulate_spectra(1500, net_counts=500.0, rng=0)
        known, labels = model.encode(BinnedSpectra.from_simulated(simulated)), simulated.table
    rows, distance = nearest(latents, known, k=6)
    table = pd.DataFrame(
        {"neighbour": [known.names[i] for i in rows[0]], "distance (σ)": distance[0].round(2)}
    )
    if labels is not None:
        truth = labels.iloc[rows[0]].reset_index(drop=True)
        told = {"cls": "class", "log_nh": "log N_H", "gamma": "Γ", "kT_keV": "kT (keV)"}
        table = table.join(truth[list(told)].rename(columns=told).round(2))
    page.section("Neighbours").table(
        table,
        caption="Nearest known sources, distance in units of the errors of both; N_H in cm⁻².",
    )


def _latent_table(latents: Latents) -> Any:
    import pandas as pd

    k = latents.values.shape[1]
    return pd.DataFrame(
        {"latent": range(1, k + 1), "value": latents.values[0], "sigma": latents.sigma[0]}
    )
