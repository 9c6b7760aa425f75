import numpy as np
import pytest

from decan.stellar_mass import decompose
from decan.stellar_mass.laboratory import gaussian_triplet


@pytest.fixture(scope="session")
def noise_pair():
    """A pure-noise second input, with the default measure."""
    made = gaussian_triplet(2000, 0.8, 0.0, rng=0)
    return made, decompose(made.x1, made.x2, made.y, groups=np.arange(2000) // 2, rng=0)
