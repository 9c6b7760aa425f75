"""What every object of a library that can be saved promises."""

from __future__ import annotations

import numpy as np
import pytest

from decan.core.errors import DataNotAvailable, IntegrityError, SchemaError
from decan.core.saved import Saved


class Shift(Saved):
    def __init__(self, by):
        self.by_ = np.asarray(by)

    def _state(self):
        return {}, {"fitted": {"by": self.by_}}

    @classmethod
    def _from_state(cls, settings, parts):
        return cls(parts["fitted"]["by"])


class Scale(Shift):
    pass


def test_an_object_comes_back_with_its_manifest(tmp_path):
    Shift([1.0]).save(tmp_path / "s", metrics={"AP": 0.9}, training={"data": ["koi"]})
    again = Shift.load(tmp_path / "s")
    assert again.by_.tolist() == [1.0]
    assert again.manifest_["metrics"] == {"AP": 0.9}
    assert again.manifest_["training"] == {"data": ["koi"]}


def test_an_object_of_another_class_is_refused(tmp_path):
    Shift([1.0]).save(tmp_path / "s")
    with pytest.raises(SchemaError, match=r"Shift.*Scale"):
        Scale.load(tmp_path / "s")


def test_a_changed_file_is_named(tmp_path):
    Shift([1.0]).save(tmp_path / "s")
    (tmp_path / "s" / "fitted.npz").write_bytes(b"other")
    with pytest.raises(IntegrityError, match=r"fitted\.npz"):
        Shift.load(tmp_path / "s")


def test_a_class_without_shipped_weights_says_so():
    with pytest.raises(DataNotAvailable, match="no weights are shipped"):
        Shift.pretrained()


def test_the_kind_of_a_library_class_is_its_public_name():
    inside = type("Vetter", (Saved,), {"__module__": "decan.transits.vetter"})
    assert inside._kind() == "decan.transits.Vetter"
