"""Log ratios of abundances with what may be used of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NINE_RATIOS", "RatioTable"]

FLOOR = 1e-12
"""Abundance per H nucleus below which a species counts as undetectable."""

NINE_RATIOS = (
    "CN/HCN",
    "HNC/HCN",
    "CS/SO",
    "HCO+/HCN",
    "C2H/HCN",
    "N2H+/HCO+",
    "H2CO/HCN",
    "HCS+/CS",
    "H2CS/CS",
)
"""CN/HCN, HNC/HCN and CS/SO are the paper's; the other six are usual at 3 mm."""

LARGEST_MASKED_SHARE = 0.8
FEWEST_MODELS = 30


@dataclass(frozen=True)
class RatioTable:
    """Ratios of a grid's good models at one time.

    Parameters
    ----------
    inputs : DataFrame
        Parameters, index ``model_id``.
    values : DataFrame
        Log10 ratios (dex), a column a ratio; NaN where masked.
    usable : DataFrame of bool
        Whether both species are above the floor.
    limits : DataFrame
        As ``values``, with species below the floor set to the floor: where a ratio is masked,
        the limit that an observation of that depth would give, or 0 if both are below.
    time_yr : float
        The time, yr.
    floor : float
        Abundance per H nucleus.

    Examples
    --------
    >>> from decan.astrochem import simulate_grid
    >>> table = simulate_grid(64, rng=1).ratios(["CN/HCN"])
    >>> table
    <RatioTable: 1 ratio of 64 models at 1e+05 yr, 0 % masked>
    >>> X, y = table.rows("CN/HCN")
    >>> X.shape, y.shape
    ((64, 7), (64,))
    """

    inputs: pd.DataFrame
    values: pd.DataFrame
    usable: pd.DataFrame
    limits: pd.DataFrame
    time_yr: float
    floor: float

    @property
    def names(self) -> list[str]:
        """Names of the ratios."""
        return list(self.values.columns)

    def rows(self, ratio: str) -> tuple[pd.DataFrame, pd.Series]:
        """Inputs and log10 values of the models in which a ratio may be used.

        Parameters
        ----------
        ratio : str
            One of :attr:`names`.

        Returns
        -------
        (DataFrame, Series)

        Raises
        ------
        ValueError
            If there is no such ratio.
        """
        if ratio not in self.values:
            raise ValueError(f"ratio {ratio!r} is not in the table; it has {', '.join(self.names)}")
        seen = self.usable[ratio].to_numpy(dtype=bool)
        return self.inputs.loc[seen], self.values.loc[seen, ratio]

    def trainable_rows(self, ratio: str) -> tuple[pd.DataFrame, pd.Series]:
        """As :meth:`rows`, refused where too little is left to learn from.

        Parameters
        ----------
        ratio : str
            One of :attr:`names`.

        Returns
        -------
        (DataFrame, Series)

        Raises
        ------
        ValueError
            If the ratio is masked in more than 80 % of the models.
        """
        X, y = self.rows(ratio)
        masked = 1 - len(y) / max(len(self.values), 1)
        if masked > LARGEST_MASKED_SHARE:
            raise ValueError(
                f"ratio {ratio!r} is masked in {masked:.0%} of {len(self.values)} models: one of "
                f"its species is below {self.floor:g} per H there, and what is left cannot speak "
                "for the box. Leave it out, or lower the floor knowingly."
            )
        return X, y

    def summary(self) -> pd.DataFrame:
        """A row a ratio: models, masked share, percentiles and scatter, dex."""
        import pandas as pd

        rows = []
        for name in self.names:
            _, y = self.rows(name)
            low, mid, high = np.percentile(y, [1, 50, 99]) if len(y) else [np.nan] * 3
            rows.append(
                {
                    "ratio": name,
                    "models": len(y),
                    "masked": 1 - len(y) / max(len(self.values), 1),
                    "1 % [dex]": low,
                    "median [dex]": mid,
                    "99 % [dex]": high,
                    "scatter [dex]": float(np.std(y)) if len(y) else np.nan,
                }
            )
        return pd.DataFrame(rows)

    def select(self, rows: Iterable[bool]) -> RatioTable:
        """The table of some models, chosen by one truth value a row."""
        keep = np.asarray(list(rows), dtype=bool)
        return RatioTable(
            self.inputs.loc[keep],
            self.values.loc[keep],
            self.usable.loc[keep],
            self.limits.loc[keep],
            self.time_yr,
            self.floor,
        )

    def on_ladder(self, *, tolerance_dex: float = 0.2) -> RatioTable:
        """Models in which carbon and oxygen fall together, as they do outward in the Galaxy.

        Parameters
        ----------
        tolerance_dex : float
            Largest difference of the depletions of C and O from the solar neighbourhood.

        Returns
        -------
        RatioTable
        """
        local = np.log10(1.77e-4), np.log10(3.34e-4)
        carbon = np.log10(self.inputs["fC"]) - local[0]
        oxygen = np.log10(self.inputs["fO"]) - local[1]
        return self.select((carbon - oxygen).abs() < tolerance_dex)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        masked = 1 - self.usable.to_numpy().mean() if len(self) else 0.0
        plural = "" if len(self.names) == 1 else "s"
        return (
            f"<RatioTable: {len(self.names)} ratio{plural} of {len(self)} models at "
            f"{self.time_yr:.3g} yr, {100 * masked:.0f} % masked>"
        )
