"""Objects that can be saved, loaded, and loaded with the weights that a library ships."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, ClassVar, Self

from . import artifacts
from .errors import DataNotAvailable

__all__ = ["Saved"]


class Saved:
    """Gives an object ``save``, ``load`` and ``pretrained``, from what it says of itself.

    A subclass writes ``_state``, which gives settings and parts as
    :func:`decan.core.artifacts.save` takes them, and ``_from_state``, which makes the
    object again. Where the library ships weights for it, ``_shipped`` names their folder
    below the library's ``weights``.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> class Shift(Saved):
    ...     def __init__(self, by):
    ...         self.by_ = np.asarray(by)
    ...     def _state(self):
    ...         return {}, {"fitted": {"by": self.by_}}
    ...     @classmethod
    ...     def _from_state(cls, settings, parts):
    ...         return cls(parts["fitted"]["by"])
    >>> folder = Shift([1.0, 2.0]).save(Path(tempfile.mkdtemp()) / "shift", metrics={"bias": 0.1})
    >>> again = Shift.load(folder)
    >>> again.by_, again.manifest_["metrics"]
    (array([1., 2.]), {'bias': 0.1})
    """

    _shipped: ClassVar[str] = ""
    manifest_: dict[str, Any]

    def save(
        self,
        folder: str | os.PathLike[str],
        *,
        metrics: Mapping[str, Any] | None = None,
        training: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write the fitted object as an artifact, whole or not at all.

        Parameters
        ----------
        folder : path-like
            Where it goes. An artifact that was there is replaced as a whole.
        metrics, training : mapping, optional
            How well it does and how it was made, for the manifest; see
            :func:`decan.core.artifacts.save`.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        TypeError
            If a setting has no JSON form (give ``random_state`` as a number).
        """
        settings, parts = self._state()
        return artifacts.save(
            folder,
            kind=self._kind(),
            settings=settings,
            parts=parts,
            metrics=metrics,
            training=training,
        )

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Read an object that ``save`` wrote; every byte is checked and nothing executed.

        Parameters
        ----------
        folder : path-like
            The artifact, of this very class.

        Returns
        -------
        Self
            The object; what the manifest says of data, metrics and versions is its
            attribute ``manifest_``.

        Raises
        ------
        DataNotAvailable
            If there is no such folder.
        IntegrityError
            If a file is missing or changed.
        SchemaError
            If the artifact is of another class.
        """
        artifact = artifacts.load(folder, kind=cls._kind())
        found = cls._from_state(artifact.settings, artifact.parts)
        found.manifest_ = artifact.manifest
        return found

    @classmethod
    def pretrained(cls, name: str | None = None) -> Self:
        """The object with the weights that the library ships.

        Parameters
        ----------
        name : str, optional
            Which, where several are shipped: a folder below the library's ``weights``.

        Returns
        -------
        Self
            As ``load`` gives it; ``manifest_["training"]`` says on what it was trained,
            ``manifest_["metrics"]`` how well it does.

        Raises
        ------
        DataNotAvailable
            If no such weights are shipped for this class.
        """
        if not cls._shipped:
            raise DataNotAvailable(f"no weights are shipped for {cls._kind()}; fit it")
        library = ".".join(cls.__module__.split(".")[:2])
        with as_file(files(library) / "weights" / (name or cls._shipped)) as folder:
            return cls.load(folder)

    @classmethod
    def _kind(cls) -> str:
        """The public name: ``decan.<library>.<Class>``, however the rooms are cut."""
        module = cls.__module__.split(".")
        place = module[:2] if module[0] == "decan" else module
        return ".".join([*place, cls.__qualname__])

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        raise NotImplementedError(f"{type(self).__name__} must define _state")

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> Self:
        raise NotImplementedError(f"{cls.__name__} must define _from_state")
