from __future__ import annotations

from urllib.parse import quote

import pytest

from decan.core.errors import DataNotAvailable, SchemaError
from decan.gcm_emulator import query_planet

HEAD = "pl_name,pl_orbper,pl_radj,pl_bmassj,st_teff,st_rad,st_mass\n"


def answer(rows: str) -> str:
    """An address that gives a recorded answer."""
    return "data:text/csv," + quote(HEAD + rows)


def test_a_planet_of_the_archive_has_the_gravity_of_its_mass_and_radius():
    row = '"WASP-121 b",1.27492504,1.753,1.157,6776,1.44,1.38\n'
    planet = query_planet("WASP-121 b", service=answer(row))
    assert planet.period_day == 1.27492504
    assert planet.gravity_ms2 == pytest.approx(9.3, abs=0.3)  # log g 2.97 in Delrez et al. 2016
    assert 2300 < planet.t_global_k < 2500


def test_a_planet_that_the_archive_does_not_know_is_named():
    with pytest.raises(DataNotAvailable, match="knows no planet 'WASP-9999 b'"):
        query_planet("WASP-9999 b", service=answer(""))


def test_a_missing_parameter_is_named_and_never_filled_in():
    with pytest.raises(SchemaError, match="gives no pl_bmassj"):
        query_planet("X b", service=answer('"X b",1.2,1.7,,6776,1.44,1.38\n'))
