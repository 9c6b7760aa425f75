from __future__ import annotations

import numpy as np
import pytest

from decan.core.testing import needs_data
from decan.gaia_variables import (
    DATASETS,
    XPVAE,
    DmDtBinner,
    DmDtVAE,
    FoldedVAE,
    LightCurveCleaner,
    LightCurveFolder,
    XPPreprocessor,
    load_weights,
)

pytestmark = needs_data(
    DATASETS, "latents", "lightcurves", "lightcurve-sources", "weights-xp", "weights-dmdt",
    "weights-fold", "xp-hot-subdwarfs",
)  # fmt: skip


@pytest.fixture(scope="module")
def published():
    return DATASETS.load("latents").set_index("source_id")


@pytest.fixture(scope="module")
def same_epochs():
    table = DATASETS.load("lightcurve-sources").set_index("source_id")
    curves = DATASETS.load("lightcurves")
    table = table.loc[curves.source_id]
    same = table["same_input"].to_numpy(bool)
    clean = LightCurveCleaner(error_floor_mag=0).transform(curves[same])
    return clean, table["authors_frequency"].to_numpy()[same]


def encoder(kind, name):
    model = kind()
    model.network_ = load_weights(name, DATASETS.where(f"weights-{name}"))
    return model


def test_published_xp_latents_are_recovered(published):
    table = DATASETS.load("xp-hot-subdwarfs")
    table = table[table["source_id"].isin(published.index)]
    xp = XPPreprocessor().transform(table.filter(regex="^[br]p_").to_numpy(float))
    theirs = published.loc[table["source_id"], [f"xp_{k}" for k in range(5)]].to_numpy()
    assert len(table) == 16
    np.testing.assert_allclose(encoder(XPVAE, "xp").transform(xp), theirs, atol=1e-5)


def test_published_dmdt_latents_are_recovered_for_every_source(published, same_epochs):
    clean, _ = same_epochs
    histograms = DmDtBinner.preset("huijse2025").transform(clean)
    theirs = published.loc[clean.source_id, [f"dmdt_{k}" for k in range(5)]].to_numpy()
    np.testing.assert_allclose(encoder(DmDtVAE, "dmdt").transform(histograms), theirs, atol=1e-3)


def test_published_folded_latents_are_recovered(published, same_epochs):
    clean, frequency = same_epochs
    folded = LightCurveFolder(compat="huijse2025").transform(clean, frequency)
    theirs = published.loc[clean.source_id, [f"fold_{k}" for k in range(5)]].to_numpy()
    off = np.abs(encoder(FoldedVAE, "fold").transform(folded) - theirs).max(axis=1)
    assert (off < 0.01).mean() >= 0.99


def test_arrays_of_another_modality_are_refused():
    with pytest.raises(ValueError, match="not the arrays of fold"):
        load_weights("fold", DATASETS.where("weights-dmdt"))
