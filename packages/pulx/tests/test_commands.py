"""The commands write a table and a page, go on where they ended, and name what is broken."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from decan.core.errors import SchemaError
from decan.core.testing import assert_page_reads_well
from decan.pulx import search_many, simulate_events, simulate_snapshots
from decan.pulx.commands import commands
from decan.pulx.pages import rank_catalogue


@pytest.fixture
def event_file(write_events):
    events = simulate_events(span=800.0, rate=1.0, frequency=0.4, pulsed_fraction=0.6, rng=1)
    return write_events(events.times, gti=events.gti, TIMESYS="TDB", OBJECT="toy")


def test_a_search_writes_a_page_that_reads_well_on_a_phone(event_file, tmp_path, browser):
    out = tmp_path / "out"
    done = CliRunner().invoke(
        commands, ["search", str(event_file), "--out", str(out), "--fmax", "1", "--zmax", "4"]
    )
    assert done.exit_code == 0, done.output
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "toy" in page
    assert "below" in page
    for width in (390, 1280):
        assert_page_reads_well(browser, out / "index.html", width=width)


def test_a_file_that_is_missing_is_named_and_the_exit_code_says_so(event_file, tmp_path):
    done = CliRunner().invoke(
        commands,
        ["search", str(event_file), "nowhere.fits", "--out", str(tmp_path / "out"), "--fmax", "1"],
    )
    assert done.exit_code == 1
    assert "nowhere.fits: no such file" in done.output
    assert (tmp_path / "out" / "index.html").exists()


def test_a_batch_goes_on_where_it_ended_and_names_a_broken_file(event_file, tmp_path):
    broken = tmp_path / "broken.fits"
    broken.write_bytes(b"no fits at all")
    settings = {"fmin": 0.05, "fmax": 1.0, "zmax": 4.0, "progress": False}
    first = search_many([event_file, broken], tmp_path / "run", **settings)
    assert first["error"].fillna("").str.contains("broken.fits").sum() == 1
    kept = next((tmp_path / "run").glob("events.fits-*.json"))
    row = json.loads(kept.read_text())
    kept.write_text(json.dumps({**row, "name": "kept from before"}))
    second = search_many([event_file, broken], tmp_path / "run", **settings)
    assert second["name"].iloc[0] == "kept from before"
    assert (tmp_path / "run" / "summary.csv").exists()
    fresh = search_many([event_file], tmp_path / "run", resume=False, **settings)
    assert fresh["name"].iloc[0] == "toy"


def test_no_harmonic_at_all_is_refused_before_any_file_is_read(tmp_path):
    with pytest.raises(ValueError, match="nharm 0: expected 1 or more"):
        search_many(["absent.evt"], tmp_path, nharm=0)


def test_a_catalogue_becomes_a_ranking_with_the_honest_recall(catalogue, tmp_path):
    catalogue.to_parquet(tmp_path / "rows.parquet")
    done = CliRunner().invoke(
        commands, ["rank", str(tmp_path / "rows.parquet"), "--out", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    ranking = pd.read_csv(tmp_path / "out" / "candidates.csv")
    assert {"rank_by_brightness", "rank_at_fixed_flux", "share_low"} <= set(ranking)
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "true by construction" in page


def test_swift_snapshots_are_ranked_by_name_of_known_pulsars(tmp_path):
    simulate_snapshots(3, 12, rng=0).drop(columns="label").to_csv(tmp_path / "s.csv", index=False)
    page = rank_catalogue(tmp_path / "s.csv", tmp_path / "out", known="pulsar 1, pulsar 2",
                          method="pu")  # fmt: skip
    assert "Light curves" in page.read_text(encoding="utf-8")


def test_a_folder_of_swift_curves_is_a_catalogue(tmp_path):
    rows = simulate_snapshots(3, 12, rng=0)
    for name, part in rows.groupby("source"):
        folder = tmp_path / "curves" / name / "USERPROD"
        folder.mkdir(parents=True)
        limits, seen = part[part["upper_limit"]], part[~part["upper_limit"]]
        data = "\n".join(f"{r.mjd} 0.01 -0.01 {r.rate} {r.rate_err_plus} {-r.rate_err_plus}"
                         for r in seen.itertuples())  # fmt: skip
        upper = "\n".join(f"{r.mjd} 0.01 -0.01 {r.rate} 0 0" for r in limits.itertuples())
        (folder / "curve.qdp").write_text(
            f"READ TERR 1 2\n! PC data\n{data}\nNO NO NO NO NO NO\n! PC Upper limits\n{upper}\n",
            encoding="utf-8",
        )
        bands = ["READ TERR 1", "READ SERR 2"]
        for band in ("hard", "soft"):
            bands += [f"! PC -- {band} data"]
            bands += [f"{t} 0.01 -0.01 {x} 0.01" for t, x in zip(seen["mjd"], seen[f"{band}_rate"],
                                                                 strict=True)]  # fmt: skip
            bands += ["NO NO NO NO NO"]
        (folder / "hardrat.qdp").write_text("\n".join(bands), encoding="utf-8")
    page = rank_catalogue(
        tmp_path / "curves", tmp_path / "out", known="pulsar 1,pulsar 2", method="pu"
    )
    assert page.exists()
    ranking = pd.read_csv(tmp_path / "out" / "candidates.csv")
    assert set(ranking["source"]) == set(rows["source"])
    assert ranking["n_observations"].sum() == (~rows["upper_limit"] & (rows["soft_rate"] > 0)
                                               & (rows["hard_rate"] > 0)).sum()  # fmt: skip


def test_rows_of_lsxps_are_ranked_without_their_brightness(tmp_path):
    rng = np.random.default_rng(0)
    n, pulsar = 200, np.arange(200) < 8
    rate = 10 ** rng.normal(-2, 0.5, n)
    table = pd.DataFrame(
        {
            "LSXPS_ID": np.arange(n), "known_pulsar": pulsar.astype(int),
            "HR1": rng.normal(0.1 + 0.3 * pulsar, 0.2), "HR2": rng.normal(0.1 + 0.3 * pulsar, 0.2),
            "PeakRate_band0": rate * 10 ** np.abs(rng.normal(0.1 + 0.6 * pulsar, 0.2)),
            **{f"Rate_band{band}": rate / (1 + band) for band in range(4)},
            **{f"Rate_band{band}_pos": rate / 10 for band in range(4)},
        }
    )  # fmt: skip
    table.to_csv(tmp_path / "lsxps.csv", index=False)
    rank_catalogue(tmp_path / "lsxps.csv", tmp_path / "out", method="odds", recall=0.9)
    ranking = pd.read_csv(tmp_path / "out" / "candidates.csv")
    assert ranking["known"].head(20).sum() >= 6


def test_a_threshold_that_selects_most_rows_is_called_no_separation(tmp_path, catalogue):
    catalogue.to_csv(tmp_path / "rows.csv", index=False)
    page = rank_catalogue(tmp_path / "rows.csv", tmp_path / "out", method="hdbscan")
    assert "that separates little" in page.read_text(encoding="utf-8")
    page = rank_catalogue(tmp_path / "rows.csv", tmp_path / "out", method="odds")
    assert "that separates little" not in page.read_text(encoding="utf-8")


def test_tables_of_no_known_kind_and_unknown_pulsars_are_refused(tmp_path, catalogue):
    pd.DataFrame({"x": np.arange(5)}).to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(SchemaError, match="no known kind"):
        rank_catalogue(tmp_path / "x.csv", tmp_path / "out")
    catalogue.to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(SchemaError, match="no source of that name"):
        rank_catalogue(tmp_path / "rows.csv", tmp_path / "out", known="NGC 1313 X-2")
    assert not (tmp_path / "out" / "index.html").exists()


def test_columns_in_small_letters_and_any_format_give_the_same_ranking(catalogue, tmp_path):
    small = {name: str(name).lower() for name in catalogue}
    small |= {f"EP_{b}_FLUX_ERR": f"ep_{b}_flux_error" for b in (1, 2, 3, 4, 5, 8)}
    catalogue.to_parquet(tmp_path / "rows.parquet")
    catalogue.rename(columns=small).to_csv(tmp_path / "small.csv.gz", index=False)
    found = []
    for name in ("rows.parquet", "small.csv.gz"):
        rank_catalogue(tmp_path / name, tmp_path / name.partition(".")[0])
        found.append((tmp_path / name.partition(".")[0] / "candidates.csv").read_text())
    assert found[0] == found[1]


def test_a_known_pulsar_that_is_not_in_the_table_is_named(catalogue, tmp_path):
    catalogue.to_parquet(tmp_path / "rows.parquet")
    first = catalogue["source_id"][catalogue["known_pulsar"] == 1].iloc[0]
    with pytest.raises(SchemaError, match="no usable row of a source named 'M82 X-9'"):
        rank_catalogue(tmp_path / "rows.parquet", tmp_path / "out", known=f"{first}, M82 X-9")
