"""Retrieval: posteriors that cover, limits, contradictions, and the next ratio."""

from __future__ import annotations

import numpy as np
import pytest

from decan.astrochem import CLOUD, Observation, Posterior, closed_form
from decan.astrochem.retrieval import _mutual_information
from decan.core.errors import SchemaError

RATIOS = ("CN/HCN", "HNC/HCN", "CS/SO")


def observed(cloud) -> dict[str, tuple[float, float]]:
    u = CLOUD.to_unit(cloud)
    return {ratio: (float(closed_form(ratio)(u)[0]), 0.1) for ratio in RATIOS}


def test_the_posterior_holds_the_cloud_that_was_observed(retrieval):
    cloud = CLOUD.sobol(1, start=500)
    posterior = retrieval.fit(observed(cloud))
    assert not posterior.inconsistent
    assert posterior.effective_size > 50
    inside = 0
    for name in CLOUD.names:
        low, high = posterior.quantile(name, [0.005, 0.995])
        inside += low <= cloud[name].iloc[0] <= high
    assert inside >= 6


def test_importance_sampling_gives_the_posterior_of_a_closed_form():
    """One linear ratio of one parameter: a normal posterior cut by the box."""
    from decan.astrochem import EmulatorSet, Retrieval, simulate_grid

    table = simulate_grid(64, rng=0).ratios(["HNC/HCN"])
    learned = EmulatorSet("gp", coordinates="physical", n_folds=2).fit(table)
    few, many = Retrieval(learned, n=1024), Retrieval(learned, n=16384)
    seen = {"HNC/HCN": (-0.8, 0.1)}
    for q in (0.16, 0.5, 0.84):
        first, second = few.fit(seen).quantile("T_K", q), many.fit(seen).quantile("T_K", q)
        # Sampling error of a quantile of about 400 effective clouds over one decade.
        assert np.log10(first / second) == pytest.approx(0, abs=0.06)


def test_intervals_of_simulated_clouds_cover_what_they_promise(retrieval):
    clouds = CLOUD.sobol(60, start=700)
    rng = np.random.default_rng(3)
    u = CLOUD.to_unit(clouds)
    import pandas as pd

    ratios = pd.DataFrame({r: closed_form(r)(u) + 0.15 * rng.normal(size=60) for r in RATIOS})
    table = retrieval.coverage(clouds, ratios, parameters=["T_K", "fC"])
    # 60 clouds: binomial scatter 0.06; two and a half of it.
    assert table["coverage"].between(0.53, 0.83).all()
    assert table["clouds"].tolist() == [60, 60]


def test_a_limit_cuts_one_side_of_what_was_unknown(retrieval):
    low = retrieval.fit([Observation("HNC/HCN", -1.2, 0.05, limit=-1)])
    high = retrieval.fit([Observation("HNC/HCN", -0.2, 0.05, limit=1)])
    # HNC/HCN falls with temperature in the closed form.
    assert low.quantile("T_K", 0.5) > high.quantile("T_K", 0.5)


@pytest.mark.bad_input(11)
def test_ratios_that_no_cloud_gives_together_are_flagged(retrieval):
    posterior = retrieval.fit(
        [Observation("HNC/HCN", -0.2, 0.02), Observation("CN/HCN", 9.0, 0.05, limit=1)]
    )
    assert posterior.inconsistent
    assert set(posterior.summary()["flag"]) == {"inconsistent"}
    assert "inconsistent" in repr(posterior)


def test_what_was_not_observed_stays_as_wide_as_the_prior(retrieval):
    with_oxygen = retrieval.fit({"CS/SO": (0.0, 0.1)}).summary().set_index("parameter")
    without = retrieval.fit({"HNC/HCN": (-0.5, 0.1)}).summary().set_index("parameter")
    # Only CS/SO knows of O/H in the closed forms.
    assert with_oxygen.loc["fO", "narrowing"] > 0.1
    assert abs(without.loc["fO", "narrowing"]) < 0.08


def test_the_ratio_that_knows_most_is_to_be_observed_next(retrieval):
    posterior = retrieval.fit({"HNC/HCN": (-0.5, 0.1)})
    coming = retrieval.next_ratio(posterior)
    assert set(coming["ratio"]) == {"CN/HCN", "CS/SO"}
    # CS/SO has the larger scatter over clouds, of which nothing is known yet.
    assert coming["ratio"].iloc[0] == "CS/SO"
    assert (coming["gain [bit]"] > 0).all()


def test_information_is_that_of_a_gaussian_channel():
    rng = np.random.default_rng(0)
    signal, noise = rng.normal(0, 2.0, 4000), np.full(4000, 0.5)
    exact = 0.5 * np.log2(1 + (2.0 / 0.5) ** 2)
    assert _mutual_information(signal, noise) == pytest.approx(exact, rel=0.02)
    assert _mutual_information(np.zeros(50), np.ones(50)) == pytest.approx(0, abs=1e-6)


def test_the_sampler_of_the_extra_agrees(retrieval):
    pytest.importorskip("emcee")
    seen = {"HNC/HCN": (-0.8, 0.1)}
    walked = retrieval.fit(seen, method="emcee").quantile("T_K", 0.5)
    assert np.log10(walked / retrieval.fit(seen).quantile("T_K", 0.5)) == pytest.approx(0, abs=0.08)


def test_observations_are_read_by_source_and_wrong_rows_named(tmp_path):
    path = tmp_path / "ratios.csv"
    path.write_text(
        "source,R_GC_kpc,ratio,log10_value,err_low,err_high,limit\n"
        "WB89-380,15,HNC/HCN,-0.3,0.1,0.2,0\nWB89-380,15,CN/HCN,0.5,,,-1\nOther,16,CS/SO,1.0,0.1,0.1,0\n"
    )
    found = Observation.read(path)
    assert list(found) == ["WB89-380", "Other"]
    assert found["WB89-380"][0].error == pytest.approx(0.15)
    assert found["WB89-380"][1].limit == -1
    path.write_text("source,ratio,log10_value,err_low,err_high\nA,HNC/HCN,-0.3,,\n")
    with pytest.raises(SchemaError, match="row 0: HNC/HCN: error nan"):
        Observation.read(path)


def test_wrong_observations_are_named(retrieval):
    with pytest.raises(ValueError, match="none given"):
        retrieval.fit([])
    with pytest.raises(ValueError, match="no emulator of 'CO/HCN'"):
        retrieval.fit({"CO/HCN": (1.0, 0.1)})
    with pytest.raises(ValueError, match="more than once"):
        retrieval.fit([Observation("CS/SO", 1, 0.1), Observation("CS/SO", 2, 0.1)])
    with pytest.raises(ValueError, match="error 0"):
        Observation("CS/SO", 1.0, 0)
    with pytest.raises(ValueError, match="limit 2"):
        Observation("CS/SO", 1.0, 0.1, limit=2)
    with pytest.raises(ValueError, match="'mcmc' is neither"):
        retrieval.fit({"CS/SO": (1.0, 0.1)}, method="mcmc")


def test_samples_follow_the_weights():
    axis = np.zeros((2, 7))
    axis[1] = 1.0
    posterior = Posterior(CLOUD, axis, np.array([0.25, 0.75]), (), 0.0, 1.0)
    drawn = posterior.sample(4000, rng=0)
    assert (drawn["T_K"] > 5).mean() == pytest.approx(0.75, abs=0.03)


def test_errors_and_limits_are_read_as_archives_write_them(tmp_path):
    path = tmp_path / "ratios.csv"
    head = "source,ratio,log10_value,err_low,err_high,limit\n"
    path.write_text(head + "A,HNC/HCN,-0.3,-0.05,0.2,\nA,CN/HCN,0.5,,,<\n")
    first, second = Observation.read(path)["A"]
    assert first.error == pytest.approx(0.125)
    assert second.limit == -1
    for rows, message in (
        ("A,HNC/HCN,-0.3,0.1,0.1,0.5\n", "row 0: limit 0.5"),
        (",HNC/HCN,-0.3,0.1,0.1,0\n", "row 0: the source has no name"),
        ("A,HNC/HCN,-0.3,0.1,inf,0\n", "error inf"),
        ("", "holds no observation"),
    ):
        path.write_text(head + rows)
        with pytest.raises(SchemaError, match=message):
            Observation.read(path)
    path.write_text("source,ratio,log10_value,err_low,err_high,limit_flag\nA,CN/HCN,1,1,1,-1\n")
    with pytest.raises(SchemaError, match="'limit_flag': limits are read from 'limit'"):
        Observation.read(path)


def test_ratios_are_found_by_other_spellings_and_the_inverse_is_pointed_out(retrieval):
    plain = retrieval.fit({"HNC/HCN": (-0.5, 0.1)})
    spaced = retrieval.fit({"HNC / HCN": (-0.5, 0.1)})
    assert np.array_equal(plain.weight, spaced.weight)
    assert "HNC/HCN" not in set(retrieval.next_ratio(spaced)["ratio"])
    with pytest.raises(ValueError, match="give 'HNC/HCN', with the other sign"):
        retrieval.fit({"HCN/HNC": (0.5, 0.1)})


def test_with_all_ratios_observed_there_is_no_next_one(retrieval):
    cloud = CLOUD.sobol(1, start=500)
    assert retrieval.next_ratio(retrieval.fit(observed(cloud))).empty


def test_contradicting_ratios_give_no_intervals(retrieval):
    posterior = retrieval.fit(
        [Observation("HNC/HCN", -0.2, 0.02), Observation("CN/HCN", 9.0, 0.05, limit=1)]
    )
    assert posterior.summary()[["median", "low", "high"]].isna().all(axis=None)
