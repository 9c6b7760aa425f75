"""Pages: whole in one file, readable at every width."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import typer

from decan.core.experiment import REAL, SIMULATED, Claim, Result, Run
from decan.core.library import Library
from decan.core.plotting import new_axes, style
from decan.core.report import Page, readme_table, results_page, scoreboard_frame, tour_page
from decan.core.testing import assert_page_reads_well

LIBRARY = Library("pulx", "A toy", "A et al. 2025", "decan pulx rank FILE", typer.Typer())


@pytest.fixture
def result(tmp_path):
    """A finished result with everything that a page can show."""
    made = Result("pulx", "toy", "Toy", "Shows\neverything.", "quick", 0, "done", folder=tmp_path)
    made.claims = [
        Claim("AP", 0.97, source="table 4", goal=0.98, headline=True),
        Claim("never measured", 1.0, source="table 5"),
    ]
    run = Run(LIBRARY, made)
    run.used("three <real> numbers", provenance=REAL, n=3)
    run.record("AP", 0.9, provenance=REAL, n=3)
    run.record("loss", 0.1, provenance=SIMULATED, n=3, unit="nat")
    ax = new_axes(figsize=(9, 3))
    ax.plot(np.arange(3))
    run.figure("line", ax, caption='A "line" & more.')
    wide = pd.DataFrame({f"a long column {i}": ["text that does not break"] for i in range(12)})
    run.table("wide", wide, caption="A wide table.")
    made.seconds = 1.0
    return made


def test_text_is_escaped(result):
    page = tour_page([(LIBRARY, result)]).render()
    assert "three &lt;real&gt; numbers" in page
    assert "A &#34;line&#34; &amp; more." in page


def test_a_page_loads_nothing_from_elsewhere(result):
    page = results_page([result], "Toy").render()
    assert "://" not in page
    assert "<script" not in page


def test_every_claim_is_shown_also_the_one_that_was_not_measured(result):
    frame = scoreboard_frame([result])
    silent = frame[frame["metric"] == "never measured"].iloc[0]
    assert silent["here"] == "not measured"
    assert silent["verdict"] == "not measured"


def test_the_readme_holds_the_headline_claims_only(result):
    lines = readme_table([result]).splitlines()
    assert len(lines) == 3
    assert "| 0.97 | ≥ 0.98 | 0.9 | REAL | 3 | quick | missed |" in lines[2]


def test_an_interrupted_save_leaves_the_old_page(tmp_path, monkeypatch):
    target = tmp_path / "page.html"
    Page("Old").save(target)
    old = target.read_text()
    monkeypatch.setattr(Page, "render", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Page("New").save(target)
    assert target.read_text() == old
    assert list(tmp_path.iterdir()) == [target]


def test_the_same_figure_gives_the_same_page():
    def render():
        page = Page("One")
        ax = new_axes()
        ax.plot([1, 2])
        page.section("Figure").figure(ax, caption="A line.")
        return page.render()

    assert render() == render()


def test_the_style_leaves_the_users_settings_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    with style():
        pass
    assert dict(matplotlib.rcParams) == before


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1440])
def test_a_page_reads_well_on_a_phone_and_on_a_projector(browser, result, tmp_path, width):
    path = results_page([result, result], "Toy").save(tmp_path / "page.html")
    assert_page_reads_well(browser, path, width=width)


def test_a_page_is_not_saved_under_the_name_of_another_format(tmp_path):
    with pytest.raises(ValueError, match=r"page\.pdf: a page is HTML"):
        Page("Old").save(tmp_path / "page.pdf")
    assert not list(tmp_path.iterdir())
