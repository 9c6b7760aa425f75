import pytest
import torch

from decan.planetary_systems import MarkovGaps, SystemGenerator
from decan.planetary_systems.chains import exact_generator

# Networks of this size are slower on two busy cores than on one.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def chain():
    return MarkovGaps()


@pytest.fixture(scope="session")
def truth(chain):
    """The chain itself as a generator: what a perfect network would be."""
    return exact_generator(chain)


@pytest.fixture(scope="session")
def systems(chain):
    return chain.sample(500, rng=0)


@pytest.fixture(scope="session")
def fitted(systems):
    """Small generators of all three languages, by language."""
    small = {"width": 16, "layers": 1, "heads": 2, "epochs": 2, "random_state": 0}
    return {
        tokens: SystemGenerator(tokens, **small).fit(systems, progress=False)
        for tokens in ("gaps", "factored", "paper")
    }
