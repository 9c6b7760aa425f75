"""Pages: one star and what it may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .surveys import RV, Transit

if TYPE_CHECKING:
    from decan.core.report import Page

    from .posterior import Completion

__all__ = ["completion_page"]


def completion_page(posterior: Completion) -> Page:
    """The map of a star with its planets, its blind zone, and what is expected there.

    Parameters
    ----------
    posterior : Completion

    Returns
    -------
    Page

    Examples
    --------
    >>> from decan.planetary_systems.chains import exact_generator
    >>> from decan.planetary_systems.markov import MarkovGaps
    >>> known = [{"a_au": 0.1, "mass_earth": 3.0}]
    >>> posterior = exact_generator(MarkovGaps()).complete(known, n=200, rng=0)
    >>> "How many" in completion_page(posterior).render()
    True
    """
    from decan.core.report import Page

    star = posterior.star
    page = Page(f"What {star.name} may have", repr(posterior)[1:-1])
    section = page.section("Map").figure(
        posterior.plot(),
        caption="Blue: planets per square dex that the model expects and no survey saw; "
        "contours hold half and nine tenths of them. Red: known planets. Hatched: what the "
        "survey cannot see.",
    )
    section.text(
        "Everything here is a statement on the formation model that the generator was fitted "
        "to, not on nature."
    )
    for note in posterior.notes:
        section.text(note)
    page.section("How many").table(
        posterior.number_distribution().query("probability > 0.001"),
        caption="Probability of each number of unseen planets.",
    )
    if star.mass > 0:
        earth = posterior.probability_earth_like()
        page.section("Earth-like").text(
            "At least one unseen planet of 0.5 to 3 Earth masses between 160 and 510 K: "
            f"{earth.value:.2f} ± {(earth.high - earth.low) / 2:.2f} (error of the draws)."
        )
        candidates = [RV(2.0), RV(1.0), RV(0.5), RV(0.1), Transit(7.1), Transit(7.1, noise_ppm=20)]
        candidates[-1].name = "transits, SNR > 7.1, 20 ppm"
        page.section("What next").table(
            posterior.observations(candidates),
            caption="What a further survey would find, and how much its number of detections "
            "would tell (nats).",
        )
    return page
