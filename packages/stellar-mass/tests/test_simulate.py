"""Promises of the simulator and of the archives' readers."""

import io

import numpy as np
import pytest

from decan.core.errors import CorruptFile, SchemaError
from decan.core.testing import needs_data
from decan.stellar_mass.archive import DATASETS, dereddened, resolve_blocks
from decan.stellar_mass.cutouts import render, simulate_cutouts
from decan.stellar_mass.frames import aligned_cutout, read_cutout
from decan.stellar_mass.laboratory import gaussian_triplet, mediation
from decan.stellar_mass.queries import (
    allwise_query,
    match_sky,
    sdss_galaxies,
    sdss_query,
    skyserver,
)
from decan.stellar_mass.readers import read_gswlc
from decan.stellar_mass.simulate import simulate_galaxies


@pytest.fixture(scope="module")
def galaxies():
    return simulate_galaxies(3000, noise=0.0, delta_n=0.0, delta_size=0.0, rng=0)


def test_the_sample_is_flux_limited_and_reddest_where_passive(galaxies):
    dereddened_r = galaxies["petroMag_r"] - 2.285 * galaxies["EBV"]
    assert dereddened_r.max() < 17.81
    color = galaxies["petroMag_g"] - galaxies["petroMag_i"]
    assert color[galaxies["passive"]].mean() > color[~galaxies["passive"]].mean() + 0.2


def test_without_planted_terms_morphology_adds_nothing_to_noise_free_photometry(galaxies):
    # Mass is a function of i, g - i and z, but for 0.06 dex; the rest must be unrelated to n.
    z = galaxies["z"].to_numpy()
    dust = galaxies["EBV"].to_numpy()
    i = galaxies["petroMag_i"].to_numpy() - 1.698 * dust
    g_i = galaxies["petroMag_g"].to_numpy() - 3.303 * dust - i
    x = np.column_stack([i, g_i, z, np.log(z), z * g_i, z**2, g_i**2, np.log(z) ** 2, z**3])
    x = np.column_stack([np.ones(len(x)), x])
    mass = galaxies["lgm_tot_p50"].to_numpy()
    left = mass - x @ np.linalg.lstsq(x, mass, rcond=None)[0]
    assert left.std() == pytest.approx(0.06, abs=0.015)
    for query in (np.log(galaxies["sersic_n_r"]), np.log(galaxies["petroR50_r"])):
        others = query - x @ np.linalg.lstsq(x, query, rcond=None)[0]
        assert abs(np.corrcoef(left, others)[0, 1]) < 0.05  # 2.7 sigma of 3,000 rows


def test_the_same_seed_gives_the_same_galaxies():
    assert simulate_galaxies(50, rng=3).equals(simulate_galaxies(50, rng=3))


def test_cutouts_keep_the_flux_and_the_centre():
    shape = {"index": [1.0], "radius_arcsec": [2.0], "axis_ratio": [0.6], "angle": [0.5]}
    image = render([[10.0] * 5], offset_px=[[0, 0]], **shape)[0, 2]
    assert image.sum() == pytest.approx(10, rel=0.02)
    axis = np.arange(64) - 31.5
    assert abs((image.sum(0) * axis).sum() / image.sum()) < 0.05
    moved = render([[10.0] * 5], offset_px=[[3, 0]], **shape)[0, 2]
    assert (moved.sum(1) * axis).sum() / moved.sum() == pytest.approx(3, abs=0.1)


def test_half_of_the_light_lies_within_the_half_light_radius():
    # A disc of 6 arcsec, wide compared with the point spread function.
    image = render([[10.0] * 5], index=[1.0], radius_arcsec=[5.0], axis_ratio=[1.0], angle=[0.0],
                   offset_px=[[0, 0]])[0, 3]  # fmt: skip
    axis = (np.arange(64) - 31.5) * 0.396
    inside = np.hypot(*np.meshgrid(axis, axis)) < 5.0
    assert image[inside].sum() == pytest.approx(5.0, rel=0.05)


def test_the_profile_agrees_with_an_independent_library():
    models = pytest.importorskip("astropy.modeling.models")
    image = render([[100.0] * 5], index=[1.0], radius_arcsec=[4.0], axis_ratio=[0.5], angle=[0.7],
                   offset_px=[[0, 0]])[0, 4]  # fmt: skip
    step = np.arange(64) - 31.5
    x, y = np.meshgrid(step * 0.396, step * 0.396, indexing="ij")
    disc = models.Sersic2D(1, r_eff=4.0, n=1, ellip=0.5, theta=0.7)(x, y)
    disc *= 100 / (2 * np.pi * 4.0**2 / 1.678**2 * 0.5 * np.exp(1.678)) * 0.396**2
    far = np.hypot(x, y) > 3.0  # the point spread function matters inside
    assert np.abs(image[far] - disc[far]).max() < 0.03 * image.max()


def test_coarse_and_fine_cutouts_show_the_same_sky():
    table = simulate_galaxies(20, rng=0)
    fine = simulate_cutouts(table, noise=0.0, rng=1)
    coarse = simulate_cutouts(table, size=32, noise=0.0, rng=1)
    summed = fine.reshape(20, 5, 32, 2, 32, 2).sum((3, 5))
    # Pixels of 0.8 arcsec barely sample the point spread function of 1.2.
    assert np.abs(summed - coarse).max() < 0.05 * summed.max()


def test_triplets_have_the_correlations_they_promise():
    made = gaussian_triplet(20_000, 0.6, 0.3, 0.2, rng=0)
    found = np.corrcoef([made.y, made.x1[:, 0], made.x2[:, 0]])
    assert np.abs(np.abs(found[0, 1:]) - [0.6, 0.3]).max() < 0.02


def test_mediation_has_the_partial_correlation_it_promises():
    made = mediation(40_000, 3, direct=0.15, rng=0)
    x = np.column_stack([np.ones(40_000), made.latent])
    left = [v - x @ np.linalg.lstsq(x, v, rcond=None)[0] for v in (made.y, made.query)]
    assert np.corrcoef(left)[0, 1] == pytest.approx(made.partial, abs=0.01)


@needs_data(DATASETS, "resolve_galaxies")
def test_dereddened_magnitudes_give_the_catalogues_absolute_ones():
    table = DATASETS.load("resolve_galaxies")
    distance = resolve_blocks(table)["cz"]["distance_modulus"]
    absolute = dereddened(table)["r"] - distance
    # Checked in the survey's own column, H0 = 70.
    assert np.nanmedian(np.abs(absolute - table["abs_mag_r"])) < 0.01


def test_the_question_names_every_band_and_keeps_the_cuts():
    sql = sdss_query(redshift=(0.02, 0.1))
    assert sql.count("p.petroMag_") == 6  # five bands and the cut
    assert "s.z >= 0.02 AND s.z < 0.1" in sql
    with pytest.raises(ValueError, match="redshift"):
        sdss_query(redshift=(0.2, 0.1))


def test_a_page_in_place_of_a_table_is_shown():
    with pytest.raises(SchemaError, match="maintenance"):
        skyserver("select", url="data:text/html,<html>maintenance</html>")


def test_an_answer_cut_at_the_services_limit_is_refused(monkeypatch):
    monkeypatch.setattr("decan.stellar_mass.queries.MOST_ROWS", 2)
    with pytest.raises(SchemaError, match="more slices"):
        sdss_galaxies(slices=1, url="data:text/csv,z%0A0.1%0A0.2%0A", progress=False)


@pytest.mark.bad_input(1)
def test_identifiers_are_no_sentinels():
    table = skyserver("select", url="data:text/csv,objID,z%0A9999,0.1%0A-9999,-9999%0A")
    assert table["objID"].tolist() == [9999, -9999]
    assert np.isnan(table.loc[1, "z"])


def test_limits_of_wise_are_no_measurements():
    answer = "data:text/csv,ra,dec,w1mpro,w1sigmpro%0A1,2,15.0,0.03%0A1,2,17.2,%0A"
    table = allwise_query(1, 2, 5, url=answer)
    assert table["w1_limit"].tolist() == [False, True]
    assert np.isnan(table.loc[1, "w1mpro"])


@pytest.mark.bad_input(12)
def test_a_row_of_gswlc_with_too_few_fields_is_refused(tmp_path):
    path = tmp_path / "GSWLC-X2.dat"
    path.write_text("1 2 3\n")
    with pytest.raises(SchemaError, match="3 fields"):
        read_gswlc(path)


def test_two_galaxies_never_share_a_partner():
    ra = np.array([10.0, 10.0001])
    assert match_sky(ra, [0, 0], [10.00002], [0], 2.0).tolist() == [0, -1]


def fits_of(image, **cards):
    from astropy.io import fits

    hdu = fits.PrimaryHDU(image.astype(np.float32))
    for name, value in cards.items():
        hdu.header[name] = value
    file = io.BytesIO()
    hdu.writeto(file)
    return file.getvalue()


@pytest.mark.bad_input(8)
def test_bands_in_another_order_are_refused():
    body = fits_of(np.ones((5, 8, 8)), BANDS="zirgu")
    with pytest.raises(SchemaError, match="bands 'zirgu'"):
        read_cutout(body)
    with pytest.raises(CorruptFile, match="no FITS image"):
        read_cutout(b"<html>busy</html>")


def test_frames_are_aligned_to_the_r_band():
    rng = np.random.default_rng(0)
    sky = rng.normal(size=(100, 100))
    cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 0.0,
             "CDELT1": -0.396 / 3600, "CDELT2": 0.396 / 3600}  # fmt: skip
    frames = {}
    for band, shift in zip("ugriz", (3, 1, 0, -2, 5), strict=True):
        moved = np.roll(sky, shift, axis=1)
        frames[band] = fits_of(moved, CRPIX1=50.0 + shift, CRPIX2=50.0, **cards)
    cutout = aligned_cutout(frames, 10.0, 0.0, size=16)
    assert cutout.shape == (5, 16, 16)
    assert np.abs(cutout - cutout[2]).max() < 1e-4
