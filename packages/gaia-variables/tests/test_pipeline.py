from __future__ import annotations

import json
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

from decan.core import artifacts
from decan.core.data.stream import map_table
from decan.core.errors import IntegrityError, SchemaError
from decan.core.testing import assert_page_reads_well
from decan.gaia_variables import (
    XPVAE,
    DmDtBinner,
    DmDtVAE,
    FoldedVAE,
    LightCurves,
    ParametricUMAP,
    VariabilityClassifier,
    VariablesPipeline,
    find_outliers,
    find_similar,
    simulate_stars,
    traverse,
)
from decan.gaia_variables.mappage import map_page
from decan.gaia_variables.stream import PortraitTable


def nested(stars):
    """One row a star, with lists."""
    curves = stars.curves
    cut = [slice(a, b) for a, b in zip(curves.start[:-1], curves.start[1:], strict=True)]
    columns = {"time": curves.time_d, "mag": curves.mag, "mag_err": curves.mag_err}
    table = {name: [values[one] for one in cut] for name, values in columns.items()}
    frequency = stars.truth["dominant_frequency"].to_numpy()
    return pd.DataFrame({"source_id": curves.source_id, **table, "frequency": frequency})


def test_a_portrait_has_fifteen_numbers_with_their_sigma(portraits):
    assert portraits.latents.shape == (80, 15)
    assert np.isfinite(portraits.latents).all()
    assert (portraits.std > 0).all()


def test_a_portrait_does_not_depend_on_the_other_stars(pipeline, stars, portraits):
    alone = pipeline.transform(stars.curves[[7]], stars.xp[[7]], frequency=portraits.frequency[[7]])
    np.testing.assert_allclose(alone.latents[0], portraits.latents[7], atol=1e-5)


def test_a_shift_of_the_time_origin_moves_no_latent(pipeline, stars, portraits):
    for days in (0.37, 12.3, 100.2):
        moved = pipeline.transform(stars.curves.shifted(days), frequency=portraits.frequency)
        off = np.abs(moved.latents - portraits.latents)[:, 5:]
        # The goal is 0.02 of the latents' scatter; single precision is left.
        assert np.median(off.max(axis=1) / portraits.latents[:, 5:].std(axis=0).min()) < 1e-3


def test_a_saved_pipeline_gives_the_same_portraits(pipeline, stars, portraits, tmp_path):
    loaded = VariablesPipeline.load(pipeline.save(tmp_path / "p"))
    again = loaded.transform(stars.curves, stars.xp, frequency=portraits.frequency)
    np.testing.assert_array_equal(again.latents, portraits.latents)
    np.testing.assert_array_equal(again.std, portraits.std)
    assert loaded.finder == pipeline.finder


def test_a_spoilt_artifact_is_refused(pipeline, tmp_path):
    folder = pipeline.save(tmp_path / "p")
    manifest = json.loads((folder / "manifest.json").read_text())
    first = folder / next(iter(manifest["parts"].values()))["file"]
    first.write_bytes(first.read_bytes()[:-1] + b"x")
    with pytest.raises(IntegrityError):
        VariablesPipeline.load(folder)


@pytest.mark.bad_input(14)
def test_a_model_of_another_modality_or_preset_is_refused(pipeline, tmp_path):
    folder = pipeline.xp.save(tmp_path / "xp")
    with pytest.raises(SchemaError, match=r"holds a .*XPVAE, expected a .*DmDtVAE"):
        DmDtVAE.load(folder)
    with pytest.raises(SchemaError, match="this model takes"):
        pipeline.dmdt.transform(
            DmDtBinner.preset("paper-2024").transform(simulate_stars(1, rng=0).curves)
        )

    class Later(XPVAE):
        preset = "dr4"

        @classmethod
        def _kind(cls):
            return XPVAE._kind()

    with pytest.raises(SchemaError, match="preset 'huijse2025', expected 'dr4'"):
        Later.load(folder)


@pytest.mark.bad_input(14)
def test_a_model_of_another_version_is_refused(pipeline, tmp_path):
    settings, parts = pipeline.xp._state()
    parts["calibration"] = {"std_scale": np.ones(5)}
    artifacts.save(tmp_path / "xp", kind=XPVAE._kind(), settings=settings, parts=parts)
    with pytest.raises(SchemaError, match="by std_scale, expected mean, std, weight"):
        XPVAE.load(tmp_path / "xp")


@pytest.mark.bad_input(2)
def test_few_epochs_warn_and_too_few_have_a_status(pipeline):
    long = simulate_stars(3, classes=["RRab"], rng=0).curves
    counts = [2, 6, 40]
    keep = np.concatenate([np.arange(a, a + n) for a, n in zip(long.start, counts, strict=False)])
    curves = LightCurves.from_arrays(
        long.source_id[long.star[keep]], long.time_d[keep], long.mag[keep], long.mag_err[keep]
    )
    with pytest.warns(UserWarning, match="1 of 3 stars have fewer than 10"):
        found = pipeline.transform(curves, frequency=[1.7] * 3)
    assert found.status["dmdt"].tolist() == ["too_few_epochs", "ok", "ok"]
    assert found.status["fold"].tolist()[0] == "too_few_epochs"
    assert np.isnan(found.latents[0]).all()
    with pytest.raises(ValueError, match="source_id 1 has 2 usable epochs"):
        pipeline.transform(curves, frequency=[1.7] * 3, strict=True)


@pytest.mark.bad_input(3)
def test_a_constant_star_has_no_variation(pipeline):
    curves = LightCurves.from_arrays(
        np.ones(20, int), np.arange(20.0), np.full(20, 14.0), np.full(20, 0.01)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pipeline.transform(curves)
    assert found.status.loc[0, ["fold", "dmdt"]].tolist() == ["no_variation", "no_variation"]


@pytest.mark.bad_input(15)
@pytest.mark.parametrize("n", [0, 1])
def test_no_star_and_one_star_give_portraits_without_a_warning(pipeline, n):
    stars = simulate_stars(2, classes=["RRab"], rng=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pipeline.transform(stars.curves[:n], stars.xp[:n], frequency=[1.7] * n)
    assert found.latents.shape == (n, 15)
    assert found.features().shape == (n, 17)


@pytest.mark.bad_input(8)
def test_missing_spectra_are_inferred_from_the_curves_if_asked(pipeline, stars, portraits):
    found = pipeline.transform(stars.curves, frequency=portraits.frequency, infer_missing=True)
    assert found.inferred[:, 0].all()
    assert np.isfinite(found.latents).all()
    assert (found.std[:, :5] > 0).all()
    # Better than the mean of all classes: the class is in the curve.
    own = np.abs(found.latents - portraits.latents)[:, :5].mean()
    blind = np.abs(portraits.latents - pipeline.joint.mean_)[:, :5].mean()
    assert own < blind


def test_a_nested_table_gives_the_portraits_of_the_flat_one(stars, portraits):
    table = nested(stars).sample(frac=1, random_state=0)
    found = PortraitTable()(table)
    assert found["source_id"].tolist() == table["source_id"].tolist()
    latents = found.set_index("source_id").loc[portraits.source_id].filter(regex=r"^dmdt_\d$")
    np.testing.assert_allclose(latents.to_numpy(), portraits.latents[:, 10:], atol=1e-6)


def test_streaming_gives_what_one_call_gives_and_a_second_call_is_finished(stars, tmp_path):
    nested(stars).to_parquet(tmp_path / "curves.parquet")
    function = PortraitTable()
    for resumed in (0, 4):
        done = map_table(
            function, tmp_path / "curves.parquet", tmp_path / "out", batch_rows=20, progress=False
        )
        assert (done.rows_out, done.n_parts, done.n_resumed) == (80, 4, resumed)
    table = pd.read_parquet(tmp_path / "out")
    whole = function(nested(stars))
    pd.testing.assert_frame_equal(table, whole, rtol=1e-4, atol=1e-5)


def test_the_function_travels_to_workers_without_weights(pipeline):
    function = PortraitTable()
    function._pipeline  # noqa: B018 - loads the weights
    assert len(pickle.dumps(function)) < 500


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_hats_catalogue_of_two_partitions_is_mapped_on_dask(stars, tmp_path):
    lsdb = pytest.importorskip("lsdb")
    from dask.distributed import Client
    from nested_pandas import NestedFrame

    table = nested(stars)
    rng = np.random.default_rng(0)
    table["ra"] = np.where(np.arange(len(table)) % 2, 10.0, 200.0) + rng.uniform(0, 1, len(table))
    table["dec"] = rng.uniform(-1, 1, len(table))
    frame = NestedFrame(table).nest_lists(["time", "mag", "mag_err"], "lightcurve")
    catalogue = lsdb.from_dataframe(
        frame, lowest_order=0, highest_order=3, partition_rows=50, catalog_name="stars",
        ra_column="ra", dec_column="dec", margin_threshold=None,
    )  # fmt: skip
    catalogue.write_catalog(tmp_path / "hats", catalog_name="stars")
    opened = lsdb.open_catalog(tmp_path / "hats")
    assert opened.npartitions == 2
    with Client(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None):
        map_table(PortraitTable(), opened, tmp_path / "out", engine="dask", progress=False)
    found = pd.read_parquet(tmp_path / "out").sort_values("source_id").reset_index(drop=True)
    expected = PortraitTable()(table).sort_values("source_id").reset_index(drop=True)
    np.testing.assert_allclose(
        found.filter(regex=r"^fold_\d$"), expected.filter(regex=r"^fold_\d$"), atol=1e-4
    )


def test_training_lowers_the_likelihood_and_repeats_to_the_byte(stars):
    histograms = DmDtBinner().transform(stars.curves)
    scores, latents = [], []
    for _ in range(2):
        vae = DmDtVAE(epochs=25, random_state=3).fit(histograms, progress=False)
        scores.append(vae.score(histograms))
        latents.append(vae.transform(histograms))
    untrained = DmDtVAE(epochs=0 + 1, learning_rate=1e-9, random_state=3).fit(
        histograms, progress=False
    )
    assert scores[0] < untrained.score(histograms) - 0.1
    np.testing.assert_array_equal(*latents)


def test_another_number_of_latents_and_bins_can_be_trained(stars):
    histograms = DmDtBinner.preset("paper-2024").transform(stars.curves)
    vae = DmDtVAE(3, shape=(23, 5), epochs=1, random_state=0).fit(histograms, progress=False)
    assert vae.transform(histograms).shape == (80, 3)
    assert vae.active_units(histograms).shape == (3,)
    with pytest.raises(ValueError, match="latent_dim: expected 2 or more"):
        FoldedVAE(1)


def test_labels_may_be_partly_unknown(stars):
    histograms = DmDtBinner().transform(stars.curves)
    labels = np.arange(80) % 3 - 1
    vae = DmDtVAE(epochs=2, random_state=0).fit(
        histograms, labels=labels, label_weight=0.1, progress=False
    )
    assert np.isfinite(vae.transform(histograms)).all()


def test_classes_are_learned_and_a_classifier_survives_saving(portraits, stars, tmp_path):
    x, y = portraits.features(), stars.truth["class_name"].to_numpy(str)
    model = VariabilityClassifier(n_members=2, epochs=60, random_state=0).fit(x[::2], y[::2])
    assert (model.predict(x[1::2]) == y[1::2]).mean() > 0.7
    loaded = VariabilityClassifier.load(model.save(tmp_path / "c"))
    np.testing.assert_array_equal(loaded.predict_proba(x), model.predict_proba(x))


def test_a_classifier_is_less_sure_where_features_are(portraits, stars):
    x, y = portraits.features(), stars.truth["class_name"].to_numpy(str)
    model = VariabilityClassifier(n_members=2, epochs=40, random_state=0).fit(x, y)
    sure = model.predict_proba(x)
    np.testing.assert_allclose(model.predict_proba(x, std=np.zeros_like(x)), sure, atol=1e-12)
    blurred = model.predict_proba(x, std=10 * portraits.features_std())
    np.testing.assert_allclose(blurred.sum(axis=1), 1, atol=1e-6)
    assert blurred.max(axis=1).mean() < sure.max(axis=1).mean()
    with pytest.raises(ValueError, match="std: expected shape"):
        model.predict_proba(x, std=np.zeros(3))


def test_rare_classes_count_as_much_as_frequent_ones():
    rng = np.random.default_rng(0)
    x = np.r_[rng.normal(0, 1, (950, 1)), rng.normal(1.5, 1, (50, 1))]
    y = np.repeat([0, 1], [950, 50])
    guess = VariabilityClassifier(2, epochs=30, random_state=0).fit(x, y).predict([[0.2], [1.6]])
    # The optimal border of equal classes lies at 0.75; with these shares it would be at 2.7.
    assert guess.tolist() == [0, 1]


def test_shuffled_magnitudes_are_found_among_the_strangest(pipeline):
    stars = simulate_stars(100, classes=["RRab", "EW", "DCEP"], rng=4)
    curves, rng = stars.curves, np.random.default_rng(0)
    mag = curves.mag.copy()
    for star in range(4):
        own = slice(curves.start[star], curves.start[star + 1])
        mag[own] = rng.permutation(mag[own])
    curves = LightCurves(
        *(getattr(curves, n) for n in ("source_id", "start", "time_d")),
        mag,
        curves.mag_err,
        curves.reason,
    )
    found = pipeline.transform(curves, frequency=stars.truth["dominant_frequency"])
    order = find_outliers(found.latents[:, 5:], nll=found.nll[:, 1], source_id=found.source_id)
    assert set(order["source_id"].head(20)) >= {1, 2, 3}


def test_look_alikes_share_the_class(portraits, stars):
    y = stars.truth["class_name"].to_numpy(str)
    same = []
    for target in portraits.source_id[:20]:
        found = find_similar(portraits.latents, portraits.source_id, target, n=3, std=portraits.std)
        assert target not in set(found["source_id"])
        same.append((y[found["row"]] == y[portraits.source_id == target][0]).mean())
    assert np.mean(same) > 0.6


def test_an_unknown_target_is_named(portraits):
    with pytest.raises(ValueError, match="source_id 999999 is not among the 80 stars"):
        find_similar(portraits.latents, portraits.source_id, 999999)


def test_a_walk_through_latent_space_passes_the_centre(pipeline):
    values, curves = traverse(pipeline.fold, np.zeros(5), latent=1, n=5)
    assert values[2] == 0
    np.testing.assert_allclose(curves[2], pipeline.fold.inverse_transform(np.zeros((1, 5)))[0])


def test_a_map_keeps_neighbours_and_survives_saving(portraits, stars, tmp_path):
    x = portraits.features()
    model = ParametricUMAP(n_neighbours=8, epochs=40, random_state=0).fit(x)
    place = model.transform(x)
    y = stars.truth["class_name"].to_numpy(str)
    distance = ((place[:, None] - place[None]) ** 2).sum(axis=2) + 1e9 * np.eye(len(x))
    # Five classes: one in five by chance.
    assert (y[distance.argmin(axis=1)] == y).mean() > 0.5
    np.testing.assert_array_equal(
        ParametricUMAP.load(model.save(tmp_path / "m")).transform(x), place
    )


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1440])
def test_the_map_page_reads_well_and_finds_a_star(
    browser, portraits, stars, pipeline, tmp_path, width
):
    folded = pipeline.folder.transform(stars.curves, portraits.frequency)
    ids = portraits.source_id + 5937083312263880000
    page = map_page(
        portraits.latents[:, [5, 10]], ids, classes=stars.truth["class_name"],
        values={"period (d)": 1 / portraits.frequency}, log=("period (d)",), folded=folded,
        xp=stars.xp,
    ).save(tmp_path / "map.html")  # fmt: skip
    assert_page_reads_well(browser, page, width=width)
    browser.execute_script(
        "const root = document.getElementById('gv');"
        "root.querySelector('input').value = arguments[0];"
        "root.querySelector('.gv-find').click();", str(ids[41]),
    )  # fmt: skip
    assert browser.execute_script("return document.getElementById('gv').dataset.chosen") == str(
        ids[41]
    )
    assert str(ids[41]) in browser.execute_script(
        "return document.querySelector('.gv-facts').innerText"
    )
    drawn = browser.execute_script(
        "return [...document.querySelectorAll('#gv canvas')].slice(0, 3).map(c =>"
        " c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v > 0))"
    )
    assert drawn == [True, True, True]
    assert browser.get_log("browser") == []
    assert "https://" not in page.read_text().replace("http://www.w3.org", "")


@pytest.mark.browser
def test_hovering_chooses_the_star_under_the_pointer(browser, tmp_path):
    page = map_page([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]], [11, 12, 13]).save(tmp_path / "map.html")
    assert_page_reads_well(browser, page, width=1000)
    chosen = browser.execute_script(
        "const map = document.querySelector('.gv-map'), box = map.getBoundingClientRect();"
        "map.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width / 2,"
        " clientY: box.top + box.height / 2 - box.height * 0.5 / 2.16}));"
        "return document.getElementById('gv').dataset.chosen"
    )
    assert chosen == "12"
