"""What several tests share: a simulated catalogue, and a way to write FITS events."""

from __future__ import annotations

import numpy as np
import pytest

from decan.core.testing import browser
from decan.pulx import features_4xmm, simulate_catalogue

__all__ = ["browser"]


@pytest.fixture(scope="session")
def catalogue():
    return simulate_catalogue(240, 660, n_pulsars=6, n_pulsar_rows=50, n_hidden=8, rng=5)


@pytest.fixture(scope="session")
def features(catalogue):
    return features_4xmm(catalogue, scatter=True)


@pytest.fixture(scope="session")
def known(catalogue, features):
    return catalogue["known_pulsar"].to_numpy()[features.row] == 1


@pytest.fixture
def write_events(tmp_path):
    """Write a minimal event file; keywords go into the header of EVENTS."""
    from astropy.io import fits

    def write(times, gti=None, columns=(), **keywords):
        table = fits.BinTableHDU.from_columns(
            [fits.Column("TIME", "D", array=np.asarray(times, float)), *columns], name="EVENTS"
        )
        for key, value in keywords.items():
            table.header[key] = value
        hdus = [fits.PrimaryHDU(), table]
        if gti is not None:
            start, stop = np.asarray(gti, float).T
            hdus.append(
                fits.BinTableHDU.from_columns(
                    [
                        fits.Column("START", "D", array=start),
                        fits.Column("STOP", "D", array=stop),
                    ],
                    name="GTI",
                )
            )
        path = tmp_path / "events.fits"
        fits.HDUList(hdus).writeto(path, overwrite=True)
        return path

    return write
