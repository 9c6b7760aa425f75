"""Settings that make no sense, and training that broke: said once, clearly."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from decan.core.errors import TrainingDiverged

from .schedule import SCHEDULES
from .step import PRECISIONS

__all__ = ["check_settings", "divergence"]

_ROWS_NAMED = 8


def check_settings(
    *,
    epochs: int,
    batch_size: int,
    schedule: str,
    validation: bool,
    ema: float | None,
    patience: int | None,
    accumulate: int,
    precision: str,
) -> None:
    """Refuse settings that make no sense, before anything is moved or written.

    Parameters
    ----------
    epochs, batch_size, schedule, ema, patience, accumulate, precision
        As in :func:`decan.core.training.fit`.
    validation : bool
        Whether there are validation data.

    Raises
    ------
    ValueError
        Names the argument, what was found and what was expected.

    Examples
    --------
    >>> check_settings(epochs=0, batch_size=1, schedule="constant", validation=False, ema=None,
    ...                patience=None, accumulate=1, precision="float32")
    Traceback (most recent call last):
    ValueError: epochs=0: expected at least 1
    """
    counts = {"epochs": epochs, "batch_size": batch_size, "accumulate": accumulate}
    if patience is not None:
        counts["patience"] = patience
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name}={value}: expected at least 1")
    choices = {"schedule": (schedule, SCHEDULES), "precision": (precision, tuple(PRECISIONS))}
    for name, (word, known) in choices.items():
        if word not in known:
            raise ValueError(f"{name}={word!r}: expected one of {', '.join(known)}")
    if ema is not None and not 0 < ema < 1:
        raise ValueError(f"ema={ema}: expected a decay between 0 and 1")
    if patience is not None and not validation:
        raise ValueError("patience: needs validation data to watch")


def divergence(
    what: str,
    place: str,
    rows: Tensor | None,
    tensors: list[Tensor],
    path: Path | None,
    saved_step: int | None,
) -> TrainingDiverged:
    """The error that says where training broke, and why if the data show it.

    Parameters
    ----------
    what, place : str
        What happened, and at which step.
    rows : torch.Tensor of int64, optional
        Rows of the batch.
    tensors : list of torch.Tensor
        The data, searched for numbers that are not finite.
    path : pathlib.Path, optional
        The checkpoint file.
    saved_step : int, optional
        Steps done when it was last written.

    Returns
    -------
    TrainingDiverged
        To be raised.

    Examples
    --------
    >>> str(divergence("loss became nan", "step 3", None, [], None, None))
    'loss became nan at step 3. No checkpoint was kept: pass checkpoint=... to have one.'
    """
    text = f"{what} at {place}"
    if rows is not None:
        bad = torch.zeros(len(rows), dtype=torch.bool)
        for tensor in tensors:
            values = tensor[rows.to(tensor.device)].flatten(1) if tensor.ndim > 1 else tensor[rows]
            flags = ~torch.isfinite(values)
            bad |= (flags.any(1) if flags.ndim > 1 else flags).cpu()
        text += f", rows {_listed(rows)}"
        if bad.any():
            text += f"; the data are NaN or infinite in rows {_listed(rows[bad])}"
        else:
            text += "; the data there are finite, so try a lower learning rate or clip"
    if path is None:
        text += ". No checkpoint was kept: pass checkpoint=... to have one."
    elif saved_step is None:
        text += f". No good checkpoint had been written to {path} yet."
    else:
        text += f". Last good checkpoint: {path} (after step {saved_step})."
    return TrainingDiverged(text)


def _listed(rows: Tensor) -> str:
    named = ", ".join(str(row) for row in rows[:_ROWS_NAMED].tolist())
    more = len(rows) - _ROWS_NAMED
    return named if more <= 0 else f"{named} and {more} more"
