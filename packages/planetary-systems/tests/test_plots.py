import matplotlib.pyplot as plt
import pytest

from decan.core.testing import assert_page_reads_well, browser  # noqa: F401
from decan.planetary_systems import RV, Star
from decan.planetary_systems.pages import completion_page
from decan.planetary_systems.plots import plot_completion, plot_densities, plot_mosaic
from decan.planetary_systems.stars import named_systems, toi469


@pytest.fixture(scope="module")
def posterior(truth):
    known, star = toi469("b")
    return truth.complete(known, star=star, survey=RV(1.0), n=400, rng=0)


def test_the_map_of_a_star_names_what_it_shows(posterior):
    ax = plot_completion(posterior)
    assert ax.get_xlabel() == "period (days)"
    labels = ax.get_legend_handles_labels()[1]
    assert labels == ["blind zone (hatched)", "known"]
    plt.close(ax.figure)


def test_a_star_of_unknown_mass_is_drawn_over_semi_major_axis(truth):
    ax = plot_completion(truth.complete([], star=Star(), n=200, rng=0))
    assert ax.get_xlabel() == "semi-major axis (au)"
    plt.close(ax.figure)


def test_a_mosaic_has_a_row_for_each_system():
    ax = plot_mosaic({"named": named_systems()}, n=3, names=True)
    rows = [t.get_text() for t in ax.texts]
    assert rows == ["named", "Solar System", "TRAPPIST-1", "Kepler-90"]
    plt.close(ax.figure)


def test_densities_share_one_scale():
    axes = plot_densities({"one": named_systems(), "two": named_systems("TRAPPIST-1")})
    scales = {ax.collections[0].get_clim() for ax in axes}
    assert len(scales) == 1
    plt.close(axes[0].figure)


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_of_a_star_reads_well(posterior, browser, tmp_path, width):  # noqa: F811
    page = completion_page(posterior).save(tmp_path / "page.html")
    assert_page_reads_well(browser, page, width=width)
