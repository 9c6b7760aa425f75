"""Batch archives of the field (RGC-Bent, RGZ 20k, MiraBest), read without trusting them.

They are Python pickles. A pickle can run any code when it is opened; here it may build
arrays, lists, dictionaries, strings and numbers, and is refused by name for anything else.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decan.core.errors import CorruptFile, IntegrityError
from decan.core.files import reading

__all__ = ["BATCH_ARCHIVES", "mirabest_name", "read_batches"]

BATCH_ARCHIVES = {
    "rgc-bent": (
        "https://zenodo.org/records/15505390/files/bent_batches.tar.gz?download=1",
        "b0f93db1d28dad0561da6f16243b1766",
    ),
    "rgz-20k": (
        "http://www.jb.man.ac.uk/research/ascaife/rgz20k-batches-python.tar.gz",
        "3a85fb4167fb08619e36e77bbba40896",
    ),
    "rgz-108k": (
        "http://www.jb.man.ac.uk/research/ascaife/rgz108k-batches-python.tar.gz",
        "3fef587aa2aa3ece3b01b125977ae19d",
    ),
    "mirabest-f": (
        "http://www.jb.man.ac.uk/research/MiraBest/MiraBest_F/MiraBest_F_batches.tar.gz",
        "7d4e3a623d29db7204bce81676ee8ce2",
    ),
    "mirabest-basic": (
        "http://www.jb.man.ac.uk/research/MiraBest/basic/MiraBest_basic_batches.tar.gz",
        "6c9a3e6ca3c0f3d27f9f6dca1b9730e1",
    ),
}
"""Address and published MD5 of the archives the paper and its predecessors used."""

_ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
    ("builtins", "bytearray"),
}


def read_batches(path: str | os.PathLike[str], *, md5: str | None = None) -> dict[str, Any]:
    """Images, labels and names of a batch archive, a folder of batches, or one batch.

    Parameters
    ----------
    path : path-like
        A ``.tar.gz`` archive, a folder with ``data_batch_*`` and ``test_batch``, or one of
        these files.
    md5 : str, optional
        Published MD5 of the file; another one is refused.

    Returns
    -------
    dict
        ``images`` (n, side, side) uint8, ``labels`` and ``filenames`` lists of str,
        ``batch`` the name of the batch of each row, and every other column as it is.

    Raises
    ------
    IntegrityError
        If the MD5 is another one.
    CorruptFile
        If a batch cannot be read, is not of this form, or wants to build an object of a
        class that has no business in it; the class is named.

    Examples
    --------
    >>> import pickle, tempfile
    >>> file = Path(tempfile.mkdtemp()) / "test_batch"
    >>> batch = {"data": np.zeros((2, 16), np.uint8), "labels": ["100", "200"],
    ...          "filenames": ["a", "b"]}
    >>> _ = file.write_bytes(pickle.dumps(batch))
    >>> read_batches(file)["images"].shape
    (2, 4, 4)
    """
    source = Path(path)
    if source.is_dir():
        members = [(p.name, p.read_bytes()) for p in sorted(source.iterdir()) if _wanted(p.name)]
    else:
        with reading(source, "batch archive"):
            _refuse_other(source, md5)
            members = _members(source)
    columns: dict[str, list[Any]] = {}
    images: list[NDArray[np.uint8]] = []
    for name, content in members:
        where = source.name if name == source.name else f"{source.name}/{name}"
        batch = _batch(where, content)
        stack = _images(where, batch.pop("data"))
        if images and stack.shape[1:] != images[0].shape[1:]:
            raise CorruptFile(
                f"{where}: images of {stack.shape[1]} px, expected {images[0].shape[1]} as in the "
                "other batches"
            )
        images.append(stack)
        columns.setdefault("batch", []).extend([name] * len(stack))
        for key, values in batch.items():
            if isinstance(values, list | tuple | np.ndarray) and np.shape(values)[:1] == (
                len(stack),
            ):
                columns.setdefault(key, []).extend(values)
    if not images:
        raise CorruptFile(f"{source}: no data_batch_* or test_batch in it")
    labels = [_text(label) for label in columns.pop("labels", [])]
    names = [_text(name) for name in columns.pop("filenames", [])]
    return {"images": np.concatenate(images), "labels": labels, "filenames": names, **columns}


def mirabest_name(filename: str) -> dict[str, float | str]:
    """Code, position, redshift and size out of a MiraBest file name.

    Parameters
    ----------
    filename : str
        Such as ``100_123.251+043.797_0.1281_0034.09.png``.

    Returns
    -------
    dict
        ``code``, ``ra`` and ``dec`` (degrees), ``z``, ``las_arcsec``.

    Raises
    ------
    ValueError
        If the name has another form.

    Examples
    --------
    >>> mirabest_name("200_009.001-00.250_0.1_0020.0.png")["dec"]
    -0.25
    """
    import re

    number = r"(\d+(?:\.\d+)?)"
    form = rf"(\d{{3}})_{number}([+-]{number})_{number}_{number}\.png"
    found = re.fullmatch(form, filename)
    if found is None:
        raise ValueError(f"filename: found {filename!r}, expected code_RA+DEC_z_LAS.png")
    code, ra, dec, _, z, las = found.groups()
    return {
        "code": code,
        "ra": float(ra),
        "dec": float(dec),
        "z": float(z),
        "las_arcsec": float(las),
    }


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"wants to build {module}.{name}")


def _refuse_other(source: Path, md5: str | None) -> None:
    if md5 is None:
        return
    found = hashlib.md5(source.read_bytes(), usedforsecurity=False).hexdigest()
    if found != md5:
        raise IntegrityError(f"{source}: MD5 {found}, expected {md5}; download it again")


def _wanted(name: str) -> bool:
    return name.startswith("data_batch") or name == "test_batch"


def _members(source: Path) -> list[tuple[str, bytes]]:
    if not tarfile.is_tarfile(source):
        return [(source.name, source.read_bytes())]
    found = []
    with tarfile.open(source) as archive:
        # Members are read in place; nothing is ever unpacked onto the disk.
        for member in sorted(archive.getmembers(), key=lambda one: one.name):
            stream = archive.extractfile(member) if _wanted(Path(member.name).name) else None
            if stream is not None:
                found.append((Path(member.name).name, stream.read()))
    return found


def _batch(where: str, content: bytes) -> dict[str, Any]:
    try:
        batch = _Restricted(io.BytesIO(content), encoding="latin1").load()
    except Exception as error:
        raise CorruptFile(f"{where}: refused, {error}") from error
    if not isinstance(batch, dict) or "data" not in batch:
        raise CorruptFile(
            f"{where}: expected a dictionary with 'data', found {type(batch).__name__}"
        )
    return batch


def _images(name: str, data: Any) -> NDArray[np.uint8]:
    stack = np.asarray(data)
    side = round(float(np.prod(stack.shape[1:])) ** 0.5)
    if stack.ndim < 2 or side * side != np.prod(stack.shape[1:]):
        raise CorruptFile(f"{name}: images of shape {stack.shape[1:]} are not square")
    return stack.reshape(len(stack), side, side).astype(np.uint8)


def _text(value: Any) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else str(value)
