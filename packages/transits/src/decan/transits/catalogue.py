"""Quality of a catalogue as a whole: reliability from noise, completeness from injections.

Inverted and scrambled light curves hold noise and systematics, but no transits: what passes
there tells how many false alarms pass in the real catalogue. Injected transits tell how many
real ones are lost. Neither needs a single label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.metrics import Estimate, bootstrap

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["completeness", "effectiveness", "quality_in_bins", "reliability"]


def effectiveness(noise_passed: ArrayLike, *, n_boot: int = 0, rng: Any = None) -> Estimate:
    """Share of noise events that the vetter rejects.

    Parameters
    ----------
    noise_passed : array_like of bool, shape (n,)
        Whether each event of an inverted or scrambled run was passed as a planet candidate.
    n_boot : int
        Bootstrap resamples; 0 gives no interval.
    rng : numpy.random.Generator, int or None
        See SPEC 7.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        If there are no events, or they hold anything but yes and no.

    References
    ----------
    Thompson et al. 2018, ApJS 235, 38, section 7.

    Examples
    --------
    >>> effectiveness([True, False, False, False]).value
    0.75
    """
    return _share(~_flags(noise_passed, "noise_passed"), n_boot, rng)


def completeness(injected_passed: ArrayLike, *, n_boot: int = 0, rng: Any = None) -> Estimate:
    """Share of injected transits that the vetter passes.

    Parameters
    ----------
    injected_passed : array_like of bool, shape (n,)
        Whether each event of an injection run was passed.
    n_boot : int
        Bootstrap resamples; 0 gives no interval.
    rng : numpy.random.Generator, int or None
        See SPEC 7.

    Returns
    -------
    Estimate

    Examples
    --------
    >>> completeness([True, True, False, True]).value
    0.75
    """
    return _share(_flags(injected_passed, "injected_passed"), n_boot, rng)


def reliability(
    observed_passed: ArrayLike, noise_passed: ArrayLike, *, n_boot: int = 0, rng: Any = None
) -> Estimate:
    """Share of the catalogue's candidates that are no noise.

    R = 1 - (N_FP / N_PC) (1 - E) / E, with the observed counts of false positives and
    candidates, and the effectiveness E on noise. Where the noise set still holds real
    signals, this is a lower limit.

    Parameters
    ----------
    observed_passed : array_like of bool, shape (n,)
        Whether each event of the real run was passed.
    noise_passed : array_like of bool, shape (m,)
        The same for an inverted or scrambled run.
    n_boot : int
        Bootstrap resamples of both sets; 0 gives no interval.
    rng : numpy.random.Generator, int or None
        See SPEC 7.

    Returns
    -------
    Estimate
        NaN where nothing was passed or no noise rejected.

    Raises
    ------
    ValueError
        If there are no events, or they hold anything but yes and no.

    References
    ----------
    Thompson et al. 2018, ApJS 235, 38, equation 2.

    Examples
    --------
    >>> round(reliability([True] * 20 + [False] * 80, [True] + [False] * 99).value, 4)
    0.9596
    """
    observed = _flags(observed_passed, "observed_passed")
    noise = _flags(noise_passed, "noise_passed")
    value = _reliability(observed.mean(), noise.mean())
    if n_boot == 0:
        return Estimate(value, np.nan, np.nan, observed.size)
    rng = np.random.default_rng(rng)
    # A resample of yes and no is a binomial draw.
    draws = _reliability(
        rng.binomial(observed.size, observed.mean(), n_boot) / observed.size,
        rng.binomial(noise.size, noise.mean(), n_boot) / noise.size,
    )
    low, high = np.nanpercentile(draws, [16, 84])
    return Estimate(value, float(low), float(high), observed.size)


def quality_in_bins(
    noise: pd.DataFrame,
    passed: ArrayLike,
    *,
    column: str,
    edges: ArrayLike,
    n_boot: int = 200,
    rng: Any = None,
) -> pd.DataFrame:
    """Effectiveness against a property of the events, such as MES or period.

    Parameters
    ----------
    noise : DataFrame
        Events of a noise run.
    passed : array_like of bool, shape (n,)
        Whether each was passed.
    column : str
        The property.
    edges : array_like of float, shape (n_bins + 1,)
        Bin edges in the property's unit.
    n_boot : int
        Bootstrap resamples.
    rng : numpy.random.Generator, int or None
        See SPEC 7.

    Returns
    -------
    DataFrame
        ``from``, ``to``, ``n``, ``effectiveness``, ``low`` and ``high``.

    Raises
    ------
    ValueError
        If lengths differ.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"mes": [8.0, 9.0, 20.0]})
    >>> quality_in_bins(frame, [True, False, False], column="mes", edges=[7, 10, 30],
    ...                 n_boot=0)["effectiveness"].tolist()
    [0.5, 1.0]
    """
    import pandas as pd

    flags = _flags(passed, "passed")
    if flags.size != len(noise):
        raise ValueError(f"passed: has {flags.size} values, the table {len(noise)} rows")
    rng = np.random.default_rng(rng)
    limits: NDArray[np.float64] = np.asarray(edges, dtype=float)
    place = np.digitize(noise[column].to_numpy(), limits) - 1
    rows = []
    for i in range(limits.size - 1):
        mine = flags[place == i]
        if mine.size == 0:
            continue
        found = effectiveness(mine, n_boot=n_boot, rng=rng)
        rows.append((limits[i], limits[i + 1], mine.size, found.value, found.low, found.high))
    return pd.DataFrame(rows, columns=["from", "to", "n", "effectiveness", "low", "high"])


def _flags(values: ArrayLike, name: str) -> NDArray[np.bool_]:
    """True and False; the words PC and FP would all count as true."""
    flags = np.asarray(values)
    if flags.size == 0:
        raise ValueError(f"{name}: there are no events")
    wrong = [one for one in flags.tolist() if one not in (0, 1)]
    if wrong:
        raise ValueError(f"{name}: expected True or False for each event, found {wrong[0]!r}")
    return flags.astype(bool)


def _share(flags: NDArray[np.bool_], n_boot: int, rng: Any) -> Estimate:
    if n_boot == 0:
        return Estimate(float(flags.mean()), np.nan, np.nan, flags.size)
    return bootstrap(np.mean, flags.astype(float), n_boot=n_boot, rng=rng)


def _reliability(passed: Any, noise_passed: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        value = 1.0 - (1.0 - passed) / passed * noise_passed / (1.0 - noise_passed)
    return np.where(np.isfinite(value), value, np.nan) if np.ndim(value) else float(value)
