"""The response of an instrument: effective area and redistribution, and folding through both."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.data.numbers import in_unit

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from .spectrum import Spectrum

__all__ = ["Block", "Response"]

_BLOCK_ROWS = 16
_GAP = 24


@dataclass(frozen=True)
class Block:
    """A rectangle of a redistribution matrix outside which its rows are zero (or in other blocks).

    Parameters
    ----------
    row, channel : int
        Place of its first row (energy) and first column (channel).
    values : ndarray of float32, shape (n_rows, n_channels)
        Probability that a photon of the row's energy is counted in the column's channel.

    Examples
    --------
    >>> Block(0, 30, np.ones((16, 40), dtype=np.float32)).values.nbytes
    2560
    """

    row: int
    channel: int
    values: NDArray[np.float32]


@dataclass(frozen=True, repr=False)
class Response:
    """Effective area and redistribution of one observation.

    The matrix is kept as dense blocks along its diagonal: as few bytes as a sparse matrix,
    and as fast as, or faster than, a dense one. It folds arrays and torch tensors alike;
    gradients flow through the latter.

    Parameters
    ----------
    energy_low, energy_high : ndarray, shape (n_energies,)
        Bins of photon energy, keV, rising.
    area : ndarray, shape (n_energies,)
        Effective area, cm².
    blocks : tuple of Block
        The redistribution matrix.
    channel_low, channel_high : ndarray, shape (n_channels,)
        Nominal energies of the channels, keV.
    first_channel : int
        Number of the first channel: 1 for ACIS, 0 elsewhere.
    name : str
        Where it comes from.
    notes : tuple of str
        What was changed when it was read.

    Examples
    --------
    >>> from decan.xray_spectra import analytic_response
    >>> response = analytic_response()
    >>> response
    Response(analytic ACIS-like, 455 energies 0.3-9.4 keV, 1024 channels, 710 cm2 at 1.5 keV)
    >>> rate = response.fold(1e-4 * response.energy ** -1.8)  # counts / s in each channel
    >>> rate.shape
    (1024,)
    """

    energy_low: NDArray[np.float64]
    energy_high: NDArray[np.float64]
    area: NDArray[np.float64]
    blocks: tuple[Block, ...]
    channel_low: NDArray[np.float64]
    channel_high: NDArray[np.float64]
    first_channel: int = 1
    name: str = ""
    notes: tuple[str, ...] = ()
    _on_torch: dict[Any, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        from .errors import InvalidSpectrumError

        low, high = self.energy_low, self.energy_high
        if not (low.shape == high.shape == self.area.shape):
            raise InvalidSpectrumError(
                f"{self.name or 'response'}: {low.size} energies and {self.area.size} areas; "
                "the ARF must stand on the energies of the RMF"
            )
        wrong = np.flatnonzero(~(high > low) | np.r_[False, np.diff(low) <= 0])
        if wrong.size:
            raise InvalidSpectrumError(
                f"{self.name or 'response'}: energies do not rise at row {wrong[0] + 1} "
                f"({low[wrong[0]]:g}-{high[wrong[0]]:g} keV)"
            )
        bad = np.flatnonzero(~np.isfinite(self.area) | (self.area < 0))
        if bad.size:
            raise InvalidSpectrumError(
                f"{self.name or 'response'}: effective area {self.area[bad[0]]} at row {bad[0] + 1}"
            )

    @classmethod
    def from_csr(
        cls,
        matrix: Any,
        *,
        energy_low: ArrayLike,
        energy_high: ArrayLike,
        area: ArrayLike,
        channel_low: ArrayLike,
        channel_high: ArrayLike,
        first_channel: int = 1,
        name: str = "",
        notes: tuple[str, ...] = (),
    ) -> Response:
        """Response from a sparse (or dense) redistribution matrix.

        Parameters
        ----------
        matrix : scipy sparse array or array_like, shape (n_energies, n_channels)
            Probability to be counted in a channel; rows sum to at most 1.
        energy_low, energy_high, area, channel_low, channel_high, first_channel, name, notes
            As of the class; energies and area may be Quantities.

        Returns
        -------
        Response

        Examples
        --------
        >>> edges = np.linspace(0.5, 2.5, 5)
        >>> diagonal = Response.from_csr(np.eye(4), energy_low=edges[:-1], energy_high=edges[1:],
        ...     area=np.full(4, 100.0), channel_low=edges[:-1], channel_high=edges[1:])
        >>> diagonal.fold(np.ones(4))  # 1 photon / cm2 / s / keV in bins of 0.5 keV
        array([50., 50., 50., 50.])
        """
        from scipy.sparse import csr_array

        low, high, channels_low, channels_high = (
            np.asarray(in_unit(energy, "keV", "energy"), dtype=float)
            for energy in (energy_low, energy_high, channel_low, channel_high)
        )
        return cls(
            low,
            high,
            np.asarray(in_unit(area, "cm2", "area"), dtype=float),
            blocks_of(csr_array(matrix)),
            channels_low,
            channels_high,
            first_channel,
            name,
            notes,
        )

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return int(self.channel_low.size)

    @property
    def energy(self) -> NDArray[np.float64]:
        """Middles of the photon energy bins, keV."""
        return (self.energy_low + self.energy_high) / 2

    @property
    def width(self) -> NDArray[np.float64]:
        """Widths of the photon energy bins, keV."""
        return self.energy_high - self.energy_low

    @property
    def channels(self) -> NDArray[np.int64]:
        """Channel numbers, from the instrument's own first one."""
        return np.arange(self.first_channel, self.first_channel + self.n_channels)

    @property
    def channel_energy(self) -> NDArray[np.float64]:
        """Nominal middles of the channels, keV."""
        return (self.channel_low + self.channel_high) / 2

    @property
    def nbytes(self) -> int:
        """Memory of the redistribution matrix, bytes."""
        return sum(block.values.nbytes for block in self.blocks)

    @cached_property
    def _weight(self) -> NDArray[np.float64]:
        return self.area * self.width

    def fold(self, photons: Any) -> Any:
        """Count rates that a photon spectrum gives.

        Parameters
        ----------
        photons : ndarray or torch.Tensor, shape (..., n_energies)
            Photon spectrum on the energies of the response, photons / cm² / s / keV.

        Returns
        -------
        ndarray or torch.Tensor, shape (..., n_channels)
            Counts / s in each channel.

        Raises
        ------
        ValueError
            If the last dimension is not the number of energies.

        Notes
        -----
        ``m_c = Σ_E R(c|E) A(E) S(E) ΔE``.
        """
        shape = np.shape(photons)
        if not shape or shape[-1] != self.area.size:
            raise ValueError(
                f"photons: shape {tuple(shape)}, expected (..., {self.area.size}), one value for "
                "each energy of the response"
            )
        if type(photons).__module__.partition(".")[0] == "torch":
            return self._fold_torch(photons)
        photons = np.asarray(photons)
        kind = np.float32 if photons.dtype == np.float32 else np.float64
        expected = photons.reshape(-1, shape[-1]) * self._weight.astype(kind)
        rates = np.zeros((expected.shape[0], self.n_channels), dtype=kind)
        for block in self.blocks:
            n_rows, n_columns = block.values.shape
            rates[:, block.channel : block.channel + n_columns] += expected[
                :, block.row : block.row + n_rows
            ] @ block.values.astype(kind, copy=False)
        return rates.reshape(*shape[:-1], self.n_channels)

    def to_csr(self) -> csr_array:
        """The redistribution matrix (without area) as a scipy sparse array.

        Returns
        -------
        scipy.sparse.csr_array, shape (n_energies, n_channels)
        """
        from scipy.sparse import coo_array

        rows, columns, values = [], [], []
        for block in self.blocks:
            r, c = np.nonzero(block.values)
            rows.append(r + block.row)
            columns.append(c + block.channel)
            values.append(block.values[r, c])
        place = (np.concatenate(rows), np.concatenate(columns))
        shape = (self.area.size, self.n_channels)
        return coo_array((np.concatenate(values), place), shape=shape).tocsr()

    def matches(self, spectrum: Spectrum) -> bool:
        """Whether a spectrum has the channels of this response.

        Parameters
        ----------
        spectrum : Spectrum
            The spectrum.

        Returns
        -------
        bool
        """
        assert spectrum.channels is not None
        return np.array_equal(spectrum.channels, self.channels)

    def with_area(self, factor: ArrayLike, *, note: str = "") -> Response:
        """The response with its effective area multiplied.

        Parameters
        ----------
        factor : array_like, shape (n_energies,) or ()
            What the area is multiplied with.
        note : str
            Added to ``notes``.

        Returns
        -------
        Response
        """
        area = self.area * np.broadcast_to(np.asarray(factor, dtype=float), self.area.shape)
        notes = (*self.notes, note) if note else self.notes
        return Response(
            self.energy_low, self.energy_high, area, self.blocks, self.channel_low,
            self.channel_high, self.first_channel, self.name, notes,
        )  # fmt: skip

    def rebinned(self, energy_edges: ArrayLike, channel_edges: ArrayLike) -> NDArray[np.float64]:
        """Area times width times redistribution between coarser bins of energy and channel.

        Parameters
        ----------
        energy_edges : array_like, shape (n + 1,)
            Edges of photon energy bins, keV; within one the photon spectrum is taken as flat.
        channel_edges : array_like, shape (m + 1,)
            Nominal energies, keV. A channel belongs to the bin in which its middle lies.

        Returns
        -------
        ndarray, shape (n, m)
            cm² keV: counts / s in a bin for 1 photon / cm² / s / keV in an energy bin.
        """
        edges = np.asarray(energy_edges, dtype=float)
        to = np.asarray(channel_edges, dtype=float)
        place = np.searchsorted(to, self.channel_energy, side="right") - 1
        inside = (place >= 0) & (place < to.size - 1)
        counted = np.zeros((self.area.size, to.size - 1))
        for block in self.blocks:
            n_rows, n_columns = block.values.shape
            columns = np.arange(block.channel, block.channel + n_columns)
            columns = columns[inside[columns]]
            if columns.size == 0:
                continue
            starts = np.flatnonzero(np.r_[True, np.diff(place[columns]) > 0])
            summed = np.add.reduceat(
                block.values[:, columns - block.channel].astype(float), starts, axis=1
            )
            counted[block.row : block.row + n_rows, place[columns[starts]]] += summed
        overlap = np.minimum(self.energy_high, edges[1:, None]) - np.maximum(
            self.energy_low, edges[:-1, None]
        )
        return np.asarray((np.clip(overlap, 0, None) * self.area) @ counted)

    def _fold_torch(self, photons: Any) -> Any:
        import torch

        key = (photons.device, photons.dtype)
        if key not in self._on_torch:
            self._on_torch[key] = (
                torch.as_tensor(self._weight).to(photons),
                [torch.from_numpy(block.values).to(photons) for block in self.blocks],
            )
        weight, values = self._on_torch[key]
        expected = photons.reshape(-1, photons.shape[-1]) * weight
        rates = expected.new_zeros(expected.shape[0], self.n_channels)
        for block, part in zip(self.blocks, values, strict=True):
            n_rows, n_columns = part.shape
            rates[:, block.channel : block.channel + n_columns] += (
                expected[:, block.row : block.row + n_rows] @ part
            )
        return rates.reshape(*photons.shape[:-1], self.n_channels)

    def __repr__(self) -> str:
        at = float(np.interp(1.5, self.energy, self.area))
        return (
            f"Response({self.name}, {self.area.size} energies {self.energy_low[0]:.2g}-"
            f"{self.energy_high[-1]:.2g} keV, {self.n_channels} channels, {at:.0f} cm2 at 1.5 keV)"
        )


def blocks_of(matrix: csr_array) -> tuple[Block, ...]:
    """Dense blocks that hold every value of a sparse matrix, few zeros, and nothing twice."""
    matrix.sum_duplicates()
    blocks = []
    for row in range(0, matrix.shape[0], _BLOCK_ROWS):
        part = matrix[row : row + _BLOCK_ROWS]
        columns = np.unique(part.indices)
        if columns.size == 0:
            continue
        for run in np.split(columns, np.flatnonzero(np.diff(columns) > _GAP) + 1):
            first, last = int(run[0]), int(run[-1])
            values = part[:, first : last + 1].toarray().astype(np.float32)
            blocks.append(Block(row, first, values))
    return tuple(blocks)
