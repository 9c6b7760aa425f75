import numpy as np
import pandas as pd
import pytest

from decan.core.errors import SchemaError
from decan.transits.simulate import simulate_signals
from decan.transits.survey import vet_catalogue, vet_frame


@pytest.fixture(scope="module")
def catalogue():
    rows = []
    for i, made in enumerate(simulate_signals(6, span_day=30.0, rng=0)):
        rows.append(
            {
                "star": i, "time": made.lightcurve.time, "flux": made.lightcurve.flux,
                "period": made.signal.period_day, "epoch": made.signal.epoch,
                "duration": made.signal.duration_hour, "radius": made.lightcurve.meta["radius"],
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def test_every_row_keeps_its_place_also_one_that_cannot_be_judged(catalogue, vetter):
    broken = catalogue.copy()
    broken.loc[2, "period"] = -1.0
    found = vet_frame(broken, vetter)
    assert found["star"].tolist() == broken["star"].tolist()
    assert "period_day" in found.loc[2, "problem"]
    assert found.loc[2, "disposition"] == "no data"
    assert found.drop(index=2)["event"].between(0, 1).all()


def test_missing_columns_are_named(catalogue):
    with pytest.raises(SchemaError, match="duration missing"):
        vet_frame(catalogue.drop(columns="duration"))


def test_a_streamed_catalogue_equals_one_call(catalogue, vetter, tmp_path):
    catalogue.to_parquet(tmp_path / "signals.parquet")
    vet_catalogue(tmp_path / "signals.parquet", tmp_path / "out", batch_rows=4, progress=False)
    streamed = pd.read_parquet(tmp_path / "out")
    whole = vet_frame(catalogue, vetter)
    assert streamed["disposition"].tolist() == whole["disposition"].tolist()
    np.testing.assert_allclose(streamed["event"], whole["event"], rtol=1e-6)


@pytest.mark.slow
def test_two_dask_workers_score_a_partitioned_catalogue_like_one_process(
    catalogue, vetter, tmp_path
):
    distributed = pytest.importorskip("distributed", reason="needs decan-core[hpc]")
    (tmp_path / "signals").mkdir()
    for part in range(3):
        rows = catalogue.iloc[2 * part : 2 * part + 2]
        rows.to_parquet(tmp_path / "signals" / f"part-{part}.parquet")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster),
    ):
        vet_catalogue(
            tmp_path / "signals", tmp_path / "out", engine="dask", batch_rows=2, progress=False
        )
    scored = pd.read_parquet(tmp_path / "out")
    whole = vet_frame(catalogue, vetter)
    assert scored["star"].tolist() == whole["star"].tolist()
    assert scored["disposition"].tolist() == whole["disposition"].tolist()
    np.testing.assert_allclose(scored["event"], whole["event"], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("period", "soon", "period_day"), ("radius", "n/a", "radius"), ("radius", -1.0, "radius"),
     ("time", None, "time"), ("flux", None, "flux")],
)  # fmt: skip
def test_a_cell_that_is_no_number_costs_its_own_row_alone(catalogue, vetter, name, value, words):
    broken = catalogue.head(2).copy()
    broken[name] = pd.Series([broken.loc[0, name], value], dtype=object)
    found = vet_frame(broken, vetter)
    assert found.loc[0, "problem"] == vet_frame(catalogue.head(1), vetter).loc[0, "problem"]
    assert found.loc[1, "disposition"] == "no data"
    assert words in found.loc[1, "problem"]


def test_a_row_without_errors_is_judged_like_one_in_a_table_without_them(catalogue, vetter):
    mixed = catalogue.head(2).copy()
    errors = np.full(len(mixed.loc[0, "time"]), 1e-3)
    mixed["flux_err"] = pd.Series([errors, None], dtype=object)
    pd.testing.assert_series_equal(
        vet_frame(mixed, vetter).loc[1], vet_frame(catalogue.head(2), vetter).loc[1]
    )


def test_columns_of_the_search_that_are_measured_anew_are_kept_under_another_name(
    catalogue, vetter, tmp_path
):
    searched = catalogue.head(2).assign(depth_ppm=[1.0, 2.0])
    found = vet_frame(searched, vetter)
    assert found.columns.is_unique
    assert found["depth_ppm_given"].tolist() == [1.0, 2.0]
    searched.to_parquet(tmp_path / "signals.parquet")
    summary = vet_catalogue(tmp_path / "signals.parquet", tmp_path / "out", progress=False)
    assert summary.rows_out == 2


def test_a_catalogue_without_light_curves_is_refused_before_a_run_begins(catalogue, tmp_path):
    wrong, right, sink = tmp_path / "wrong.parquet", tmp_path / "right.parquet", tmp_path / "out"
    catalogue[["star", "time"]].to_parquet(wrong)
    with pytest.raises(SchemaError, match=r"wrong\.parquet: column\(s\) flux, period"):
        vet_catalogue(wrong, sink, progress=False)
    catalogue.head(1).to_parquet(right)
    assert vet_catalogue(right, sink, progress=False).rows_out == 1
