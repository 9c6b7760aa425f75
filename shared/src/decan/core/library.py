"""The libraries of the house that are installed here, found by their entry point."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from .errors import DecanError

if TYPE_CHECKING:
    import typer

    from .data.registry import Registry
    from .experiment import Experiment

__all__ = ["HOUSE", "Library", "find_library", "installed_libraries"]

HOUSE = (
    "transits",
    "astrochem",
    "gaia-variables",
    "latent-tension",
    "gcm-emulator",
    "planetary-systems",
    "radio-agn",
    "xray-spectra",
    "stellar-mass",
    "pulx",
)
"""Short names of the ten libraries, in the order of the house."""


@dataclass(frozen=True)
class Library:
    """What a library tells the house about itself, in its ``commands.py``.

    Its experiments and data sets are looked up in its rooms ``experiments`` and
    ``archive`` and only when they are asked for, so that ``decan list`` stays light.

    Parameters
    ----------
    name : str
        Short name with hyphens, as commands take it.
    title : str
        What the library does, in half a line.
    paper : str
        The paper's citation.
    try_it : str
        The one line to type for one's own data.
    commands : typer.Typer
        The library's own commands.

    Examples
    --------
    >>> import typer
    >>> library = Library("transits", "Vetting", "A et al.", "decan transits vet F", typer.Typer())
    >>> library.module
    'decan.transits'
    """

    name: str
    title: str
    paper: str
    try_it: str
    commands: typer.Typer

    @property
    def module(self) -> str:
        """Import name of the library."""
        return "decan." + self.name.replace("-", "_")

    def datasets(self) -> Registry:
        """The library's data sets by name."""
        registry: Registry = importlib.import_module(f"{self.module}.archive").DATASETS
        return registry

    def experiments(self) -> dict[str, Experiment]:
        """The library's experiments by name, in the order in which they are written."""
        from .experiment import Experiment

        room = importlib.import_module(f"{self.module}.experiments")
        found = [value for value in vars(room).values() if isinstance(value, Experiment)]
        return {experiment.name: experiment for experiment in found}


def installed_libraries() -> dict[str, Library]:
    """The installed libraries by name, in the order of the house.

    Returns
    -------
    dict of str to Library

    Examples
    --------
    >>> all(name in HOUSE for name in installed_libraries())
    True
    """
    points = {point.name: point for point in entry_points(group="decan.libraries")}
    return {name: points[name].load() for name in HOUSE if name in points}


def find_library(name: str) -> Library:
    """The installed library of this name.

    Parameters
    ----------
    name : str
        Short name with hyphens.

    Returns
    -------
    Library

    Raises
    ------
    DecanError
        If no library has this name, or it is not installed; the message says which.

    Examples
    --------
    >>> find_library("transit")
    Traceback (most recent call last):
    ...
    decan.core.errors.DecanError: no library is called 'transit'; did you mean 'transits'?
    """
    libraries = installed_libraries()
    if name in libraries:
        return libraries[name]
    if name in HOUSE:
        raise DecanError(f"decan-{name} is not installed: pip install decan-{name}")
    near = get_close_matches(name, HOUSE, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(HOUSE)}"
    raise DecanError(f"no library is called '{name}'; {hint}")
