"""Equilibrium abundances of carbon, oxygen and nitrogen in hydrogen, in closed form.

Carbon goes to CO or CH4, oxygen to H2O or CO, nitrogen to N2 or NH3: each pair is a quadratic
equation. CO2 and HCN are small beside them and are put in by a few rounds. What is left out
(condensation, ionisation, the dissociation of hydrogen above about 2500 K) is left out.

References
----------
Heng & Tsai 2016, ApJ 829, 104, for the idea; thermodynamic polynomials of GRI-Mech 3.0 (Smith
et al. 1999); solar abundances of Asplund et al. 2009, ARA&A 47, 481.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["equilibrium_chemistry", "gibbs_over_rt"]

Array = NDArray[Any]

# Coefficients of heat capacity, enthalpy and entropy below and above 1000 K.
_NASA: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "H2": (
        (2.34433112, 7.98052075e-3, -1.9478151e-5, 2.01572094e-8, -7.37611761e-12, -917.935173,
         0.683010238),
        (3.3372792, -4.94024731e-5, 4.99456778e-7, -1.79566394e-10, 2.00255376e-14, -950.158922,
         -3.20502331),
    ),
    "H2O": (
        (4.19864056, -2.0364341e-3, 6.52040211e-6, -5.48797062e-9, 1.77197817e-12, -30293.7267,
         -0.849032208),
        (3.03399249, 2.17691804e-3, -1.64072518e-7, -9.7041987e-11, 1.68200992e-14, -30004.2971,
         4.9667701),
    ),
    "CO": (
        (3.57953347, -6.1035368e-4, 1.01681433e-6, 9.07005884e-10, -9.04424499e-13, -14344.086,
         3.50840928),
        (2.71518561, 2.06252743e-3, -9.98825771e-7, 2.30053008e-10, -2.03647716e-14, -14151.8724,
         7.81868772),
    ),
    "CO2": (
        (2.35677352, 8.98459677e-3, -7.12356269e-6, 2.45919022e-9, -1.43699548e-13, -48371.9697,
         9.90105222),
        (3.85746029, 4.41437026e-3, -2.21481404e-6, 5.23490188e-10, -4.72084164e-14, -48759.166,
         2.27163806),
    ),
    "CH4": (
        (5.14987613, -1.36709788e-2, 4.91800599e-5, -4.84743026e-8, 1.66693956e-11, -10246.6476,
         -4.64130376),
        (7.4851495e-2, 1.33909467e-2, -5.73285809e-6, 1.22292535e-9, -1.0181523e-13, -9468.34459,
         18.437318),
    ),
    "N2": (
        (3.298677, 1.4082404e-3, -3.963222e-6, 5.641515e-9, -2.444854e-12, -1020.8999, 3.950372),
        (2.92664, 1.4879768e-3, -5.68476e-7, 1.0097038e-10, -6.753351e-15, -922.7977, 5.980528),
    ),
    "NH3": (
        (4.2860274, -4.660523e-3, 2.1718513e-5, -2.2808887e-8, 8.2638046e-12, -6741.7285,
         -0.62537277),
        (2.6344521, 5.666256e-3, -1.7278676e-6, 2.3867161e-10, -1.2578786e-14, -6544.6958,
         6.5662928),
    ),
    "HCN": (
        (2.2589886, 1.005117e-2, -1.3351763e-5, 1.0092349e-8, -3.0089028e-12, 14712.633,
         8.9164419),
        (3.8022392, 3.1464228e-3, -1.0632185e-6, 1.6619757e-10, -9.799757e-15, 14407.292,
         1.5754601),
    ),
}  # fmt: skip
_SOLAR_O, _SOLAR_N, _HELIUM = 4.90e-4, 6.76e-5, 0.0851  # for each hydrogen atom
_ROUNDS = 25


def gibbs_over_rt(species: str, t_k: Any) -> Array:
    """Standard Gibbs energy of a gas at 1 bar, over RT.

    Parameters
    ----------
    species : str
        H2, H2O, CO, CO2, CH4, N2, NH3 or HCN.
    t_k : array_like
        Temperature, K; the polynomials hold from 200 to 3500 K.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> reaction = {"CH4": 1, "H2O": 1, "CO": -1, "H2": -3}
    >>> energy = sum(n * gibbs_over_rt(name, 1000.0) for name, n in reaction.items())
    >>> round(8.314e-3 * 1000.0 * float(energy), 1)  # kJ/mol; JANAF tables: 27.2
    27.2
    """
    t = np.clip(np.asarray(t_k, dtype=float), 200.0, 4500.0)
    cool, warm = (_gibbs(np.array(row), t) for row in _NASA[species])
    return np.asarray(np.where(t < 1000.0, cool, warm))


def equilibrium_chemistry(
    p_pa: Any, t_k: Any, *, metallicity: float = 1.0, c_to_o: float = 0.55
) -> dict[str, Array]:
    """Volume mixing ratios in chemical equilibrium.

    It can be given to an opacity as its abundances: ``EmissionModel(tables,
    equilibrium_chemistry)``.

    Parameters
    ----------
    p_pa, t_k : array_like
        Pressure (Pa) and temperature (K); they broadcast.
    metallicity : float
        Oxygen and nitrogen over their solar abundances.
    c_to_o : float
        Carbon over oxygen, by number; below 1.

    Returns
    -------
    dict of str to ndarray
        H2, He, H2O, CO, CO2, CH4, N2, NH3, HCN.

    Raises
    ------
    ValueError
        If the metallicity is not positive, or carbon is not less than oxygen.

    Examples
    --------
    >>> warm, hot = (equilibrium_chemistry(1e5, t) for t in (700.0, 1800.0))
    >>> bool(warm["CH4"] > 100 * warm["CO"]), bool(hot["CO"] > 100 * hot["CH4"])
    (True, True)
    """
    if metallicity <= 0:
        raise ValueError(f"metallicity must be positive, found {metallicity:g}")
    if not 0 < c_to_o < 1:
        raise ValueError(
            f"c_to_o must lie between 0 and 1 (carbon-rich gas makes soot), found {c_to_o:g}"
        )
    p, t = np.broadcast_arrays(np.asarray(p_pa, dtype=float), np.asarray(t_k, dtype=float))
    oxygen = 2 * _SOLAR_O * metallicity
    carbon, nitrogen = oxygen * c_to_o, 2 * _SOLAR_N * metallicity
    helium = 2 * _HELIUM
    # All amounts are for each H2 molecule; its own share follows from the sum.
    share = 1.0 / (1.0 + helium + oxygen + nitrogen / 2)
    square = (p / 1e5 * share) ** 2
    k_ch4 = _constant(t, {"CH4": 1, "H2O": 1, "CO": -1, "H2": -3}) * square
    k_co2 = _constant(t, {"CO2": 1, "H2": 1, "CO": -1, "H2O": -1})
    k_nh3 = _constant(t, {"NH3": 2, "N2": -1, "H2": -3}) * square
    k_hcn = _constant(t, {"HCN": 1, "H2": 3, "CH4": -1, "NH3": -1}) / square
    co2, hcn = np.zeros_like(t), np.zeros_like(t)
    for _ in range(_ROUNDS):
        c = np.maximum(carbon - co2 - hcn, 0.02 * carbon)
        o = np.maximum(oxygen - 2 * co2, 0.02 * oxygen)
        total = c + o + k_ch4
        co = 2 * c * o / (total + np.sqrt(total**2 - 4 * c * o))
        ch4 = k_ch4 * co / np.maximum(o - co, 1e-30)
        h2o = o - co
        each = k_hcn * ch4
        n = (1 + each) * k_nh3 / 4
        nh3 = n * nitrogen * 4 / (1 + each) / (n + np.sqrt(n**2 + nitrogen * k_nh3 / 2)) / 2
        n2 = nh3**2 / k_nh3
        co2 = 0.5 * (co2 + np.minimum(k_co2 * co * h2o, 0.45 * carbon))
        hcn = 0.5 * (hcn + np.minimum(each * nh3, 0.45 * carbon))
    amounts = {"H2O": h2o, "CO": co, "CO2": co2, "CH4": ch4, "N2": n2, "NH3": nh3, "HCN": hcn}
    whole = np.ones_like(t)
    return {"H2": share * whole, "He": share * helium * whole} | {
        name: share * amount for name, amount in amounts.items()
    }


def _gibbs(a: Array, t: Array) -> Array:
    enthalpy = a[0] + t * (a[1] / 2 + t * (a[2] / 3 + t * (a[3] / 4 + t * a[4] / 5))) + a[5] / t
    entropy = a[0] * np.log(t) + t * (a[1] + t * (a[2] / 2 + t * (a[3] / 3 + t * a[4] / 4))) + a[6]
    return np.asarray(enthalpy - entropy)


def _constant(t: Array, reaction: dict[str, int]) -> Array:
    """Equilibrium constant at 1 bar: products have positive numbers."""
    energy = sum(n * gibbs_over_rt(name, t) for name, n in reaction.items())
    return np.asarray(np.exp(-np.clip(energy, -300.0, 300.0)))
