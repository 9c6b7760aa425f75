"""UCLCHEM's calls of version 3, answered by MiniChem: what a driver of it is measured with.

A real run differs in the chemistry, not in what the driver has to do for it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from .archive import DATASETS
from .minichem import Cloud, MiniChem
from .runner import TIMES_YR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["model", "utils"]

# As tight as to take about as long as a model of the given grid took UCLCHEM, half a second.
_RTOL, _ATOL = 1e-9, 1e-26


class model:  # noqa: N801
    """Stands for ``uclchem.model``."""

    @staticmethod
    def cloud(
        param_dict: dict[str, Any], **_: Any
    ) -> tuple[pd.DataFrame, pd.DataFrame, None, None, int]:
        """Physics and abundances at the times of a grid, as UCLCHEM gives them."""
        import pandas as pd

        column = param_dict["rout"] * 3.0857e18 * param_dict["initialDens"]
        point = Cloud(
            T_K=param_dict["initialTemp"],
            nH_cm3=param_dict["initialDens"],
            zeta_1p3e17=param_dict["zeta"],
            G0_habing=param_dict["radfield"],
            Av_mag=column / 1.6e21,
            fC=param_dict["fc"],
            fO=param_dict["fo"],
        )
        found = _chemistry().run(point, TIMES_YR, rtol=_RTOL, atol=_ATOL).clip(lower=0.0)
        physics = pd.DataFrame({"Time": TIMES_YR, "Density": point.nH_cm3, "Av": point.Av_mag})
        return physics, found.reset_index(drop=True), None, None, 0


class utils:  # noqa: N801
    """Stands for ``uclchem.utils``."""

    @staticmethod
    def check_error(flag: int) -> str:
        """Words for a flag."""
        return f"no such flag: {flag}"


@cache
def _chemistry() -> MiniChem:
    """The given network where it is at hand, the small one otherwise."""
    if DATASETS.where("network") is None:
        return MiniChem()
    return MiniChem(DATASETS.load("network")[1])
