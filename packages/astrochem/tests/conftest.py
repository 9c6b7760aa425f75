from __future__ import annotations

import pytest

from decan.astrochem import CLOUD, DATASETS, EmulatorSet, RatioEmulator, Retrieval, simulate_grid
from decan.core.testing import browser

__all__ = ["browser"]


@pytest.fixture(scope="session")
def simulated():
    """Nine ratios in closed form, 96 models."""
    return simulate_grid(96, rng=1)


@pytest.fixture(scope="session")
def rows(simulated):
    """Inputs and log ratios of CN/HCN."""
    return simulated.ratios(["CN/HCN"]).rows("CN/HCN")


@pytest.fixture(scope="session")
def trees(rows):
    """XGBoost on CN/HCN."""
    return RatioEmulator("xgb", n_trees=150, space=CLOUD, calibrate=False).fit(*rows)


@pytest.fixture(scope="session")
def emulators(simulated):
    """Gaussian processes of three ratios, cross-validated."""
    table = simulated.ratios(["CN/HCN", "HNC/HCN", "CS/SO"])
    return EmulatorSet("gp", coordinates="physical", n_folds=2).fit(table)


@pytest.fixture(scope="session")
def retrieval(emulators):
    """A retrieval over a prior of 2048 clouds."""
    return Retrieval(emulators, n=2048)


@pytest.fixture(scope="session")
def given():
    """The given grid; only for tests marked with needs_data."""
    return DATASETS.load("uclchem_grid")
