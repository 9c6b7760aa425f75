"""Pages: one star and what it may have, drawn systems, and two samples side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .surveys import RV, Transit

if TYPE_CHECKING:
    from decan.core.report import Page

    from .fidelity import FidelityReport
    from .posterior import Completion
    from .systems import Systems

__all__ = ["comparison_page", "completion_page", "generation_page"]


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


def generation_page(systems: Systems, *, n: int = 24) -> Page:
    """A mosaic of systems, and where their planets lie.

    Parameters
    ----------
    systems : Systems
    n : int
        Systems of the mosaic.

    Returns
    -------
    Page

    Examples
    --------
    >>> from decan.planetary_systems.stars import named_systems
    >>> "Mosaic" in generation_page(named_systems()).render()
    True
    """
    from decan.core.report import Page

    from .plots import plot_densities, plot_distributions, plot_mosaic

    page = Page("Planetary systems", repr(systems)[1:-1])
    page.section("Mosaic").figure(
        plot_mosaic({"systems": systems}, n=n),
        caption="Each row is a system, from its star outwards; dots grow and change colour "
        "with mass.",
    )
    page.section("Planets").figure(
        plot_densities({"systems": systems}), caption="Planets per system and square dex."
    ).figure(
        plot_distributions({"systems": systems}),
        caption="Masses, places, multiplicities and total masses.",
    )
    return page


def comparison_page(report: FidelityReport, real: Systems, generated: Systems) -> Page:
    """A report of likeness, with systems and planets of both samples shown.

    Parameters
    ----------
    report : FidelityReport
    real, generated : Systems
        What was compared.

    Returns
    -------
    Page

    Examples
    --------
    >>> from decan.planetary_systems import fidelity_report, simulate_clustered
    >>> one, two = (simulate_clustered(60, rng=seed) for seed in (0, 1))
    >>> report = fidelity_report(one, two, classifiers=("boosting",), n_draws=1, rng=0)
    >>> "Mosaic" in comparison_page(report, one, two).render()
    True
    """
    from .plots import plot_densities, plot_mosaic

    page, pair = report.page(), {"real": real, "generated": generated}
    page.section("Mosaic").figure(
        plot_mosaic(pair, n=12), caption="Systems of both samples; dots by mass."
    )
    page.section("Planets").figure(
        plot_densities(pair), caption="Planets per system and square dex, on one scale."
    )
    return page
