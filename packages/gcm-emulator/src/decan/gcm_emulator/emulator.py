"""``FieldEmulator``: the climate of any planet between those that were simulated.

It is fitted on a grid of planets and scored on planets it has not seen; a score on cells of
planets it has seen is refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from decan.core.errors import SchemaError
from decan.core.saved import Saved

from .backends import BACKENDS, Backend, make_backend
from .continuity import upward_wind
from .field import FIELDS, GCMField
from .grid import PlanetGrid
from .planets import Planet
from .prediction import Prediction
from .scaling import Inputs, field_scale
from .sphere import area_weights

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Extrapolation", "FieldEmulator"]

Array = NDArray[Any]
_TOP_PA, _BOTTOM_PA = 10.0, 1e6
_WHOLE_LEVEL = 0.2


class Extrapolation:
    """How far a planet is from those that the emulator was fitted on.

    Parameters
    ----------
    distance : float
        Distance to the convex hull, in standard deviations of the parameters; 0 inside.

    Examples
    --------
    >>> Extrapolation(0.0).flag, Extrapolation(0.7)
    (False, Extrapolation(0.70 σ outside))
    """

    def __init__(self, distance: float) -> None:
        self.distance = float(distance)

    @property
    def flag(self) -> bool:
        """Whether it is outside."""
        return self.distance > 0.0

    def __repr__(self) -> str:
        return f"Extrapolation({f'{self.distance:.2f} σ outside' if self.flag else 'inside'})"


class FieldEmulator(Saved):
    """Emulates temperature and winds of tidally locked planets from a grid of climates.

    Parameters
    ----------
    backend : {'basis-gp', 'branch-trunk', 'dnn', 'xgb', 'hgb', 'rbf', 'nearest'}
        'basis-gp': spatial modes and Gaussian processes, the default and the only one that
        knows its own error. The others are what it is compared with: networks, trees, thin
        plates, and the nearest planet.
    fields : sequence of str
        Which of T, u, v, w.
    random_state : int
        Seed of what is random.
    **settings
        Of the back end; see :func:`decan.gcm_emulator.backends.make_backend`.

    Attributes
    ----------
    inputs_ : Inputs
        What the planets differ in.
    left_out_ : pandas.DataFrame
        Error of each training planet predicted from the others (basis-gp).

    Examples
    --------
    >>> from decan.gcm_emulator import simulate_grid
    >>> grid = simulate_grid(hosts=["G5V", "K5V", "M2V"], t_global_k=[800, 1200, 1600, 2000], rng=0)
    >>> emulator = FieldEmulator(fields=["T"]).fit(grid)
    >>> prediction = emulator.predict(Planet.at_temperature(1300.0, host="K5V"))
    >>> prediction
    Prediction(GCMField('K5V 1300 K': T; 26 levels ...); inside the training planets)
    >>> bool(np.median(prediction.std["T"]) < 100)
    True
    """

    _shipped = "sim-grid60"

    def __init__(
        self,
        backend: str = "basis-gp",
        *,
        fields: Sequence[str] = ("T", "u", "v", "w"),
        random_state: int = 0,
        **settings: Any,
    ) -> None:
        if backend not in BACKENDS:
            raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, found {backend!r}")
        strange = [name for name in fields if name not in FIELDS]
        if strange or not fields:
            raise ValueError(f"fields must be some of {', '.join(FIELDS)}, found {list(fields)}")
        self.backend = backend
        self.fields = tuple(fields)
        self.random_state = random_state
        self.settings = settings

    def fit(self, grid: PlanetGrid) -> Self:
        """Learn from a grid of climates.

        Parameters
        ----------
        grid : PlanetGrid
            At least two planets; cells that are NaN in some planets are learned from the others.

        Returns
        -------
        FieldEmulator
            Itself.
        """
        lacking = [name for name in self.fields if name not in grid.names]
        if lacking:
            raise ValueError(
                f"the grid has no field {', '.join(lacking)}, only {', '.join(grid.names)}; pass "
                f"fields={list(grid.names)}"
            )
        _refuse_empty_levels(grid, self.fields)
        self.inputs_ = Inputs.of(grid.planets)
        self.lon_deg_, self.lat_deg_, self.p_pa_ = grid.lon_deg, grid.lat_deg, grid.p_pa
        self.r_gas_, self.cp_ = grid.r_gas, grid.cp
        self.planets_ = tuple(grid.planets)
        self._backend: Backend = make_backend(self.backend, self.random_state, **self.settings)
        self._backend.fit(self, {name: self._scaled(name, grid) for name in self.fields}, grid)
        return self

    def predict(
        self,
        planet: Planet | Mapping[str, Any],
        lon_deg: Any = None,
        lat_deg: Any = None,
        p_pa: Any = None,
        *,
        strict: bool = False,
    ) -> Prediction:
        """The climate of a planet, with its errors.

        Parameters
        ----------
        planet : Planet or mapping
            The planet, or values to make one of.
        lon_deg, lat_deg, p_pa : array_like, optional
            Axes, degrees and Pa; those of the training grid by default. NaN outside its
            pressures.
        strict : bool
            Whether a planet outside the training planets is an error instead of a warning.

        Returns
        -------
        Prediction
        """
        planet = self._planet(planet)
        distance = self.inputs_.distance(planet)
        if distance > 0:
            words = f"{planet!r} lies {distance:.2f} σ outside the training planets: extrapolated"
            if strict:
                raise ValueError(words)
            warnings.warn(words, stacklevel=2)
        onto = (lon_deg, lat_deg, p_pa)
        elsewhere = any(axis is not None for axis in onto)

        def moved(field: GCMField) -> GCMField:
            return field.regrid(*onto) if elsewhere else field

        def errors() -> tuple[dict[str, Array], dict[str, Array]]:
            scaled = self._backend.errors(self._at(planet))
            found = []
            for part in scaled:
                values = {name: one * self._scale(name, planet) for name, one in part.items()}
                if elsewhere:
                    # Errors are positive scalars: none turns with the meridian.
                    values = {name: moved(self._field(planet, {"T": one + 1.0})).T - 1.0
                              for name, one in values.items()}  # fmt: skip
                found.append(values)
            return found[0], found[1]

        def draws(n: int, rng: np.random.Generator) -> list[GCMField]:
            drawn = self._backend.draw(self._at(planet), n, rng)
            return [
                moved(self._field(planet, {
                    name: values[k] * self._scale(name, planet) for name, values in drawn.items()
                }))
                for k in range(n)
            ]  # fmt: skip

        scaled = self._backend.predict(self._at(planet))
        values = {name: scaled[name][0] * self._scale(name, planet) for name in self.fields}
        if share := self._backend.from_continuity:
            conserved = self.conserving_wind(values, planet)
            values["w"] = (share * conserved + (1 - share) * values["w"]).astype(np.float32)
        return Prediction(
            moved(self._field(planet, values)), distance, errors,
            draws if self._backend.knows_errors else None,
        )  # fmt: skip

    def conserving_wind(self, values: Mapping[str, Array], planet: Planet) -> Array:
        """Upward wind that conserves the mass of a horizontal wind on the emulator's axes.

        Parameters
        ----------
        values : mapping of str to ndarray
            ``T``, ``u``, ``v``, K and m/s.
        planet : Planet
            The planet.

        Returns
        -------
        ndarray, shape (p, lat, lon)
            m/s.
        """
        return upward_wind(
            values["u"], values["v"], values["T"], self.lon_deg_, self.lat_deg_, self.p_pa_,
            planet.radius_m, planet.gravity_ms2, self.r_gas_,
        )  # fmt: skip

    def extrapolation(self, planet: Planet | Mapping[str, Any]) -> Extrapolation:
        """Whether a planet lies between those of the grid, and how far outside otherwise.

        Parameters
        ----------
        planet : Planet or mapping
            Any planet.

        Returns
        -------
        Extrapolation
        """
        return Extrapolation(self.inputs_.distance(self._planet(planet)))

    def errors_on(
        self, grid: PlanetGrid, *, p_min_pa: float = _TOP_PA, p_max_pa: float = _BOTTOM_PA,
        split: str = "planet", allow_leak: bool = False,
    ) -> pd.DataFrame:  # fmt: skip
        """Root mean square error of each field on each planet of a grid.

        Parameters
        ----------
        grid : PlanetGrid
            Planets that the emulator has not seen.
        p_min_pa, p_max_pa : float
            Pressures that count, Pa; by default 1e-4 to 10 bar.
        split : {'planet', 'cell'}
            How the test was parted from the training; 'cell' is a leak.
        allow_leak : bool
            Whether planets of the training may be among them. The frame's ``attrs["leak"]``
            then says so.

        Returns
        -------
        pandas.DataFrame
            One row a planet; errors in K and m/s with cos-latitude weights.
        """
        import pandas as pd

        known = {_key(planet) for planet in self.planets_}
        seen = [planet.name for planet in grid.planets if _key(planet) in known]
        if (seen or split == "cell") and not allow_leak:
            what = "split='cell'" if split == "cell" else f"{seen[0] or 'a planet'} was trained on"
            raise ValueError(
                f"{what}: cells of one planet on both sides are a leak and no test; split by "
                "planet, or pass allow_leak=True to show the leak"
            )
        rows = []
        for field in grid:
            planet = field.planet
            assert planet is not None
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                predicted = self.predict(planet).field
            if not _same_axes(field, predicted):
                field = field.regrid(predicted.lon_deg, predicted.lat_deg, predicted.p_pa)
            row: dict[str, Any] = {"planet": planet.name}
            row |= field_errors(field, predicted, p_min_pa, p_max_pa)
            rows.append(row)
        frame = pd.DataFrame(rows)
        frame.attrs["leak"] = bool(seen or split == "cell")
        return frame

    def score(self, grid: PlanetGrid, *, split: str = "planet", allow_leak: bool = False) -> float:
        """Share of the variance of temperature between 1e-4 and 10 bar that is predicted.

        Parameters
        ----------
        grid : PlanetGrid
            Planets that the emulator has not seen.
        split, allow_leak
            See :meth:`errors_on`.

        Returns
        -------
        float
            1 is perfect; median over the planets.
        """
        name = self.fields[0]
        errors = self.errors_on(grid, split=split, allow_leak=allow_leak)[name].to_numpy()
        weight = cell_weights(grid.lat_deg, grid.p_pa, grid.lon_deg.size)
        spread = []
        for values in grid.values[name].astype(float):
            mean = np.average(values, weights=weight)
            spread.append(np.average((values - mean) ** 2, weights=weight))
        return float(np.median(1.0 - errors**2 / np.array(spread)))

    def _planet(self, planet: Planet | Mapping[str, Any]) -> Planet:
        return planet if isinstance(planet, Planet) else Planet.from_mapping(planet)

    def _at(self, planet: Planet) -> Array:
        return self.inputs_.standardised([planet])

    def _scale(self, name: str, planet: Planet) -> float:
        return field_scale(name, planet, self.r_gas_)

    def _scaled(self, name: str, grid: PlanetGrid) -> Array:
        sizes = np.array([self._scale(name, planet) for planet in grid.planets], dtype=np.float32)
        return np.asarray(grid.values[name] / sizes[:, None, None, None])

    def _field(self, planet: Planet, values: Mapping[str, Array]) -> GCMField:
        temperature = values.get("T")
        if temperature is None:
            temperature = np.full((self.p_pa_.size, self.lat_deg_.size, self.lon_deg_.size),
                                  planet.t_global_k, dtype=np.float32)  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return GCMField(
                temperature, self.lon_deg_, self.lat_deg_, self.p_pa_,
                u=values.get("u"), v=values.get("v"), w=values.get("w"), planet=planet,
                r_gas=self.r_gas_, cp=self.cp_, source=f"emulator ({self.backend})",
            )  # fmt: skip

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        settings = {
            "backend": self.backend, "fields": list(self.fields),
            "random_state": self.random_state, "settings": self.settings,
            "r_gas": self.r_gas_, "cp": self.cp_,
            "inputs": {
                "names": list(self.inputs_.names), "mean": self.inputs_.mean.tolist(),
                "spread": self.inputs_.spread.tolist(), "constants": self.inputs_.constants,
                "ties": self.inputs_.ties,
            },
            "planets": [vars(planet) for planet in self.planets_],
        }  # fmt: skip
        axes = {"lon_deg": self.lon_deg_, "lat_deg": self.lat_deg_, "p_pa": self.p_pa_,
                "points": self.inputs_.points}  # fmt: skip
        own_settings, parts = self._backend.state()
        return settings | {"backend_state": own_settings}, {"axes": axes, **parts}

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> Self:
        made = cls(settings["backend"], fields=settings["fields"],
                   random_state=settings["random_state"], **settings["settings"])  # fmt: skip
        axes = parts["axes"]
        made.lon_deg_, made.lat_deg_, made.p_pa_ = axes["lon_deg"], axes["lat_deg"], axes["p_pa"]
        made.r_gas_, made.cp_ = settings["r_gas"], settings["cp"]
        told = settings["inputs"]
        made.inputs_ = Inputs(
            tuple(told["names"]), np.array(told["mean"]), np.array(told["spread"]),
            dict(told["constants"]), axes["points"], dict(told["ties"]),
        )  # fmt: skip
        made.planets_ = tuple(Planet(**one) for one in settings["planets"])
        made._backend = make_backend(made.backend, made.random_state, **made.settings)
        made._backend.restore(made, settings["backend_state"], parts)
        return made

    def check_fields(self, fields: Sequence[str], p_pa: Any) -> None:
        """Refuse an emulator that was made for other fields or levels than are wanted.

        Parameters
        ----------
        fields : sequence of str
            Fields that are wanted.
        p_pa : array_like
            Levels that are wanted, Pa.
        """
        lacking = [name for name in fields if name not in self.fields]
        if lacking:
            raise SchemaError(
                f"this emulator gives {', '.join(self.fields)}, not {', '.join(lacking)}"
            )
        levels = np.asarray(p_pa, dtype=float)
        if levels.shape != self.p_pa_.shape or not np.allclose(levels, self.p_pa_, rtol=1e-4):
            raise SchemaError(
                f"this emulator stands on {self.p_pa_.size} levels from {self.p_pa_[0]:.3g} to "
                f"{self.p_pa_[-1]:.3g} Pa, found {levels.size} from {levels.min():.3g} to "
                f"{levels.max():.3g} Pa; pass p_pa= to predict"
            )

    def __repr__(self) -> str:
        fitted = f", {len(self.planets_)} planets" if hasattr(self, "planets_") else ""
        return f"FieldEmulator({self.backend!r}, {'+'.join(self.fields)}{fitted})"


def cell_weights(
    lat_deg: Any, p_pa: Any, n_lon: int, p_min_pa: float = _TOP_PA, p_max_pa: float = _BOTTOM_PA
) -> Array:
    """Weight of every cell in a score: cosine of latitude, inside the pressures that count.

    Parameters
    ----------
    lat_deg, p_pa : array_like
        Axes, degrees and Pa.
    n_lon : int
        Number of meridians.
    p_min_pa, p_max_pa : float
        Pressures that count, Pa.

    Returns
    -------
    ndarray, shape (p, lat, lon)
        Sum 1.
    """
    p = np.asarray(p_pa, dtype=float)
    inside = ((p >= p_min_pa * (1 - 1e-6)) & (p <= p_max_pa * (1 + 1e-6))).astype(float)
    if not inside.any():
        raise ValueError(f"no level lies between {p_min_pa:g} and {p_max_pa:g} Pa")
    weight = inside[:, None, None] * area_weights(lat_deg)[None, :, None] * np.ones(n_lon)
    return np.asarray(weight / weight.sum())


def field_errors(
    truth: GCMField, predicted: GCMField, p_min_pa: float = _TOP_PA, p_max_pa: float = _BOTTOM_PA
) -> dict[str, float]:
    """Root mean square difference of two climates of one planet, for each field they share.

    Parameters
    ----------
    truth, predicted : GCMField
        On the same axes.
    p_min_pa, p_max_pa : float
        Pressures that count, Pa.

    Returns
    -------
    dict of str to float
        K and m/s.
    """
    weight = cell_weights(truth.lat_deg, truth.p_pa, truth.lon_deg.size, p_min_pa, p_max_pa)
    found = {}
    for name in FIELDS:
        if name in truth.names and name in predicted.names:
            square = (getattr(truth, name).astype(float) - getattr(predicted, name)) ** 2
            good = np.isfinite(square)
            total = (np.where(good, square, 0.0) * weight).sum() / (weight * good).sum()
            found[name] = float(np.sqrt(total))
    return found


def _key(planet: Planet) -> tuple[float, ...]:
    return tuple(round(float(np.log(x)), 6) for x in (
        planet.t_global_k, planet.period_day, planet.gravity_ms2, planet.radius_rjup))  # fmt: skip


def _same_axes(one: GCMField, other: GCMField) -> bool:
    return one.shape == other.shape and all(
        np.allclose(getattr(one, axis), getattr(other, axis), rtol=1e-5, atol=1e-3)
        for axis in ("lon_deg", "lat_deg", "p_pa")
    )


def _refuse_empty_levels(grid: PlanetGrid, fields: Sequence[str]) -> None:
    for name in fields:
        missing = ~np.isfinite(grid.values[name])
        if not missing.any():
            continue
        share = missing.mean(axis=(0, 2, 3))
        worst = int(share.argmax())
        if share[worst] > _WHOLE_LEVEL:
            raise ValueError(
                f"{name}: {share[worst]:.0%} of the cells at {grid.p_pa[worst]:.3g} Pa are NaN, "
                f"more than {_WHOLE_LEVEL:.0%}; leave the level out (PlanetGrid(..., p_pa=))"
            )
