"""Promises of the networks, the estimator, and the scans."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import ndtr

from decan.stellar_mass import StellarMassEstimator, out_of_fold_density
from decan.stellar_mass.bands import band_scan, paper_tuples
from decan.stellar_mass.calibration import beta_fit, beta_transformed, pool_beta
from decan.stellar_mass.densities import BinnedDensity
from decan.stellar_mass.features import PhotometricFeatures
from decan.stellar_mass.paper import (
    PaperImageNetwork,
    PaperPhotometryNetwork,
    contrastive_loss,
)
from decan.stellar_mass.simulate import simulate_galaxies

MAGNITUDES = [f"petroMag_{band}" for band in "ugriz"]


def size(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.fixture(scope="module")
def galaxies():
    return simulate_galaxies(600, rng=1)


@pytest.fixture(scope="module")
def fitted(galaxies):
    model = StellarMassEstimator(members=5, epochs=60, random_state=0, progress=False)
    return model.fit(galaxies[[*MAGNITUDES, "z"]], galaxies["lgm_tot_p50"])


def test_the_networks_of_the_paper_have_its_numbers_of_parameters():
    assert size(PaperPhotometryNetwork(5, 6)) == 384_528
    assert size(PaperPhotometryNetwork(5, 6, contrastive=True)) == 685_597
    assert size(PaperImageNetwork(5, 1)) == 6_007_000
    assert size(PaperImageNetwork(5, 1, contrastive=True)) == 7_135_069


def test_the_image_network_of_the_paper_takes_cutouts_of_64_pixels_and_gives_them_back():
    network = PaperImageNetwork(5, 1, contrastive=True)
    latent = network.encode_all(torch.zeros(1, 5, 64, 64))
    assert latent.shape == (1, 528)
    assert network.decode(latent).shape == (1, 5, 64, 64)
    assert network.estimator(latent[:, :16]).shape == (1, 520)


def test_the_contrast_is_one_number_for_the_batch():
    network = PaperPhotometryNetwork(3, 0, bins=7, contrastive=True)
    batch = {"x": torch.randn(8, 3), "y": torch.zeros(8)}
    total, parts = contrastive_loss(network, batch)
    s = network.encode(batch["x"])
    cycle = network.encode(network.decode(network.encode_all(batch["x"])))
    near = ((s - cycle).square().mean(1)).sqrt().mean()
    far = ((s[:4] - s[4:]).square().mean(1)).sqrt().mean()
    expected = -torch.log(torch.exp(-near) / (torch.exp(-near) + torch.exp(-far)))
    assert parts["contrast"].item() == pytest.approx(expected.item(), abs=1e-4)
    assert total.requires_grad


def test_masses_of_simulated_galaxies_come_out(fitted, galaxies):
    others = simulate_galaxies(400, rng=2)
    columns = others[[*MAGNITUDES, "z"]]
    left = fitted.predict(columns) - others["lgm_tot_p50"]
    # The simulator's own scatter at fixed photometry and redshift is about 0.07 dex.
    assert np.std(left) < 0.16
    low, high = fitted.predict_interval(columns).T
    inside = np.mean((others["lgm_tot_p50"] > low) & (others["lgm_tot_p50"] < high))
    assert 0.58 < inside < 0.80


def test_saving_and_loading_gives_the_same_densities(fitted, galaxies, tmp_path):
    columns = galaxies[[*MAGNITUDES, "z"]].iloc[:20]
    again = StellarMassEstimator.load(fitted.save(tmp_path / "model"))
    expected = fitted.predict_density(columns).probability
    assert np.array_equal(again.predict_density(columns).probability, expected)
    assert again.latent(columns).shape == (20, 8)


def test_missing_bands_widen_the_density_and_break_nothing(fitted, galaxies):
    columns = galaxies[[*MAGNITUDES, "z"]].iloc[:50].copy()
    columns["petroMag_u"] = np.nan
    assert np.isfinite(fitted.predict(columns)).all()


def test_a_missing_column_is_named(fitted, galaxies):
    with pytest.raises(ValueError, match="first 'z'"):
        fitted.predict(galaxies[MAGNITUDES])


def test_the_same_seed_gives_the_same_masses(galaxies):
    columns, mass = galaxies[MAGNITUDES], galaxies["lgm_tot_p50"]
    settings = {"members": 2, "epochs": 3, "random_state": 7, "progress": False}
    one = StellarMassEstimator(**settings).fit(columns, mass).predict(columns)
    two = StellarMassEstimator(**settings).fit(columns, mass).predict(columns)
    assert np.array_equal(one, two)


def test_bins_and_the_papers_network_can_be_asked_for(galaxies):
    columns, mass = galaxies[MAGNITUDES], galaxies["lgm_tot_p50"]
    for settings in ({"density": "bins"}, {"network": "paper"},
                     {"network": "paper", "contrastive": True}):  # fmt: skip
        model = StellarMassEstimator(
            members=1, epochs=1, bins=20, low=7, high=12.5, random_state=0, progress=False,
            **settings,
        ).fit(columns, mass)  # fmt: skip
        assert model.predict_density(columns).probability.shape == (600, 20)


def test_images_with_columns_beside_them_are_learned(galaxies):
    from decan.stellar_mass.cutouts import simulate_cutouts

    few = galaxies.iloc[:40]
    pixels = simulate_cutouts(few, size=32, rng=0)
    model = StellarMassEstimator(inputs="images+extra", epochs=1, random_state=0, progress=False)
    model.fit((pixels, few[["z"]]), few["lgm_tot_p50"])
    assert model.predict((pixels, few[["z"]])).shape == (40,)
    assert model.latent((pixels, few[["z"]])).shape == (40, 16)


def test_the_shipped_image_model_reads_simulated_cutouts(galaxies):
    from decan.stellar_mass.cutouts import simulate_cutouts
    from decan.stellar_mass.shipped import IMAGE_COLUMNS

    some = galaxies.iloc[:200]
    pixels = simulate_cutouts(some, size=32, gradient=0.3, rng=0)
    model = StellarMassEstimator.pretrained("images")
    left = model.predict((pixels, some[list(IMAGE_COLUMNS)])) - some["lgm_tot_p50"]
    # The manifest says 0.069 dex; a scatter of 200 objects is known to 7 %.
    assert left.std() == pytest.approx(0.069, abs=0.02)


@pytest.mark.bad_input(10)
def test_out_of_fold_densities_have_seen_nothing_of_their_group(galaxies):
    columns = np.random.default_rng(0).normal(size=(200, 2))
    groups = np.arange(200) // 4
    mass = 10 + (groups % 2) * 1.0  # known from the group alone
    model = StellarMassEstimator(members=2, epochs=5, random_state=0, progress=False)
    density = out_of_fold_density(model, columns, mass, groups=groups, folds=4, rng=0)
    assert np.abs(density.mean() - 10.5).max() < 0.5


def test_calibration_mends_a_density_that_is_too_wide():
    rng = np.random.default_rng(0)
    y = rng.normal(10, 0.1, 2000)
    from decan.stellar_mass.densities import MixtureDensity

    ones = np.ones((2000, 1))
    wide = MixtureDensity(ones, 10 * ones, 0.3 * ones).binned(np.linspace(8, 12, 801))
    a, b = beta_fit(wide.cdf(y))
    mended = beta_transformed(wide, a, b)
    low, high = mended.interval(0.68).T
    assert np.mean((y > low) & (y < high)) == pytest.approx(0.68, abs=0.05)
    assert isinstance(mended, BinnedDensity)


def test_few_left_out_networks_calibrate_the_pool_of_all():
    # Members err by 0.5 each, about what the target scatters by 1 about: calibrated alone.
    rng = np.random.default_rng(0)
    y, members = rng.normal(size=20_000), rng.normal(0, 0.5, (10, 20_000))
    transforms = ndtr((y - members) / np.hypot(1, 0.5))
    pooled = transforms.mean(axis=0)
    alone = beta_fit(transforms[0])
    _, found = pool_beta(transforms[:2], members=10)
    truth = beta_fit(pooled)
    assert alone == pytest.approx((1, 1), abs=0.03)
    assert truth[0] > 1.3  # the pool is too wide by a fifth
    # What is left is the second order in 1/k.
    assert found == pytest.approx(truth, abs=0.1)


def test_fluxes_of_either_sign_become_colours():
    table = pd.DataFrame({"flux_g": [5.0, -0.2, 1.0], "flux_g_err": [0.1] * 3,
                          "flux_r": [9.0, 0.1, 2.0], "flux_r_err": [0.2] * 3})  # fmt: skip
    features = PhotometricFeatures().fit(table.assign(flux_r_err=[0.2, 0.3, 0.1],
                                                      flux_g_err=[0.1, 0.2, 0.1]))  # fmt: skip
    assert features.names_[:2] == ("flux_g", "flux_g-flux_r")
    assert np.isfinite(features.transform(table)).all()


def test_a_scan_shares_unions_and_knows_the_papers_29_tuples():
    assert len(paper_tuples()) == 29
    assert len(set(paper_tuples())) == 29
    x = np.random.default_rng(0).normal(size=(150, 3))
    y = x[:, 0] + 0.3 * x[:, 1]
    scan = band_scan({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2]}, y, folds=3, epochs=30, rng=0)
    frame = scan.table().set_index("first")
    assert frame.loc["a", "information_1"] > frame.loc["c", "information_1"] + 0.5


def test_a_scan_refuses_blocks_it_does_not_know():
    with pytest.raises(ValueError, match="no block is called 'y'"):
        band_scan({"x": np.arange(9.0)}, np.arange(9.0), sets=[(("x",), ("y",))])


def test_an_array_is_read_like_the_table_that_was_fitted(fitted, galaxies):
    table = galaxies[[*MAGNITUDES, "z"]].head(20)
    np.testing.assert_array_equal(fitted.predict(table.to_numpy()), fitted.predict(table))


@pytest.mark.parametrize("level", [68, 0, 1])
def test_a_level_that_is_no_probability_is_refused(fitted, galaxies, level):
    with pytest.raises(ValueError, match="level: expected a probability"):
        fitted.predict_interval(galaxies.head(2), level)


def test_groups_of_another_length_are_refused(galaxies):
    model = StellarMassEstimator(members=1, epochs=1, progress=False)
    with pytest.raises(ValueError, match="groups has 5"):
        model.fit(galaxies[MAGNITUDES], galaxies["lgm_tot_p50"], groups=np.arange(5))
