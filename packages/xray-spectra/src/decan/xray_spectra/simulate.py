"""Simulated spectra of eight classes through any response, with known truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decan.core.data.numbers import in_unit

from .grid import CHANNEL_EDGES, rebin
from .instrument import analytic_response, background_shape
from .populations import CLASSES, draw_sources, photon_spectra
from .spectrum import Spectrum

if TYPE_CHECKING:
    import pandas as pd

    from .models import Model
    from .response import Response

__all__ = ["SimulatedSpectra", "draw_net_counts", "simulate_spectra"]

_BRIGHT = 30_000
"""Net counts from which a channel may hold more than 16 bits."""

HARDNESS_BANDS = {"s": (0.5, 1.2), "m": (1.2, 2.0), "h": (2.0, 7.0)}


@dataclass(frozen=True, repr=False)
class SimulatedSpectra:
    """Spectra with the truth behind them.

    Parameters
    ----------
    table : DataFrame
        Truth, one row a spectrum: ``cls``, ``response``, ``net_counts`` (expected, 0.5-8 keV),
        ``log_nh`` (total, cm⁻²), ``gamma``, ``kT_keV``, ``bkg_counts`` (expected), ``backratio``,
        ``hard_ms``, ``hard_hm``, ``hard_hs`` (noise-free, from expected counts) and, for planted
        lines, ``line_keV``.
    counts, background : ndarray of unsigned int, shape (n, n_channels)
        Counts of the source and of the background region.
    shapes : ndarray, shape (n, 128)
        Expected counts of the source alone on the common grid, summing to 1.
    responses : dict of str to Response
        The responses by name.

    Examples
    --------
    >>> simulated = simulate_spectra(3, rng=1)
    >>> simulated
    SimulatedSpectra(3 spectra, 3 classes, 1 response)
    >>> simulated.spectrum(0)
    Spectrum(simulated 0, ... counts 0.5-8 keV, 30.0 ks, ... background, response)
    """

    table: pd.DataFrame
    counts: NDArray[np.unsignedinteger]
    background: NDArray[np.unsignedinteger]
    shapes: NDArray[np.float64]
    responses: dict[str, Response]

    def __len__(self) -> int:
        return len(self.table)

    def spectrum(self, row: int) -> Spectrum:
        """One of them as a spectrum.

        Parameters
        ----------
        row : int
            Its row in the table.

        Returns
        -------
        Spectrum
            30 ks of exposure, with background and response.
        """
        truth = self.table.iloc[row]
        response = self.responses[truth["response"]]
        n, ratio = response.n_channels, float(truth["backratio"])
        behind = Spectrum(
            self.background[row][:n], exposure_s=3e4, backscal=1.0, channels=response.channels
        )
        return Spectrum(
            self.counts[row][:n], exposure_s=3e4, backscal=ratio, background=behind,
            response=response, channels=response.channels, name=f"simulated {row}",
            meta={"class": str(truth["cls"])},
        )  # fmt: skip

    def spectra(self) -> list[Spectrum]:
        """All of them as spectra.

        Returns
        -------
        list of Spectrum
        """
        return [self.spectrum(row) for row in range(len(self))]

    def __repr__(self) -> str:
        n = len(self.responses)
        return (
            f"SimulatedSpectra({len(self)} spectra, {self.table['cls'].nunique()} classes, "
            f"{n} response{'s' if n > 1 else ''})"
        )


def draw_net_counts(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Expected net counts as in a catalogue of detections: a Pareto law from 60 to 20,000.

    Parameters
    ----------
    n : int
        How many.
    rng : numpy.random.Generator
        The generator.

    Returns
    -------
    ndarray, shape (n,)
        Median about 130.

    Examples
    --------
    >>> float(np.median(draw_net_counts(10_000, np.random.default_rng(0)))) > 100
    True
    """
    counts = 60 * np.maximum(rng.random(n), 1e-6) ** (-1 / 0.9)
    while np.any(counts >= 20_000):
        over = counts >= 20_000
        counts[over] = 60 * rng.random(int(over.sum())) ** (-1 / 0.9)
    return counts


def simulate_spectra(
    n: int,
    *,
    classes: Sequence[str] = CLASSES,
    responses: Mapping[str, Response] | None = None,
    net_counts: Any = None,
    line_share: float = 0.0,
    line_ew_kev: Any = 0.5,
    plasma: Model | None = None,
    rng: np.random.Generator | int | None = None,
) -> SimulatedSpectra:
    """Simulate spectra: class, photon spectrum, absorption, response, Poisson, background.

    Parameters
    ----------
    n : int
        Number of spectra.
    classes : sequence of str
        Classes, equally many of each; see :data:`~decan.xray_spectra.populations.CLASSES`.
    responses : mapping of str to Response, optional
        One is drawn for each spectrum; :func:`~decan.xray_spectra.analytic_response` without
        it. Contamination and vignetting are given as responses with another area
        (``response.with_area(contamination(response.energy, 2015.0))``).
    net_counts : float or array_like, shape (n,), optional
        Expected source counts between 0.5 and 8 keV; :func:`draw_net_counts` without it.
    line_share : float
        Share of spectra with an unexpected emission line between 1 and 5 keV.
    line_ew_kev : float or Quantity
        Its equivalent width, keV.
    plasma : Model, optional
        Hot gas of stars: :func:`~decan.xray_spectra.thermal_plasma` where tables of AtomDB are
        at hand; the approximate one without it.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    SimulatedSpectra

    Raises
    ------
    ValueError
        If a class is not known.

    Examples
    --------
    >>> simulate_spectra(5, classes=["AGN"], net_counts=100.0, rng=0).counts.shape
    (5, 1024)
    """
    if n < 0:
        raise ValueError(f"n: must not be negative, found {n}")
    if net_counts is not None and not np.all(np.asarray(net_counts, dtype=float) >= 0):
        raise ValueError(f"net_counts: must not be negative, found {np.min(net_counts):g}")
    generator = np.random.default_rng(rng)
    held = dict(responses) if responses is not None else {"analytic": analytic_response()}
    names = list(held)
    table = draw_sources(n, classes=classes, rng=generator)
    drawn = generator.integers(len(names), size=n)
    table.insert(1, "response", np.array(names, dtype=object)[drawn])
    wanted = draw_net_counts(n, generator) if net_counts is None else net_counts
    wanted = np.broadcast_to(np.asarray(wanted, dtype=float), n)
    behind = 10 ** generator.normal(0.7, 0.5, n)
    ratio = generator.uniform(0.02, 0.15, n)
    lined = generator.random(n) < line_share
    line = np.where(lined, generator.uniform(1.0, 5.0, n), np.nan)
    width = max(response.n_channels for response in held.values())
    kind = np.uint16 if wanted.max(initial=0.0) < _BRIGHT else np.uint32
    counts, background = (np.zeros((n, width), dtype=kind) for _ in range(2))
    shapes, hardness = np.zeros((n, CHANNEL_EDGES.size - 1)), np.zeros((n, 3))
    for k, name in enumerate(names):
        for rows in _pieces(np.flatnonzero(drawn == k)):
            response = held[name]
            photons = photon_spectra(
                table.iloc[rows], response.energy_low, response.energy_high, plasma=plasma
            )
            _add_lines(photons, line[rows], in_unit(line_ew_kev, "keV", "line_ew_kev"), response)
            rates = np.asarray(response.fold(photons), dtype=float)
            energy = response.channel_energy
            inside = (response.channel_high > 0.5) & (response.channel_low < 8.0)
            expected = rates * (wanted[rows] / rates[:, inside].sum(axis=1))[:, None]
            noise = background_shape(energy) * inside
            m = response.n_channels
            source = generator.poisson(expected + behind[rows, None] * noise)
            counts[rows, :m] = source
            background[rows, :m] = generator.poisson((behind / ratio)[rows, None] * noise)
            binned = rebin(expected, energy)
            shapes[rows] = binned / binned.sum(axis=1, keepdims=True)
            hardness[rows] = _hardness(expected, energy)
    truth = table[["cls", "response", "log_nh", "gamma", "kT_keV"]].copy()
    truth.insert(2, "net_counts", wanted)
    truth["bkg_counts"], truth["backratio"], truth["line_keV"] = behind, ratio, line
    truth[["hard_ms", "hard_hm", "hard_hs"]] = hardness
    return SimulatedSpectra(truth, counts, background, shapes, held)


def _pieces(rows: NDArray[np.int64], size: int = 2000) -> list[NDArray[np.int64]]:
    """Rows in pieces that fit the memory."""
    return [rows[i : i + size] for i in range(0, rows.size, size)]


def _add_lines(photons: Any, line: Any, ew_kev: float, response: Response) -> None:
    """A narrow line of an equivalent width where one is planted."""
    for row in np.flatnonzero(np.isfinite(line)):
        place = int(np.searchsorted(response.energy_high, line[row]))
        photons[row, place] *= 1 + ew_kev / response.width[place]


def _hardness(expected: Any, energy: Any) -> NDArray[np.float64]:
    """Columns ms, hm, hs of expected counts."""
    s, m, h = (
        expected[:, (energy >= low) & (energy < high)].sum(axis=1)
        for low, high in HARDNESS_BANDS.values()
    )
    pairs = ((m, s), (h, m), (h, s))
    return np.stack([(a - b) / np.maximum(a + b, 1e-30) for a, b in pairs], axis=1)
