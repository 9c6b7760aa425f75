"""Networks in the form that DALI and SIMBA read: fixed columns below a count of reactions.

They serve as a second opinion: the same gas under another choice of rate coefficients.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from decan.core.errors import SchemaError
from decan.core.files import reading

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_dali_network"]

_WIDTH = 14
_REACTANTS, _PRODUCTS = 3, 5
_HEAD = "n_reactions"
# Rates by cosmic rays are per 1.35e-17 s⁻¹ there and per 1.3e-17 s⁻¹ here.
_PER_ZETA = 1.3 / 1.35
_KINDS = {20: "TWO", 21: "TWO", 22: "TWO", 30: "PHOTON", 31: "PHOTON", 32: "PHOTON", 33: "PHOTON",
          40: "CRP", 41: "CRPHOT"}  # fmt: skip


def read_dali_network(path: str | os.PathLike[str]) -> pd.DataFrame:
    r"""Gas-phase reactions of a network of DALI or SIMBA, for :class:`~decan.astrochem.MiniChem`.

    Two-body reactions, photoreactions (without self-shielding) and ionisation by cosmic rays
    are kept. Grains, PAHs, X-rays and excited H₂ are left out, counted by type.

    Parameters
    ----------
    path : path-like
        The file: three reactants and five products of 14 characters each, then number, type,
        three coefficients and the range of temperatures.

    Returns
    -------
    pandas.DataFrame
        ``Reactant 1`` to ``Reactant 3``, ``Product 1`` to ``Product 5``, ``Alpha``, ``Beta``,
        ``Gamma``, ``T_min``, ``T_max`` (K), with species spelled as UCLCHEM does;
        ``attrs["left_out"]`` holds the number of reactions of each type left out.

    Raises
    ------
    DataNotAvailable
        If there is no such file.
    SchemaError
        If it is no such network, or a line cannot be read; the line is named.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "two.dat"
    >>> names = [("C", "OH", "", "CO", "H"), ("He", "CRP", "", "He+", "e-")]
    >>> ends = ["1 20 1e-10 0 0 0 300", "2 40 6.5e-18 0 0 0 41000"]
    >>> rows = ["".join(f"{x:14}" for x in (*some, "", "", "")) + end
    ...         for some, end in zip(names, ends)]
    >>> _ = path.write_text("\n".join(["! n_reactions", "2", *rows]))
    >>> read_dali_network(path)[["Reactant 1", "Product 1", "Alpha"]].round(20).to_numpy().tolist()
    [['C', 'CO', 1e-10], ['HE', 'HE+', 6.26e-18]]
    """
    import pandas as pd

    with reading(path, "chemical network") as place:
        lines = place.read_text(encoding="utf-8", errors="replace").splitlines()
    heads = [i for i, line in enumerate(lines) if line.startswith("!") and _HEAD in line]
    if not heads or not "".join(lines[heads[0] + 1 : heads[0] + 2]).strip().isdigit():
        raise SchemaError(f"{path}: no network of DALI or SIMBA (no line '! {_HEAD}' with a count)")
    start, count = heads[0] + 2, int(lines[heads[0] + 1])
    numbered = [(i + 1, line) for i, line in enumerate(lines) if i >= start]
    body = [pair for pair in numbered if pair[1].strip() and not pair[1].startswith("!")]
    if len(body) != count:
        raise SchemaError(f"{path}: announces {count} reactions and holds {len(body)}")
    left_out: dict[int, int] = {}
    rows = []
    for number, line in body:
        names, kind, values = _reaction(line, f"{path}, line {number}")
        if kind in _KINDS:
            rows.append([*names, *_coefficients(_KINDS[kind], values)])
        else:
            left_out[kind] = left_out.get(kind, 0) + 1
    columns = [f"Reactant {i + 1}" for i in range(_REACTANTS)]
    columns += [f"Product {i + 1}" for i in range(_PRODUCTS)]
    table = pd.DataFrame(rows, columns=[*columns, "Alpha", "Beta", "Gamma", "T_min", "T_max"])
    table.attrs["left_out"] = left_out
    return table


def _reaction(line: str, where: str) -> tuple[list[str], int, list[float]]:
    n = _REACTANTS + _PRODUCTS
    cells = line[n * _WIDTH :].split()
    names = [line[i * _WIDTH : (i + 1) * _WIDTH].strip().upper() or "NAN" for i in range(n)]
    try:
        kind, values = int(cells[1]), [float(cell) for cell in cells[2:7]]
    except (IndexError, ValueError):
        kind, values = 0, []
    if len(values) != 5:
        raise SchemaError(
            f"{where}: expected number, type, three coefficients and two temperatures behind "
            f"the names, found {' '.join(cells[:8]) or 'nothing'!r}"
        )
    return names, kind, values


def _coefficients(kind: str, values: list[float]) -> list[float]:
    """Alpha, Beta, Gamma and range as the rate laws of UMIST want them."""
    a, b, c, low, high = values
    if kind == "PHOTON":
        # There the second number scales the first, and no law knows a temperature.
        a, b = a * b, 0.0
    elif kind in ("CRP", "CRPHOT"):
        a *= _PER_ZETA
    # A minus sign marks an end beyond which a fit may be used.
    return [a, b, c, abs(low), abs(high)]
