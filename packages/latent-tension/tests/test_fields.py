"""Fields, spectra and priors against their closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decan.latent_tension.fields import CorrelatedField, Grid, good_size
from decan.latent_tension.sky import deviation_matrix
from decan.latent_tension.spectra import (
    InverseGamma,
    LogNormal,
    MaternSpectrum,
    Normal,
    PowerSpectrum,
)

BENT = PowerSpectrum(LogNormal(0.6, 0.2), Normal(-4, 0.3), LogNormal(0.4, 0.1), LogNormal(0.5, 0.1))
SPECTRA = [BENT, MaternSpectrum(LogNormal(0.5, 0.1), LogNormal(4.0, 1.0), Normal(-4, 0.3))]


def draw(n: int, size: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, size, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("ny", "nx"), [(16, 20), (15, 18), (16, 17), (1, 32)])
def test_excitations_are_white_with_unit_variance(ny, nx):
    grid = Grid(ny, nx)
    maps = grid.excitation(draw(4000, grid.n_latent))
    flat = maps.flatten(1)
    covariance = flat.T @ flat / len(flat)
    # 4000 draws leave 1/sqrt(4000) = 0.016 of noise in a covariance; the maximum of many is 5x.
    assert (covariance - torch.eye(ny * nx, dtype=torch.float64)).abs().max() < 0.12


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_the_field_has_the_rms_that_its_prior_says(spectrum):
    field = CorrelatedField(Grid(24, 32), spectrum)
    xi = draw(400, field.n_latent)
    xi[:, : field.n_hyper] = 0
    wanted = math.exp(spectrum.fluctuations.log_mean)
    rms = field.at(xi).field.pow(2).mean().sqrt()
    # Few large modes carry the variance: 400 draws leave about 3 %.
    assert abs(float(rms) / wanted - 1) < 0.08
    assert float(field.at(xi).field.mean((1, 2)).abs().max()) < 1e-12


def test_the_power_spectrum_of_a_draw_is_the_one_it_was_drawn_with():
    field = CorrelatedField(Grid(32, 32), PowerSpectrum(LogNormal(1, 1e-9), Normal(-3, 1e-9)))
    maps = field.at(draw(800, field.n_latent)).field.numpy()
    power = (np.abs(np.fft.rfft2(maps)) ** 2).mean(0)
    k = field.grid.k.numpy()
    chosen = (k > 0.5) & (k < 12)
    slope = np.polyfit(np.log(k[chosen]), np.log(power[chosen]), 1)[0]
    assert slope == pytest.approx(-3, abs=0.05)


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_the_derivative_of_a_spectrum_is_that_of_finite_differences(spectrum):
    log_k = torch.linspace(0, 3, 9, dtype=torch.float64)
    xi = draw(1, spectrum.n_latent(9), seed=3)
    _, jacobian = spectrum.log_power(xi, log_k)
    for i in range(1, xi.shape[1]):
        step = torch.zeros_like(xi)
        step[0, i] = 1e-5
        up, down = (spectrum.log_power(xi + s * step, log_k)[0] for s in (1, -1))
        assert torch.allclose((up - down)[0] / 2e-5, jacobian[0, :, i], atol=1e-7)


def test_the_bend_of_a_spectrum_vanishes_at_both_ends():
    log_k = torch.linspace(0, 3, 12, dtype=torch.float64)
    straight = BENT.slope(draw(5, BENT.n_latent(12))[:, 1:2]) * log_k
    value, _ = BENT.log_power(draw(5, BENT.n_latent(12)), log_k)
    assert torch.allclose((value - straight)[:, [0, -1]], torch.zeros(5, 2, dtype=torch.float64))


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize(("ny", "nx"), [(12, 16), (11, 13), (1, 24)])
def test_derivative_and_adjoint_of_a_field_agree(spectrum, ny, nx):
    field = CorrelatedField(Grid(ny, nx), spectrum)
    x, t = 0.5 * draw(2, field.n_latent), draw(2, field.n_latent, 1)
    c = draw(2, ny * nx, 2).reshape(2, ny, nx)
    state = field.at(x)
    left = (field.jvp(state, t) * c).sum((1, 2))
    assert torch.allclose(left, (field.vjp(state, c) * t).sum(1), rtol=1e-10)
    up, down = (field.at(x + s * 1e-6 * t).field for s in (1, -1))
    assert torch.allclose((up - down) / 2e-6, field.jvp(state, t), atol=1e-6)


@pytest.mark.parametrize(("shape", "scale"), [(1.0, 10.0), (1.9953, 1.628e-9), (1.00524, 1.09e-11)])
def test_quantiles_of_the_flux_prior_are_those_of_the_inverse_gamma(shape, scale):
    from scipy.stats import invgamma, norm

    xi = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0], dtype=torch.float64)
    wanted = invgamma.ppf(norm.cdf(xi.numpy()), shape, scale=scale)
    prior = InverseGamma(shape, scale)
    assert prior.log(xi).exp().numpy() == pytest.approx(wanted, rel=1e-3)
    assert prior.latent(prior.log(xi)).numpy() == pytest.approx(xi.numpy(), abs=1e-6)


def test_log_normal_takes_mean_and_std_of_the_number_itself():
    prior = LogNormal(0.3, 0.05)
    values = prior(draw(1, 200_000)[0])
    assert float(values.mean()) == pytest.approx(0.3, abs=5e-4)
    assert float(values.std()) == pytest.approx(0.05, abs=5e-4)


@given(st.lists(st.floats(0.1, 2.0), min_size=2, max_size=6))
def test_deviations_have_no_slope_and_vanish_nowhere_else_than_by_construction(steps):
    mu = np.concatenate([[0.0], np.cumsum(steps)])
    mu = mu - mu[len(mu) // 2]
    matrix = deviation_matrix(mu)
    assert np.allclose(mu @ matrix, 0, atol=1e-9)
    assert matrix.shape == (len(mu), len(mu) - 1)


@given(st.integers(1, 3000))
@settings(max_examples=50)
def test_good_sizes_are_even_and_have_small_factors(n):
    size = good_size(n)
    assert size >= n
    assert size % 2 == 0
    for factor in (2, 3, 5):
        while size % factor == 0:
            size //= factor
    assert size == 1
