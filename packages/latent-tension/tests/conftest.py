"""One decomposition shared by many tests: a fit costs seconds."""

from __future__ import annotations

import pytest
import torch

from decan.latent_tension import TensionDecomposer, simulate_field


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def field():
    return simulate_field(48, n_points=4, n_extended=0, rng=12)


@pytest.fixture(scope="session")
def fitted(field):
    return TensionDecomposer(max_loops=2, method="mgvi", fit_extended=False).fit(field.image)
