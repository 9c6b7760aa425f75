"""What a paper claims and what was measured here, each with its provenance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["MIXED", "REAL", "SIMULATED", "Claim", "Measurement", "Provenance", "verdict"]


class Provenance(StrEnum):
    """Where the data behind a number come from.

    ``REAL`` means observations, or the published model grids that the paper
    itself is about; ``SIMULATED`` our own simulator; ``MIXED`` both.

    Examples
    --------
    >>> print(Provenance.REAL)
    REAL
    """

    REAL = "REAL"
    SIMULATED = "SIMULATED"
    MIXED = "MIXED"


REAL = Provenance.REAL
SIMULATED = Provenance.SIMULATED
MIXED = Provenance.MIXED


@dataclass(frozen=True)
class Claim:
    """One number to compare with: what was published, and what is aimed at here.

    Parameters
    ----------
    metric : str
        Name of the metric, the same under which a run records it.
    published : float, optional
        The published value. None where the paper gives none.
    source : str
        Paper and section, table or equation of the published value.
    goal : float or (float, float), optional
        The value to reach here, or the range to fall into.
    better : {'higher', 'lower'}
        Which direction is better; of no meaning for a range.
    provenance : Provenance
        The kind of data the claim is about. A measurement of another kind is
        shown beside it and not compared with it.
    headline : bool
        Whether the claim stands in the table of the README.

    Raises
    ------
    ValueError
        If ``better`` is neither word.

    Examples
    --------
    >>> Claim("average precision", 0.970, source="Yu et al. 2019, table 4", goal=0.982).goal
    0.982
    """

    metric: str
    published: float | None = None
    source: str = ""
    goal: float | tuple[float, float] | None = None
    better: str = "higher"
    provenance: Provenance = REAL
    headline: bool = False

    def __post_init__(self) -> None:
        if self.better not in ("higher", "lower"):
            raise ValueError(
                f"claim '{self.metric}': better must be 'higher' or 'lower', found {self.better!r}"
            )

    def goal_text(self) -> str:
        """The goal as a table shows it, empty without one."""
        if self.goal is None:
            return ""
        if isinstance(self.goal, tuple):
            return f"{self.goal[0]:.4g} to {self.goal[1]:.4g}"
        return f"{'≥' if self.better == 'higher' else '≤'} {self.goal:.4g}"


@dataclass(frozen=True)
class Measurement:
    """One measured number with its interval, size and provenance.

    Parameters
    ----------
    metric : str
        Name of the metric.
    value, low, high : float
        The value and its interval (16th and 84th percentile); NaN where there is none.
    n : int
        How many objects the value rests on.
    provenance : Provenance
        Where these objects come from.
    unit : str
        Unit of value, low and high; empty for a pure number.
    note : str
        What a reader must know beside the number.

    Examples
    --------
    >>> print(Measurement("AP", 0.9817, 0.977, 0.986, 1472, REAL))
    0.9817 [0.977, 0.986]
    """

    metric: str
    value: float
    low: float
    high: float
    n: int
    provenance: Provenance
    unit: str = ""
    note: str = ""

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if math.isnan(self.low) or math.isnan(self.high):
            return f"{self.value:.4g}{unit}"
        return f"{self.value:.4g} [{self.low:.3g}, {self.high:.3g}]{unit}"


def verdict(claim: Claim | None, measured: Measurement) -> str:
    """What a measurement says about a claim, in a few words.

    The goal decides where there is one, the published value otherwise. A goal
    missed is "missed" also where it lies inside the interval; the interval is
    then mentioned.

    Parameters
    ----------
    claim : Claim or None
        What to compare with.
    measured : Measurement
        What was measured.

    Returns
    -------
    str

    Examples
    --------
    >>> measured = Measurement("AP", 0.981, 0.977, 0.986, 1472, REAL)
    >>> verdict(Claim("AP", 0.970, goal=0.982), measured)
    'missed (goal inside the interval)'
    >>> verdict(Claim("AP", 0.970), measured)
    'at least as good as published'
    >>> verdict(Claim("AP", 0.970), Measurement("AP", 0.99, 0.98, 1.0, 50, SIMULATED))
    'not compared: SIMULATED, the claim is about REAL'
    """
    if claim is None or (claim.goal is None and claim.published is None):
        return "measured"
    if measured.provenance != claim.provenance:
        return f"not compared: {measured.provenance}, the claim is about {claim.provenance}"
    if math.isnan(measured.value):
        return "not measurable"
    if claim.goal is None:
        assert claim.published is not None
        good = _reaches(measured.value, claim.published, claim.better)
        return "at least as good as published" if good else "below published"
    if isinstance(claim.goal, tuple):
        low, high = claim.goal
        reached = low <= measured.value <= high
        overlap = measured.low <= high and measured.high >= low
    else:
        reached = _reaches(measured.value, claim.goal, claim.better)
        overlap = _reaches(
            measured.high if claim.better == "higher" else measured.low, claim.goal, claim.better
        )
    if reached:
        return "reached"
    return "missed (goal inside the interval)" if overlap else "missed"


def _reaches(value: float, aim: float, better: str) -> bool:
    return value >= aim if better == "higher" else value <= aim
