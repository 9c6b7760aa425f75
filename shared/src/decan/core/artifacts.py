"""Artifacts: a fitted object as a folder that can be checked whole and executes nothing.

An artifact holds ``manifest.json`` and one file for each part: ``safetensors`` for torch
tensors, ``.npz`` without pickles for numpy arrays, UBJ for XGBoost, ``skops`` for
scikit-learn. The manifest names every file with size and SHA-256 and carries a SHA-256 of
itself, so that one flipped byte anywhere is an error that names the file. The checksums
tell damage, not intent: that a stranger's artifact is harmless rests on the four formats,
none of which can run code, and on a closed list of scikit-learn types.

An object made of objects nests: a part may be a dict of parts, to any depth. Each object
gives its own parts, the outer one files them under a name, and gets the same dicts back.
Members of an ensemble of equal networks are best stacked in one state dict along a leading
axis, which is also how :func:`decan.core.training.fit_ensemble` trains them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .artifact_parts import SUFFIXES, decode, encode, kind_of_part
from .errors import DataNotAvailable, IntegrityError, SchemaError
from .files import replacing

__all__ = ["Artifact", "load", "save"]

FORMAT = 1
MANIFEST = "manifest.json"
# A part's name becomes a file name on every system; no leading dot, so that hidden files
# which operating systems leave in folders can never be parts.
PART_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
KIND = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
DEPENDENCIES = {
    "tensors": ("torch", "safetensors"),
    "arrays": ("numpy",),
    "xgboost": ("xgboost",),
    "sklearn": ("scikit-learn", "skops"),
}


@dataclass(frozen=True)
class Artifact:
    """A loaded artifact: what the manifest says, and the parts, checked.

    Parameters
    ----------
    folder : pathlib.Path
        Where it was read.
    manifest : dict
        The manifest as it stands in the file.
    parts : dict
        The parts under the names and in the nesting in which they were saved.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> folder = Path(tempfile.mkdtemp()) / "scaler"
    >>> _ = save(folder, kind="decan.demo.Scaler", settings={}, parts={"mean": {"x": np.ones(2)}})
    >>> load(folder)
    <Artifact decan.demo.Scaler: 1 part, 0.2 kB>
    """

    folder: Path
    manifest: dict[str, Any]
    parts: dict[str, Any]

    @property
    def kind(self) -> str:
        """Dotted name of the class that was saved."""
        return str(self.manifest["kind"])

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments with which the object is built again."""
        return dict(self.manifest["settings"])

    @property
    def metrics(self) -> dict[str, Any]:
        """How well it does, as measured when it was made."""
        return dict(self.manifest["metrics"])

    @property
    def training(self) -> dict[str, Any]:
        """Data sets, licences, citations, command and seed it was made with."""
        return dict(self.manifest["training"])

    @property
    def versions(self) -> dict[str, str]:
        """Versions of Python and of the distributions that wrote it."""
        return dict(self.manifest["versions"])

    def __repr__(self) -> str:
        entries = self.manifest["parts"].values()
        size = sum(entry["size"] for entry in entries) / 1000
        plural = "" if len(entries) == 1 else "s"
        return f"<Artifact {self.kind}: {len(entries)} part{plural}, {size:,.1f} kB>"


def save(
    folder: str | os.PathLike[str],
    *,
    kind: str,
    settings: Mapping[str, Any],
    parts: Mapping[str, Any],
    metrics: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
) -> Path:
    """Write a fitted object as a folder, whole or not at all.

    The folder is written beside and moved into place. An artifact that was there is
    replaced as a whole; an interrupted save leaves the old one or the new one loadable.

    Parameters
    ----------
    folder : path-like
        Where the artifact goes. An existing folder must be an artifact or empty.
    kind : str
        Dotted name of the class, ``"decan.transits.TransitVetter"``.
    settings : mapping
        Arguments with which the object is built again: None, bool, int, float (NaN and
        infinities too), str, numpy scalars, lists, and dicts with str keys of these.
        Tuples come back as lists.
    parts : mapping
        Name to part. A part is a dict of torch tensors (a ``state_dict``), a dict of
        numpy arrays, an XGBoost ``Booster`` or scikit-learn wrapper, a scikit-learn
        estimator, or again a dict of parts. Tensors come back on the CPU.
    metrics : mapping, optional
        How well it does; values as in ``settings``, or dataclasses such as ``Estimate``.
    training : mapping, optional
        How it was made, as in ``settings``: names, licences and citations of the data
        sets, command, seed. No dates, so that the same run gives the same manifest.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    ValueError
        If ``kind`` or the name of a part is malformed, or ``folder`` holds something else.
    TypeError
        If a value has no JSON form, or a part is of none of the kinds above.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> folder = save(
    ...     Path(tempfile.mkdtemp()) / "vetter",
    ...     kind="decan.transits.TransitVetter",
    ...     settings={"n_bins": np.int64(201)},
    ...     parts={"scale": {"mean": np.zeros(3)}, "members": {"a": {"w": np.ones(2)}}},
    ...     training={"data": ["simulated"], "seed": 1},
    ... )
    >>> sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    ['manifest.json', 'members/a.npz', 'scale.npz']
    >>> load(folder).parts["members"]["a"]["w"]
    array([1., 1.])
    """
    if not KIND.fullmatch(kind):
        raise ValueError(f"kind: {kind!r} is not a dotted class name such as 'decan.demo.Model'")
    flat = dict(_flatten(parts))
    measured = {
        name: dataclasses.asdict(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type)
        else value
        for name, value in (metrics or {}).items()
    }
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "kind": kind,
        "versions": _versions(kind, {kind_of_part(part) for part in flat.values()}),
        "settings": _plain(settings, "settings"),
        "metrics": _plain(measured, "metrics"),
        "training": _plain(training or {}, "training"),
        "parts": {},
    }
    target = Path(folder).resolve()
    _refuse_foreign(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    try:
        for name, part in flat.items():
            content, entry = encode(part, name)
            file = name + SUFFIXES[entry["type"]]
            manifest["parts"][name] = {
                "file": file,
                **entry,
                "sha256": hashlib.sha256(content).hexdigest(),
                "size": len(content),
            }
            with replacing(staging / file) as temporary:
                temporary.write_bytes(content)
        with replacing(staging / MANIFEST) as temporary:
            temporary.write_bytes(_sealed(manifest))
        _move_into_place(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Path(folder)


def load(folder: str | os.PathLike[str], *, kind: str | None = None) -> Artifact:
    """Read an artifact, check every byte of it, and execute nothing.

    Parameters
    ----------
    folder : path-like
        An artifact; also ``importlib.resources.files(package) / "weights"``. Files whose
        name begins with a dot are not part of it and are not looked at.
    kind : str, optional
        The class that is wanted; another one is an error.

    Returns
    -------
    Artifact
        Settings, metrics, training and parts.

    Raises
    ------
    DataNotAvailable
        If there is no such folder.
    IntegrityError
        If a file is missing, superfluous, changed, or not what its name promises; the
        message names it.
    SchemaError
        If the artifact is of another kind, or written in a newer format than is known.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> folder = Path(tempfile.mkdtemp()) / "scaler"
    >>> _ = save(folder, kind="decan.demo.Scaler", settings={}, parts={"mean": {"x": np.ones(2)}})
    >>> load(folder, kind="decan.demo.Scaler").parts["mean"]["x"]
    array([1., 1.])
    >>> _ = (folder / "mean.npz").write_bytes(b"garbled")
    >>> load(folder)
    Traceback (most recent call last):
    ...
    decan.core.errors.IntegrityError: .../scaler/mean.npz: 7 bytes, the manifest says ...
    """
    root = Path(folder)
    if not root.is_dir():
        root = _previous(root)  # where a save was cut off between its two moves
    if not root.is_dir():
        raise DataNotAvailable(f"{folder}: no such artifact; expected a folder with {MANIFEST}")
    manifest = _checked_manifest(root / MANIFEST)
    if manifest["format"] > FORMAT:
        raise SchemaError(
            f"{root}: written in artifact format {manifest['format']}, this decan-core reads up "
            f"to {FORMAT}; upgrade it: pip install -U decan-core"
        )
    if kind is not None and manifest["kind"] != kind:
        raise SchemaError(f"{root}: holds a {manifest['kind']}, expected a {kind}")
    _refuse_extra_files(root, {entry["file"] for entry in manifest["parts"].values()})
    parts: dict[str, Any] = {}
    for name, entry in manifest["parts"].items():
        path = root / entry["file"]
        content = _checked_content(path, entry)
        *groups, last = name.split("/")
        place = parts
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = decode(content, entry, path)
    return Artifact(folder=Path(folder), manifest=manifest, parts=parts)


def _flatten(parts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Parts in nested dicts as pairs of ``"outer/inner"`` and part."""
    for name, part in parts.items():
        if not isinstance(name, str) or not PART_NAME.fullmatch(name):
            raise ValueError(
                f"parts: {prefix}{name!r} is not a name; use letters, digits, '_', '-' and '.'"
            )
        if kind_of_part(part) == "group":
            yield from _flatten(part, f"{prefix}{name}/")
        else:
            yield prefix + name, part


def _plain(value: Any, where: str) -> Any:
    """The value as JSON holds it; an error names the place of what JSON cannot hold."""
    import numpy as np

    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{where}: key {key!r} is not a str, and JSON would make it one")
        return {key: _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    raise TypeError(
        f"{where}: {type(value).__name__} has no JSON form; arrays and models belong in parts"
    )


def _versions(kind: str, kinds_of_parts: set[str]) -> dict[str, str]:
    names = {"decan-core", "numpy", *(n for k in kinds_of_parts for n in DEPENDENCIES[k])}
    package, _, rest = kind.partition(".")
    if package == "decan" and not rest.startswith("core."):
        names.add("decan-" + rest.split(".")[0].replace("_", "-"))
    found = {"python": platform.python_version()}
    for name in sorted(names):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # a class of a library that is run without being installed
    return found


def _sealed(manifest: dict[str, Any]) -> bytes:
    """The manifest's text, ending with the SHA-256 of all that stands before it.

    There is one text for one content, so that :func:`_checked_manifest` can compare bytes.
    """
    content = {key: value for key, value in manifest.items() if key != "sha256"}
    text = json.dumps(content, indent=2, ensure_ascii=False)
    seal = hashlib.sha256(text.encode()).hexdigest()
    return (json.dumps({**content, "sha256": seal}, indent=2, ensure_ascii=False) + "\n").encode()


def _checked_manifest(path: Path) -> dict[str, Any]:
    """The manifest, if it is byte for byte what :func:`save` wrote.

    The seal is looked at before the format version and must stay as it is in later formats.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise IntegrityError(f"{path}: missing, so this is no artifact") from error
    try:
        manifest = json.loads(content.decode())
        intact = isinstance(manifest, dict) and _sealed(manifest) == content
    except (ValueError, RecursionError):
        intact = False
    if not intact:
        raise IntegrityError(f"{path}: changed or truncated since it was written; save it again")
    if type(manifest.get("format")) is int and manifest["format"] > FORMAT:
        return manifest
    _check_layout(manifest, path)
    return manifest


def _check_layout(manifest: dict[str, Any], path: Path) -> None:
    """Refuse a manifest with a valid seal that :func:`save` cannot have written."""
    dicts = ("versions", "settings", "metrics", "training", "parts")
    sound = (
        manifest.get("format") == FORMAT
        and isinstance(manifest.get("kind"), str)
        and all(isinstance(manifest.get(key), dict) for key in dicts)
    )
    if not sound:
        raise IntegrityError(f"{path}: not a manifest of format {FORMAT}")
    for name, entry in manifest["parts"].items():
        # The file follows from name and type, so that it can never lead out of the folder.
        sound = (
            all(PART_NAME.fullmatch(piece) for piece in name.split("/"))
            and isinstance(entry, dict)
            and entry.get("type") in SUFFIXES
            and entry.get("file") == name + SUFFIXES[entry["type"]]
            and isinstance(entry.get("sha256"), str)
            and type(entry.get("size")) is int
            and not any(name.startswith(other + "/") for other in manifest["parts"])
        )
        if not sound:
            raise IntegrityError(f"{path}: the entry of part {name!r} is malformed")


def _checked_content(path: Path, entry: dict[str, Any]) -> bytes:
    """The bytes of a part; they are hashed and decoded from one reading."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise IntegrityError(f"{path}: missing, the manifest promises it") from error
    if len(content) != entry["size"]:
        raise IntegrityError(f"{path}: {len(content)} bytes, the manifest says {entry['size']}")
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise IntegrityError(f"{path}: SHA-256 differs from the manifest")
    return content


def _refuse_extra_files(root: Path, promised: set[str]) -> None:
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        hidden = any(piece.startswith(".") for piece in relative.parts)
        known = relative.as_posix() in promised | {MANIFEST}
        if not (hidden or known or path.is_dir()):
            raise IntegrityError(f"{path}: not in the manifest; remove it or save again")


def _refuse_foreign(target: Path) -> None:
    """Never replace a folder that is not ours to replace."""
    if not target.exists() or (target / MANIFEST).is_file():
        return
    if not target.is_dir() or any(target.iterdir()):
        raise ValueError(f"{target}: exists and is no artifact; choose another folder")


def _previous(target: Path) -> Path:
    return target.with_name(f".{target.name}.previous")


def _move_into_place(staging: Path, target: Path) -> None:
    """Swap folders by two moves; :func:`load` knows what a cut between them leaves."""
    previous = _previous(target)
    umask = os.umask(0)
    os.umask(umask)
    staging.chmod(0o777 & ~umask)
    if target.exists():
        shutil.rmtree(previous, ignore_errors=True)
        target.rename(previous)
    try:
        staging.rename(target)
    except BaseException:
        if previous.exists():
            previous.rename(target)
        raise
    shutil.rmtree(previous, ignore_errors=True)
