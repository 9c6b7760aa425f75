"""A small stiff chemistry in NumPy and SciPy: to test, to teach, and to check the ends of a grid.

Gas phase only, with the rate laws of the network's tables; no ice, no self-shielding. It
must not be compared with the given grid in cold dense gas, where molecules freeze out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.errors import DecanError

from .chemistry import atoms_in, charge_of
from .small_network import small_network

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Cloud", "MiniChem"]

Floats = NDArray[np.float64]
YEAR = 3.15576e7
_HABING = 1.7
_ALBEDO = 0.5
_H2_ON_GRAINS = 3e-17
# The network's table holds a mark (1.0) in place of H2's rate, which UCLCHEM computes with
# self-shielding; this is the unshielded rate of Heays, Bosman & van Dishoeck 2017.
_H2_BY_PHOTONS = (5.7e-11, 0.0, 4.18)
_KINDS = ("CRP", "CRPHOT", "PHOTON")
_INITIAL = {"HE": 0.1, "N": 6.18e-5, "S": 3.51e-6, "MG": 2.256e-6, "SI": 1.78e-9}


@dataclass(frozen=True)
class Cloud:
    """Physical conditions of a static cloud.

    Parameters
    ----------
    T_K, nH_cm3, zeta_1p3e17, G0_habing, Av_mag, fC, fO : float
        As in :data:`~decan.astrochem.CLOUD`.

    Examples
    --------
    >>> Cloud(T_K=15, nH_cm3=1e4).Av_mag
    10.0
    """

    T_K: float = 10.0
    nH_cm3: float = 1e4  # noqa: N815
    zeta_1p3e17: float = 1.0
    G0_habing: float = 1.0
    Av_mag: float = 10.0
    fC: float = 1.77e-4  # noqa: N815
    fO: float = 3.34e-4  # noqa: N815


@dataclass(frozen=True)
class MiniChem:
    """Gas-phase network of some elements, integrated with an analytic Jacobian.

    Parameters
    ----------
    reactions : DataFrame, optional
        A small network of 18 species by default. The network's table: ``Reactant 1`` to
        ``Reactant 3``, ``Product 1`` to ``Product 4``, ``Alpha``, ``Beta``, ``Gamma``,
        ``T_min``, ``T_max``.
    elements : sequence of str
        Which elements take part.

    Examples
    --------
    >>> chemistry = MiniChem()
    >>> abundances = chemistry.run(Cloud(T_K=15, nH_cm3=1e5))
    >>> bool(abundances.loc[1e6, "CO"] > 1e-4)
    True
    """

    reactions: pd.DataFrame = field(default_factory=small_network)
    elements: Sequence[str] = ("H", "HE", "C", "N", "O", "S")
    _kept: list[tuple[tuple[str, ...], tuple[str, ...], str, Floats]] = field(
        init=False, repr=False, default_factory=list
    )

    def __post_init__(self) -> None:
        self._kept.extend(_gas_reactions(self.reactions, set(self.elements)))
        if not self._kept:
            raise ValueError(f"reactions: none of the gas phase among {', '.join(self.elements)}")

    @cached_property
    def species(self) -> list[str]:
        """All species that take part, by name."""
        return sorted({s for reactants, products, *_ in self._kept for s in reactants + products})

    def rates(self, cloud: Cloud) -> Floats:
        """Rate coefficient of each reaction, s⁻¹ or cm³ s⁻¹, zero outside its temperatures.

        Parameters
        ----------
        cloud : Cloud
            The conditions.

        Returns
        -------
        array of float, shape (n_reactions,)
        """
        kinds = np.array([kind for *_, kind, _ in self._kept])
        a, b, c, low, high = np.array([numbers for *_, numbers in self._kept]).T
        T = cloud.T_K
        power = a * (T / 300.0) ** b
        with np.errstate(over="ignore"):
            k = np.select(
                [kinds == "CRP", kinds == "CRPHOT", kinds == "PHOTON"],
                [
                    a * cloud.zeta_1p3e17,
                    power * c * cloud.zeta_1p3e17 / (1 - _ALBEDO),
                    a * np.exp(-c * cloud.Av_mag) * cloud.G0_habing / _HABING,
                ],
                # A negative barrier is a bend of a fit: below its range it would explode.
                power * np.exp(-c / np.where(c < 0, np.maximum(T, low), T)),
            )
        return np.where(self._valid(T, low, high), k, 0.0)

    def initial(self, cloud: Cloud) -> Floats:
        """Abundances at the start: carbon as C⁺, half of the hydrogen as H₂, the rest atoms."""
        start = {"H": 0.5, "H2": 0.25, "C+": cloud.fC, "O": cloud.fO, "E-": cloud.fC, **_INITIAL}
        values = np.array([start.get(name, 0.0) for name in self.species])
        return np.where([name in start for name in self.species], values, 0.0)

    def run(
        self,
        cloud: Cloud,
        times_yr: ArrayLike = (1e3, 1e4, 1e5, 1e6),
        *,
        rtol: float = 1e-6,
        atol: float = 1e-20,
    ) -> pd.DataFrame:
        """Abundances per H nucleus at some times.

        Parameters
        ----------
        cloud : Cloud
            The conditions, constant in time.
        times_yr : array_like
            Increasing, yr.
        rtol, atol : float
            Tolerances of the integration.

        Returns
        -------
        pandas.DataFrame
            A row a time, a column a species.

        Raises
        ------
        ValueError
            If the times do not increase.
        DecanError
            If the integration stops before the last time.
        """
        import pandas as pd
        from scipy.integrate import solve_ivp

        times = np.atleast_1d(np.asarray(times_yr, dtype=float))
        if not (np.all(np.diff(times) > 0) and times[0] > 0):
            raise ValueError(f"times_yr: expected increasing positive times, found {times}")
        slopes, jacobian = self._system(cloud)
        done = solve_ivp(
            slopes,
            (0.0, times[-1] * YEAR),
            self.initial(cloud),
            method="BDF",
            t_eval=times * YEAR,
            jac=jacobian,
            rtol=rtol,
            atol=atol,
            first_step=1e-2,
        )
        if not done.success:
            raise DecanError(f"MiniChem stopped at {done.t[-1] / YEAR:.3g} yr: {done.message}")
        return pd.DataFrame(done.y.T, columns=self.species, index=pd.Index(times, name="time_yr"))

    def nuclei(self, abundances: pd.DataFrame) -> pd.DataFrame:
        """Nuclei of each element, and charge, per H nucleus at each time."""
        import pandas as pd

        columns = {
            element: abundances.to_numpy()
            @ np.array([atoms_in(str(name)).get(element, 0) for name in abundances])
            for element in self.elements
        }
        columns["charge"] = abundances.to_numpy() @ np.array(
            [charge_of(str(s)) for s in abundances]
        )
        return pd.DataFrame(columns, index=abundances.index)

    def __repr__(self) -> str:
        return f"<MiniChem: {len(self.species)} species, {len(self._kept)} reactions>"

    def _valid(self, T: float, low: Floats, high: Floats) -> NDArray[np.bool_]:
        """Which of the fits of one reaction holds; the nearest one outside all ranges."""
        distance = np.maximum(np.maximum(low - T, T - high), 0.0)
        best: dict[Any, tuple[float, int]] = {}
        for i, (reactants, products, kind, _) in enumerate(self._kept):
            key = (reactants, products, kind)
            if key not in best or distance[i] < best[key][0]:
                best[key] = (distance[i], i)
        valid = np.zeros(len(self._kept), dtype=bool)
        valid[[i for _, i in best.values()]] = True
        return valid

    def _system(self, cloud: Cloud) -> tuple[Any, Any]:
        """Slopes and Jacobian as functions of time and abundances."""
        from scipy.sparse import csr_matrix

        place = {name: i for i, name in enumerate(self.species)}
        n = len(place)
        one = n  # an entry that is always 1, the missing partner of reactions of one species
        k = self.rates(cloud)
        partners = np.full((len(k) + 1, 2), one)
        signs: dict[tuple[int, int], float] = {}
        for r, (reactants, products, *_) in enumerate(self._kept):
            partners[r, : len(reactants)] = [place[s] for s in reactants]
            k[r] *= cloud.nH_cm3 ** (len(reactants) - 1)
            for names, sign in ((reactants, -1.0), (products, 1.0)):
                for name in names:
                    signs[place[name], r] = signs.get((place[name], r), 0.0) + sign
        grains = 0.0
        if "H" in place and "H2" in place:
            partners[-1, 0] = place["H"]
            grains = _H2_ON_GRAINS * np.sqrt(cloud.T_K / 300.0) * cloud.nH_cm3
            signs[place["H"], len(k)], signs[place["H2"], len(k)] = -2.0, 1.0
        k = np.r_[k, grains]
        rows, columns = np.array(list(signs)).T
        net = csr_matrix((list(signs.values()), (rows, columns)), shape=(n, len(k)))
        first, second = partners.T

        def slopes(_: float, x: Floats) -> Floats:
            padded = np.append(x, 1.0)
            return np.asarray(net @ (k * padded[first] * padded[second]))

        # The Jacobian's entries: d(rate r)/d(first) and d(rate r)/d(second), times the signs.
        entry = net.tocoo()
        flat_first = entry.row * (n + 1) + first[entry.col]
        flat_second = entry.row * (n + 1) + second[entry.col]
        flat = np.r_[flat_first, flat_second]

        def jacobian(_: float, x: Floats) -> Floats:
            padded = np.append(x, 1.0)
            by_first = (k * padded[second])[entry.col] * entry.data
            by_second = (k * padded[first])[entry.col] * entry.data
            total = np.bincount(flat, np.r_[by_first, by_second], minlength=n * (n + 1))
            return np.asarray(total.reshape(n, n + 1)[:, :n])

        return slopes, jacobian


def _gas_reactions(
    table: pd.DataFrame, elements: set[str]
) -> list[tuple[tuple[str, ...], tuple[str, ...], str, Floats]]:
    """Two-body and ionisation reactions of the gas among some elements, with their numbers."""
    kept = []
    numbers = table[["Alpha", "Beta", "Gamma", "T_min", "T_max"]].to_numpy(dtype=float)
    names = table[[c for c in table if str(c).startswith(("Reactant", "Product"))]].astype(str)
    for row, values in zip(names.to_numpy(), numbers, strict=True):
        reactants, products = row[:3], row[3:]
        third = [r for r in reactants[1:] if r not in ("NAN", "nan", "")]
        kind = next((mark for mark in _KINDS if mark in third), "TWO")
        real = [r for r in reactants if r not in ("NAN", "nan", "", *_KINDS)]
        made = [p for p in products if p not in ("NAN", "nan", "", *_KINDS, "PHOTON")]
        if len(real) != (2 if kind == "TWO" else 1):
            continue
        if kind == "PHOTON" and real == ["H2"]:
            values = np.r_[_H2_BY_PHOTONS, values[3:]]
        if all(_is_gas(name, elements) for name in [*real, *made]):
            kept.append((tuple(real), tuple(made), kind, values))
    return kept


def _is_gas(name: str, elements: set[str]) -> bool:
    if name.startswith(("#", "@")) or name in ("BULK", "SURFACE"):
        return False
    try:
        return set(atoms_in(name)) <= elements
    except ValueError:  # a mark of a surface process, such as FREEZE
        return False
