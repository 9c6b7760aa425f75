"""What the tests of every library need: a browser, and data that may be absent.

Needs the extra ``decan-core[test]``. A test folder takes the fixture into its
``conftest.py`` with ``from decan.core.testing import browser``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from .errors import DecanError

if TYPE_CHECKING:
    from .data.registry import Registry

__all__ = ["assert_page_reads_well", "browser", "needs_data"]

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


def _at_hand(registry: Registry, name: str) -> bool:
    try:
        return registry.where(name) is not None
    except DecanError:
        return False
