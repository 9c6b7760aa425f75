"""Catalogues and long-term curves with known truth: which sources are pulsars is known here.

The recipe was set so that the published tree's nodes get the shares they have in the paper;
it is no copy of the sky, and what is measured on it is SIMULATED.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .response import BandResponse, absorption_cross_section, pn_response

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["simulate_catalogue", "simulate_long_term", "simulate_snapshots"]

# Background in bands 1 to 5 within a source's extraction region, counts / s.
_BACKGROUND = np.array([3.0, 2.5, 2.0, 2.5, 6.0]) * 1e-4
_AREA_RATIO = 8.0
_ENCIRCLED = 0.8
_FEWEST_COUNTS = 15


def simulate_catalogue(
    n_sources: int = 640,
    n_rows: int = 1769,
    *,
    n_pulsars: int = 10,
    n_pulsar_rows: int = 95,
    n_hidden: int = 20,
    response: BandResponse | None = None,
    rng: np.random.Generator | int | None = None,
) -> pd.DataFrame:
    """Rows as of 4XMM: fluxes, errors and rates of detections, with the truth beside them.

    Parameters
    ----------
    n_sources, n_rows : int
        Sources and their detections before the cut at 15 net counts.
    n_pulsars, n_pulsar_rows : int
        Known pulsars among the sources, and their rows.
    n_hidden : int
        Further sources with the spectra and variability of pulsars, fainter and not labelled.
    response : BandResponse, optional
        Tabulated one without it.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    pandas.DataFrame
        Columns of 4XMM (``EP_1_FLUX`` ... in erg/cm²/s, ``EP_8_CTS``, ``VAR_FLAG``),
        ``source_id``, ``known_pulsar``, and the truth ``hidden_pulsar`` and
        ``log_flux_true``.

    Raises
    ------
    ValueError
        If the numbers do not fit together.

    Examples
    --------
    >>> table = simulate_catalogue(60, 160, n_pulsars=2, n_pulsar_rows=9, n_hidden=3, rng=1)
    >>> int(table["known_pulsar"].sum()) <= 9 and bool((table["EP_3_FLUX"] >= 0).all())
    True
    """
    import pandas as pd

    if n_pulsars + n_hidden > n_sources or n_pulsar_rows < n_pulsars:
        raise ValueError(
            f"{n_pulsars} pulsars with {n_pulsar_rows} rows and {n_hidden} hidden ones do not fit "
            f"into {n_sources} sources"
        )
    generator = np.random.default_rng(rng)
    response = response or pn_response()
    source, kind = _rows(n_sources, n_rows, n_pulsars, n_pulsar_rows, n_hidden, generator)
    log_flux, scatter = _fluxes(source, kind, generator)
    photons = _spectra(source, kind, log_flux, response, generator)
    exposure = 10 ** generator.normal(4.35, 0.3, len(source)) * generator.uniform(
        0.3, 1.0, len(source)
    )
    rate, rate_error, net = _counted(response.rates(photons) * _ENCIRCLED, exposure, generator)
    factors = response.conversion_factors()
    table = pd.DataFrame(
        {
            "det_id": np.arange(len(source)),
            "source_id": source,
            "known_pulsar": (kind == 1).astype(np.int8),
            "VAR_FLAG": _variable(net, kind, scatter, generator),
            "EP_8_CTS": net,
            "exposure_s": exposure,
        }
    )
    for band in range(5):
        table[f"EP_{band + 1}_FLUX"] = rate[:, band] / factors[band]
        table[f"EP_{band + 1}_FLUX_ERR"] = rate_error[:, band] / factors[band]
        table[f"EP_{band + 1}_RATE"] = rate[:, band]
    table["EP_8_FLUX"] = (rate / factors).sum(axis=1)
    table["EP_8_FLUX_ERR"] = np.sqrt(((rate_error / factors) ** 2).sum(axis=1))
    table["hidden_pulsar"] = (kind == 2).astype(np.int8)
    table["log_flux_true"] = log_flux
    return table[net > _FEWEST_COUNTS].reset_index(drop=True)


def simulate_long_term(
    mjd: ArrayLike,
    *,
    log_mean: float = 0.0,
    superorbital_day: float | None = 60.0,
    superorbital_dex: float = 0.3,
    flicker_dex: float = 0.15,
    flicker_tau_day: float = 20.0,
    off_share: float = 0.0,
    off_dex: float = 1.5,
    rng: np.random.Generator | int | None = None,
) -> NDArray[np.float64]:
    """Logarithm of a flux over years: superorbital wave, flickering, and off states.

    Parameters
    ----------
    mjd : array_like, shape (n,)
        Times, days, in order.
    log_mean : float
        Mean of the logarithm (base 10).
    superorbital_day : float or None
        Period of the wave.
    superorbital_dex : float
        Its amplitude.
    flicker_dex, flicker_tau_day : float
        Rms and correlation time of an Ornstein-Uhlenbeck process.
    off_share : float
        Share of time in off states, which last 30 days on average.
    off_dex : float
        How much fainter they are.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> curve = simulate_long_term(np.arange(1000.0), off_share=0.3, rng=0)
    >>> bool(curve.min() < -1.2)
    True
    """
    generator = np.random.default_rng(rng)
    t = np.asarray(mjd, dtype=float)
    curve = np.full(len(t), log_mean)
    if superorbital_day:
        phase = generator.uniform(0, 2 * np.pi)
        curve += superorbital_dex * np.sin(2 * np.pi * t / superorbital_day + phase)
    decay = np.exp(-np.diff(t, prepend=t[:1]) / flicker_tau_day)
    walk, kicks = 0.0, generator.normal(0, flicker_dex, len(t))
    for i, (keep, kick) in enumerate(zip(decay, kicks, strict=True)):
        walk = kick if i == 0 else keep * walk + np.sqrt(1 - keep**2) * kick
        curve[i] += walk
    if off_share > 0:
        on_day = 30 * (1 - off_share) / off_share
        edges = [t[0] - generator.exponential(on_day)]
        while edges[-1] < t[-1]:
            edges += [edges[-1] + generator.exponential(on_day)]
            edges += [edges[-1] + generator.exponential(30.0)]
        off = np.searchsorted(edges, t) % 2 == 0
        curve[off] -= off_dex
    return curve


def simulate_snapshots(
    n_pulsars: int = 5,
    n_others: int = 20,
    *,
    rng: np.random.Generator | int | None = None,
) -> pd.DataFrame:
    """Swift-like snapshots of sources over years, pulsars harder and with off states.

    Parameters
    ----------
    n_pulsars, n_others : int
        Sources of each kind.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    pandas.DataFrame
        ``source``, ``label`` ('pulsar' or 'unlabelled'), ``mjd``, ``rate``,
        ``rate_err_plus``, ``soft_rate``, ``hard_rate`` (counts/s), ``upper_limit``.

    Examples
    --------
    >>> snapshots = simulate_snapshots(2, 3, rng=0)
    >>> sorted(set(snapshots["label"]))
    ['pulsar', 'unlabelled']
    """
    import pandas as pd

    generator = np.random.default_rng(rng)
    parts = []
    for number in range(n_pulsars + n_others):
        pulsar = number < n_pulsars
        n = int(generator.integers(30, 250))
        mjd = np.sort(generator.uniform(55000, 59000, n))
        level = 10 ** simulate_long_term(
            mjd,
            log_mean=generator.normal(-0.9, 0.3),
            superorbital_dex=generator.uniform(0.2, 0.5) if pulsar else generator.uniform(0, 0.2),
            off_share=generator.uniform(0, 0.4) if pulsar else 0.0,
            rng=generator,
        )
        ratio = generator.normal(0.2 if pulsar else -0.05, 0.25)
        hard = np.clip((1 + np.clip(ratio + generator.normal(0, 0.05, n), -0.9, 0.9)) / 2, 0, 1)
        seconds = generator.uniform(1000, 4000, n)
        counts = generator.poisson(level * seconds)
        n_hard = generator.binomial(counts, hard)
        limit = counts < 8
        parts.append(
            pd.DataFrame(
                {
                    "source": f"{'pulsar' if pulsar else 'source'} {number + 1}",
                    "label": "pulsar" if pulsar else "unlabelled",
                    "mjd": mjd,
                    "rate": np.where(limit, (counts + 5) / seconds, counts / seconds),
                    "rate_err_plus": np.sqrt(np.maximum(counts, 1)) / seconds,
                    "soft_rate": (counts - n_hard) / seconds,
                    "hard_rate": n_hard / seconds,
                    "upper_limit": limit,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _rows(
    n_sources: int, n_rows: int, n_pulsars: int, n_pulsar_rows: int, n_hidden: int, rng: Any
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Source of each row, and its kind: 0 other, 1 known pulsar, 2 hidden pulsar."""
    n_others = n_sources - n_pulsars
    of_pulsars = 1 + rng.multinomial(n_pulsar_rows - n_pulsars, np.full(n_pulsars, 1 / n_pulsars))
    # A few sources have been observed 30 to 40 times, half of them once.
    weights = np.minimum(rng.pareto(1.6, n_others) + 1e-3, 40.0)
    of_others = 1 + rng.multinomial(n_rows - n_pulsar_rows - n_others, weights / weights.sum())
    kind = np.zeros(n_sources, dtype=np.int64)
    kind[:n_pulsars] = 1
    kind[n_pulsars : n_pulsars + n_hidden] = 2
    order = rng.permutation(n_sources)
    counts = np.concatenate([of_pulsars, of_others])
    source = np.repeat(order, counts)
    shuffled = rng.permutation(len(source))
    return source[shuffled], np.repeat(kind, counts)[shuffled]


def _fluxes(
    source: NDArray[np.int64], kind: NDArray[np.int64], rng: Any
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    n_sources = int(source.max()) + 1
    number = np.bincount(source, minlength=n_sources)
    kind_of = np.zeros(n_sources, dtype=int)
    kind_of[source] = kind
    mean = rng.normal(-13.10 + 0.30 * np.log10(np.maximum(number, 1)), 0.48)
    mean = np.where(kind_of == 1, rng.normal(-11.75, 0.25, n_sources), mean)
    mean = np.where(kind_of == 2, rng.normal(-12.55, 0.35, n_sources), mean)
    scatter = np.where(kind_of > 0, 0.30, np.abs(rng.normal(0, 0.2, n_sources)))
    log_flux = mean[source] + scatter[source] * rng.normal(size=len(source))
    off = (kind > 0) & (rng.random(len(source)) < 0.15)
    log_flux -= off * rng.uniform(1, 2, len(source))
    return log_flux, kind > 0


def _spectra(
    source: NDArray[np.int64],
    kind: NDArray[np.int64],
    log_flux: NDArray[np.float64],
    response: BandResponse,
    rng: Any,
) -> NDArray[np.float64]:
    """Absorbed cut-off power laws with the wanted flux in 0.2-12 keV."""
    n, n_sources = len(source), int(source.max()) + 1
    pulsar = np.zeros(n_sources, dtype=bool)
    pulsar[source] = kind > 0
    column = np.where(pulsar, rng.normal(-0.75, 0.3, n_sources), rng.normal(-0.8, 0.4, n_sources))[
        source
    ]
    index = np.where(pulsar, rng.normal(1.45, 0.25, n_sources), rng.normal(1.9, 0.4, n_sources))[
        source
    ]
    column = column + rng.uniform(-0.1, 0.1, n)
    index = index + rng.uniform(-0.15, 0.15, n)
    cut = np.where(kind > 0, rng.uniform(5, 9, n), 10 ** rng.uniform(0.8, 1.6, n))
    e = response.energy
    depth = 10 ** (22 + column)[:, None] * absorption_cross_section(e)
    photons = np.exp(-depth - e / cut[:, None]) * e ** -index[:, None]
    return photons * (10**log_flux / response.flux(photons, 0.2, 12.0))[:, None]


def _counted(
    rate: NDArray[np.float64], exposure: NDArray[np.float64], rng: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    background = _BACKGROUND * rng.lognormal(0, 0.5, (len(rate), 1))
    time = exposure[:, None]
    source = rng.poisson((rate + background) * time)
    elsewhere = rng.poisson(background * time * _AREA_RATIO)
    net = source - elsewhere / _AREA_RATIO
    # A band with no count still has the error of about one.
    variance = np.maximum(source, 1) + elsewhere / _AREA_RATIO**2
    clipped = np.maximum(net, 0)
    return (
        clipped / time / _ENCIRCLED,
        np.sqrt(variance) / time / _ENCIRCLED,
        net.sum(axis=1),
    )


def _variable(
    counts: NDArray[np.float64], kind: NDArray[np.int64], pulsar: NDArray[np.bool_], rng: Any
) -> NDArray[np.int8]:
    rms = np.abs(rng.normal(0, 0.12, len(counts))) + 0.15 * pulsar
    seen = 1 / (1 + np.exp(-3 * (np.log10(np.maximum(counts, 1)) - 3.6)))
    return (rng.random(len(counts)) < seen * np.minimum(1, (rms / 0.25) ** 1.5)).astype(np.int8)
