"""The four kinds of parts of an artifact, and how each becomes bytes and comes back.

None of the formats can carry code. The bytes are checked by :mod:`decan.core.artifacts`
before they come here; what is refused here is content of a type that is not on the list.
"""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import IntegrityError

__all__ = ["SUFFIXES", "decode", "encode", "kind_of_part"]

SUFFIXES = {"tensors": ".safetensors", "arrays": ".npz", "xgboost": ".ubj", "sklearn": ".skops"}
XGBOOST_CLASSES = (
    "Booster",
    "XGBClassifier",
    "XGBRFClassifier",
    "XGBRFRegressor",
    "XGBRanker",
    "XGBRegressor",
)
# What skops does not call safe by itself and we do: holders of arrays that run nothing.
TRUSTED_SKLEARN = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)


def kind_of_part(part: Any) -> str:
    """Which of the formats holds a part; ``"group"`` for a dict of parts.

    Parameters
    ----------
    part : object
        A part as :func:`decan.core.artifacts.save` takes it.

    Returns
    -------
    str
        ``"tensors"``, ``"arrays"``, ``"xgboost"``, ``"sklearn"`` or ``"group"``. An empty
        dict counts as arrays.

    Raises
    ------
    TypeError
        If it is none of these, or a dict that mixes them.

    Examples
    --------
    >>> kind_of_part({"mean": np.zeros(3)})
    'arrays'
    >>> kind_of_part({"scaler": {"mean": np.zeros(3)}})
    'group'
    """
    if isinstance(part, Mapping):
        kinds = {_kind_of_value(value) for value in part.values()}
        if len(kinds) > 1:
            raise TypeError(
                f"parts: a dict with keys {sorted(map(str, part))} mixes {' and '.join(kinds)}; "
                "give tensors, arrays and parts each their own dict"
            )
        return kinds.pop() if kinds else "arrays"
    kind = _kind_of_value(part)
    if kind == "group":
        return _kind_of_model(part)
    raise TypeError(f"parts: a bare {type(part).__name__}; put it into a dict with a name")


def encode(part: Any, name: str) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a part, and what the manifest must say to read them.

    Parameters
    ----------
    part : object
        Tensors, arrays, an XGBoost model or a scikit-learn estimator.
    name : str
        Its name, for error messages.

    Returns
    -------
    content : bytes
        The file's content.
    entry : dict
        ``type``, and for XGBoost ``class`` and ``params``.

    Raises
    ------
    TypeError
        If the part holds objects, or types that :func:`decode` would refuse.

    Examples
    --------
    >>> content, entry = encode({"mean": np.zeros(3)}, "scale")
    >>> entry, content[:2]
    ({'type': 'arrays'}, b'PK')
    """
    kind = kind_of_part(part)
    if kind == "tensors":
        return _tensors_to_bytes(part), {"type": kind}
    if kind == "arrays":
        return _arrays_to_bytes(part, name), {"type": kind}
    if kind == "xgboost":
        content, entry = _xgboost_to_bytes(part, name)
        return content, {"type": kind, **entry}
    return _sklearn_to_bytes(part, name), {"type": kind}


def decode(content: bytes, entry: Mapping[str, Any], path: Path) -> Any:
    """The part that :func:`encode` wrote.

    Parameters
    ----------
    content : bytes
        The file's content.
    entry : mapping
        The part's entry in the manifest.
    path : pathlib.Path
        Where it was read, for error messages.

    Returns
    -------
    object
        The part.

    Raises
    ------
    IntegrityError
        If the content is not of its format, or holds what is not allowed.
    ImportError
        If the package that reads the format is not installed.

    Examples
    --------
    >>> content, entry = encode({"mean": np.zeros(3)}, "scale")
    >>> decode(content, entry, Path("scale.npz"))
    {'mean': array([0., 0., 0.])}
    """
    try:
        return _DECODERS[entry["type"]](content, entry)
    except ImportError as error:
        raise ImportError(f"{path}: {error}; install that package to load this part") from error
    except Exception as error:  # four libraries, each with its own ways to say "not mine"
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise IntegrityError(f"{path}: refused as {entry['type']}: {reason}") from error


def _kind_of_value(value: Any) -> str:
    if type(value).__module__.partition(".")[0] == "torch":
        import torch

        if isinstance(value, torch.Tensor):
            return "tensors"
    if isinstance(value, np.ndarray | np.generic):
        return "arrays"
    return "group"


def _kind_of_model(part: Any) -> str:
    if type(part).__module__.partition(".")[0] == "xgboost":
        if type(part).__name__ in XGBOOST_CLASSES:
            return "xgboost"
    else:
        from sklearn.base import BaseEstimator

        if isinstance(part, BaseEstimator):
            return "sklearn"
    raise TypeError(
        f"parts: {type(part).__name__} is no part; expected a dict of torch tensors or numpy "
        "arrays, an XGBoost model, a scikit-learn estimator, or a dict of these"
    )


def _tensors_to_bytes(tensors: Mapping[str, Any]) -> bytes:
    import torch
    from safetensors.torch import save

    # Tied weights share memory, which the format refuses: each gets a copy of its own.
    return save(
        {
            name: value.detach().to("cpu").clone(memory_format=torch.contiguous_format)
            for name, value in tensors.items()
        }
    )


def _bytes_to_tensors(content: bytes, entry: Mapping[str, Any]) -> Any:
    from safetensors.torch import load

    return load(content)


def _arrays_to_bytes(arrays: Mapping[str, Any], name: str) -> bytes:
    # Not numpy.savez, which falls back to pickles and cannot hold an array called "file".
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, value in arrays.items():
            if isinstance(value, np.ndarray) and type(value) is not np.ndarray:
                raise TypeError(
                    f"part {name!r}: {key!r} is a {type(value).__name__}, whose mask or unit "
                    ".npz would lose; give plain arrays"
                )
            array = np.asarray(value)
            if array.dtype.hasobject:
                raise TypeError(
                    f"part {name!r}: array {key!r} has dtype object, which only a pickle could "
                    "hold; give it a numeric or fixed-width string dtype"
                )
            # A ZipInfo of its own has a fixed date: the same arrays give the same bytes.
            info = zipfile.ZipInfo(f"{key}.npy")
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return buffer.getvalue()


def _bytes_to_arrays(content: bytes, entry: Mapping[str, Any]) -> Any:
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            with archive.open(info) as member:
                arrays[info.filename.removesuffix(".npy")] = np.lib.format.read_array(
                    member, allow_pickle=False
                )
    return arrays


def _xgboost_to_bytes(model: Any, name: str) -> tuple[bytes, dict[str, Any]]:
    entry: dict[str, Any] = {"class": type(model).__name__}
    if entry["class"] != "Booster":
        # UBJ holds the trees; what the wrapper adds, the value of "missing" say, it forgets.
        entry["params"] = {k: v for k, v in model.get_params().items() if v is not None}
        for key, value in entry["params"].items():
            if isinstance(value, np.generic):
                entry["params"][key] = value.item()
            elif not isinstance(value, bool | int | float | str | list | dict):
                raise TypeError(
                    f"part {name!r}: parameter {key!r} of {entry['class']} is a "
                    f"{type(value).__name__}, which has no JSON form; set_params({key}=None) first"
                )
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.ubj")  # noqa: PTH118 (XGBoost takes a str)
        model.save_model(path)
        return Path(path).read_bytes(), entry


def _bytes_to_xgboost(content: bytes, entry: Mapping[str, Any]) -> Any:
    import xgboost

    if entry["class"] not in XGBOOST_CLASSES:
        raise ValueError(f"class {entry['class']!r} is not one of {', '.join(XGBOOST_CLASSES)}")
    model = getattr(xgboost, entry["class"])(**entry.get("params", {}))
    model.load_model(bytearray(content))
    return model


def _sklearn_to_bytes(estimator: Any, name: str) -> bytes:
    import skops.io

    content = skops.io.dumps(estimator, compression=zipfile.ZIP_DEFLATED)
    refused = _untrusted(content)
    if refused:
        raise TypeError(
            f"part {name!r}: {type(estimator).__name__} holds {', '.join(refused)}, which load "
            "would refuse; save the arrays or parts of that object instead"
        )
    return content


def _bytes_to_sklearn(content: bytes, entry: Mapping[str, Any]) -> Any:
    import skops.io
    from sklearn.base import BaseEstimator

    refused = _untrusted(content)
    if refused:
        raise ValueError(f"it holds types that are not trusted: {', '.join(refused)}")
    estimator = skops.io.loads(content, trusted=list(TRUSTED_SKLEARN))
    if not isinstance(estimator, BaseEstimator):
        raise TypeError(f"it holds a {type(estimator).__name__}, no scikit-learn estimator")
    return estimator


def _untrusted(content: bytes) -> list[str]:
    import skops.io

    return sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED_SKLEARN))


_DECODERS = {
    "tensors": _bytes_to_tensors,
    "arrays": _bytes_to_arrays,
    "xgboost": _bytes_to_xgboost,
    "sklearn": _bytes_to_sklearn,
}
