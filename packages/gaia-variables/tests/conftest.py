from __future__ import annotations

import pytest

from decan.core.testing import browser  # noqa: F401
from decan.gaia_variables import VariablesPipeline, simulate_stars


@pytest.fixture(scope="session")
def pipeline():
    return VariablesPipeline.pretrained()


@pytest.fixture(scope="session")
def stars():
    return simulate_stars(80, classes=["RRab", "EA", "EW", "DSCT", "Mira"], rng=0)


@pytest.fixture(scope="session")
def portraits(pipeline, stars):
    return pipeline.transform(
        stars.curves, stars.xp, frequency=stars.truth["dominant_frequency"].to_numpy()
    )
