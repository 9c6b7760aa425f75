"""What README and docs say is what the published result files hold."""

from __future__ import annotations

import pytest
from house import LIBRARIES, ROOT

from decan.core.library import find_library
from decan.core.report.scoreboard import BEGIN, END, published, readme_table

BOARD = ROOT / "docs" / "scoreboard"


def test_the_table_of_the_readme_equals_the_published_results():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.split(BEGIN)[1].split(END)[0].strip() == readme_table(published(BOARD)).strip()


@pytest.mark.parametrize(
    "result", published(BOARD), ids=lambda one: f"{one.library}-{one.experiment}"
)
def test_a_published_result_was_made_for_the_claims_of_today(result):
    experiments = find_library(result.library).experiments()
    assert result.experiment in experiments, "the experiment is gone: publish again"
    assert result.claims == list(experiments[result.experiment].claims), "run and publish again"


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda one: one.name)
def test_every_library_has_exactly_one_stop_of_the_tour(library):
    tours = [one for one in find_library(library.short).experiments().values() if one.tour]
    assert len(tours) == 1
