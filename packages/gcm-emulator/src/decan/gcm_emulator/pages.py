"""Pages that the command line writes: a prediction, and a field."""

from __future__ import annotations

from decan.core.report import Page

from .characteristics import climate_characteristics
from .emission import EmissionModel
from .field import GCMField
from .plots import plot_equator, plot_limbs, plot_map, plot_phase_curve, plot_zonal_wind
from .prediction import Prediction
from .transmission import TransmissionModel
from .validation import validate_field

__all__ = ["field_page", "prediction_page"]


def prediction_page(prediction: Prediction) -> Page:
    """A predicted climate: numbers with errors, maps with errors, winds, spectra.

    Parameters
    ----------
    prediction : Prediction
        The prediction.

    Returns
    -------
    decan.core.report.Page

    Examples
    --------
    >>> from decan.gcm_emulator import FieldEmulator, Planet
    >>> emulator = FieldEmulator.pretrained()
    >>> page = prediction_page(emulator.predict(Planet.at_temperature(1500.0, host="K5V")))
    >>> [section.title for section in page.sections]
    ['The climate', 'How far to believe it', 'Winds', 'What an observer sees']
    """
    field = prediction.field
    name = field.planet.name if field.planet else "a planet"
    page = Page(f"Climate of {name}", repr(prediction))
    section = page.section("The climate")
    if prediction.extrapolated:
        section.badges([("outside the training planets: extrapolated", "bad")])
    numbers = prediction.characteristics()
    section.table(numbers, caption="The climate in a few numbers, at 0.1 bar; errors are those "
                  "of the emulator.")  # fmt: skip
    section.figure(plot_map(field, 1e4), caption="Temperature and horizontal wind at 0.1 bar.")
    section.figure(plot_equator(field), caption="Temperature along the equator.")
    errors = page.section("How far to believe it")
    errors.table(prediction.summary(), caption="Root mean square over the sphere: what the "
                 "emulator does not know of the climate, and by how much a snapshot differs "
                 "from it.")  # fmt: skip
    errors.figure(
        plot_map(field, 1e4, values=prediction.std["T"], label="ignorance of temperature, K"),
        caption="Standard deviation of the climate at 0.1 bar.",
    )
    if field.u is not None:
        page.section("Winds").figure(
            plot_zonal_wind(field), caption="Zonal-mean wind: red blows eastward."
        )
    _spectra(page, field)
    return page


def field_page(field: GCMField) -> Page:
    """A field that was read: checks, numbers, maps, winds, and spectra where its planet is known.

    Parameters
    ----------
    field : GCMField
        The field.

    Returns
    -------
    decan.core.report.Page

    Examples
    --------
    >>> from decan.gcm_emulator import Planet, simulate_planet
    >>> page = field_page(simulate_planet(Planet.at_temperature(1500.0, host="K5V")))
    >>> page.sections[0].title
    'Checks'
    """
    page = Page(field.planet.name if field.planet and field.planet.name else "A climate",
                repr(field))  # fmt: skip
    checks = validate_field(field)
    tones = ["good" if passed else "bad" for passed in checks["passed"]]
    checks["passed"] = ["yes" if passed else "no" for passed in checks["passed"]]
    page.section("Checks").table(
        checks[["check", "passed", "found"]], caption="What a climate cannot be.", tones=tones
    )
    section = page.section("The climate")
    section.table(climate_characteristics(field).to_frame(), caption="At 0.1 bar.")
    section.figure(plot_map(field, 1e4), caption="Temperature and horizontal wind at 0.1 bar.")
    section.figure(plot_equator(field), caption="Temperature along the equator.")
    if field.u is not None:
        page.section("Winds").figure(
            plot_zonal_wind(field), caption="Zonal-mean wind: red blows eastward."
        )
    if field.planet is not None:
        _spectra(page, field)
    return page


def _spectra(page: Page, field: GCMField) -> None:
    section = page.section("What an observer sees")
    curve = EmissionModel().phase_curve(field, [k * 30.0 for k in range(13)], stride=2)
    section.figure(
        plot_phase_curve(curve, [0, 2, 3, 4]),
        caption="Thermal phase curve in grey bands around a black-body star; 180 degrees is "
        "the eclipse.",
    )
    limbs = TransmissionModel().limb_spectra(field)
    section.figure(
        plot_limbs(limbs), caption="Transit depth of the two limbs in grey bands: the warmer "
        "evening limb is puffed up."
    )  # fmt: skip
