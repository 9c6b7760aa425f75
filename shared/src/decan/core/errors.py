"""Errors that name what is wrong, where, and what to do about it.

Every error that a user can cause derives from :class:`DecanError`. The command
line prints them as one line without a traceback.
"""

from __future__ import annotations

__all__ = [
    "CorruptFile",
    "DataNotAvailable",
    "DecanError",
    "IntegrityError",
    "SchemaError",
    "TrainingDiverged",
]


class DecanError(Exception):
    """Base of every error that decan raises on purpose.

    Examples
    --------
    >>> issubclass(SchemaError, DecanError)
    True
    """


class DataNotAvailable(DecanError, FileNotFoundError):
    """A data set is neither at hand nor obtainable; the message says how to get it.

    Examples
    --------
    >>> str(DataNotAvailable("kepler_koi: no source answered; run 'decan data fetch transits'"))
    "kepler_koi: no source answered; run 'decan data fetch transits'"
    """


class CorruptFile(DecanError, OSError):
    """A file cannot be read as what its name promises: truncated, garbled or of another format.

    Examples
    --------
    >>> str(CorruptFile("koi.fits: truncated at byte 2880"))
    'koi.fits: truncated at byte 2880'
    """


class SchemaError(DecanError, ValueError):
    """A table or array lacks a column, or has the wrong unit, type or shape.

    Also a :class:`ValueError`, so that callers who know only Python catch it.

    Examples
    --------
    >>> issubclass(SchemaError, ValueError)
    True
    """


class IntegrityError(DecanError):
    """A file differs from the checksum that its registry or manifest promises.

    Examples
    --------
    >>> str(IntegrityError("model/weights.safetensors: SHA-256 differs from the manifest"))
    'model/weights.safetensors: SHA-256 differs from the manifest'
    """


class TrainingDiverged(DecanError, ArithmeticError):
    """The loss became NaN or infinite; the message names step, rows and last good checkpoint.

    Examples
    --------
    >>> issubclass(TrainingDiverged, ArithmeticError)
    True
    """
