import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decan.xray_spectra import (
    InvalidSpectrumError,
    Spectrum,
    analytic_response,
    cstat,
    simulate_spectra,
    wstat,
)
from decan.xray_spectra.fit import fit_spectrum
from decan.xray_spectra.hardness import hardness_ratios
from decan.xray_spectra.models import Model, Parameter, power_law, tbabs
from decan.xray_spectra.response import Response
from decan.xray_spectra.statistics import cstat_expected, goodness, profiled_background


@pytest.mark.bad_input(16)
def test_empty_channels_count():
    """sunpy/sunkit-spex#84: 0 log 0 must not remove a channel from the likelihood."""
    assert cstat([0, 0, 0, 5], [1, 1, 1, 5]) == 6.0


@pytest.mark.bad_input(16)
def test_channels_masked_by_the_user_are_left_out_and_empty_ones_are_not():
    counts = np.ma.masked_equal([0, 0, 7, 5], 7)
    assert cstat(counts, [1, 1, 1, 5]) == pytest.approx(4.0)


def test_empty_channels_pull_the_best_level_down():
    edges = np.linspace(1.0, 5.0, 5)
    response = Response.from_csr(
        np.eye(4), energy_low=edges[:-1], energy_high=edges[1:], area=np.ones(4),
        channel_low=edges[:-1], channel_high=edges[1:],
    )  # fmt: skip
    flat = Model("flat", (Parameter("norm", "", 3.0, 1e-6, 1e6, log=True),),
                 lambda low, high, norm: norm * np.ones_like(low))  # fmt: skip
    spectrum = Spectrum([0, 0, 0, 4], exposure_s=1.0, response=response)
    fit = fit_spectrum(spectrum, flat, band_kev=(0.5, 8.0))
    assert fit.values["norm"] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.bad_input(16)
def test_empty_channels_count_in_encoding(model):
    spectrum = simulate_spectra(1, net_counts=300.0, rng=4).spectrum(0)
    hard = spectrum.channel_energy > 3.0
    cut = spectrum.using(counts=np.where(hard, 0, spectrum.counts))
    soft, whole = model.encode([cut, spectrum]).values
    assert np.abs(soft - whole).max() > 0.3


@pytest.mark.bad_input(7)
def test_masked_channels_leave_counts_and_background_together():
    quality = np.zeros(1024, dtype=int)
    quality[200:300] = 5
    behind = Spectrum(np.full(1024, 4))
    masked = Spectrum(np.full(1024, 2), background=behind, quality=quality)
    counts, background = masked.binned()
    assert counts.sum() == 2 * (512 - 100)
    assert background.sum() == 4 * (512 - 100)


@given(st.integers(0, 50), st.floats(0.001, 50), st.integers(0, 50), st.floats(0.01, 3))
def test_the_profiled_background_is_the_best_one(s, m, b, r):
    level = float(profiled_background(s, m, b, r))
    best = float(wstat([s], [m], [b], [r]))
    for other in (level * 0.9, level * 1.1, level + 0.01):
        assert best <= cstat([s], [m + r * other]) + cstat([b], [other]) + 1e-9


def test_moments_of_cstat_are_those_of_many_draws():
    rng = np.random.default_rng(0)
    for level in (0.02, 0.3, 2.0, 60.0):
        draws = cstat(rng.poisson(level, (60_000, 1)), level)
        mean, variance = cstat_expected(level)
        # Four standard errors of the mean of 60,000 draws.
        assert draws.mean() == pytest.approx(float(mean), abs=4 * draws.std() / np.sqrt(60_000))
        assert draws.var() == pytest.approx(float(variance), rel=0.1)


def test_goodness_is_uniform_where_the_model_is_true():
    rng = np.random.default_rng(1)
    _, p = goodness(rng.poisson(0.3, (4000, 514)), np.full(514, 0.3))
    assert 0.03 < np.mean(p < 0.05) < 0.075


def test_fits_find_the_truth_within_their_errors():
    simulated = simulate_spectra(30, classes=["LMXB"], net_counts=2000.0, rng=8)
    rows = np.flatnonzero(simulated.table["gamma"].notna())
    pulls = []
    for row in rows:
        fit = fit_spectrum(simulated.spectrum(row), tbabs() * power_law())
        sigma = (fit.high["photon_index"] - fit.low["photon_index"]) / 2
        pulls.append((fit.values["photon_index"] - simulated.table["gamma"][row]) / sigma)
    assert abs(np.mean(pulls)) < 0.8
    assert 0.5 < np.std(pulls) < 1.6


def test_gradients_flow_through_a_response():
    import torch

    response = analytic_response()
    flux = torch.rand(2, response.area.size, dtype=torch.float64, requires_grad=True)
    rates = response.fold(flux)
    rates[:, 300].sum().backward()
    matrix = response.to_csr().toarray()
    expected = matrix[:, 300] * response.area * response.width
    np.testing.assert_allclose(flux.grad[0].numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(
        rates.detach().numpy(), response.fold(flux.detach().numpy()), rtol=1e-9, atol=1e-14
    )


def test_hardness_of_counts_and_of_flux_differ_and_bracket_the_truth():
    simulated = simulate_spectra(1, classes=["AGN"], net_counts=5000.0, rng=3)
    spectrum = simulated.spectrum(0)
    counts, flux = (hardness_ratios(spectrum, method=m) for m in ("counts", "flux"))
    truth = simulated.table["hard_ms"][0]
    found = counts["hard_ms"]
    assert abs(found.value - truth) < 4 * (found.high - found.low) / 2
    assert abs(flux["hard_hm"].value - counts["hard_hm"].value) > 0.02


@pytest.mark.parametrize(("counts", "behind", "ratio"), [(9, 30, 0.2), (3, 0, 0.1), (40, 12, 1.5)])
def test_draws_of_a_band_are_those_of_its_posterior(counts, behind, ratio):
    """The double integral over source and background, done on a grid."""
    from decan.xray_spectra.hardness import _posterior

    source, back = (np.zeros(1024) for _ in range(2))
    source[100], back[100] = counts, behind
    spectrum = Spectrum(source, backscal=ratio, background=Spectrum(back))
    drawn = _posterior(spectrum, (1.0, 2.0), np.random.default_rng(0))
    # In steps of the root of the source's level its prior is flat.
    s = np.linspace(1e-3, np.sqrt(4 * counts + 20), 2000)[:, None] ** 2
    b = np.linspace(1e-4, 4 * behind + 20, 3000)
    log = counts * np.log(s + ratio * b) - s - ratio * b + behind * np.log(b) - b
    density = np.exp(log - log.max()).sum(axis=1)
    expected = float((s[:, 0] * density).sum() / density.sum())
    # Five standard errors of the mean of 4,000 draws.
    assert drawn.mean() == pytest.approx(expected, abs=5 * drawn.std() / np.sqrt(4000))


def test_intervals_of_hardness_hold_the_truth_as_often_as_they_say():
    simulated = simulate_spectra(150, classes=["AGN"], net_counts=120.0, rng=12)
    inside = []
    for row in range(150):
        found = hardness_ratios(simulated.spectrum(row), rng=row)["hard_ms"]
        inside.append(found.low <= simulated.table["hard_ms"][row] <= found.high)
    # 150 draws of a probability of 0.68: one standard error is 0.04.
    assert 0.56 < np.mean(inside) < 0.80


def test_flags_may_be_lists_and_a_background_of_other_channels_is_refused():
    spectrum = Spectrum([1] * 100, quality=[0] * 99 + [5])
    assert spectrum.band(0.0, 20.0).sum() == 99
    for behind in (Spectrum([1] * 99), Spectrum([1] * 100, channels=range(100))):
        with pytest.raises(
            InvalidSpectrumError, match=r"the background .* has channels .*, the source 1-100"
        ):
            Spectrum([1] * 100, background=behind, name="source")


@pytest.mark.parametrize("ratio", [0.05, 1.0])
def test_goodness_of_a_fit_beside_a_background_is_uniform_where_the_model_is_true(ratio):
    response = analytic_response()
    photons = power_law()(response.energy_low, response.energy_high, photon_index=1.7, norm=1e-4)
    source, rng = response.fold(photons) * 3e4, np.random.default_rng(1)
    found = []
    for _ in range(12):
        counts = rng.poisson(source + 3 * ratio)
        behind = Spectrum(rng.poisson(np.full(counts.size, 3.0)), exposure_s=3e4)
        seen = Spectrum(
            counts, exposure_s=3e4, backscal=ratio, background=behind, response=response
        )
        found.append(fit_spectrum(seen, power_law(), n_starts=1).p_value)
    # The mean of twelve uniform numbers is 0.5 +- 0.08.
    assert 0.25 < np.mean(found) < 0.75
    assert min(found) > 1e-4


@pytest.mark.parametrize("gaussian", [False, True])
def test_chi_square_knows_the_background_that_is_in_the_counts(gaussian):
    response = analytic_response()
    photons = power_law()(response.energy_low, response.energy_high, photon_index=1.7, norm=1e-3)
    rng = np.random.default_rng(3)
    counts = rng.poisson(response.fold(photons) * 3e4 + 30).astype(float)
    behind = Spectrum(rng.poisson(np.full(counts.size, 60.0)), exposure_s=3e4)
    seen = Spectrum(counts + 0.3 * gaussian, exposure_s=3e4, backscal=0.5, background=behind,
                    response=response, meta={"gaussian": gaussian})  # fmt: skip
    fit = fit_spectrum(seen, power_law(), stat=None if gaussian else "chi2", n_starts=1)
    assert fit.kind == "chi2"
    # 0.3 counts a channel are 2 % of the norm.
    assert fit.values["norm"] == pytest.approx(1e-3, rel=0.05)
    assert fit.values["photon_index"] == pytest.approx(1.7, abs=0.05)
    assert fit.p_value > 1e-4


def test_a_wrong_model_beside_a_background_is_a_bad_fit():
    response = analytic_response()
    photons = power_law()(response.energy_low, response.energy_high, photon_index=0.5, norm=1e-4)
    rng = np.random.default_rng(2)
    counts = rng.poisson(response.fold(photons) * 3e4 + 3)
    behind = Spectrum(rng.poisson(np.full(counts.size, 3.0)), exposure_s=3e4)
    seen = Spectrum(counts, exposure_s=3e4, background=behind, response=response)
    bad = fit_spectrum(seen, power_law().starting(photon_index=2.5), frozen=("photon_index",))
    assert bad.p_value < 1e-3


@pytest.mark.parametrize("index", [1.0, 1.8, 2.6])
def test_hardness_of_flux_is_that_of_the_photons_and_not_of_the_instrument(index):
    response = analytic_response()
    photons = power_law()(response.energy_low, response.energy_high, photon_index=index, norm=1e-3)
    counts = np.random.default_rng(1).poisson(response.fold(photons) * 1e6)
    seen = Spectrum(counts, exposure_s=1e6, response=response)
    flux = {
        name: float(power_law()([low], [high], photon_index=index, norm=1.0)[0] * (high - low))
        for name, (low, high) in {"s": (0.5, 1.2), "m": (1.2, 2.0), "h": (2.0, 7.0)}.items()
    }
    found = hardness_ratios(seen, method="flux")
    for name, (hard, soft) in {"hard_ms": "ms", "hard_hm": "hm", "hard_hs": "hs"}.items():
        right = (flux[hard] - flux[soft]) / (flux[hard] + flux[soft])
        # Photons cross the edges of bands by the resolution of the detector.
        assert found[name].value == pytest.approx(right, abs=0.025)
