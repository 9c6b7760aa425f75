"""Running an experiment: what it may ask for, what it records, and how it ends."""

from __future__ import annotations

import inspect
import math
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DataNotAvailable, DecanError
from ..files import replacing
from .claims import Claim, Measurement, Provenance
from .result import RESULT_FILE, Figure, Result, Table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ..library import Library

__all__ = ["PRESETS", "Experiment", "Run", "experiment", "reproduce"]

PRESETS = ("quick", "standard", "paper")
"""Sizes of a run: at most two minutes a library, at most an hour, the paper's own."""

_VERSIONS = ("decan-core", "numpy", "pandas", "scipy", "scikit-learn", "torch", "astropy")


@dataclass(frozen=True)
class Experiment:
    """One experiment of a library; made by the decorator :func:`experiment`.

    Examples
    --------
    >>> @experiment(title="Nothing at all")
    ... def nothing(run):
    ...     '''Records nothing.'''
    >>> nothing.name, nothing.description
    ('nothing', 'Records nothing.')
    """

    name: str
    title: str
    description: str
    function: Callable[[Run], None]
    claims: tuple[Claim, ...] = ()
    data: tuple[str, ...] = ()
    presets: tuple[str, ...] = PRESETS
    tour: bool = False


def experiment(
    *,
    title: str,
    claims: Sequence[Claim] = (),
    data: Sequence[str] = (),
    presets: Sequence[str] = PRESETS,
    tour: bool = False,
) -> Callable[[Callable[[Run], None]], Experiment]:
    """Turn a function of a :class:`Run` into an experiment of its library.

    The function's name is the experiment's name, its docstring the description
    in the report.

    Parameters
    ----------
    title : str
        What the reader reads above it.
    claims : sequence of Claim
        Published values and goals of the metrics that it records.
    data : sequence of str
        Data sets it uses, by their names in the library's registry.
    presets : sequence of str
        The presets in which it runs; in the others it is left out.
    tour : bool
        Whether it is the library's entry in ``decan tour``: its main job with
        shipped weights in at most 20 seconds.

    Returns
    -------
    callable
        A decorator that gives an :class:`Experiment`.

    Examples
    --------
    >>> @experiment(title="Is pi above three?", claims=[Claim("pi", 3.14, source="Archimedes")])
    ... def circle(run):
    ...     '''Measures a circle.'''
    ...     run.record("pi", 3.1416, provenance=Provenance.SIMULATED, n=1)
    >>> circle.title
    'Is pi above three?'
    """

    def decorate(function: Callable[[Run], None]) -> Experiment:
        return Experiment(
            name=function.__name__.replace("_", "-"),
            title=title,
            description=inspect.cleandoc(function.__doc__ or ""),
            function=function,
            claims=tuple(claims),
            data=tuple(data),
            presets=tuple(presets),
            tour=tour,
        )

    return decorate


@dataclass
class Run:
    """What an experiment sees while it runs: its settings, its data, its record.

    Attributes
    ----------
    preset : {'quick', 'standard', 'paper'}
        Size of the run.
    seed : int
        Together with the preset, all that is needed to repeat it.
    folder : pathlib.Path
        A folder of its own, for checkpoints and for what it writes.

    Examples
    --------
    >>> import typer
    >>> from decan.core.library import Library
    >>> library = Library("transits", "Vetting", "", "", typer.Typer())
    >>> run = Run(library, Result("transits", "toy", "Toy", "", "quick", 7))
    >>> run.record("share", 0.25, provenance=Provenance.SIMULATED, n=40)
    >>> run.preset, run.result.measurements[0].value
    ('quick', 0.25)
    """

    library: Library
    result: Result
    _made_rng: Any = field(default=None, repr=False)

    @property
    def preset(self) -> str:
        """Size of the run: 'quick', 'standard' or 'paper'."""
        return self.result.preset

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.result.seed

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        return self.result.folder

    @property
    def rng(self) -> np.random.Generator:
        """The run's random generator, seeded once with ``seed``."""
        if self._made_rng is None:
            import numpy as np

            self._made_rng = np.random.default_rng(self.seed)
        generator: np.random.Generator = self._made_rng
        return generator

    def has(self, name: str) -> bool:
        """Whether a data set is at hand without the network."""
        try:
            return self.library.datasets().where(name) is not None
        except DecanError:
            return False

    def load(self, name: str, *, provenance: Provenance = Provenance.REAL) -> Any:
        """Load a data set of the library, and write down that it was used.

        Parameters
        ----------
        name : str
            Name in the library's registry.
        provenance : Provenance
            What kind of data it holds.

        Returns
        -------
        object
            What the data set's reader gives.

        Raises
        ------
        DataNotAvailable
            If it can be had from nowhere; the run then ends as 'unavailable'.
        """
        registry = self.library.datasets()
        loaded = registry.load(name)
        dataset = registry[name]
        self.used(
            dataset.title,
            provenance=provenance,
            n=len(loaded) if hasattr(loaded, "__len__") else None,
            dataset=name,
            licence=dataset.licence,
            citation=dataset.citation,
        )
        return loaded

    def used(
        self, title: str, *, provenance: Provenance, n: int | None = None, **details: str
    ) -> None:
        """Write down what went in.

        Parameters
        ----------
        title : str
            What it is, in words.
        provenance : Provenance
            Real, simulated or mixed.
        n : int, optional
            How many objects.
        **details : str
            Whatever else identifies it (data set, licence, citation).
        """
        row = {"title": title, "provenance": str(provenance), "n": n, **details}
        if row not in self.result.inputs:
            self.result.inputs.append(row)

    def record(
        self,
        metric: str,
        value: Any,
        *,
        provenance: Provenance,
        n: int | None = None,
        unit: str = "",
        note: str = "",
    ) -> None:
        """Record a measured value.

        Parameters
        ----------
        metric : str
            Its name, the same as in the claim about it.
        value : float or Estimate
            The value, or an estimate with ``value``, ``low``, ``high`` and ``n``.
        provenance : Provenance
            Where the data behind it come from.
        n : int, optional
            How many objects it rests on; taken from an estimate.
        unit : str
            Its unit.
        note : str
            What a reader must know beside it.

        Raises
        ------
        ValueError
            If ``n`` is not known, or the metric was recorded before.
        """
        size = n if n is not None else getattr(value, "n", None)
        if size is None:
            raise ValueError(f"record({metric!r}): say how many objects it rests on, n=...")
        if any(metric == known.metric for known in self.result.measurements):
            raise ValueError(f"record({metric!r}): recorded before in this run")
        self.result.measurements.append(
            Measurement(
                metric=metric,
                value=float(getattr(value, "value", value)),
                low=float(getattr(value, "low", math.nan)),
                high=float(getattr(value, "high", math.nan)),
                n=int(size),
                provenance=Provenance(provenance),
                unit=unit,
                note=note,
            )
        )

    def figure(self, name: str, drawing: Any, *, caption: str) -> None:
        """Keep a drawing as PNG, with the caption that the report shows.

        Parameters
        ----------
        name : str
            Short name, also of the file.
        drawing : Axes, array of Axes or Figure
            What a plot function returned; it is closed.
        caption : str
            What the reader should see in it; also its description for screen readers.
        """
        from ..plotting import to_png

        file = f"{name}.png"
        with replacing(self.folder / file) as path:
            path.write_bytes(to_png(drawing))
        self.result.figures.append(Figure(name, file, caption))

    def table(self, name: str, frame: pd.DataFrame, *, caption: str) -> None:
        """Keep a table as CSV, with the caption that the report shows.

        Parameters
        ----------
        name : str
            Short name, also of the file.
        frame : pandas.DataFrame
            The table; its index is left out.
        caption : str
            What it holds.
        """
        file = f"{name}.csv"
        with replacing(self.folder / file) as path:
            frame.to_csv(path, index=False)
        self.result.tables.append(Table(name, file, caption))

    def note(self, text: str) -> None:
        """Add a sentence that the report shows under the results."""
        self.result.notes.append(text)


def reproduce(
    library: Library,
    selected: Mapping[str, Experiment],
    out: Path,
    *,
    preset: str = "quick",
    seed: int = 0,
    resume: bool = False,
    started: Callable[[Experiment], None] = lambda experiment: None,
    debug: bool = False,
) -> list[Result]:
    """Run experiments one after the other; one that fails does not stop the rest.

    Parameters
    ----------
    library : Library
        Whose experiments they are.
    selected : mapping of str to Experiment
        Which to run, in this order.
    out : path-like
        Folder for the results: ``out/<library>/<experiment>/``.
    preset : {'quick', 'standard', 'paper'}
        Size of the runs.
    seed : int
        Seed of every run.
    resume : bool
        Keep what an earlier call finished with the same preset, seed and version.
    started : callable
        Called with each experiment before it starts.
    debug : bool
        Raise the first error instead of recording it.

    Returns
    -------
    list of Result
        One for each experiment that belongs to the preset.

    Raises
    ------
    DecanError
        If the preset is not known.

    Examples
    --------
    >>> import tempfile, typer
    >>> from decan.core.library import Library
    >>> @experiment(title="Seven")
    ... def seven(run):
    ...     '''Records a seven.'''
    ...     run.record("seven", 7, provenance=Provenance.SIMULATED, n=1)
    >>> library = Library("transits", "Vetting", "", "", typer.Typer())
    >>> [result] = reproduce(library, {"seven": seven}, Path(tempfile.mkdtemp()))
    >>> result.status, result.measurements[0].value
    ('done', 7.0)
    """
    if preset not in PRESETS:
        raise DecanError(f"preset '{preset}' is not known; there are {', '.join(PRESETS)}")
    results = []
    for one in selected.values():
        if preset not in one.presets:
            continue
        started(one)
        result = _fresh(library, one, Path(out), preset, seed)
        kept = _finished(result) if resume else None
        results.append(kept or _run(library, one, result, debug))
    return results


def _fresh(library: Library, one: Experiment, out: Path, preset: str, seed: int) -> Result:
    versions = {"python": platform.python_version()}
    for name in (f"decan-{library.name}", *_VERSIONS):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return Result(
        library=library.name,
        experiment=one.name,
        title=one.title,
        description=one.description,
        preset=preset,
        seed=seed,
        versions=versions,
        claims=list(one.claims),
        folder=out / library.name / one.name,
    )


def _finished(result: Result) -> Result | None:
    """The result of an earlier run of the same settings, if that run came to its end."""
    if not (result.folder / RESULT_FILE).exists():
        return None
    try:
        earlier = Result.load(result.folder)
    except DecanError:
        return None
    same = (earlier.preset, earlier.seed, earlier.versions, earlier.claims) == (
        result.preset,
        result.seed,
        result.versions,
        result.claims,
    )
    return earlier if same and earlier.status == "done" else None


def _run(library: Library, one: Experiment, result: Result, debug: bool) -> Result:
    result.folder.mkdir(parents=True, exist_ok=True)
    begin = time.perf_counter()
    try:
        one.function(Run(library, result))
        result.status = "done"
    except DataNotAvailable as error:
        result.status, result.message = "unavailable", str(error)
        if debug:
            raise
    except Exception as error:  # the others still run; the record and the exit code say so
        result.status, result.message = "failed", f"{type(error).__name__}: {error}"
        if debug:
            raise
    result.seconds = round(time.perf_counter() - begin, 3)
    result.save()
    return result
