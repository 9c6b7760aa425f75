"""What the name of a species says: its elements, its charge, and which column it is.

Names are UCLCHEM's: capital letters, ``E-`` for electrons, ``#X`` for the surface of the
ice and ``@X`` for its bulk.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = ["atoms_in", "charge_of", "find_species", "is_species", "parse_pair"]

ALIASES = {"CCH": "C2H", "C-C3H2": "C3H2", "E": "E-"}
TOTALS = ("BULK", "SURFACE")
ELEMENTS = ("H", "C", "N", "O", "S", "SI", "MG", "HE", "CL", "FE", "NA", "P", "F")
_ISOMER = re.compile(r"^[a-z]-(?=[A-Z])")
_TOKEN = re.compile(r"(HE|MG|SI|CL|FE|NA|H|C|N|O|S|P|F)(\d*)")


def atoms_in(species: str) -> dict[str, int]:
    """Atoms of each element in a species.

    Parameters
    ----------
    species : str
        UCLCHEM's name; the marks of ice and charge do not matter.

    Returns
    -------
    dict of str to int
        Element to number of atoms; empty for electrons and for totals of ice.

    Raises
    ------
    ValueError
        If the name holds something that is no element.

    Examples
    --------
    >>> atoms_in("H2COH+"), atoms_in("#CH3OH"), atoms_in("E-")
    ({'H': 3, 'C': 1, 'O': 1}, {'C': 1, 'H': 4, 'O': 1}, {})
    """
    name = _ISOMER.sub("", species.lstrip("#@")).rstrip("+-").upper()
    if name in ("", "E", *TOTALS):
        return {}
    atoms: dict[str, int] = {}
    place = 0
    while place < len(name):
        token = _TOKEN.match(name, place)
        if token is None:
            raise ValueError(f"species {species!r}: {name[place:]!r} is no element")
        atoms[token[1]] = atoms.get(token[1], 0) + int(token[2] or 1)
        place = token.end()
    return atoms


def is_species(name: str) -> bool:
    """Whether a name is made of elements, so that a column of it can be a species.

    Parameters
    ----------
    name : str
        Name of a column.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_species("HCO+"), is_species("Tdust")
    (True, False)
    """
    try:
        atoms_in(name)
    except ValueError:
        return False
    return True


def charge_of(species: str) -> int:
    """Charge of a species in units of the elementary charge.

    Parameters
    ----------
    species : str
        UCLCHEM's name.

    Returns
    -------
    int

    Examples
    --------
    >>> charge_of("HCO+"), charge_of("E-"), charge_of("c-C3H2")
    (1, -1, 0)
    """
    bare = species.rstrip("+-")
    return species.count("+", len(bare)) - species.count("-", len(bare))


def find_species(name: str, known: Iterable[str]) -> str:
    """The column that a name of a species means, other usual spellings included.

    Parameters
    ----------
    name : str
        A name as people write it: ``CCH``, ``c-C3H2``, ``e-`` are understood.
    known : iterable of str
        The columns there are.

    Returns
    -------
    str
        One of ``known``.

    Raises
    ------
    ValueError
        If there is no such species; the message gives the closest names. Lower case is
        refused where it is no usual spelling: ``cs`` may be CS or a mistake.

    Examples
    --------
    >>> find_species("CCH", ["C2H", "HCN"])
    'C2H'
    >>> find_species("H2COplus", ["H2CO+", "H2CO", "CO"])
    Traceback (most recent call last):
    ...
    ValueError: species 'H2COplus' is not in the grid; did you mean H2CO+, H2CO?
    """
    columns = list(known)
    if name in columns:
        return name
    upper = name.strip().upper()
    # e- and c-C3H2 are spelled with a small letter everywhere.
    if name in ("e-", "c-C3H2", "CCH", "E") and ALIASES.get(upper, upper) in columns:
        return ALIASES.get(upper, upper)
    spelled = upper.replace("PLUS", "+").replace("^+", "+")
    near = [known_name for known_name in columns if known_name.upper() == spelled]
    near += difflib.get_close_matches(spelled, columns, n=3, cutoff=0.6)
    near = list(dict.fromkeys(near))[:3]
    advice = f"did you mean {', '.join(near)}?" if near else f"it has {len(columns)} species"
    raise ValueError(f"species {name!r} is not in the grid; {advice}")


def parse_pair(pair: str | tuple[str, str]) -> tuple[str, str | None]:
    """Numerator and denominator of a ratio.

    Parameters
    ----------
    pair : str or (str, str)
        ``"HNC/HCN"`` or ``("HNC", "HCN")``; ``"HCN"`` alone is its abundance per H nucleus.

    Returns
    -------
    (str, str or None)
        None stands for the H nuclei.

    Raises
    ------
    ValueError
        If it is neither one name nor two.

    Examples
    --------
    >>> parse_pair("HNC/HCN"), parse_pair("HCN")
    (('HNC', 'HCN'), ('HCN', None))
    """
    names = tuple(pair.split("/")) if isinstance(pair, str) else tuple(pair)
    if len(names) not in (1, 2) or not all(isinstance(n, str) and n.strip() for n in names):
        raise ValueError(
            f"ratio {pair!r}: expected two species, such as 'HNC/HCN', or one, such as 'HCN'"
        )
    return names[0].strip(), names[1].strip() if len(names) == 2 else None
