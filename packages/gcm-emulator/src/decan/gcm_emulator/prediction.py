"""``Prediction``: a climate that an emulator gives, and how far to believe each of its cells."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .characteristics import climate_characteristics
from .field import FIELDS, GCMField

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Prediction"]

Array = NDArray[Any]


@dataclasses.dataclass
class Prediction:
    """An emulated climate with its errors.

    Two errors are kept apart: what the emulator does not know of the climate (:attr:`std`),
    and by how much a snapshot of a simulation differs from its climate (:attr:`weather`).

    Parameters
    ----------
    field : GCMField
        The climate.
    distance : float
        Distance of the planet to the hull of the training planets, in standard deviations of
        their parameters; 0 inside.
    errors : callable
        Gives standard deviations of ignorance and of weather, for each field, when asked.
    draws : callable, optional
        ``draws(n, rng)`` gives fields that the planet may have.

    Examples
    --------
    >>> from decan.gcm_emulator import FieldEmulator, Planet
    >>> emulator = FieldEmulator.pretrained()
    >>> prediction = emulator.predict(Planet.at_temperature(1500.0, host="K5V"))
    >>> prediction.extrapolated, prediction.std["T"].shape
    (False, (26, 24, 36))
    """

    field: GCMField
    distance: float
    errors: Callable[[], tuple[dict[str, Array], dict[str, Array]]]
    draws: Callable[[int, np.random.Generator], list[GCMField]] | None = None
    _kept: tuple[dict[str, Array], dict[str, Array]] | None = dataclasses.field(
        default=None, repr=False
    )

    @property
    def extrapolated(self) -> bool:
        """Whether the planet lies outside the hull of the training planets."""
        return self.distance > 0.0

    @property
    def std(self) -> dict[str, Array]:
        """Standard deviation of the climate in every cell, for each field, in its unit."""
        return self._errors()[0]

    @property
    def weather(self) -> dict[str, Array]:
        """Standard deviation of a snapshot about the climate, for each field, in its unit."""
        return self._errors()[1]

    def sample(self, n: int, *, rng: np.random.Generator | int | None = None) -> list[GCMField]:
        """Climates that the planet may have, drawn from the emulator.

        Parameters
        ----------
        n : int
            How many.
        rng : numpy.random.Generator or int, optional
            See SPEC 7.

        Returns
        -------
        list of GCMField
        """
        if self.draws is None:
            raise ValueError("this back end knows no errors, so that nothing can be drawn")
        return self.draws(n, np.random.default_rng(rng))

    def characteristics(
        self, p_pa: Any = 1e4, *, n: int = 32, rng: np.random.Generator | int | None = 0
    ) -> pd.DataFrame:
        """The climate in a few numbers, with the error that the emulator gives them.

        Parameters
        ----------
        p_pa : float
            Pressure of the contrasts and of the hot spot, Pa.
        n : int
            Draws behind the errors; 0 for none.
        rng : numpy.random.Generator or int, optional
            See SPEC 7.

        Returns
        -------
        pandas.DataFrame
            Quantity, value, error (standard deviation) and unit.
        """
        frame = climate_characteristics(self.field, p_pa).to_frame().iloc[:5].copy()
        frame.insert(2, "error", np.nan)
        if n and self.draws is not None:
            drawn = np.array([
                climate_characteristics(one, p_pa).to_frame()["value"].to_numpy()[:5]
                for one in self.sample(n, rng=rng)
            ])  # fmt: skip
            spread = drawn.std(axis=0, ddof=1)
            turn = np.angle(np.exp(1j * np.deg2rad(drawn[:, 4] - drawn[0, 4])), deg=True)
            spread[4] = turn.std(ddof=1)
            frame["error"] = spread
        return frame.reset_index(drop=True)

    def _errors(self) -> tuple[dict[str, Array], dict[str, Array]]:
        if self._kept is None:
            self._kept = self.errors()
        return self._kept

    def __repr__(self) -> str:
        place = (
            f"outside the training planets by {self.distance:.2f} σ: extrapolated"
            if self.extrapolated
            else "inside the training planets"
        )
        return f"Prediction({self.field!r}; {place})"

    def _repr_html_(self) -> str:
        import html

        rows = self.characteristics(n=16)
        table = rows.to_html(index=False, float_format=lambda v: f"{v:.3g}", border=0)
        return f"<p>{html.escape(repr(self))}</p>{table}"

    def summary(self) -> pd.DataFrame:
        """Typical errors of each field: area means of ignorance and weather at three pressures.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        from .sphere import area_mean

        rows = []
        for name in self.field.names:
            row: dict[str, Any] = {"field": FIELDS[name][0], "unit": FIELDS[name][1]}
            for p in (1e2, 1e4, 1e6):
                level = int(np.abs(np.log(self.field.p_pa / p)).argmin())
                for words, errors in (("ignorance", self.std), ("weather", self.weather)):
                    square = area_mean(errors[name][level] ** 2, self.field.lat_deg)
                    row[f"{words} at {p / 1e5:g} bar"] = float(np.sqrt(square))
            rows.append(row)
        return pd.DataFrame(rows)
