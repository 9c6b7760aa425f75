from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from decan.core.data.stream import map_table
from decan.core.errors import CorruptFile, DataNotAvailable, SchemaError

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="needs the extra hpc (Dask)"
)
quiet_lsdb = pytest.mark.filterwarnings(
    "ignore:The inplace keyword in NestedFrame", "ignore:The 'mode.chained_assignment' option"
)


def identity(frame):
    return frame


def with_distance(frame):
    frame = frame[frame["parallax_mas"] > 0]
    return frame.assign(distance_pc=1000 / frame["parallax_mas"])


def run(function, source, sink, **arguments):
    return map_table(function, source, sink, progress=False, **arguments)


def stars(n, seed=0):
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "source_id": np.arange(n) + 2**60,
            "parallax_mas": rng.normal(1, 1, n),
            "band": rng.choice(["g", "bp", "rp"], n),
        }
    )


@pytest.fixture
def survey(tmp_path):
    """Two files whose row groups are smaller and larger than a batch of 100 rows."""
    folder = tmp_path / "survey"
    folder.mkdir()
    pq.write_table(stars(450, 1), folder / "a.parquet", row_group_size=30)
    pq.write_table(stars(570, 2), folder / "b.parquet", row_group_size=230)
    return folder


def checksums(sink):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(sink.iterdir())
    }


@pytest.mark.parametrize("batch_rows", [1, 7, 100, 65_536])
def test_the_sink_holds_what_the_function_makes_of_the_whole_table(survey, tmp_path, batch_rows):
    whole = pd.concat([pd.read_parquet(survey / name) for name in ("a.parquet", "b.parquet")])
    if batch_rows == 1:
        whole = whole[5:25]
        survey = survey / "short.parquet"
        whole.to_parquet(survey)  # with a nameless index, which is no column
    summary = run(with_distance, survey, tmp_path / "out", batch_rows=batch_rows)
    expected = with_distance(whole).reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out"), expected)
    assert (summary.rows_in, summary.rows_out) == (len(whole), len(expected))
    assert str(summary).startswith(str(tmp_path / "out"))


def test_no_batch_is_larger_than_asked_for_and_small_row_groups_are_joined(survey, tmp_path):
    sizes = []

    def note(frame):
        sizes.append(len(frame))
        return frame

    run(note, survey, tmp_path / "out", batch_rows=100)
    # a: row groups of 30 joined by threes; b: row groups of 230, 230 and 110 cut.
    assert sizes == [90] * 5 + [100, 100, 30] * 2 + [100, 10]


def test_only_the_columns_asked_for_are_read(survey, tmp_path):
    run(identity, survey, tmp_path / "out", columns=["band", "source_id"])
    assert list(pd.read_parquet(tmp_path / "out")) == ["band", "source_id"]


def test_nested_light_curves_pass_through_untouched(tmp_path):
    curves = pa.array([[1.5, 2.5], [], None, [0.1]] * 25, pa.list_(pa.float32()))
    nested = pa.array([[{"t": 1.0, "n": None}], [], None, [{"t": 2.0, "n": 2**60 + 1}]] * 25)
    table = pa.table(
        {
            "id": range(100),
            "flux": curves,
            "quality": pa.array([[2**60 + 1, None], [2**60 + 3], None, []] * 25),
            "xp": pa.array([[1, 2]] * 100, pa.list_(pa.int16(), 2)),
            "large": curves.cast(pa.large_list(pa.float32())),
            "epochs": nested,
            "cost": pa.array([None, 1, 22, 333] * 25, pa.decimal128(9, 2)),
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    run(identity, tmp_path / "in.parquet", tmp_path / "out", batch_rows=3)
    back = pq.read_table(tmp_path / "out")
    before = pq.read_table(tmp_path / "in.parquet")
    assert back.schema.remove_metadata() == before.schema
    assert back.to_pylist() == before.to_pylist()


def test_a_list_column_that_the_function_widens_is_not_narrowed_again(tmp_path):
    table = pa.table({"flux": pa.array([[0.1], [0.2]], pa.list_(pa.float32()))})
    pq.write_table(table, tmp_path / "in.parquet")

    def widen(frame):
        return frame.assign(flux=[np.array([0.1], dtype=np.float64)] * len(frame))

    run(widen, tmp_path / "in.parquet", tmp_path / "out")
    assert pd.read_parquet(tmp_path / "out")["flux"][0][0] == 0.1


def test_an_identifier_of_64_bits_survives_a_gap_in_some_batches(tmp_path):
    identifiers = [2**60 + 1, 2**60 + 3, None, 2**60 + 5]
    table = pa.table({"id": pa.array(identifiers), "flag": [True, False, None, True]})
    pq.write_table(table, tmp_path / "in.parquet")
    run(identity, tmp_path / "in.parquet", tmp_path / "out", batch_rows=2)
    assert pq.read_table(tmp_path / "out").to_pydict() == table.to_pydict()


def test_a_column_that_is_empty_in_some_batches_takes_its_type_from_the_others(tmp_path):
    pq.write_table(pa.table({"x": range(40)}), tmp_path / "in.parquet")

    def notes(frame):
        late = frame["x"].iloc[0] in (10, 30)
        return frame.assign(
            note=pd.Series(["odd" if late else None] * len(frame), dtype=object),
            peaks=[[0.5] if late else []] * len(frame),
        )

    run(notes, tmp_path / "in.parquet", tmp_path / "out", batch_rows=10)
    types = {str(pq.read_schema(p).remove_metadata()) for p in (tmp_path / "out").glob("*.parquet")}
    assert len(types) == 1
    result = pd.read_parquet(tmp_path / "out")
    assert result["note"].isna()[0]
    assert result["note"][10] == "odd"
    assert result["peaks"].map(list)[[0, 10]].tolist() == [[], [0.5]]


def test_a_function_may_change_its_batch_in_place(survey, tmp_path):
    def double(frame):
        frame["parallax_mas"] *= 2
        frame.loc[0, "parallax_mas"] = 7.0
        return frame

    run(double, survey, tmp_path / "out", batch_rows=2000)
    assert pd.read_parquet(tmp_path / "out")["parallax_mas"][0] == 7.0


@pytest.mark.parametrize("layout", ["file", "folder with an empty file"])
def test_a_source_without_rows_gives_a_sink_with_columns(tmp_path, layout):
    source = tmp_path / "in"
    source.mkdir()
    pq.write_table(stars(0), source / "a.parquet")
    if layout == "file":
        source = source / "a.parquet"
    assert run(with_distance, source, tmp_path / "out").rows_out == 0
    result = pd.read_parquet(tmp_path / "out")
    assert list(result) == ["source_id", "parallax_mas", "band", "distance_pc"]
    assert result.empty


def test_a_folder_without_tables_says_so(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(DataNotAvailable, match="holds no Parquet file"):
        run(identity, tmp_path / "in", tmp_path / "out")
    with pytest.raises(DataNotAvailable, match="no such file"):
        run(identity, tmp_path / "nothing", tmp_path / "out")


def test_a_bad_function_is_named_with_file_and_rows_and_finished_parts_are_kept(survey, tmp_path):
    def score(frame):
        if frame["source_id"].iloc[0] == 2**60 + 100:
            raise KeyError("mag")
        return frame

    with pytest.raises(RuntimeError, match=r"score failed on .*b\.parquet rows 100-199: KeyError"):
        run(score, survey, tmp_path / "out", batch_rows=100)
    assert not (tmp_path / "out").exists()

    def mended(frame):
        return frame

    mended.__qualname__ = score.__qualname__
    assert run(mended, survey, tmp_path / "out", batch_rows=100).n_resumed == 6


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda t: t["band"], r"a\.parquet rows 0-89: returned Series"),
        (lambda t: t.set_index("band"), "index band, which is not written"),
        (lambda t: t.rename(columns={"band": 3}), "column 3 is not a str"),
        (lambda t: pd.concat([t, t], axis=1), "occurs twice"),
        (lambda t: t.assign(x=[object()] * len(t)), "no Parquet for its result"),
        (lambda t: t.assign(x=1 if len(t) == 90 else 0.5), "column 'x' as double.* as int64"),
        (lambda t: t if len(t) == 90 else t[["band"]], "returned columns .'band'."),
    ],
)
def test_results_that_cannot_stand_together_are_refused(survey, tmp_path, function, message):
    with pytest.raises(SchemaError, match=message):
        run(function, survey, tmp_path / "out", batch_rows=100)
    assert not (tmp_path / "out").exists()


def test_a_part_that_does_not_fit_is_not_kept(survey, tmp_path):
    def drifting(frame):
        return frame.assign(x=1 if len(frame) == 90 else 0.5)

    with pytest.raises(SchemaError):
        run(drifting, survey, tmp_path / "out", batch_rows=100)

    def mended(frame):
        return frame.assign(x=1)

    mended.__qualname__ = drifting.__qualname__
    assert run(mended, survey, tmp_path / "out", batch_rows=100).n_resumed == 5


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"band": ["g"]}, "column 'parallax_mas' is not in both"),
        ({"source_id": ["1"], "parallax_mas": [1.0], "band": ["g"]}, "'source_id' is string"),
    ],
)
def test_files_with_other_columns_are_named(survey, tmp_path, other, message):
    pq.write_table(pa.table(other), survey / "c.parquet")
    with pytest.raises(SchemaError, match=rf"c\.parquet: column {message}|c\.parquet: {message}"):
        run(identity, survey, tmp_path / "out")


def test_a_missing_column_is_named(survey, tmp_path):
    with pytest.raises(SchemaError, match=r"a\.parquet: no column 'mag'; it has source_id"):
        run(identity, survey, tmp_path / "out", columns=["mag"])


def test_columns_in_names_of_folders_are_not_lost_in_silence(tmp_path):
    pq.write_to_dataset(stars(9), tmp_path / "in", partition_cols=["band"])
    with pytest.raises(SchemaError, match="names of folders"):
        run(identity, tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize("keep", [0, 3, 0.5, 0.99])
def test_a_truncated_file_is_named(survey, tmp_path, keep):
    path = survey / "b.parquet"
    content = path.read_bytes()
    path.write_bytes(content[: keep if keep >= 3 else int(keep * len(content))])
    with pytest.raises(CorruptFile, match=r"b\.parquet"):
        run(identity, survey, tmp_path / "out")


def test_garbled_pages_are_named(survey, tmp_path):
    path = survey / "b.parquet"
    content = bytearray(path.read_bytes())
    content[4:2000] = b"\xff" * 1996
    path.write_bytes(content)
    with pytest.raises(CorruptFile, match=r"b\.parquet: cannot be read"):
        run(identity, survey, tmp_path / "out")


def test_a_finished_sink_is_recognised(survey, tmp_path):
    first = run(identity, survey, tmp_path / "out", batch_rows=100)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    again = run(identity, survey, tmp_path / "out", batch_rows=100)
    assert again.n_resumed == first.n_parts == 13
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}


def stop_after(n_batches):
    """Identity that is interrupted, as by Ctrl-C."""

    def score(frame):
        nonlocal n_batches
        n_batches -= 1
        if n_batches < 0:
            raise KeyboardInterrupt
        return frame

    return score


def test_a_call_that_finished_nothing_binds_no_later_one(survey, tmp_path):
    def bad(frame):
        raise KeyError("flux")

    with pytest.raises(RuntimeError, match="bad failed"):
        run(bad, survey, tmp_path / "out", batch_rows=100)
    pq.write_table(stars(570, 3), survey / "b.parquet", row_group_size=230)
    assert run(identity, survey, tmp_path / "out", batch_rows=50).n_resumed == 0


@pytest.mark.parametrize("finished", [True, False])
def test_another_source_or_batch_is_never_mixed_in(survey, tmp_path, finished):
    sink = tmp_path / "out"
    if finished:
        run(stop_after(99), survey, sink, batch_rows=100)
    else:
        with pytest.raises(KeyboardInterrupt):
            run(stop_after(3), survey, sink, batch_rows=100)
    with pytest.raises(SchemaError, match="batch_rows was 100, now it is 50"):
        run(stop_after(99), survey, sink, batch_rows=50)
    with pytest.raises(SchemaError, match="columns was None"):
        run(stop_after(99), survey, sink, batch_rows=100, columns=["band"])
    with pytest.raises(SchemaError, match="function was"):
        run(identity, survey, sink, batch_rows=100)
    pq.write_table(stars(570, 3), survey / "b.parquet", row_group_size=230)
    with pytest.raises(SchemaError, match=r"the source has changed since \(b\.parquet\)"):
        run(stop_after(99), survey, sink, batch_rows=100)
    summary = run(stop_after(99), survey, sink, batch_rows=100, resume=False)
    assert summary.n_resumed == 0
    expected = pd.concat([stars(450, 1).to_pandas(), stars(570, 3).to_pandas()], ignore_index=True)
    pd.testing.assert_frame_equal(pd.read_parquet(sink), expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "survey"]


def test_a_folder_of_others_is_never_replaced(survey, tmp_path):
    sink = tmp_path / "out"
    sink.mkdir()
    (sink / "thesis.tex").write_text("years of work")
    for resume in (True, False):
        with pytest.raises(ValueError, match="was not written by map_table"):
            run(identity, survey, sink, resume=resume)
    assert (sink / "thesis.tex").exists()


@pytest.mark.parametrize("sink", ["survey", "survey/out", "."])
def test_sink_and_source_do_not_lie_in_one_another(survey, tmp_path, sink):
    with pytest.raises(ValueError, match="lie in one another"):
        run(identity, survey, tmp_path / sink)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"batch_rows": 0}, "batch_rows: 0"), ({"engine": "spark"}, "engine: 'spark'")],
)
def test_arguments_out_of_range_are_named(survey, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        run(identity, survey, tmp_path / "out", **arguments)
    with pytest.raises(ValueError, match="source: DataFrame; expected a path"):
        run(identity, pd.DataFrame(), tmp_path / "out")


KILLED = """
    import os, signal, sys
    from pathlib import Path
    import pyarrow.parquet as pq
    from decan.core.data.stream import map_table

    source, sink, kill_at, moment = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    calls = 0

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def score(frame):
        global calls
        calls += 1
        if calls == kill_at and moment == "function":
            die()
        return frame.assign(score=frame["parallax_mas"].rank())

    write = pq.write_table
    def write_table(table, where, **kwargs):
        if calls == kill_at and moment == "write":
            Path(where).write_bytes(b"half a part")
            die()
        write(table, where, **kwargs)
    pq.write_table = write_table

    rename = Path.rename
    def moved(self, target):
        if moment == "end":
            die()
        return rename(self, target)
    Path.rename = moved

    map_table(score, source, sink, batch_rows=100, progress=False)
"""


@pytest.mark.parametrize(
    ("kill_at", "moment", "resumed"),
    [("1", "function", 0), ("7", "function", 6), ("7", "write", 6), ("0", "end", 13)],
)
def test_a_killed_run_goes_on_to_the_same_bytes(survey, tmp_path, kill_at, moment, resumed):
    def score(frame):
        return frame.assign(score=frame["parallax_mas"].rank())

    score.__qualname__ = "score"
    run(score, survey, tmp_path / "whole", batch_rows=100)
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), survey, tmp_path / "out", kill_at, moment],
        check=False,
    )
    assert killed.returncode == -9
    assert not (tmp_path / "out").exists()
    assert run(score, survey, tmp_path / "out", batch_rows=100).n_resumed == resumed
    assert checksums(tmp_path / "out") == checksums(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "survey", "whole"]


@pytest.mark.slow
def test_a_million_rows_pass_in_less_than_400_megabytes(tmp_path):
    """One row group of 80 MB, the least favourable layout."""
    rng = np.random.default_rng(0)
    table = pa.table({f"x{i}": rng.normal(size=1_000_000) for i in range(10)})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=1_000_000)
    code = f"""
import resource
from decan.core.data.stream import map_table
summary = map_table(lambda t: t.assign(y=t.x0 + t.x1), {str(tmp_path / "in.parquet")!r},
                    {str(tmp_path / "out")!r}, progress=False)
assert summary.rows_out == 1_000_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    # A child begins with the peak of its parent, so that the parent must be a small one.
    between = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    done = subprocess.run(
        [sys.executable, "-c", between, code], check=True, capture_output=True, text=True
    )
    scale = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, else in KiB
    assert int(done.stdout) * scale < 400e6


@needs_dask
def test_without_a_client_dask_says_how_to_make_one(survey, tmp_path):
    with pytest.raises(ValueError, match=r"no Dask client is active.*client = Client\(\)"):
        run(identity, survey, tmp_path / "out", engine="dask")


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as active,
    ):
        yield active


@needs_dask
@pytest.mark.slow
def test_a_dask_cluster_writes_the_same_bytes(survey, tmp_path, client):
    run(with_distance, survey, tmp_path / "local", batch_rows=100)
    summary = run(with_distance, survey, tmp_path / "dask", batch_rows=100, engine="dask")
    assert summary.n_parts == 13
    assert checksums(tmp_path / "dask") == checksums(tmp_path / "local")


@needs_dask
@pytest.mark.slow
def test_what_one_engine_began_the_other_ends(survey, tmp_path, client):
    with pytest.raises(KeyboardInterrupt):
        run(stop_after(7), survey, tmp_path / "out", batch_rows=100)
    done = run(stop_after(99), survey, tmp_path / "out", batch_rows=100, engine="dask")
    assert done.n_resumed == 7
    assert len(pd.read_parquet(tmp_path / "out")) == 1020


@needs_dask
@pytest.mark.slow
def test_an_error_on_a_worker_names_file_and_rows(survey, tmp_path, client):
    def score(frame):
        raise KeyError("mag")

    with pytest.raises(RuntimeError, match=r"score failed on .*\.parquet rows \d+-\d+: KeyError"):
        run(score, survey, tmp_path / "out", batch_rows=100, engine="dask")


def test_without_dask_the_extra_is_named(survey, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"pip install 'decan-core\[hpc\]'"):
        run(identity, survey, tmp_path / "out", engine="dask")


@pytest.fixture(scope="module")
def hats(tmp_path_factory):
    lsdb = pytest.importorskip("lsdb")
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {"ra": rng.uniform(0, 360, 900), "dec": rng.uniform(-60, 60, 900), "id": np.arange(900)}
    )
    path = tmp_path_factory.mktemp("hats") / "toy"
    # Without its margin, whose making compiles for a quarter of a minute.
    lsdb.from_dataframe(
        frame, catalog_name="toy", partition_rows=300, margin_threshold=None
    ).write_catalog(path, catalog_name="toy", progress_bar=False)
    return path, frame


def colour(frame):
    return frame.assign(twice=2 * frame["id"])[["id", "twice"]]


@quiet_lsdb
@pytest.mark.slow
def test_a_hats_catalogue_gives_every_row_once_by_every_way(hats, tmp_path, client):
    import lsdb

    path, frame = hats
    run(colour, path, tmp_path / "local")
    run(colour, path, tmp_path / "dask", engine="dask")
    summary = run(colour, lsdb.open_catalog(path), tmp_path / "lsdb", engine="dask", batch_rows=50)
    assert summary.rows_in == summary.rows_out == len(frame)
    for name in ("local", "dask", "lsdb"):
        result = pd.read_parquet(tmp_path / name).sort_values("id", ignore_index=True)
        # LSDB hands out Arrow's types for the same numbers.
        pd.testing.assert_frame_equal(result, colour(frame), check_dtype=name != "lsdb")
    again = run(colour, lsdb.open_catalog(path), tmp_path / "lsdb", engine="dask", batch_rows=50)
    assert again.n_resumed == summary.n_parts


@quiet_lsdb
@pytest.mark.slow
def test_a_part_of_a_catalogue_is_another_source(hats, tmp_path, client):
    import lsdb

    catalogue = lsdb.open_catalog(hats[0])
    cone = catalogue.cone_search(10, 10, 3600 * 30)
    summary = run(colour, cone, tmp_path / "out", engine="dask")
    assert 0 < summary.rows_out < 900
    with pytest.raises(SchemaError, match="the source has changed"):
        run(colour, catalogue, tmp_path / "out", engine="dask")
