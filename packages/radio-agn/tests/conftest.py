import numpy as np
import pytest

from decan.core.testing import browser  # noqa: F401
from decan.radio_agn import RadioMorphologyClassifier, network_stamps, simulate_bent_sources


@pytest.fixture(scope="session")
def made():
    """Forty bright simulated sources of all classes."""
    return simulate_bent_sources(
        40,
        fractions=dict.fromkeys(("FRI", "FRII", "WAT", "NAT", "Compact"), 0.2),
        flux_mjy=(30.0, 300.0),
        rng=0,
    )


@pytest.fixture(scope="session")
def stamps(made):
    return network_stamps(made.images)


@pytest.fixture(scope="session")
def shipped():
    """The shipped classifier with two of its networks, which is enough for promises."""
    classifier = RadioMorphologyClassifier.pretrained()
    classifier.networks_ = classifier.networks_[:2]
    classifier.specialists_ = classifier.specialists_[:2]
    return classifier


@pytest.fixture
def blob():
    """A 150 x 150 cutout with a central source of 5 mJy, three pixels wide, and FIRST's noise."""
    y, x = np.mgrid[:150, :150] - 74.5
    source = 5.0 * np.exp(-4 * np.log(2) * (x**2 + y**2) / 3.0**2)
    return (source + np.random.default_rng(0).normal(0, 0.15, (150, 150))).astype(np.float32)
