"""Inference against closed forms, and what it promises when things go wrong."""

from __future__ import annotations

import pytest
import torch

from decan.latent_tension.inference import fit_vi
from decan.latent_tension.likelihood import Gaussian, Poisson
from decan.latent_tension.sampling import conjugate_gradients, draw_samples


class LinearModel:
    """Data = matrix times latents plus a constant."""

    def __init__(self, matrix: torch.Tensor, constant: float = 0.0) -> None:
        self.matrix, self.constant, self.n_latent = matrix, constant, matrix.shape[1]

    def at(self, latent):
        return LinearState(self.matrix, latent @ self.matrix.T + self.constant)


class LinearState:
    def __init__(self, matrix, rate):
        self.matrix, self.rate = matrix, rate

    def jvp(self, tangent):
        return tangent @ self.matrix.T

    def vjp(self, cotangent):
        return cotangent @ self.matrix

    def curvature(self, weight):
        return (self.matrix**2 * weight[0][:, None]).sum(0)


class Exponential:
    """One latent, one rate: ``exp(latent + 1)``."""

    n_latent = 1

    def at(self, latent):
        rate = torch.exp(latent + 1)

        class State:
            def jvp(self, tangent):
                return rate * tangent

            def vjp(self, cotangent):
                return rate * cotangent

            def curvature(self, weight):
                return (weight * rate**2)[0]

        state = State()
        state.rate = rate
        return state


@pytest.fixture
def problem():
    generator = torch.Generator().manual_seed(4)
    matrix = torch.randn(30, 12, generator=generator, dtype=torch.float64)
    data = torch.randn(30, generator=generator, dtype=torch.float64) * 2
    return LinearModel(matrix), Gaussian(data, 0.7), matrix, data


@pytest.mark.parametrize("method", ["mgvi", "geovi"])
def test_a_linear_gaussian_problem_gets_its_exact_posterior_mean(problem, method):
    model, likelihood, matrix, data = problem
    metric = torch.eye(12, dtype=torch.float64) + matrix.T @ matrix / 0.49
    exact = torch.linalg.solve(metric, matrix.T @ data / 0.49)
    posterior = fit_vi(
        model, likelihood, torch.zeros(12, dtype=torch.float64), method=method, n_rounds=4,
        cg_newton=50, cg_draw=50,
    )  # fmt: skip
    # Conjugate gradients stop at a hundredth of the beginning; four rounds of two steps.
    assert torch.allclose(posterior.mean, exact, atol=1e-5)
    assert posterior.converged


@pytest.mark.parametrize("bent", [False, True])
def test_a_linear_gaussian_problem_gets_its_exact_covariance(problem, bent):
    model, likelihood, matrix, _ = problem
    exact = torch.linalg.inv(torch.eye(12, dtype=torch.float64) + matrix.T @ matrix / 0.49)
    samples, _ = draw_samples(
        model, likelihood, torch.zeros(12, dtype=torch.float64), 4000,
        torch.Generator().manual_seed(1), max_iter=100, bent=bent,
    )  # fmt: skip
    found = samples.T @ samples / len(samples)
    scale = exact.diagonal().sqrt()
    # 4000 independent draws leave 1/sqrt(4000) = 0.016 a coefficient.
    assert ((found - exact) / torch.outer(scale, scale)).abs().max() < 0.08


def test_samples_come_in_mirrored_pairs(problem):
    model, likelihood, *_ = problem
    generator = torch.Generator().manual_seed(0)
    samples, _ = draw_samples(model, likelihood, torch.zeros(12, dtype=torch.float64), 3, generator)
    assert torch.equal(samples[:3], -samples[3:])


def test_the_null_of_a_draw_is_the_residual_of_a_refit(problem):
    model, likelihood, matrix, _ = problem
    mean = torch.zeros(12, dtype=torch.float64)
    samples, null = draw_samples(
        model, likelihood, mean, 2, torch.Generator().manual_seed(0), max_iter=200
    )
    data = null["prior"] @ matrix.T + null["noise"]
    metric = torch.eye(12, dtype=torch.float64) + matrix.T @ matrix / 0.49
    refit = torch.linalg.solve(metric, (data @ matrix / 0.49).T).T
    assert torch.allclose(null["residual"], data - refit @ matrix.T, atol=0.1)
    assert torch.allclose(null["prior"] - samples[:2], refit, atol=0.05)


def test_geovi_samples_solve_their_equation():
    """With T = 2 sqrt(rate) of rate = exp(x + 1), g(x) = w has one root a sample."""
    model, likelihood = Exponential(), Poisson(torch.tensor([9.0], dtype=torch.float64))
    mean = torch.tensor([1.0], dtype=torch.float64)
    state = model.at(mean[None])
    generator = torch.Generator().manual_seed(3)
    samples, null = draw_samples(model, likelihood, mean, 20, generator, bent=True)
    wanted = null["prior"] - state.vjp(null["noise"] * likelihood.metric(state.rate))
    wanted = torch.cat([wanted, -wanted])
    there = likelihood.transform(model.at(mean + samples).rate)
    here = likelihood.transform(state.rate)
    found = samples + state.vjp(likelihood.metric(state.rate).sqrt() * (there - here))
    assert torch.allclose(found, wanted, atol=0.05 * float(wanted.abs().max()))


def test_the_mean_of_counts_far_above_the_prior_is_found():
    model, likelihood = Exponential(), Poisson(torch.tensor([400.0], dtype=torch.float64))
    posterior = fit_vi(model, likelihood, torch.zeros(1, dtype=torch.float64), n_rounds=8)
    # Maximum of n ln(rate) - rate - x^2/2 lies within a hundredth of ln 400 - 1 = 4.99.
    assert float(posterior.mean[0]) == pytest.approx(4.98, abs=0.03)


@pytest.mark.parametrize("n", [0.0, 3.0])
def test_the_gradient_of_the_energy_is_that_of_finite_differences(n):
    likelihood = Poisson(torch.tensor([n], dtype=torch.float64))
    rate = torch.tensor([[2.0]], dtype=torch.float64)
    up, down = likelihood.energy(rate + 1e-6), likelihood.energy(rate - 1e-6)
    assert float((up - down) / 2e-6) == pytest.approx(float(likelihood.gradient(rate)), abs=1e-6)


@pytest.mark.bad_input(12)
def test_an_energy_that_is_not_finite_keeps_the_last_finite_state():
    model = Exponential()
    likelihood = Poisson(torch.tensor([float("nan")], dtype=torch.float64))
    with pytest.warns(RuntimeWarning, match="not finite"):
        posterior = fit_vi(model, likelihood, torch.zeros(1, dtype=torch.float64))
    assert not posterior.converged
    assert torch.isfinite(posterior.mean).all()


def test_held_latents_do_not_move(problem):
    model, likelihood, *_ = problem
    held = torch.zeros(12, dtype=torch.bool)
    held[3] = True
    posterior = fit_vi(model, likelihood, torch.full((12,), 0.5, dtype=torch.float64), held=held)
    assert float(posterior.mean[3]) == 0.5
    assert float(posterior.samples[:, 3].abs().max()) == 0
    assert float((posterior.mean[4:] - 0.5).abs().min()) > 0


def test_a_right_side_of_zero_is_solved_by_zero():
    solution, count = conjugate_gradients(
        lambda x: 2 * x, torch.zeros(2, 3, dtype=torch.float64), lambda x: x
    )
    assert count == 0
    assert torch.equal(solution, torch.zeros(2, 3, dtype=torch.float64))
