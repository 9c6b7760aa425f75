"""Plasma out of tables of the kind that AtomDB gives."""

import numpy as np
import pytest

from decan.core.errors import CorruptFile
from decan.core.testing import assert_only_own_errors
from decan.xray_spectra import fit_spectrum, simulate_spectra, thermal_plasma
from decan.xray_spectra.models import tbabs

KT = np.array([0.5, 1.0, 2.0])
FULL = np.linspace(0.1, 12.0, 60)


@pytest.fixture
def tables(tmp_path, write_fits):
    """Two elements at three temperatures: hydrogen's continuum, iron's with a line at 1 keV."""

    def write(kt=KT, *, of_continua=KT, element=26):
        lines = [("PARAMETERS", {}, [("kT", "E", kt, "keV")])]
        continua = [("PARAMETERS", {}, [("kT", "E", of_continua, "keV")])]
        for t in kt:
            lines.append(("EMISSIVITY", {}, [
                ("Lambda", "E", [12.398419843], "A"), ("Epsilon", "E", [t * 1e-16], None),
                ("Element", "J", [element], None), ("Ion", "J", [17], None)]))  # fmt: skip
        for t in of_continua:
            level = np.stack([1e-15 * np.exp(-FULL / t), 1e-16 * np.exp(-FULL / t),
                              9e-15 * np.ones_like(FULL)])  # fmt: skip
            continua.append(("EMISSIVITY", {}, [
                ("Z", "J", [1, 26, 26], None), ("rmJ", "J", [0, 0, 17], None),
                ("N_Cont", "J", [60, 60, 60], None), ("E_Cont", "60E", np.tile(FULL, (3, 1)), None),
                ("Continuum", "60E", level, None), ("N_Pseudo", "J", [0, 2, 0], None),
                ("E_Pseudo", "2E", [[0, 0], [3.0, 4.0], [0, 0]], None),
                ("Pseudo", "2E", [[0, 0], [2e-17, 2e-17], [0, 0]], None)]))  # fmt: skip
        return (
            write_fits(tmp_path / "apec_line.fits", lines),
            write_fits(tmp_path / "apec_coco.fits", continua),
        )

    return write


EDGES = np.round(np.linspace(0.3, 8.3, 801), 4)
LOW, HIGH = EDGES[:-1], EDGES[1:]


def _photons(model, **values):
    return model(LOW, HIGH, norm=1e-14, **values)


def test_at_its_temperatures_the_table_itself_comes_out(tables):
    model = thermal_plasma(*tables())
    bare, solar = (_photons(model, kt_kev=1.0, abundance=a) for a in (0.0, 1.0))
    # Without metals only hydrogen's continuum is left; rows of single ions are never added.
    middle = (LOW + HIGH) / 2
    np.testing.assert_allclose(bare, np.interp(middle, FULL, 1e-15 * np.exp(-FULL)), rtol=1e-3)
    metals = solar - bare
    width = 0.01
    line = int(np.searchsorted(HIGH, 1.0, side="right"))
    assert metals[[line - 1, line]].sum() * width == pytest.approx(
        1e-16 + 2e-18 * np.exp(-1), rel=0.01
    )
    # The pseudo-continuum lies between 3 and 4 keV and nowhere else.
    step = metals[(middle > 3.05) & (middle < 3.95)] - 1e-16 * np.interp(
        middle[(middle > 3.05) & (middle < 3.95)], FULL, np.exp(-FULL)
    )
    np.testing.assert_allclose(step, 2e-17, rtol=0.01)


def test_bins_coarser_than_the_table_lose_no_photon(tables):
    model = thermal_plasma(*tables())
    fine = _photons(model, kt_kev=1.0, abundance=1.0).sum() * 0.01
    edges = np.array([0.3, 1.3, 5.0, 8.3])
    coarse = model(edges[:-1], edges[1:], kt_kev=1.0, abundance=1.0, norm=1e-14) @ np.diff(edges)
    assert coarse == pytest.approx(fine, rel=1e-6)


def test_between_temperatures_emission_is_interpolated_and_beyond_them_the_ends_hold(tables):
    model = thermal_plasma(*tables())
    low, middle, high = (_photons(model, kt_kev=t, abundance=1.0) for t in (0.5, 2**-0.5, 1.0))
    np.testing.assert_allclose(middle, (low + high) / 2, rtol=1e-6)
    np.testing.assert_array_equal(_photons(model, kt_kev=9.0, abundance=1.0),
                                  _photons(model, kt_kev=2.0, abundance=1.0))  # fmt: skip
    many = model(LOW, HIGH, kt_kev=np.array([0.5, 1.0]), abundance=1.0, norm=1e-14)
    np.testing.assert_array_equal(many[1], high)


def test_abundance_is_of_metals_alone(tables):
    model = thermal_plasma(*tables(element=2))
    helium = [_photons(model, kt_kev=1.0, abundance=a) for a in (0.0, 1.0)]
    line = int(np.argmax(helium[0]))
    assert LOW[line] == pytest.approx(1.0, abs=0.011)


def test_files_of_two_versions_or_of_another_kind_are_refused(tables, tmp_path, write_fits):
    with pytest.raises(
        CorruptFile, match=r"2 temperatures, which are not the 3 of apec_line\.fits"
    ):
        thermal_plasma(*tables(of_continua=KT[:2]))
    other = write_fits(tmp_path / "other.fits", [("SPECTRUM", {}, [("A", "E", [1.0], None)])])
    with pytest.raises(CorruptFile, match="no table PARAMETERS"):
        thermal_plasma(other, other)


def test_the_simulator_and_fits_take_it(tables):
    model = thermal_plasma(*tables())
    real, simple = (
        simulate_spectra(4, classes=["LM-STAR"], net_counts=3000.0, plasma=plasma, rng=0)
        for plasma in (model, None)
    )
    assert np.abs(real.shapes - simple.shapes).max() > 1e-3
    fit = fit_spectrum(real.spectrum(0), tbabs() * model, n_starts=1)
    assert np.isfinite(fit.statistic)
    assert KT[0] <= fit.values["kt_kev"] <= KT[-1]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_spoilt_table_is_read_or_refused(tables, tmp_path):
    lines, continua = tables()
    folder = tmp_path / "spoilt"
    folder.mkdir()

    def read(path):
        return _photons(thermal_plasma(lines, path), kt_kev=1.0)

    assert assert_only_own_errors(read, continua, folder, n=100, seed=23) > 20
