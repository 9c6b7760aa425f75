from __future__ import annotations

import numpy as np
import pytest

from decan.gcm_emulator import FieldEmulator, GCMField, Planet, PlanetGrid, simulate_grid


@pytest.fixture(scope="session")
def grid() -> PlanetGrid:
    """Twenty planets of four hosts, with weather."""
    return simulate_grid(
        hosts=["A5V", "G5V", "K5V", "M2V"], t_global_k=[800, 1200, 1600, 2000, 2400], rng=0
    )


@pytest.fixture(scope="session")
def emulator(grid: PlanetGrid) -> FieldEmulator:
    return FieldEmulator(n_modes=10).fit(grid)


@pytest.fixture(scope="session")
def field() -> GCMField:
    from decan.gcm_emulator import simulate_planet

    return simulate_planet(Planet.at_temperature(1600.0, host="G5V"))


@pytest.fixture
def axes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Longitude, latitude (degrees) and pressure (Pa) of a small field."""
    return np.arange(-180.0, 180.0, 30.0), np.arange(-75.0, 76.0, 30.0), np.array([1e2, 1e4, 1e6])
