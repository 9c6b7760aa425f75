"""The Robovetter's rules on its own metrics: named tests, four major flags, plain words.

The Robovetter of Kepler's DR25 catalogue (Thompson et al. 2018, ApJS 235, 38) decides by
thresholds on about a hundred metrics. These are its rules, written again from its
description, with the thresholds of the catalogue and of its two variants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.tables import number_column
from decan.core.errors import SchemaError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["THRESHOLDS", "RuleVetter", "Thresholds"]


@dataclass(frozen=True)
class Thresholds:
    """Cuts of the rules; the defaults are those of the DR25 catalogue.

    Parameters
    ----------
    ses_to_mes : float
        Largest share of the strongest single event, for periods beyond 90 d.
    chases : float
        Largest value of ``all_tran_chases``.
    val_dv, val_alt : (float, float, float)
        Model-shift uniqueness against noise, tertiary and positive events, for the two
        detrendings; values above fail.
    lpp_dv, lpp_alt : float
        Largest distance from the shapes of known transits.
    halo_ghost : float
        Largest ratio of halo to core.
    shape_metric : float
        Largest sum of radius ratio and impact parameter.

    Examples
    --------
    >>> Thresholds().halo_ghost
    4.0
    """

    ses_to_mes: float = 0.8
    chases: float = 0.8
    val_dv: tuple[float, float, float] = (1.0, 2.0, 4.0)
    val_alt: tuple[float, float, float] = (-3.0, 1.0, 1.0)
    lpp_dv: float = 2.2
    lpp_alt: float = 3.2
    halo_ghost: float = 4.0
    shape_metric: float = 1.04


THRESHOLDS: Mapping[str, Thresholds] = {
    "nominal": Thresholds(),
    "high reliability": replace(
        Thresholds(), ses_to_mes=0.75, chases=0.55, val_dv=(-1.0, -0.7, -1.6),
        val_alt=(-4.3, 2.5, 0.2), lpp_dv=2.7,
    ),
    "high completeness": replace(
        Thresholds(), ses_to_mes=0.9, chases=1.0, val_dv=(2.4, 5.0, 7.5),
        val_alt=(-2.5, -0.5, 0.5), lpp_dv=2.8,
    ),
}  # fmt: skip
"""The catalogue's set and its two variants."""

_WORDS: Mapping[str, str] = {
    "too_few_transits": "fewer than three good transits, or too weak with them",
    "trans_gapped": "half of the transits or more fall on gaps or artefacts",
    "sweet_ntl": "a sine wave of the same period is deeper than the transit",
    "lpp_dv": "shape unlike known transits",
    "lpp_alt": "shape unlike known transits (second detrending)",
    "all_trans_chases": "each transit stands out no more than its neighbourhood",
    "mod_nonuniq_dv": "not unique: noise dips as deep are expected",
    "mod_nonuniq_alt": "not unique: noise dips as deep are expected (second detrending)",
    "mod_ter_dv": "a third event is nearly as deep",
    "mod_ter_alt": "a third event is nearly as deep (second detrending)",
    "mod_pos_dv": "a bump is nearly as high as the transit is deep",
    "mod_pos_alt": "a bump is nearly as high as the transit is deep (second detrending)",
    "no_fits": "no model could be fitted",
    "inconsistent_trans": "one event carries most of the signal",
    "sweet_eb": "a strong sine wave of the same period: ellipsoidal variation or spots",
    "mod_sec_dv": "a significant secondary eclipse",
    "mod_sec_alt": "a significant secondary eclipse (second detrending)",
    "planet_occult_dv": "the secondary is shallow enough for a planet's occultation",
    "planet_occult_alt": "the secondary is shallow enough for a planet's occultation (second)",
    "planet_period_is_half_dv": "the secondary is the transit itself: the period is half",
    "planet_period_is_half_alt": "the secondary is the transit itself: the period is half (second)",
    "depth_oddeven_dv": "odd and even depths differ",
    "depth_oddeven_alt": "odd and even depths differ (second detrending)",
    "mod_oddeven_dv": "odd and even transits differ in the model-shift test",
    "mod_oddeven_alt": "odd and even transits differ in the model-shift test (second detrending)",
    "deep_v_shaped": "deep and V-shaped",
    "halo_ghost": "the signal is stronger in the halo than in the core",
    "cent_disp": "the centroid module finds an offset",
    "ephem_match": "same ephemeris as another source",
}


_METRICS = (
    "period", "duration", "depth", "depth_alt", "impact", "sweet_snr", "sweet_amp",
    "shape_metric", "halo_ghost", "cent_disp", "ephem_disp", "ses_to_mes", "ntrans",
    "all_tran_chases",
)  # fmt: skip
_MODEL_SHIFT = (
    "lpp", "oesig", "mod_oe", "mod_sig_pri", "mod_sig_sec", "mod_sig_ter", "mod_sig_pos",
    "mod_depth_pri", "mod_depth_sec", "mod_ph_sec", "mod_fa2", "alb", "rp",
    *(f"modshiftval{number}" for number in range(1, 7)),
)  # fmt: skip


class RuleVetter:
    """Gives each event the Robovetter's flags, and PC or FP.

    Tests that need columns which are zero throughout (single transits, CHASES in the
    supplemental run) are left out, and :attr:`skipped_` names them.

    Parameters
    ----------
    thresholds : Thresholds or str
        One's own cuts, or a name of :data:`THRESHOLDS`.

    Attributes
    ----------
    skipped_ : tuple of str
        After :meth:`predict`: tests that the table did not allow.

    References
    ----------
    Thompson et al. 2018, ApJS 235, 38; Coughlin et al. 2016, ApJS 224, 12.

    Examples
    --------
    >>> RuleVetter("high reliability").thresholds.ses_to_mes
    0.75
    """

    def __init__(self, thresholds: Thresholds | str = "nominal") -> None:
        if isinstance(thresholds, str) and thresholds not in THRESHOLDS:
            known = ", ".join(THRESHOLDS)
            raise ValueError(f"thresholds: expected one of {known}, found {thresholds!r}")
        self.thresholds = THRESHOLDS[thresholds] if isinstance(thresholds, str) else thresholds
        self.skipped_: tuple[str, ...] = ()

    def predict(self, metrics: pd.DataFrame) -> pd.DataFrame:
        """Flags and verdicts of a table of metrics.

        Parameters
        ----------
        metrics : DataFrame
            Columns as in ``kepler_dr25_sup_metrics``: period (d), duration (h), depth
            (ppm), model-shift significances and the rest.

        Returns
        -------
        DataFrame
            ``disposition`` (PC, FP), ``ntl``, ``ss``, ``co``, ``em``, every test by name,
            and ``comment`` in plain words, which names metrics that are NaN: they fail no
            test.

        Raises
        ------
        SchemaError
            If a metric is missing, or a cell is no number; the message names it.

        Examples
        --------
        >>> import pandas as pd
        >>> ends = [name + end for end in ("_dv", "_alt") for name in (
        ...     "lpp", "oesig", "mod_oe", "mod_sig_pri", "mod_sig_sec", "mod_sig_ter",
        ...     "mod_sig_pos", "mod_depth_pri", "mod_depth_sec", "mod_ph_sec", "mod_fa2",
        ...     "alb", "rp", *(f"modshiftval{number}" for number in range(1, 7)))]
        >>> names = ["period", "duration", "depth", "depth_alt", "impact", "sweet_snr",
        ...          "sweet_amp", "shape_metric", "halo_ghost", "cent_disp", "ephem_disp",
        ...          "ses_to_mes", "ntrans", "all_tran_chases", *ends]
        >>> metrics = pd.DataFrame(0.0, index=[0, 1], columns=names)
        >>> metrics[["mod_sig_pri_dv", "mod_sig_pri_alt"]] = 20.0
        >>> metrics[["modshiftval1_dv", "modshiftval1_alt"]] = -10.0
        >>> metrics.loc[1, "halo_ghost"] = 6.0
        >>> RuleVetter().predict(metrics)["disposition"].tolist()
        ['PC', 'FP']
        """
        import pandas as pd

        needed = [*_METRICS, *(f"{name}_{end}" for end in ("dv", "alt") for name in _MODEL_SHIFT)]
        if "ntrans" in metrics and np.any(number_column(metrics, "ntrans", "metrics")):
            needed += ["new_mes", "ngoodt", "nrealt"]
        missing = sorted(set(needed) - set(metrics.columns))
        if missing:
            raise SchemaError(f"metrics: column(s) {', '.join(missing)} missing")
        table = {name: number_column(metrics, name, "metrics") for name in needed}
        tests = {**self._not_transit_like(table), **_stellar_eclipse(table, self.thresholds)}
        co = {
            "halo_ghost": table["halo_ghost"] > self.thresholds.halo_ghost,
            "cent_disp": table["cent_disp"] > 0,
        }
        em = {"ephem_match": table["ephem_disp"] > 0}
        ntl = np.any([tests[name] for name in _NTL if name in tests], axis=0)
        secondary = tests["mod_sec_dv"] | tests["mod_sec_alt"]
        ss = secondary | np.any([tests[name] for name in _SS], axis=0)
        # At half the period the "secondary" is the transit again: no eclipse at all.
        ss &= ~(tests["planet_period_is_half_dv"] | tests["planet_period_is_half_alt"])
        occulted = tests["planet_occult_dv"] | tests["planet_occult_alt"]
        # Stellar eclipses are looked for only among what looks like a transit.
        ss &= ~ntl
        for name in tests:
            if name not in _NTL:
                tests[name] = tests[name] & ~ntl
        flags = {"ntl": ntl, "ss": ss, "co": np.any(list(co.values()), axis=0), **em}
        false = ntl | (ss & ~occulted) | flags["co"] | flags["ephem_match"]
        result = pd.DataFrame(
            {"disposition": np.where(false, "FP", "PC"), "ntl": ntl, "ss": ss, "co": flags["co"],
             "em": flags["ephem_match"], **tests, **co, **em},
            index=metrics.index,
        )  # fmt: skip
        result["comment"] = _comments(result, table)
        return result

    def _not_transit_like(self, t: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.bool_]]:
        cut = self.thresholds
        tests: dict[str, NDArray[np.bool_]] = {}
        skipped = []
        if np.any(t["ntrans"]):
            tests["too_few_transits"] = (t["new_mes"] < 7.1) | (t["ngoodt"] < 3)
            tests["trans_gapped"] = t["nrealt"] <= 0.5 * t["ntrans"]
        else:
            skipped += ["too_few_transits", "trans_gapped"]
        if np.any(t["all_tran_chases"]):
            tests["all_trans_chases"] = t["all_tran_chases"] > cut.chases
        else:
            skipped.append("all_trans_chases")
        self.skipped_ = tuple(skipped)
        wave = (t["sweet_snr"] > 50) & (t["period"] < 5)
        deeper = (t["sweet_amp"] > t["depth"]) & (t["sweet_amp"] > t["depth_alt"])
        tests["sweet_ntl"] = wave & deeper
        tests["lpp_dv"], tests["lpp_alt"] = t["lpp_dv"] > cut.lpp_dv, t["lpp_alt"] > cut.lpp_alt
        for end, limits in (("dv", cut.val_dv), ("alt", cut.val_alt)):
            fitted = t[f"mod_sig_pri_{end}"] > 0
            tests[f"mod_nonuniq_{end}"] = fitted & (t[f"modshiftval1_{end}"] > limits[0])
            for number, name in ((2, "ter"), (3, "pos")):
                high = t[f"modshiftval{number}_{end}"] > limits[number - 1]
                tests[f"mod_{name}_{end}"] = fitted & high & (t[f"mod_sig_{name}_{end}"] > 0)
        tests["no_fits"] = (t["mod_sig_pri_dv"] == 0) & (t["mod_sig_pri_alt"] == 0)
        tests["inconsistent_trans"] = (t["ses_to_mes"] > cut.ses_to_mes) & (t["period"] > 90)
        return tests


_NTL = (
    "too_few_transits", "trans_gapped", "all_trans_chases", "sweet_ntl", "lpp_dv", "lpp_alt",
    "mod_nonuniq_dv", "mod_nonuniq_alt", "mod_ter_dv", "mod_ter_alt", "mod_pos_dv",
    "mod_pos_alt", "no_fits", "inconsistent_trans",
)  # fmt: skip
_SS = (
    "sweet_eb", "depth_oddeven_dv", "depth_oddeven_alt", "mod_oddeven_dv", "mod_oddeven_alt",
    "deep_v_shaped",
)  # fmt: skip


def _stellar_eclipse(
    t: Mapping[str, NDArray[Any]], cut: Thresholds
) -> dict[str, NDArray[np.bool_]]:
    below = (t["sweet_amp"] < t["depth"]) | (t["sweet_amp"] < t["depth_alt"])
    wave = (t["sweet_snr"] > 50) & (t["sweet_amp"] > 5000) & (t["period"] < 10)
    tests = {"sweet_eb": wave & below, "deep_v_shaped": t["shape_metric"] > cut.shape_metric}
    short = t["period"] < 90
    for end, limit in (("dv", 11.2), ("alt", 19.8)):
        tests[f"depth_oddeven_{end}"] = short & (t[f"oesig_{end}"] > 1.1)
        tests[f"mod_oddeven_{end}"] = short & (t[f"mod_oe_{end}"] > limit)
        second = t[f"mod_sig_sec_{end}"]
        beyond_third = (t[f"modshiftval5_{end}"] > 0) | (t[f"mod_sig_ter_{end}"] == 0)
        beyond_bumps = (t[f"modshiftval6_{end}"] > 0) | (t[f"mod_sig_pos_{end}"] == 0)
        found = (t[f"modshiftval4_{end}"] > 1) & (second > 0) & beyond_third & beyond_bumps
        tests[f"mod_sec_{end}"] = found
        cool = (t[f"alb_{end}"] > 0) & (t[f"alb_{end}"] < 1) & (t[f"rp_{end}"] < 30)
        shallow = t[f"mod_depth_sec_{end}"] < 0.1 * t[f"mod_depth_pri_{end}"]
        tests[f"planet_occult_{end}"] = found & cool & shallow & (t["impact"] < 0.95)
        # A "secondary" half an orbit away that is as deep: the period found is twice the true one.
        away = np.abs(0.5 - t[f"mod_ph_sec_{end}"]) * t["period"]
        equal = np.abs(t[f"mod_sig_pri_{end}"] - second) < t[f"mod_fa2_{end}"]
        tests[f"planet_period_is_half_{end}"] = found & (away < t["duration"] / 96) & equal
    return tests


def _comments(result: pd.DataFrame, table: Mapping[str, NDArray[Any]]) -> list[str]:
    named = [name for name in _WORDS if name in result]
    hits = result[named].to_numpy()
    said = [
        "; ".join(_WORDS[named[i]] for i in np.flatnonzero(row)) or "no test fails" for row in hits
    ]
    # A metric that is not there fails no test, which is no sign of a planet.
    absent = np.isnan(np.column_stack(list(table.values())))
    for row in np.flatnonzero(absent.any(axis=1)):
        names = [name for name, gone in zip(table, absent[row], strict=True) if gone]
        said[row] += f"; not measured: {', '.join(names)}"
    return said
