from __future__ import annotations

import importlib.metadata
import io
import json
import math
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from decan.core import artifacts
from decan.core.errors import DataNotAvailable, IntegrityError, SchemaError

KIND = "decan.demo.Model"


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 3))
    return x, (x[:, 0] > 0).astype(int)


@pytest.fixture(scope="module")
def everything(tmp_path_factory, rows):
    """One artifact with a part of every type, one of them nested."""
    xgboost = pytest.importorskip("xgboost")
    x, y = rows
    torch.manual_seed(0)
    parts = {
        "network": torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)).state_dict(),
        "scale": {"mean": np.array([1.0, np.nan]), "band": np.array(["g", "r"]), "n": np.int64(3)},
        "baseline": {
            "trees": xgboost.XGBClassifier(n_estimators=3, missing=-9.0, n_jobs=1).fit(x, y),
            "line": make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y),
        },
    }
    folder = tmp_path_factory.mktemp("artifacts") / "model"
    artifacts.save(
        folder,
        kind=KIND,
        settings={"n_bins": np.int32(201), "clip": math.inf, "bands": ["g", "r"], "σ": None},
        parts=parts,
        metrics={"average precision": 0.98},
        training={"data": ["simulated"], "command": "decan demo train", "seed": 1},
    )
    return folder, parts


@pytest.fixture
def copy(everything, tmp_path):
    return Path(shutil.copytree(everything[0], tmp_path / "model"))


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def re_sign(folder, **changes):
    """Make the manifest fit the files, as somebody would who wants to be believed."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest.update(changes)
    for entry in manifest["parts"].values():
        content = (folder / entry["file"]).read_bytes()
        entry["sha256"] = artifacts.hashlib.sha256(content).hexdigest()
        entry["size"] = len(content)
    (folder / "manifest.json").write_bytes(artifacts._sealed(manifest))


def test_every_part_comes_back_as_it_was_saved(everything, rows):
    folder, parts = everything
    loaded = artifacts.load(folder, kind=KIND).parts
    assert loaded.keys() == parts.keys()
    for name, tensor in parts["network"].items():
        assert torch.equal(loaded["network"][name], tensor)
    for name, array in parts["scale"].items():
        np.testing.assert_array_equal(loaded["scale"][name], array)
    for name, model in parts["baseline"].items():
        np.testing.assert_array_equal(
            loaded["baseline"][name].predict_proba(rows[0]), model.predict_proba(rows[0])
        )


def test_an_xgboost_wrapper_keeps_what_it_takes_for_missing(everything):
    assert artifacts.load(everything[0]).parts["baseline"]["trees"].missing == -9.0


def test_settings_metrics_and_training_come_back(everything):
    loaded = artifacts.load(everything[0])
    assert loaded.settings == {"n_bins": 201, "clip": math.inf, "bands": ["g", "r"], "σ": None}
    assert loaded.metrics == {"average precision": 0.98}
    assert loaded.training["seed"] == 1
    assert loaded.versions["torch"] == importlib.metadata.version("torch")
    assert repr(loaded).startswith("<Artifact decan.demo.Model: 4 parts")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_any_settings_round_trip_with_nan_and_infinity(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("settings") / "model"
    artifacts.save(folder, kind=KIND, settings=values, parts={})
    assert repr(artifacts.load(folder).settings) == repr(values)


def test_metrics_may_be_estimates(tmp_path):
    @dataclass(frozen=True)
    class Estimate:
        value: float
        low: float

    artifacts.save(
        tmp_path / "m", kind=KIND, settings={}, parts={}, metrics={"AP": Estimate(0.9, math.nan)}
    )
    assert artifacts.load(tmp_path / "m").metrics["AP"]["value"] == 0.9


def test_the_same_tensors_and_arrays_give_the_same_bytes(tmp_path):
    parts = {"w": {"a": torch.ones(3)}, "x": {"file": np.arange(4)}}
    for name in ("a", "b"):
        artifacts.save(tmp_path / name, kind=KIND, settings={}, parts=parts)
    for one in files_of(tmp_path / "a"):
        assert one.read_bytes() == (tmp_path / "b" / one.name).read_bytes()
    assert list(artifacts.load(tmp_path / "b").parts["x"]) == ["file"]


def test_tied_and_strided_tensors_are_saved_each_by_itself(tmp_path):
    weight = torch.arange(6.0).reshape(2, 3)
    artifacts.save(
        tmp_path / "m", kind=KIND, settings={}, parts={"w": {"a": weight, "b": weight.T}}
    )
    loaded = artifacts.load(tmp_path / "m").parts["w"]
    assert torch.equal(loaded["a"], weight)
    assert torch.equal(loaded["b"], weight.T)


@pytest.mark.parametrize(
    "estimator",
    [
        HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=2),
        RandomForestClassifier(2, random_state=0),
    ],
    ids=lambda e: type(e).__name__,
)
def test_common_tree_models_are_accepted(tmp_path, rows, estimator):
    fitted = estimator.fit(*rows)
    artifacts.save(tmp_path / "m", kind=KIND, settings={}, parts={"trees": fitted})
    loaded = artifacts.load(tmp_path / "m").parts["trees"]
    np.testing.assert_array_equal(loaded.predict(rows[0]), fitted.predict(rows[0]))


@pytest.mark.parametrize("file", range(5))
def test_one_flipped_byte_anywhere_is_an_error_that_names_the_file(copy, file):
    path = files_of(copy)[file]
    content = path.read_bytes()
    rng = np.random.default_rng(file)
    places = {0, len(content) - 1, *rng.integers(0, len(content), 40).tolist()}
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(IntegrityError, match=path.name):
            artifacts.load(copy)


def test_every_byte_of_the_manifest_counts(tmp_path):
    artifacts.save(tmp_path / "m", kind=KIND, settings={"a": 1}, parts={})
    path = tmp_path / "m" / "manifest.json"
    content = path.read_bytes()
    for place in range(len(content)):
        # 0x2A turns a space into a newline and back: JSON says the same, the bytes do not.
        for flip in (0x01, 0x2A, 0x80):
            path.write_bytes(
                content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :]
            )
            with pytest.raises(IntegrityError, match="manifest"):
                artifacts.load(tmp_path / "m")


@pytest.mark.parametrize("file", range(5))
def test_a_truncated_file_is_an_error_that_names_it(copy, file):
    path = files_of(copy)[file]
    content = path.read_bytes()
    for length in (0, 1, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(IntegrityError, match=path.name):
            artifacts.load(copy)


@pytest.mark.parametrize("file", range(5))
def test_a_missing_file_is_named(copy, file):
    path = files_of(copy)[file]
    path.unlink()
    with pytest.raises(IntegrityError, match=f"{path.name}: missing"):
        artifacts.load(copy)


def test_an_extra_file_is_named_and_hidden_ones_are_left_alone(copy):
    (copy / "baseline" / ".DS_Store").touch()
    artifacts.load(copy)
    (copy / "baseline" / "extra.pkl").touch()
    with pytest.raises(IntegrityError, match=r"extra\.pkl: not in the manifest"):
        artifacts.load(copy)


def test_a_folder_that_is_not_there_says_so(tmp_path):
    with pytest.raises(DataNotAvailable, match="no such artifact"):
        artifacts.load(tmp_path / "nothing")


def test_another_kind_is_refused_by_both_names(everything):
    with pytest.raises(SchemaError, match=r"holds a decan\.demo\.Model, expected a decan\.x\.Y"):
        artifacts.load(everything[0], kind="decan.x.Y")


def test_a_newer_format_asks_for_an_upgrade(copy):
    re_sign(copy, format=2, parts={})
    with pytest.raises(SchemaError, match="format 2, this decan-core reads up to 1"):
        artifacts.load(copy)


def test_a_signed_manifest_cannot_lead_out_of_the_folder(copy):
    manifest = json.loads((copy / "manifest.json").read_text())
    outside = copy.parent / "outside.npz"
    shutil.copy(copy / "scale.npz", outside)
    manifest["parts"]["scale"]["file"] = "../outside.npz"
    re_sign(copy, parts=manifest["parts"])
    with pytest.raises(IntegrityError, match="entry of part 'scale' is malformed"):
        artifacts.load(copy)


class Evil:
    """Leaves a file behind wherever it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def test_the_evil_pickle_of_these_tests_would_really_act(tmp_path):
    pickle.loads(pickle.dumps(Evil(tmp_path / "trace")))
    assert (tmp_path / "trace").exists()


def npz_with(array):
    buffer = io.BytesIO()
    np.savez(buffer, mean=array)
    return buffer.getvalue()


def torch_pickle(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def skops_file(schema):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    return buffer.getvalue()


def skops_reduce(trace):
    """A skops file that asks for ``os.mkdir(trace)``, in the form of its own reduce node."""
    text = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"}
    argument = {**text, "content": json.dumps(str(trace)), "is_json": True, "__id__": 3}
    return skops_file(
        {
            "__class__": "mkdir",
            "__module__": "os",
            "__loader__": "ObjectNode",
            "__reduce__": {
                "args": {
                    "__class__": "tuple",
                    "__module__": "builtins",
                    "__loader__": "TupleNode",
                    "content": [argument],
                    "__id__": 2,
                }
            },
            "content": argument,
            "__id__": 1,
            "protocol": 2,
            "_skops_version": "0.11",
        }
    )


@pytest.mark.parametrize("dress", ["pickle", "torch", "object array", "skops"])
@pytest.mark.parametrize("file", range(5))
def test_an_evil_pickle_in_any_slot_is_never_executed(copy, tmp_path, dress, file):
    trace = tmp_path / "trace"
    evil = {
        "pickle": lambda: pickle.dumps(Evil(trace)),
        "torch": lambda: torch_pickle(Evil(trace)),
        "object array": lambda: npz_with(np.array([Evil(trace)], dtype=object)),
        "skops": lambda: skops_reduce(trace),
    }[dress]()
    path = files_of(copy)[file]
    path.write_bytes(evil)
    if path.name != "manifest.json":
        re_sign(copy)  # even when the checksums fit
    with pytest.raises(IntegrityError, match=path.name):
        artifacts.load(copy)
    assert not trace.exists()


def test_a_scikit_learn_part_with_a_function_of_its_own_is_refused_on_loading(copy, tmp_path):
    import skops.io

    evil = FunctionTransformer(func=os.mkdir)
    (copy / "baseline" / "line.skops").write_bytes(skops.io.dumps(evil))
    re_sign(copy)
    with pytest.raises(IntegrityError, match=r"line\.skops.*not trusted"):
        artifacts.load(copy)


def test_a_skops_file_that_is_no_estimator_is_refused(copy):
    import skops.io

    (copy / "baseline" / "line.skops").write_bytes(skops.io.dumps({"a": 1}))
    re_sign(copy)
    with pytest.raises(IntegrityError, match=r"line\.skops.*no scikit-learn estimator"):
        artifacts.load(copy)


class Own(BaseEstimator):
    """An estimator that nobody else knows."""


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"x": {"a": np.array([{}], dtype=object)}}, "dtype object"),
        ({"x": {"a": np.ma.masked_array([1.0], [True])}}, "MaskedArray"),
        ({"x": {"a": torch.ones(1), "b": np.ones(1)}}, "mixes"),
        ({"x": torch.ones(1)}, "bare Tensor"),
        ({"x": object()}, "object is no part"),
        ({"x": {"a": 1.0}}, "float is no part"),
        ({"x": Own()}, "Own"),
        ({"x": FunctionTransformer(func=os.mkdir)}, "mkdir"),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(tmp_path, parts, message):
    with pytest.raises(TypeError, match=message):
        artifacts.save(tmp_path / "m", kind=KIND, settings={}, parts=parts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"a": {"b": [1, np.ones(2)]}}, r"settings\['a'\]\['b'\]\[1\]: ndarray"),
        ({"a": {1: 2}}, r"settings\['a'\]: key 1 is not a str"),
        ({"path": Path()}, r"settings\['path'\]"),
    ],
)
def test_settings_without_a_json_form_are_named(tmp_path, values, message):
    with pytest.raises(TypeError, match=message):
        artifacts.save(tmp_path / "m", kind=KIND, settings=values, parts={})


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "", "a b", 1])
def test_a_name_that_is_no_file_name_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="is not a name"):
        artifacts.save(tmp_path / "m", kind=KIND, settings={}, parts={name: {"a": np.ones(1)}})


def test_a_folder_that_is_no_artifact_is_never_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="is no artifact"):
        artifacts.save(tmp_path, kind=KIND, settings={}, parts={})
    assert (tmp_path / "thesis.tex").exists()


def test_saving_again_replaces_the_whole_folder(copy):
    artifacts.save(copy, kind=KIND, settings={"v": 2}, parts={"x": {"a": np.ones(1)}})
    assert [path.name for path in files_of(copy)] == ["manifest.json", "x.npz"]
    assert list(copy.parent.iterdir()) == [copy]


@pytest.mark.parametrize("call", range(1, 12))
def test_an_interrupted_save_leaves_the_old_one_or_the_new_one(tmp_path, monkeypatch, call):
    folder = tmp_path / "m"
    artifacts.save(folder, kind=KIND, settings={"v": 1}, parts={"x": {"a": np.ones(1)}})
    calls = 0

    def interrupted(original):
        def move(self, *args, **kwargs):
            nonlocal calls
            calls += 1
            if calls == call:
                raise KeyboardInterrupt
            return original(self, *args, **kwargs)

        return move

    for name in ("rename", "replace", "chmod", "write_bytes"):
        monkeypatch.setattr(Path, name, interrupted(getattr(Path, name)))
    try:
        artifacts.save(folder, kind=KIND, settings={"v": 2}, parts={"x": {"a": np.ones(2)}})
    except KeyboardInterrupt:
        assert artifacts.load(folder).settings == {"v": 1}
    else:
        assert artifacts.load(folder).settings == {"v": 2}
    assert list(tmp_path.iterdir()) == [folder]


def test_a_save_killed_between_its_two_moves_leaves_the_old_one_loadable(tmp_path):
    code = f"""
import os, signal
from pathlib import Path
import numpy as np
from decan.core import artifacts
save = lambda v: artifacts.save({str(tmp_path / "m")!r}, kind="decan.demo.Model",
                                settings={{"v": v}}, parts={{"x": {{"a": np.ones(v)}}}})
save(1)
rename = Path.rename
def killed(self, target):
    if self.suffix == ".part":
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)
Path.rename = killed
save(2)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -9
    assert not (tmp_path / "m").exists()
    assert artifacts.load(tmp_path / "m").settings == {"v": 1}
    artifacts.save(tmp_path / "m", kind=KIND, settings={"v": 3}, parts={})
    assert artifacts.load(tmp_path / "m").settings == {"v": 3}
    assert not (tmp_path / ".m.previous").exists()


def test_loading_arrays_imports_no_framework(tmp_path):
    artifacts.save(tmp_path / "m", kind=KIND, settings={}, parts={"x": {"a": np.ones(1)}})
    code = f"""
import sys
from decan.core import artifacts
artifacts.load({str(tmp_path / "m")!r})
print([name for name in ("torch", "xgboost", "skops", "sklearn", "pandas") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_an_isotonic_calibrator_is_a_part(tmp_path):
    fitted = IsotonicRegression(out_of_bounds="clip").fit([0.1, 0.4, 0.9], [0, 1, 1])
    artifacts.save(tmp_path / "m", kind=KIND, settings={}, parts={"calibrator": fitted})
    loaded = artifacts.load(tmp_path / "m").parts["calibrator"]
    assert loaded.predict([0.2]) == fitted.predict([0.2])
