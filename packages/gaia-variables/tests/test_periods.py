from __future__ import annotations

import numpy as np
import pytest
from astropy.timeseries import LombScargle

from decan.core.testing import needs_data
from decan.gaia_variables import (
    DATASETS,
    LightCurveCleaner,
    LightCurves,
    PeriodFinder,
    simulate_stars,
)
from decan.gaia_variables.periods import gls_power, scanning_law_alias


def long_double_power(t, y, f):
    """Power by orthogonal projection in extended precision."""
    t, y = t.astype(np.longdouble), (y - y.mean()).astype(np.longdouble)
    out = []
    for one in f:
        angle = 2 * np.pi * np.longdouble(one) * (t - t[0])
        basis = []
        for column in (np.ones(len(t), np.longdouble), np.cos(angle), np.sin(angle)):
            for _ in range(2):
                for other in basis:
                    column = column - other * (other @ column)
            basis.append(column / np.sqrt(column @ column))
        out.append(float(sum((b @ y) ** 2 for b in basis[1:]) / (y @ y)))
    return np.array(out)


def test_one_tight_cluster_and_a_late_epoch_keep_the_power_of_the_direct_sum():
    # astropy/astropy#20449
    rng = np.random.default_rng(0)
    span = 1094.6
    t = np.sort(np.r_[rng.normal(0, span * 1e-8, 154), span])
    y = rng.normal(size=155)
    f = 0.8 + 0.0037 * np.arange(791)
    truth = long_double_power(t, y, f)
    assert truth.max() == pytest.approx(0.00223, abs=5e-6)
    grid = PeriodFinder(fmin=0.8, fmax=f[-1] + 1e-9, step=0.0037)
    for power in (gls_power(t, y, np.ones(155), f), grid.power(t, y, np.ones(155))):
        assert np.isfinite(power).all()
        assert (power >= 0).all()
        np.testing.assert_allclose(power, truth, atol=1e-7)


def test_power_agrees_with_astropy():
    rng = np.random.default_rng(1)
    t, err = np.sort(rng.uniform(0, 900, 50)), rng.uniform(0.01, 0.03, 50)
    y = 14 + 0.1 * np.sin(2 * np.pi * 3.3 * t) + err * rng.normal(size=50)
    finder = PeriodFinder(fmax=5.0)
    f = finder.fmin + finder.step * np.arange(finder.n_frequencies)
    expected = LombScargle(t, y, err).power(f, method="cython")
    np.testing.assert_allclose(finder.power(t, y, err), expected, atol=1e-9)


def test_both_methods_find_the_same_peaks():
    pytest.importorskip("nifty_ls")
    clean = LightCurveCleaner().transform(simulate_stars(4, classes=["RRc"], rng=0).curves)
    own, fast = (PeriodFinder(method=m).transform(clean) for m in ("direct", "nifty-ls"))
    np.testing.assert_allclose(own.best, fast.best, atol=1e-9)
    np.testing.assert_allclose(own.power[:, 0], fast.power[:, 0], atol=1e-9)


def test_false_alarms_of_pure_noise_are_as_likely_as_said():
    rng = np.random.default_rng(0)
    time = np.sort(rng.uniform(0, 900, (150, 40)), axis=1)
    curves = LightCurves.from_arrays(
        np.repeat(np.arange(150), 40), time.ravel(), 14 + 0.01 * rng.normal(size=6000),
        np.full(6000, 0.01),
    )  # fmt: skip
    found = PeriodFinder(fmax=2.0, step=3e-4, n_peaks=1, n_harmonics=1).transform(curves)
    usual = found.log10_fap[:, 0]
    # Baluev's formula is an upper limit: few noise curves may be "significant".
    assert (usual < np.log10(0.05)).mean() < 0.13
    assert np.median(usual) > -1.2


def test_rr_lyrae_stars_and_cepheids_are_recovered():
    stars = simulate_stars(40, classes=["RRab", "DCEP"], mean_mag=(14, 14.1), n_epochs=50, rng=5)
    found = PeriodFinder(fmax=12).transform(LightCurveCleaner().transform(stars.curves)).best
    assert (np.abs(found - stars.truth["frequency"]) < 1 / 900).mean() >= 0.95


@pytest.mark.bad_input(2, 3)
def test_too_few_epochs_and_constant_stars_have_a_status():
    curves = simulate_stars(2, classes=["CONST"], n_epochs=4, rng=0).curves
    assert PeriodFinder().transform(curves).status.tolist() == ["too_few_epochs"] * 2
    flat = simulate_stars(1, n_epochs=20, rng=0).curves
    flat.mag[:] = 14.0
    assert PeriodFinder().transform(flat).status.tolist() == ["no_variation"]


def test_aliases_of_the_scanning_law_are_flagged():
    assert scanning_law_alias([4.0, 10**-1.98, 0.5]).tolist() == [True, True, False]


@needs_data(DATASETS, "lightcurves", "lightcurve-sources")
def test_published_frequencies_of_real_rr_lyrae_stars_are_found():
    table = DATASETS.load("lightcurve-sources").dropna(subset=["authors_frequency"])
    table = table[table["best_class_name"] == "RR"].head(12).set_index("source_id")
    curves = DATASETS.load("lightcurves")
    curves = curves[np.isin(curves.source_id, table.index)]
    found = PeriodFinder().transform(LightCurveCleaner().transform(curves)).best
    np.testing.assert_allclose(found, table.loc[curves.source_id, "authors_frequency"], atol=3e-4)
