"""The command ``decan``: list, tour, reproduce, report, scoreboard, data, and the libraries' own.

Exit codes: 0 all well; 1 an error, or an experiment that failed; 2 a command that
was typed wrongly; 3 data that could not be had; 130 interrupted.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._version import __version__
from .errors import DataNotAvailable, DecanError
from .library import HOUSE, Library, find_library, installed_libraries

if TYPE_CHECKING:
    from .experiment import Experiment, Result

__all__ = ["build_app", "main"]

EXIT_ERROR, EXIT_NO_DATA, EXIT_INTERRUPTED = 1, 3, 130

_DEBUG = False

Out = Annotated[Path, typer.Option(help="Folder for the results.")]
Preset = Annotated[
    str, typer.Option(help="quick (minutes), standard (an hour) or paper (the paper's full size).")
]
Seed = Annotated[int, typer.Option(help="Seed of every run.")]
Only = Annotated[list[str], typer.Option(help="Run only this experiment; may be repeated.")]
Resume = Annotated[bool, typer.Option("--resume", help="Keep what an earlier run finished.")]
Name = Annotated[str, typer.Argument(help="Short name of a library, with hyphens.")]


def main() -> None:
    """Run the command line; an error or a warning is one line, ``--debug`` shows where.

    Examples
    --------
    >>> import subprocess, sys
    >>> subprocess.run([sys.executable, "-m", "decan.core.cli", "--version"]).returncode
    0
    """
    global _DEBUG
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    _DEBUG = len(arguments) < len(sys.argv) - 1
    if not _DEBUG:
        warnings.showwarning = _say_warning
    try:
        build_app()(arguments, prog_name="decan")
    except DecanError as error:
        if _DEBUG:
            raise
        _say_error(str(error))
        sys.exit(EXIT_NO_DATA if isinstance(error, DataNotAvailable) else EXIT_ERROR)
    except SystemExit as ended:
        if ended.code == EXIT_INTERRUPTED:  # Typer's own answer to Ctrl-C, without a word
            _say_error("interrupted; what was finished is kept")
        raise
    except (ValueError, OSError, ArithmeticError, RuntimeError) as error:
        if _DEBUG:
            raise
        _say_error(f"{error} ({type(error).__name__}; --debug shows where)")
        sys.exit(EXIT_ERROR)


def build_app() -> typer.Typer:
    """The Typer application with the commands of the house and of every installed library.

    Returns
    -------
    typer.Typer

    Examples
    --------
    >>> build_app().info.name
    'decan'
    """
    app = typer.Typer(
        name="decan",
        help="Ten research libraries of astrophysics machine learning. "
        "'--debug' anywhere shows the full trace of an error.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    app.command("list")(_list)
    app.command("tour")(_tour)
    app.command("reproduce")(_reproduce)
    app.command("report")(_report)
    app.command("scoreboard")(_scoreboard)
    data = typer.Typer(help="Data sets: what there is, where it lies, and fetching it.")
    data.command("list")(_data_list)
    data.command("where")(_data_where)
    data.command("fetch")(_data_fetch)
    app.add_typer(data, name="data", no_args_is_help=True)
    for name, library in installed_libraries().items():
        app.add_typer(library.commands, name=name, help=library.title, no_args_is_help=True)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"decan {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say it.")
    ] = False,
) -> None:
    """Hold the options that stand before every command."""


def _list() -> None:
    """List the ten libraries and which of them are installed here."""
    installed = installed_libraries()
    for name in HOUSE:
        if name in installed:
            typer.echo(f"{name:18} {installed[name].title}")
        else:
            typer.secho(f"{name:18} not installed: pip install decan-{name}", dim=True)


def _tour(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[LIBRARY]...", help="All that are installed.")
    ] = None,
    out: Out = Path("decan-tour"),
    seed: Seed = 0,
) -> None:
    """Let each library do its main job once, and show all of it on one page."""
    from .experiment import reproduce
    from .report import tour_page

    chosen = [find_library(name) for name in names] if names else _all_installed()
    entries: list[tuple[Library, Result]] = []
    for library in chosen:
        tours = {key: one for key, one in library.experiments().items() if one.tour}
        entries += [
            (library, result)
            for result in reproduce(
                library, tours, out, seed=seed, started=_announcer(library), debug=_DEBUG
            )
        ]
        for _, result in entries[-len(tours) :]:
            _outcome(result)
    page = tour_page(entries).save(out / "index.html")
    typer.echo(f"\nThe page: {page.resolve()}")
    _exit_by([result for _, result in entries])


def _reproduce(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[LIBRARY]...", help="Libraries to run.")
    ] = None,
    preset: Preset = "quick",
    only: Only = [],  # noqa: B006 - Typer copies it
    out: Out = Path("decan-results"),
    resume: Resume = False,
    seed: Seed = 0,
    everything: Annotated[bool, typer.Option("--all", help="Every installed library.")] = False,
) -> None:
    """Repeat the experiments of a paper, and compare with what was published."""
    from .experiment import reproduce

    if everything == bool(names):
        raise typer.BadParameter("name the libraries to run, or say --all")
    results: list[Result] = []
    for library in _all_installed() if everything else [find_library(name) for name in names or []]:
        selected = _selected(library, only)
        results += reproduce(
            library,
            selected,
            out,
            preset=preset,
            seed=seed,
            resume=resume,
            started=_announcer(library),
            debug=_DEBUG,
        )
    _print_scoreboard(results)
    for result in results:
        if result.status != "done":
            _outcome(result)
    typer.echo(f"\nResults: {out.resolve()}  (decan report {out})")
    _exit_by(results)


def _report(
    folder: Annotated[Path, typer.Argument(help="What 'decan reproduce --out' wrote.")],
    out: Annotated[
        Path | None, typer.Option(help="The HTML file; FOLDER/report.html by default.")
    ] = None,
) -> None:
    """Write the results in a folder as one self-contained HTML file."""
    from .experiment import read_results
    from .report import results_page

    results = read_results(folder)
    names = ", ".join(dict.fromkeys(result.library for result in results))
    page = results_page(results, f"decan: {names}").save(out or folder / "report.html")
    typer.echo(f"The page: {page.resolve()}")


def _scoreboard(
    folder: Annotated[Path, typer.Argument(help="What 'decan reproduce --out' wrote.")],
    repository: Annotated[Path, typer.Option(help="Root of a checkout.")] = Path(),
) -> None:
    """Publish results into docs/scoreboard and the README of a checkout."""
    from .report import publish

    for name in publish(folder, repository):
        typer.echo(f"published {name}")


def _data_list(name: Name) -> None:
    """List the data sets of a library."""
    registry = find_library(name).datasets()
    for key in registry.names():
        dataset = registry[key]
        size = sum(file.size for file in dataset.files) / 1e6
        typer.echo(f"{key:34} {size:8.2f} MB  {dataset.title}  [{dataset.licence}]")


def _data_where(name: Name, dataset: Annotated[str, typer.Argument()]) -> None:
    """Print where the files of a data set lie on this machine."""
    registry = find_library(name).datasets()
    paths = registry.where(dataset)
    if paths is None:
        raise DataNotAvailable(
            f"{dataset}: not on this machine; 'decan data fetch {name} {dataset}' gets it"
        )
    for path in paths if isinstance(paths, list) else [paths]:
        typer.echo(path)


def _data_fetch(
    name: Name,
    datasets: Annotated[
        list[str] | None, typer.Argument(metavar="[DATASET]...", help="All by default.")
    ] = None,
) -> None:
    """Fetch data sets of a library into the cache, checked by SHA-256."""
    registry = find_library(name).datasets()
    missed = []
    for key in datasets or registry.names():
        try:
            paths = registry.fetch(key)
        except DataNotAvailable as error:
            missed.append(key)
            _say_error(str(error))
            continue
        for path in paths if isinstance(paths, list) else [paths]:
            typer.echo(path)
    if missed:
        raise DataNotAvailable(f"{len(missed)} not available: {', '.join(missed)}")


def _all_installed() -> list[Library]:
    libraries = list(installed_libraries().values())
    if not libraries:
        raise DecanError(f"no library is installed; for example: pip install decan-{HOUSE[0]}")
    return libraries


def _selected(library: Library, only: list[str]) -> dict[str, Experiment]:
    experiments = library.experiments()
    unknown = [name for name in only if name not in experiments]
    if unknown:
        raise DecanError(
            f"{library.name} has no experiment '{unknown[0]}'; there are {', '.join(experiments)}"
        )
    return {key: one for key, one in experiments.items() if not only or key in only}


def _announcer(library: Library):  # type: ignore[no-untyped-def]
    begin = time.perf_counter()

    def announce(one: Experiment) -> None:
        passed = time.perf_counter() - begin
        typer.secho(f"[{passed:5.0f} s] {library.name} {one.name}: {one.title}", bold=True)

    return announce


def _outcome(result: Result) -> None:
    if result.status == "done":
        for measured in result.measurements:
            typer.echo(
                f"          {measured.metric}: {measured} "
                f"({measured.provenance}, n = {measured.n:,})"
            )
    else:
        _say_error(f"{result.library} {result.experiment}: {result.status}: {result.message}")


def _print_scoreboard(results: list[Result]) -> None:
    from rich.console import Console
    from rich.table import Table

    from .report import scoreboard_frame
    from .report.results import tone

    frame = scoreboard_frame(results).drop(columns=["headline", "preset"])
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for column in frame.columns:
        table.add_column(str(column), overflow="fold")
    colours = {"good": "green", "bad": "red", "": ""}
    for row in frame.astype(str).itertuples(index=False):
        table.add_row(*row[:-1], f"[{c}]{row[-1]}[/]" if (c := colours[tone(row[-1])]) else row[-1])
    console = Console()
    # A pipe has no width of its own: give every row one line there.
    Console(width=None if console.is_terminal else 200).print(table)


def _exit_by(results: list[Result]) -> None:
    statuses = {result.status for result in results}
    if "failed" in statuses:
        raise typer.Exit(EXIT_ERROR)
    if "unavailable" in statuses:
        raise typer.Exit(EXIT_NO_DATA)


def _say_error(message: str) -> None:
    typer.secho(f"decan: {message}", fg="red", err=True)


def _say_warning(message: Warning | str, *_: object, **__: object) -> None:
    typer.secho(f"decan: warning: {' '.join(str(message).split())}", fg="yellow", err=True)


if __name__ == "__main__":
    main()
