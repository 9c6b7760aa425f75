import numpy as np
import pytest
from astropy import units as u

from decan.core.errors import SchemaError
from decan.core.testing import needs_data
from decan.xray_spectra import DATASETS, analytic_response, simulate_spectra
from decan.xray_spectra.absorption import cross_section, transmission
from decan.xray_spectra.grid import CHANNEL_EDGES, rebin
from decan.xray_spectra.instrument import contamination, pile_up, vignetting
from decan.xray_spectra.models import (
    approximate_thermal,
    black_body,
    disk_black_body,
    gauss_line,
    power_law,
    tbabs,
)
from decan.xray_spectra.populations import CLASSES, draw_sources
from decan.xray_spectra.response import Response


def test_the_same_seed_gives_the_same_spectra():
    one, two = (simulate_spectra(20, rng=4) for _ in range(2))
    np.testing.assert_array_equal(one.counts, two.counts)
    assert one.table.equals(two.table)


def test_counts_follow_their_expectation():
    simulated = simulate_spectra(200, net_counts=1000.0, rng=0)
    expected = simulated.table["net_counts"] + simulated.table["bkg_counts"]
    energy = analytic_response().channel_energy
    total = simulated.counts[:, (energy > 0.5) & (energy < 8)].sum(axis=1)
    pull = (total - expected) / np.sqrt(expected)
    # 514 channels of 8 keV end within half a channel of the band.
    assert abs(pull.mean()) < 0.35
    assert 0.85 < pull.std() < 1.15


@needs_data(DATASETS, "sim_acis_8class", "acis_1575_r0085")
def test_classes_are_as_hard_as_in_the_reference_set():
    _, _, reference, _ = DATASETS.load("sim_acis_8class")
    response = DATASETS.load("acis_1575_r0085").require_response()
    simulated = simulate_spectra(1600, responses={"1575_r0085": response}, rng=1)
    reference = reference[reference["response"] == "1575_r0085"]
    for cls in CLASSES:
        for name in ("hard_ms", "hard_hm"):
            ours = simulated.table.loc[simulated.table["cls"] == cls, name].median()
            theirs = reference.loc[reference["cls"] == cls, name].median()
            # Ranges are stated and not mixtures; two hundred sources a class.
            assert ours == pytest.approx(theirs, abs=0.15), (cls, name)


@needs_data(DATASETS, "sim_acis_8class")
def test_the_reference_truth_is_on_the_common_grid():
    counts, _, table, shapes = DATASETS.load("sim_acis_8class")
    energy = 0.0146 * (34 + np.arange(counts.shape[1]) + 0.5)
    test = rebin(counts[8000:], energy, CHANNEL_EDGES)
    bright = (table["net_counts"] > 3000).to_numpy()[8000:]
    found = test[bright].sum(axis=0) / test[bright].sum()
    weight = table["net_counts"].to_numpy()[8000:][bright][:, None]
    expected = (shapes[bright] * weight).sum(axis=0) / weight.sum()
    chi2 = np.sum((found - expected) ** 2 / expected) * test[bright].sum()
    # A shift by one native channel would give a chi2 of many thousands.
    assert chi2 < 1500


def test_very_bright_sources_keep_all_their_counts():
    bright = simulate_spectra(2, classes=["HMXB"], net_counts=3e7, rng=0)
    inside = bright.spectrum(0).band(0.5, 8.0)
    # The square root of 3e7 is 0.02 % of it, channels at the edges are up to 0.5 %.
    assert bright.counts[:, inside].sum(axis=1) == pytest.approx([3e7, 3e7], rel=0.01)
    with pytest.raises(ValueError, match="net_counts: must not be negative"):
        simulate_spectra(2, net_counts=-5.0)


def test_unknown_classes_are_named():
    with pytest.raises(ValueError, match="'QSO' is none of"):
        draw_sources(3, classes=["QSO"])


def test_absorption_is_that_of_the_literature():
    # sigma(1 keV) of tbabs with the abundances of Wilms et al. 2000.
    assert cross_section(1.0) == pytest.approx(1.74e-22, rel=0.01)
    assert transmission([1.0], 1e22)[0] == pytest.approx(np.exp(-1.74), rel=0.02)


@pytest.mark.parametrize("index", [0.0, 1.0, 2.5])
def test_a_power_law_is_integrated_over_its_bins(index):
    coarse = power_law()([1.0], [3.0], photon_index=index, norm=1.0) * 2
    edges = np.linspace(1, 3, 4001)
    fine = ((edges[1:] + edges[:-1]) / 2) ** -index @ np.diff(edges)
    assert coarse[0] == pytest.approx(fine, rel=1e-6)


def test_a_black_body_has_the_luminosity_of_its_norm():
    edges = np.geomspace(1e-3, 60, 4001)
    photons = black_body()(edges[:-1], edges[1:], kt_kev=1.0, norm=1.0)
    flux = photons * (edges[1:] + edges[:-1]) / 2 @ np.diff(edges) * 1.602e-9
    # 1e39 erg / s at 10 kpc.
    assert flux == pytest.approx(1e39 / (4 * np.pi * (10 * 3.0857e21) ** 2), rel=0.01)


def test_a_disc_is_softer_than_a_black_body_and_has_no_gap():
    edges = np.geomspace(0.3, 10, 300)
    disc = disk_black_body()(edges[:-1], edges[1:], kt_in_kev=1.0, norm=1.0)
    body = black_body()(edges[:-1], edges[1:], kt_kev=1.0, norm=1.0)
    assert disc[0] / disc[150] > body[0] / body[150]
    assert (np.abs(np.diff(np.log(disc))) < 0.2).all()


def test_lines_keep_their_photons_wherever_they_fall():
    edges = np.linspace(5, 8, 31)
    for at in (6.4, 6.401, 6.45):
        line = gauss_line()(edges[:-1], edges[1:], energy_kev=at, sigma_kev=0.02, norm=3.0)
        assert line @ np.diff(edges) == pytest.approx(3.0, rel=1e-6)


def test_plasma_lines_do_not_depend_on_the_grid():
    totals = []
    for n in (400, 4000):
        edges = np.linspace(0.5, 8, n + 1)
        photons = approximate_thermal()(edges[:-1], edges[1:], kt_kev=0.8)
        totals.append(photons @ np.diff(edges))
    assert totals[0] == pytest.approx(totals[1], rel=1e-3)


def test_contamination_grows_with_years_and_spares_hard_photons():
    energy = np.array([0.6, 1.0, 4.0])
    early, late = contamination(energy, 2000.0), contamination(energy, 2020.0)
    assert (late < early).all()
    assert late[0] < 0.1
    assert late[2] > 0.98
    assert (vignetting(energy, 0.0) == 1).all()


def test_pile_up_keeps_the_energy_of_photons_and_loses_events():
    rate = np.zeros(100)
    rate[10] = 0.5
    piled = pile_up(rate, frame_s=1.0)
    assert piled.sum() < rate.sum()
    assert piled[20] == pytest.approx(np.exp(-0.5) * 0.5**2 / 2, rel=1e-6)
    energy = np.arange(100)
    assert piled @ energy == pytest.approx(rate @ energy, rel=0.02)


def test_energies_areas_and_parameters_may_have_any_unit():
    edges = np.linspace(0.5, 8.0, 101)
    plain, quantities = (
        Response.from_csr(
            np.eye(100), energy_low=low, energy_high=high, area=area, channel_low=low,
            channel_high=high,
        )
        for low, high, area in (
            (edges[:-1], edges[1:], np.full(100, 300.0)),
            (1e3 * edges[:-1] * u.eV, 1e3 * edges[1:] * u.eV, np.full(100, 0.03) * u.m**2),
        )
    )  # fmt: skip
    model = tbabs() * power_law()
    with_units = model(500 * u.eV, [600 * u.eV], nh_cm2=1e25 / u.m**2)
    np.testing.assert_allclose(with_units, model(0.5, [0.6], nh_cm2=1e21))
    np.testing.assert_allclose(
        quantities.fold(power_law()(1e3 * edges[:-1] * u.eV, edges[1:] * u.keV)),
        plain.fold(power_law()(edges[:-1], edges[1:])),
    )
    np.testing.assert_allclose(cross_section(1000 * u.eV), cross_section(1.0))
    np.testing.assert_allclose(transmission(2 * u.keV, 1e26 / u.m**2), transmission(2.0, 1e22))
    np.testing.assert_allclose(contamination(800 * u.eV, 2015.0), contamination(0.8, 2015.0))
    np.testing.assert_allclose(vignetting(1 * u.keV, 300 * u.arcsec), vignetting(1.0, 5.0))
    with pytest.raises(SchemaError, match="energy_kev: found unit"):
        cross_section(1 * u.s)
