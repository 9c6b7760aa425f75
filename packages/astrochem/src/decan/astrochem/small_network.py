"""A small network that travels with the library: how CO, water and HCO⁺ form.

Coefficients are those of UMIST RATE22 at low temperature (Millar et al. 2024, A&A 682, A109),
as UCLCHEM applies them: CRP and CRPHOT per 1.3e-17 s⁻¹, PHOTON per 1.7 Habing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["small_network"]


def small_network() -> pd.DataFrame:
    """Reactions among eighteen species of H, He, C and O, as the network's tables hold them.

    Returns
    -------
    pandas.DataFrame
        ``Reactant 1`` to ``Reactant 3``, ``Product 1`` to ``Product 4``, ``Alpha``, ``Beta``,
        ``Gamma``, ``T_min``, ``T_max`` (K).

    Examples
    --------
    >>> small_network().loc[0, ["Reactant 1", "Product 1"]].tolist()
    ['C', 'C+']
    """
    import pandas as pd

    rows = []
    for line in _REACTIONS.strip().splitlines():
        equation, numbers = line.split(" ; ")
        left, right = (side.split(" + ") for side in equation.split(" = "))
        names = [*left, *["NAN"] * (3 - len(left)), *right, *["NAN"] * (4 - len(right))]
        rows.append([*names, *map(float, numbers.split()), 5.0, 300.0])
    columns = [f"Reactant {i}" for i in (1, 2, 3)] + [f"Product {i}" for i in (1, 2, 3, 4)]
    return pd.DataFrame(rows, columns=[*columns, "Alpha", "Beta", "Gamma", "T_min", "T_max"])


_REACTIONS = """
C + CRP = C+ + E- ; 2.3e-17 0 0
H + CRP = H+ + E- ; 5.98e-18 0 0
H2 + CRP = H+ + H + E- ; 2.86e-19 0 0
H2 + CRP = H2+ + E- ; 1.2e-17 0 0
H2 + CRP = H + H ; 1.3e-18 0 0
HE + CRP = HE+ + E- ; 6.5e-18 0 0
C + CRPHOT = C+ + E- ; 1.3e-17 0 130
CO + CRPHOT = O + C ; 1.3e-17 1.17 105
H2+ + CRPHOT = H+ + H ; 1.3e-17 0 305
H2O + CRPHOT = OH + H ; 1.3e-17 0 500
H2O + CRPHOT = H2O+ + E- ; 1.3e-17 0 11.5
OH + CRPHOT = O + H ; 1.3e-17 0 235
C + PHOTON = C+ + E- ; 3.5e-10 0 3.76
CO + PHOTON = O + C ; 2.4e-10 0 3.88
H2 + PHOTON = H + H ; 5.7e-11 0 4.18
H2+ + PHOTON = H+ + H ; 5.72e-10 0 2.78
H2O + PHOTON = H2O+ + E- ; 2.71e-11 0 4.27
H2O + PHOTON = OH + H ; 7.72e-10 0 2.63
H2O+ + PHOTON = OH+ + H ; 1e-12 0 2
OH + PHOTON = O + H ; 3.79e-10 0 2.66
OH + PHOTON = OH+ + E- ; 1.6e-12 0 3.1
C + H3O+ = HCO+ + H2 ; 1e-11 0 0
C + OH = CO + H ; 1e-10 0 0
C + O = CO ; 4.69e-19 1.52 -50.5
C+ + H2O = HCO+ + H ; 9e-10 -0.5 0
C+ + E- = C ; 2.36e-12 -0.29 -17.6
H + H2+ = H2 + H+ ; 6.4e-10 0 0
H + HE+ = HE + H+ ; 1.2e-15 0.25 0
H + OH = O + H2 ; 6.94e-14 2.8 1950
H + O = OH ; 9.9e-19 -0.38 0
H + OH = H2O ; 5.26e-18 -5.22 90
H+ + H2O = H2O+ + H ; 6.9e-09 -0.5 0
H+ + OH = OH+ + H ; 2.1e-09 -0.5 0
H+ + H = H2+ ; 1.15e-18 1.49 228
H+ + E- = H ; 3.5e-12 -0.75 0
H2 + HE+ = HE + H2+ ; 1e-14 0 0
H2 + H2O+ = H3O+ + H ; 9.7e-10 0 0
H2 + HE+ = H+ + H + HE ; 3e-14 0 0
H2 + OH+ = H2O+ + H ; 1.27e-09 0.18 0
H2 + OH = H2O + H ; 2.08e-12 1.52 1740
H2+ + H2O = H2O+ + H2 ; 3.9e-09 -0.5 0
H2+ + OH = OH+ + H2 ; 7.6e-10 -0.5 0
H2+ + E- = H + H ; 1.6e-08 -0.43 0
H2+ + CO = HCO+ + H ; 2.16e-09 0 0
H2+ + H2 = H3+ + H ; 2.08e-09 0 0
H2+ + H2O = H3O+ + H ; 3.4e-09 -0.5 0
H2+ + O = OH+ + H ; 1.5e-09 0 0
H2+ + OH = H2O+ + H ; 7.6e-10 -0.5 0
H2O + HCO+ = CO + H3O+ ; 2.5e-09 -0.5 0
H2O+ + E- = O + H2 ; 3.9e-08 -0.5 0
H2O+ + E- = O + H + H ; 3.05e-07 -0.5 0
H2O+ + E- = OH + H ; 8.6e-08 -0.5 0
H2O+ + CO = HCO+ + OH ; 5e-10 0 0
H2O+ + H2O = H3O+ + OH ; 2.1e-09 -0.5 0
H3+ + E- = H2 + H ; 2.34e-08 -0.52 0
H3+ + E- = H + H + H ; 4.36e-08 -0.52 0
H3+ + CO = HCO+ + H2 ; 1.36e-09 -0.14 -3.4
H3+ + H2O = H3O+ + H2 ; 5.9e-09 -0.5 0
H3+ + O = H2O+ + H ; 2.08e-10 -0.4 4.86
H3+ + O = OH+ + H2 ; 4.65e-10 -0.14 0.67
H3+ + OH = H2O+ + H2 ; 1.3e-09 -0.5 0
H3O+ + E- = H2O + H ; 7.09e-08 -0.5 0
H3O+ + E- = O + H2 + H ; 5.6e-09 -0.5 0
H3O+ + E- = OH + H2 ; 5.37e-08 -0.5 0
H3O+ + E- = OH + H + H ; 3.05e-07 -0.5 0
HCO+ + E- = CO + H ; 2.4e-07 -0.69 0
HE+ + C = C+ + HE ; 6.3e-15 0.75 0
HE+ + H2O = H2O+ + HE ; 6.05e-11 -0.5 0
HE+ + CO = O + C+ + HE ; 1.6e-09 0 0
HE+ + H2O = OH+ + HE + H ; 2.86e-10 -0.5 0
HE+ + H2O = OH + HE + H+ ; 2.04e-10 -0.5 0
HE+ + E- = HE ; 5.36e-12 -0.5 0
OH + H2O+ = H3O+ + O ; 6.9e-10 -0.5 0
OH + HCO+ = CO + H2O+ ; 6.2e-10 -0.5 0
OH + OH = H2O + O ; 1.65e-12 1.14 50
OH+ + H2O = H2O+ + OH ; 1.59e-09 -0.5 0
OH+ + E- = O + H ; 3.75e-08 -0.5 0
OH+ + CO = HCO+ + O ; 1.05e-09 0 0
OH+ + H2O = H3O+ + O ; 1.3e-09 -0.5 0
OH+ + OH = H2O+ + O ; 7e-10 -0.5 0
"""
