"""Many spectra as arrays on the common grid, each with its response: what networks read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.errors import DecanError

from .grid import CHANNEL_EDGES, ENERGY_EDGES, N_BINS, rebin
from .spectrum import Spectrum

if TYPE_CHECKING:
    from .response import Response
    from .simulate import SimulatedSpectra

__all__ = ["BinnedSpectra", "read_spectra"]


@dataclass(frozen=True, repr=False)
class BinnedSpectra:
    """Spectra on the common grid of 128 bins.

    Parameters
    ----------
    counts : ndarray of float32, shape (n, 128)
        Counts of the source region.
    background : ndarray of float32, shape (n, 128)
        Background counts expected in it.
    matrices : ndarray of float32, shape (k, 160, 128)
        Responses between the energies and the bins of the common grids, scaled so that each
        sums to 1; shapes of spectra do not depend on the scale.
    which : ndarray of int, shape (n,)
        Response of each spectrum, -1 for none.
    names : tuple of str
        One for each spectrum.
    reasons : tuple of str
        Empty, or why a spectrum could not be read (its counts are then zero).

    Examples
    --------
    >>> from decan.xray_spectra import simulate_spectra
    >>> BinnedSpectra.from_simulated(simulate_spectra(4, rng=0))
    BinnedSpectra(4 spectra, 1 response, ... counts in the median)
    """

    counts: NDArray[np.float32]
    background: NDArray[np.float32]
    matrices: NDArray[np.float32]
    which: NDArray[np.int64]
    names: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @classmethod
    def from_spectra(cls, spectra: Iterable[Spectrum]) -> BinnedSpectra:
        """Arrays of spectra; responses that several share are kept once.

        Parameters
        ----------
        spectra : iterable of Spectrum
            They may come from different instruments.

        Returns
        -------
        BinnedSpectra
        """
        return _gathered([(spectrum.name, spectrum, "") for spectrum in spectra])

    @classmethod
    def from_simulated(cls, simulated: SimulatedSpectra) -> BinnedSpectra:
        """Arrays of simulated spectra.

        Parameters
        ----------
        simulated : SimulatedSpectra
            As :func:`~decan.xray_spectra.simulate_spectra` gives them.

        Returns
        -------
        BinnedSpectra
        """
        names = list(simulated.responses)
        which = np.array([names.index(name) for name in simulated.table["response"]])
        n = len(simulated)
        counts, background = np.zeros((2, n, N_BINS), dtype=np.float32)
        for k, response in enumerate(simulated.responses.values()):
            rows = np.flatnonzero(which == k)
            energy = response.channel_energy
            counts[rows] = rebin(simulated.counts[rows][:, : energy.size], energy)
            background[rows] = rebin(simulated.background[rows][:, : energy.size], energy)
        background *= simulated.table["backratio"].to_numpy(dtype=np.float32)[:, None]
        matrices = np.stack([matrix_of(r) for r in simulated.responses.values()])
        labels = tuple(f"simulated {row}" for row in range(n))
        return cls(counts, background, matrices, which, labels, ("",) * n)

    @classmethod
    def from_arrays(
        cls,
        counts: ArrayLike,
        background: ArrayLike,
        *,
        responses: Sequence[Response] = (),
        which: ArrayLike | None = None,
    ) -> BinnedSpectra:
        """Arrays that are on the common grid already.

        Parameters
        ----------
        counts, background : array_like, shape (n, 128)
            Counts, and background expected among them.
        responses : sequence of Response
            The responses.
        which : array_like of int, shape (n,), optional
            Which of them each spectrum has; none without it.

        Returns
        -------
        BinnedSpectra

        Raises
        ------
        ValueError
            If the grid has not 128 bins, or counts are negative or not finite.
        """
        c = np.asarray(counts, dtype=np.float32)
        if c.ndim != 2 or c.shape[1] != N_BINS:
            raise ValueError(f"counts: shape {c.shape}, expected (n, {N_BINS})")
        wrong = np.argwhere(~(c >= 0) | np.isinf(c))
        if wrong.size:
            row, place = wrong[0]
            raise ValueError(f"counts: row {row}, bin {place} holds {c[row, place]:g}")
        b = np.broadcast_to(np.asarray(background, dtype=np.float32), c.shape)
        held = [matrix_of(response) for response in responses]
        matrices = np.stack(held) if held else _no_matrix()
        index = np.full(len(c), -1) if which is None else np.asarray(which, dtype=np.int64)
        names = tuple(f"row {row}" for row in range(len(c)))
        return cls(c, b, matrices, index, names, ("",) * len(c))

    def take(self, rows: Any) -> BinnedSpectra:
        """Some of the spectra.

        Parameters
        ----------
        rows : array_like of int or bool, or slice
            Which.

        Returns
        -------
        BinnedSpectra
        """
        index = np.arange(len(self))[rows]
        return BinnedSpectra(
            self.counts[index], self.background[index], self.matrices, self.which[index],
            tuple(self.names[i] for i in index), tuple(self.reasons[i] for i in index),
        )  # fmt: skip

    @property
    def total(self) -> NDArray[np.float64]:
        """Counts of each spectrum on the grid."""
        return np.asarray(self.counts.sum(axis=1, dtype=float))

    def __len__(self) -> int:
        return len(self.counts)

    def __repr__(self) -> str:
        n = int(np.unique(self.which[self.which >= 0]).size)
        middle = float(np.median(self.total)) if len(self) else 0.0
        return (
            f"BinnedSpectra({len(self):,} spectra, {n} response{'' if n == 1 else 's'}, "
            f"{middle:.0f} counts in the median)"
        )


def read_spectra(
    paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
    *,
    read: Callable[[Any], Spectrum] | None = None,
    progress: bool = False,
) -> BinnedSpectra:
    """Read PHA files; one that is bad becomes a row with its reason and stops nothing.

    Parameters
    ----------
    paths : iterable of path-like, or path-like
        PHA files, with background and response where their keywords say.
    read : callable, optional
        How a path becomes a spectrum; :meth:`Spectrum.from_ogip` without it.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    BinnedSpectra
        One row a path, in their order; named by the file, or by the whole path where two files
        have one name.

    Examples
    --------
    >>> read_spectra(["absent.pha"]).reasons
    ('absent.pha: no such file',)
    """
    import warnings

    from tqdm.auto import tqdm

    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    held = [Path(path) for path in given]
    alone = len({path.name for path in held}) == len(held)
    rows: list[tuple[str, Spectrum | None, str]] = []
    for path in tqdm(held, desc="spectra", disable=not progress):
        name = path.name if alone else str(path)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # kept in the notes of each
                rows.append((name, (read or Spectrum.from_ogip)(path), ""))
        except (DecanError, ValueError) as error:
            rows.append((name, None, str(error)))
    return _gathered(rows)


def with_background(shape: Any, counts: Any, background: Any) -> NDArray[np.float64]:
    """Expected counts: background as measured, the rest in the shape of the source.

    Parameters
    ----------
    shape : ndarray, shape (n, 128)
        Shapes of sources, summing to 1.
    counts, background : ndarray, shape (n, 128)
        Observed counts and expected background.

    Returns
    -------
    ndarray, shape (n, 128)
    """
    behind = np.asarray(background, dtype=float)
    net = np.maximum(counts.sum(axis=1, dtype=float) - behind.sum(axis=1), 0.0)
    return np.asarray(net[:, None] * shape + behind)


def matrix_of(response: Response) -> NDArray[np.float32]:
    """A response between the common grids, scaled to a sum of 1.

    Parameters
    ----------
    response : Response
        The response.

    Returns
    -------
    ndarray of float32, shape (160, 128)

    Raises
    ------
    ValueError
        If it counts nothing between 0.5 and 8 keV.
    """
    matrix = response.rebinned(ENERGY_EDGES, CHANNEL_EDGES)
    total = matrix.sum()
    if not total > 0:
        raise ValueError(f"{response.name}: no effective area between 0.5 and 8 keV")
    return np.asarray(matrix / total, dtype=np.float32)


def _no_matrix() -> NDArray[np.float32]:
    return np.zeros((0, ENERGY_EDGES.size - 1, N_BINS), dtype=np.float32)


def _content_of(response: Response) -> bytes:
    """What makes two responses one; names do not: every folder may hold a ``src.rsp``."""
    import hashlib

    held = hashlib.blake2b(response.area.tobytes())
    for array in (response.energy_low, response.energy_high, response.channel_energy):
        held.update(array.tobytes())
    for block in response.blocks:
        held.update(f"{block.row} {block.channel} {block.values.shape}".encode())
        held.update(block.values.tobytes())
    return held.digest()


def _gathered(rows: list[tuple[str, Spectrum | None, str]]) -> BinnedSpectra:
    counts, background = np.zeros((2, len(rows), N_BINS), dtype=np.float32)
    which = np.full(len(rows), -1, dtype=np.int64)
    known: dict[Any, int] = {}
    matrices: list[NDArray[np.float32]] = []
    reasons = []
    for i, (_, spectrum, reason) in enumerate(rows):
        reasons.append(reason)
        if spectrum is None:
            continue
        seen, background[i] = spectrum.binned()
        counts[i] = np.maximum(seen, 0.0)  # with a background subtracted bins fall below zero
        response = spectrum.response
        if response is None:
            continue
        key = _content_of(response)
        if key not in known:
            try:
                matrices.append(matrix_of(response))
            except ValueError as error:
                reasons[-1] = str(error)
                continue
            known[key] = len(matrices) - 1
        which[i] = known[key]
    stacked = np.stack(matrices) if matrices else _no_matrix()
    names = tuple(name for name, _, _ in rows)
    return BinnedSpectra(counts, background, stacked, which, names, tuple(reasons))
