import numpy as np
import pytest

from decan.transits import LightCurve, TransitSignal, TransitVetter


@pytest.fixture(scope="session")
def vetter():
    return TransitVetter.pretrained()


@pytest.fixture
def planet():
    """A hot Jupiter of a quiet star, ten transits."""
    rng = np.random.default_rng(0)
    time = np.arange(0, 54, 10 / 1440)
    hours = np.abs((time - 2.5 + 2.5) % 5 - 2.5) * 24
    depth = 0.01 * np.clip((1.5 - hours) / 0.3, 0, 1)
    curve = LightCurve(time, 1 - depth + rng.normal(0, 5e-4, time.size))
    return curve, TransitSignal(5.0, 2.5, 3.0)
