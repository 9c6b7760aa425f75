"""Checkpoints: whole or not at all, loaded without executing anything, refused when foreign."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from decan.core.errors import CorruptFile
from decan.core.files import replacing

__all__ = ["how_to_go_on", "read_checkpoint", "shapes_of", "write_checkpoint"]

# What torch raises on files that are cut short, garbled, or hold other objects.
_UNREADABLE = (
    RuntimeError, EOFError, KeyError, TypeError, ValueError, OSError,
    pickle.UnpicklingError, zipfile.BadZipFile,
)  # fmt: skip


def write_checkpoint(path: Path, settings: dict[str, Any], state: dict[str, Any]) -> None:
    """Write a checkpoint beside the old one and move it into place.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    settings : dict
        What a run that resumes must share: plain strings, numbers and dicts.
    state : dict
        Tensors, numbers, strings, and lists and dicts of them.

    Raises
    ------
    OSError
        If the file cannot be written; the old one stays.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "run.pt"
    >>> write_checkpoint(path, {"epochs": 2}, {"step": 7})
    >>> read_checkpoint(path, {"epochs": 2}, torch.device("cpu"))["step"]
    7
    """
    with replacing(path) as temporary:
        torch.save({"settings": settings, "state": state}, temporary)


def read_checkpoint(path: Path, settings: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """State of a checkpoint, if it belongs to a run with the same settings.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    settings : dict
        Those of the run that wants to go on.
    device : torch.device
        Where the tensors are wanted.

    Returns
    -------
    dict
        What :func:`write_checkpoint` was given as ``state``.

    Raises
    ------
    CorruptFile
        If the file is no checkpoint, or damaged.
    ValueError
        If the settings differ; the message names the first that does.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "run.pt"
    >>> write_checkpoint(path, {"epochs": 2}, {"step": 7})
    >>> read_checkpoint(path, {"epochs": 3}, torch.device("cpu"))
    Traceback (most recent call last):
    ValueError: run.pt: checkpoint of another run: epochs is 2 there and 3 here. ...
    """
    with path.open("rb") as handle:
        try:
            content = torch.load(handle, map_location=device, weights_only=True)
            theirs, state = content["settings"], content["state"]
        except _UNREADABLE as error:
            raise CorruptFile(
                f"{path}: not a readable checkpoint ({type(error).__name__}); "
                "delete it, or pass resume=False to start again"
            ) from error
    for name, (there, here) in _differences(theirs, settings):
        raise ValueError(
            f"{path.name}: checkpoint of another run: {name} is {there} there and {here} here. "
            "Use another checkpoint path, or pass resume=False to start again"
        )
    return dict(state)


def _differences(
    theirs: dict[str, Any], ours: dict[str, Any], prefix: str = ""
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name in [*theirs, *(name for name in ours if name not in theirs)]:
        there, here = theirs.get(name, "absent"), ours.get(name, "absent")
        if isinstance(there, dict) and isinstance(here, dict):
            yield from _differences(there, here, f"{prefix}{name}.")
        elif there != here:
            yield prefix + name, (there, here)


def shapes_of(tensors: dict[str, torch.Tensor], *, rows: bool = True) -> dict[str, str]:
    """Names, types and shapes of tensors, to recognise a model or data set by.

    Parameters
    ----------
    tensors : dict of torch.Tensor
        By name.
    rows : bool
        Whether the first dimension counts.

    Returns
    -------
    dict of str
        Such as ``{"weight": "float32 (64, 20)"}``.

    Examples
    --------
    >>> shapes_of({"x": torch.zeros(3, 2)})
    {'x': 'float32 (3, 2)'}
    """
    return {
        name: f"{str(t.dtype).removeprefix('torch.')} {tuple(t.shape[0 if rows else 1 :])}"
        for name, t in tensors.items()
    }


def how_to_go_on(path: Path | None, step: int) -> str:
    """Line to print when a run is interrupted.

    Parameters
    ----------
    path : pathlib.Path, optional
        The checkpoint that was just written.
    step : int
        Steps done.

    Returns
    -------
    str
        What was done and what to do.

    Examples
    --------
    >>> how_to_go_on(Path("run.pt"), 7)
    'Interrupted after step 7, saved in run.pt. Run the same call again to go on.'
    """
    if path is None:
        return f"Interrupted after step {step}; no checkpoint was kept (pass checkpoint=...)."
    return f"Interrupted after step {step}, saved in {path}. Run the same call again to go on."
