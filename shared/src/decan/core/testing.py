"""What the tests of every library need: a browser, data that may be absent, spoilt files.

Needs the extra ``decan-core[test]``. A test folder takes the fixture into its
``conftest.py`` with ``from decan.core.testing import browser``.
"""

from __future__ import annotations

import shutil
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import settings

from .errors import DecanError

if TYPE_CHECKING:
    from .data.registry import Registry

__all__ = ["assert_only_own_errors", "assert_page_reads_well", "browser", "needs_data", "spoilt"]

# How long an example takes says more about the machine than about the code.
settings.register_profile("decan", deadline=None)
settings.load_profile("decan")

_FLAGS = (
    "headless=new",
    "no-sandbox",
    "disable-gpu",
    "disable-dev-shm-usage",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "disable-quic",
    "hide-scrollbars",
)
_LAYOUT = """return {
    overflow: document.documentElement.scrollWidth - window.innerWidth,
    hidden: [...document.images].filter(image => {
        const box = image.getBoundingClientRect();
        return !(image.naturalWidth > 0 && box.width > 0 && box.right <= window.innerWidth + 1);
    }).map(image => image.alt),
}"""


def needs_data(registry: Registry, *names: str) -> pytest.MarkDecorator:
    """Mark a test that reads data sets: it is skipped, with the reason, where one is absent.

    Parameters
    ----------
    registry : Registry
        The library's data sets.
    *names : str
        Data sets that the test reads.

    Returns
    -------
    pytest.MarkDecorator

    Examples
    --------
    >>> from decan.core.data.registry import Registry
    >>> needs_data(Registry("transits", [])).name
    'skipif'
    """
    absent = [name for name in names if not _at_hand(registry, name)]
    reason = f"not at hand: {', '.join(absent)} (set DECAN_DATA, or 'decan data fetch')"
    return pytest.mark.skipif(bool(absent), reason=reason)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Headless Chromium with its console kept; the test is skipped where there is none."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no chromium and chromedriver here (Debian: chromium, chromium-driver)")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    profile = tmp_path_factory.mktemp("chromium")
    for flag in (*_FLAGS, f"user-data-dir={profile}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driving = webdriver.Chrome(options=options, service=Service(driver))
    yield driving
    driving.quit()


def assert_page_reads_well(browser: Any, page: Path, *, width: int) -> None:
    """Open a page at a width: nothing overflows, every figure shows, the console is silent.

    Parameters
    ----------
    browser : selenium.webdriver.Chrome
        The fixture :func:`browser`.
    page : pathlib.Path
        The HTML file.
    width : int
        Width of the window, CSS pixels; below 500 a phone is imitated.

    Raises
    ------
    AssertionError
        If one of the three does not hold.
    """
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.get(page.resolve().as_uri())
    layout = browser.execute_script(_LAYOUT)
    assert layout["overflow"] <= 0, f"{page}: {layout['overflow']} px too wide at {width} px"
    assert layout["hidden"] == [], f"{page}: figures not shown: {layout['hidden']}"
    log = browser.get_log("browser")
    assert log == [], f"{page}: the console says {log}"


def spoilt(content: bytes, n: int, *, seed: int = 0) -> Iterator[bytes]:
    """Spoilt copies of a valid file: bytes changed, cut, doubled, put in or taken out.

    Half of the faults fall into the first four kilobytes, where most formats say what they
    are; a copy has one to eight of them.

    Parameters
    ----------
    content : bytes
        The valid file.
    n : int
        Copies.
    seed : int
        The same seed gives the same copies.

    Yields
    ------
    bytes

    Examples
    --------
    >>> copies = list(spoilt(b"SIMPLE  =                    T", 3, seed=1))
    >>> len(copies), copies == list(spoilt(b"SIMPLE  =                    T", 3, seed=1))
    (3, True)
    """
    for number in range(n):
        rng = np.random.default_rng((seed, number))
        copy = bytearray(content)
        for _ in range(rng.integers(1, 9)):
            reach = len(copy) if rng.random() < 0.5 else min(len(copy), 4096)
            place = int(rng.integers(0, max(reach, 1)))
            length = min(2 ** int(rng.integers(0, 11)), len(copy) - place)
            fault = rng.integers(0, 6)
            if fault == 0:
                copy[place : place + 1] = rng.bytes(1)
            elif fault == 1:
                copy[place : place + length] = rng.bytes(length)
            elif fault == 2:
                del copy[place : place + length]
            elif fault == 3:
                copy[place:place] = copy[place : place + length]
            elif fault == 4:
                copy[place : place + length] = bytes(length)
            else:
                copy[place : place + 1] = rng.choice(list(b"-+.e09,;\t\n \"'nN\x00\xff")).tobytes()
        yield bytes(copy) if rng.random() < 0.8 else bytes(copy[: rng.integers(0, len(copy) + 1)])


def assert_only_own_errors(
    read: Callable[[Path], object], valid: Path, folder: Path, *, n: int = 100, seed: int = 0
) -> int:
    """Read spoilt copies of a valid file: each is read, or refused with an error of decan.

    Parameters
    ----------
    read : callable
        The reader; called with the path of a copy.
    valid : pathlib.Path
        A file that it reads.
    folder : pathlib.Path
        Where copies go, under the name of the valid file.
    n : int
        Copies.
    seed : int
        See :func:`spoilt`; the message of a failure names it.

    Returns
    -------
    int
        Copies that were refused.

    Raises
    ------
    AssertionError
        If anything else comes out, or the valid file is not read.
    """

    def copy_name(number: int) -> str:
        return f"{valid.name}, seed {seed}, copy {number}"

    read(valid)
    refused, copy = 0, folder / valid.name
    for number, content in enumerate(spoilt(valid.read_bytes(), n, seed=seed)):
        copy.write_bytes(content)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read(copy)
        except DecanError as error:
            if "\n" in str(error).strip():
                raise AssertionError(f"{copy_name(number)}: more than one line: {error}") from error
            refused += 1
        except Exception as error:
            where = "".join(traceback.format_exception(error)[-4:])
            name = type(error).__name__
            raise AssertionError(f"{copy_name(number)}: {name} came out\n{where}") from error
    return refused


def _at_hand(registry: Registry, name: str) -> bool:
    try:
        return registry.where(name) is not None
    except DecanError:
        return False
