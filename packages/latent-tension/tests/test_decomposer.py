"""The whole job, and the inputs that have hurt users of other tools."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.io import fits

from decan.core.data.tables import read_table, write_table
from decan.latent_tension import (
    GaussianPSF,
    PhotonImage,
    PSFGrid,
    TensionDecomposer,
)
from decan.latent_tension.plots import plot_decomposition
from decan.latent_tension.simulate import simulate_prior_field


def quick(**more):
    settings = {"method": "mgvi", "fit_extended": False, "max_loops": 2, "n_final": 6}
    return TensionDecomposer(**{**settings, **more})


def point(shape, x, y, counts, psf, background, seed=0):
    """Poisson counts of one source on a flat background."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    sigma = psf
    image = np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    return rng.poisson(counts * image + background).astype(float)


def nearest(catalogue, x, y):
    away = np.hypot(catalogue["x"] - x, catalogue["y"] - y)
    return catalogue.loc[away.idxmin()], float(away.min())


def test_bright_sources_are_found_at_their_place_with_their_flux(field, fitted):
    bright = field.truth[field.truth["counts_total"] > 60]
    for row in bright.itertuples():
        seen, away = nearest(fitted.catalogue_, row.x_pix, row.y_pix)
        # Information bound: 0.3 px and 15 % at 60 counts; three of that.
        assert away < 1.0
        assert abs(seen["flux"] - row.counts_total) < 3 * seen["flux_err"] + 0.1 * row.counts_total


def test_every_number_of_the_catalogue_is_finite(fitted):
    columns = ["x", "y", "pos_err", "flux", "flux_err", "significance", "ts", "elbo_gain"]
    assert np.isfinite(fitted.catalogue_[columns].to_numpy()).all()
    assert np.isfinite(fitted.mean("total")).all()


def test_components_add_up_to_the_total(fitted):
    parts = sum(fitted.samples(name) for name in ("diffuse", "extended", "points"))
    assert np.allclose(parts, fitted.samples("total"))


def test_expected_counts_add_up_to_the_observed(fitted):
    observed = fitted.images_[0].counts.sum()
    assert fitted.predict_counts()[0].sum() == pytest.approx(observed, abs=4 * np.sqrt(observed))


def test_an_unknown_component_is_refused_by_name(fitted):
    with pytest.raises(ValueError, match="component: must be one of"):
        fitted.mean("stars")


def test_files_and_page_hold_the_result(fitted, tmp_path):
    path = fitted.to_fits(tmp_path / "components.fits")
    with fits.open(path) as file:
        names = [h.name for h in file]
        assert file["DIFFUSE"].data.shape == fitted.images_[0].shape
        assert len(file["CATALOGUE"].data) == len(fitted.catalogue_)
        assert file["CATALOGUE"].columns["lon"].unit == "deg"
    assert {"TOTAL", "TOTAL_STD", "TENSION", "RESIDUAL"} <= set(names)
    back = read_table(write_table(fitted.catalogue_, tmp_path / "catalogue.ecsv"))
    assert len(back) == len(fitted.catalogue_)
    assert back.attrs["units"] == fitted.catalogue_.attrs["units"]
    assert "<img" in fitted.page().render()
    assert plot_decomposition(fitted).shape == (2, 3)
    import matplotlib.pyplot as plt

    plt.close("all")


def test_a_saved_decomposition_comes_back_as_it_was(fitted, tmp_path):
    back = TensionDecomposer.load(fitted.save(tmp_path / "sky"))
    assert np.allclose(back.mean("total"), fitted.mean("total"))
    plain = fitted.catalogue_.drop(columns=["lon", "lat"])
    pd.testing.assert_frame_equal(
        back.catalogue_.drop(columns=["lon", "lat"]), plain, check_dtype=False
    )
    assert back.tension_maps_[0].threshold(0.05) == fitted.tension_maps_[0].threshold(0.05)


def test_a_varying_psf_is_saved_with_the_decomposition(tmp_path):
    counts = point((24, 24), 11.0, 12.0, 100, 1.2, 0.5)
    stamp = GaussianPSF(1.2, size=9).stamps(1)
    psf = PSFGrid(np.tile(stamp, (2, 2, 1, 1, 1)), [0, 23], [0, 23])
    one = quick(max_loops=1).fit(PhotonImage(counts, psf=psf))
    back = TensionDecomposer.load(one.save(tmp_path / "sky"))
    assert isinstance(back.images_[0].psf, PSFGrid)
    assert np.allclose(back.predict_counts()[0], one.predict_counts()[0])


@pytest.mark.parametrize("statistic", ["mad-z", "mean", "mean/std"])
def test_a_bright_source_is_found_in_every_map_of_tension(statistic):
    counts = point((32, 32), 14.3, 17.8, 300, 1.5, 0.3)
    seen = quick(max_loops=1, statistic=statistic).fit(PhotonImage(counts, psf=GaussianPSF(1.5)))
    assert len(seen.catalogue_) == 1
    assert nearest(seen.catalogue_, 14.3, 17.8)[1] < 0.5


def test_it_shows_what_it_is(fitted):
    assert "point sources" in repr(fitted)
    assert "<table" in fitted._repr_html_()
    assert "not fitted" in repr(TensionDecomposer())


@pytest.mark.parametrize(
    "wrong",
    [
        {"statistic": "max"},
        {"method": "vi"},
        {"threshold": "fwer"},
        {"threshold": float("nan")},
        {"threshold": None},
        {"threshold": -1},
        {"max_loops": -1},
        {"max_loops": 1.5},
        {"n_samples": 0},
        {"n_final": 0},
        {"false_alarm": 2},
        {"relaxation": -3},
        {"random_state": None},
    ],
)
def test_settings_that_do_not_exist_are_refused(wrong):
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))}: must"):
        TensionDecomposer(**wrong)


def test_what_is_no_image_is_refused_and_nothing_is_read_before_the_fit():
    with pytest.raises(TypeError, match="images: expected a PhotonImage or several, found ndarray"):
        TensionDecomposer().fit(np.ones((1, 8, 8)))
    with pytest.raises(TypeError, match="images"):
        TensionDecomposer().fit([])
    with pytest.raises(AttributeError, match="call fit first"):
        TensionDecomposer().mean()


@pytest.mark.bad_input(13)
def test_images_of_other_energies_or_other_pixels_are_refused():
    counts, psf = np.ones((1, 12, 12)), GaussianPSF(1.2)
    soft, hard = (PhotonImage(counts, psf=psf, energy_edges=[e] * u.keV) for e in [(1, 2), (2, 5)])
    with pytest.raises(ValueError, match=r"same bands.*\[1.0, 2.0\].*\[2.0, 5.0\]"):
        quick().fit([soft, hard])
    fine, coarse = (PhotonImage(counts, psf=psf, pixel_scale=s * u.arcsec) for s in (1, 2))
    with pytest.raises(ValueError, match="pixels of"):
        quick().fit([fine, coarse])


@pytest.mark.bad_input(14)
def test_the_same_seed_gives_the_same_catalogue_bit_for_bit():
    counts = point((32, 32), 14.3, 17.8, 150, 1.5, 0.3)
    image = PhotonImage(counts, psf=GaussianPSF(1.5))
    first, second = (quick(max_loops=1, random_state=3).fit(image).catalogue_ for _ in range(2))
    pd.testing.assert_frame_equal(first, second, check_exact=True)


@pytest.mark.bad_input(8)
@pytest.mark.parametrize("photons", [0, 1])
def test_an_empty_image_gives_no_source_and_no_nan(photons):
    counts = np.zeros((24, 24))
    counts[7, 9] = photons
    with pytest.warns(UserWarning, match="nothing can be found"):
        result = quick().fit(PhotonImage(counts, psf=GaussianPSF(1.5)))
    assert len(result.catalogue_) == 0
    assert np.isfinite(result.mean()).all()
    assert np.isfinite(result.std()).all()


@pytest.mark.bad_input(9)
def test_a_hot_pixel_is_an_artifact_and_no_source():
    counts = point((40, 40), 12.0, 25.0, 200, 1.5, 0.5)
    counts[8, 30] = 1e6
    with pytest.warns(UserWarning, match="narrower than the PSF"):
        result = quick().fit(PhotonImage(counts, psf=GaussianPSF(1.5)))
    kinds = result.catalogue_["kind"].tolist()
    assert kinds.count("artifact") == 1
    assert kinds.count("point") == 1


@pytest.mark.bad_input(10)
def test_sides_of_prime_length_are_padded_and_the_source_stays_where_it_is():
    counts = point((37, 41), 20.2, 15.6, 300, 1.5, 0.5)
    small = quick(max_loops=1).fit(PhotonImage(counts, psf=GaussianPSF(1.5))).catalogue_
    assert len(small) == 1
    row, away = nearest(small, 20.2, 15.6)
    assert away < 0.4
    assert row["flux"] == pytest.approx(300, abs=3 * row["flux_err"])


# Case of gammapy/gammapy#3497.
@pytest.mark.bad_input(11)
def test_a_source_at_the_border_is_flagged_and_finite():
    counts = point((64, 64), 2.0, 31.0, 200, 1.5, 0.2, seed=3)
    result = quick().fit(PhotonImage(counts, psf=GaussianPSF(1.5, size=15)))
    row, away = nearest(result.catalogue_, 2.0, 31.0)
    assert away < 1.0
    assert row["edge"]
    assert np.isfinite(row[["flux", "flux_err", "significance"]].astype(float)).all()
    assert row["flux"] == pytest.approx(200, abs=3 * row["flux_err"])


# Case of gammapy/gammapy#3707.
def test_a_hole_in_the_exposure_is_masked_and_nothing_is_found_on_its_rim():
    counts = point((64, 64), 50.0, 10.0, 300, 1.5, 0.5, seed=1)
    psf = GaussianPSF(1.5)
    whole = quick().fit(PhotonImage(counts, np.full((64, 64), 1e4), psf)).catalogue_
    exposure = np.full((64, 64), 1e4)
    exposure[26:38, 26:38] = 0
    holed = counts.copy()
    holed[26:38, 26:38] = 0
    image = PhotonImage(holed, exposure, psf)
    assert image.mask.sum() == 144
    result = quick().fit(image)
    seen = result.catalogue_
    assert np.isfinite(result.mean()).all()
    row, away = nearest(seen, 50.0, 10.0)
    full, _ = nearest(whole, 50.0, 10.0)
    assert away < 0.5
    assert abs(row["flux"] - full["flux"]) < full["flux_err"]
    assert abs(row["x"] - full["x"]) < full["pos_err"]
    rim = seen["x"].between(22, 42) & seen["y"].between(22, 42)
    assert not rim.any()


# Case of scikit-image/scikit-image#1831.
def test_two_equal_pixels_are_one_source():
    y, x = np.mgrid[:41, :41]
    g = np.exp(-((x - 20.5) ** 2 + (y - 20.0) ** 2) / (2 * 1.8**2))
    counts = np.rint(400 * g / g.sum()) + 1
    result = quick().fit(PhotonImage(counts, psf=GaussianPSF(1.8)))
    assert len(result.catalogue_) == 1
    row = result.catalogue_.iloc[0]
    assert row["x"] == pytest.approx(20.5, abs=0.1)
    assert row["y"] == pytest.approx(20.0, abs=0.1)
    assert row["flux"] == pytest.approx(392, abs=3 * row["flux_err"])


def test_a_thin_image_of_one_row_works():
    rng = np.random.default_rng(2)
    x = np.arange(128)
    rate = 20 + 60 * np.exp(-((x - 70.4) ** 2) / (2 * 1.5**2))
    line = np.exp(-(np.arange(-9, 10) ** 2) / (2 * 1.5**2))
    image = PhotonImage(rng.poisson(rate)[None, None], psf=(line / line.sum())[None, None])
    result = quick(threshold="fdr").fit(image)
    row, _ = nearest(result.catalogue_, 70.4, 0.0)
    assert row["x"] == pytest.approx(70.4, abs=0.6)


def test_p_values_of_skies_without_sources_are_spread_over_zero_to_one():
    p_values = []
    for k in range(8):
        field = simulate_prior_field(36, rng=[4, k])
        maps = TensionDecomposer(fit_extended=False).first_pass(field.image).tension_maps_[0]
        best = max((c["significance"] for c in maps.candidates), default=0.0)
        p_values.append(maps.p_value(best))
    # The mean of eight uniform numbers is 0.5 +- 0.1.
    assert 0.2 < np.mean(p_values) < 0.8
    assert min(p_values) > 1e-3


# The object must not swallow the source although it lies inside its radius. A background
# without any structure leaves the spectrum's latents loose, so the fit may not settle.
@pytest.mark.filterwarnings("ignore:inference")
def test_a_bright_source_beside_an_extended_object_stays_a_source_of_its_own():
    rng = np.random.default_rng(6)
    y, x = np.mgrid[:48, :48]
    shell = np.exp(-((np.hypot(y - 24, x - 20) - 5) ** 2) / (2 * 1.8**2))
    star = np.exp(-((y - 24.3) ** 2 + (x - 27.6) ** 2) / (2 * 1.5**2))
    rate = 0.5 + 800 * shell / shell.sum() + 1500 * star / star.sum()
    image = PhotonImage(rng.poisson(rate), psf=GaussianPSF(1.5))
    seen = quick(fit_extended=True, max_loops=2).fit(image).catalogue_
    points = seen[seen["kind"] == "point"]
    row, away = nearest(points, 27.6, 24.3)
    assert away < 0.3
    assert row["flux"] == pytest.approx(1500, rel=0.1)
    assert (seen["kind"] == "extended").any()
    assert len(points) <= 2
