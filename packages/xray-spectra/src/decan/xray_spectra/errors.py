"""What can be wrong with an X-ray spectrum, each with a name of its own."""

from __future__ import annotations

from decan.core.errors import DataNotAvailable, SchemaError

__all__ = ["InvalidSpectrumError", "MissingResponseError", "UnsupportedInstrumentError"]


class InvalidSpectrumError(SchemaError):
    """Counts, energies or exposure that no spectrum can have; names file, extension and channel.

    Examples
    --------
    >>> str(InvalidSpectrumError("src.pi, SPECTRUM: channel 7 has -3 counts"))
    'src.pi, SPECTRUM: channel 7 has -3 counts'
    """


class MissingResponseError(DataNotAvailable):
    """A response is needed and neither given nor found beside the spectrum.

    Examples
    --------
    >>> str(MissingResponseError("src.pi: RESPFILE and ANCRFILE name no file"))
    'src.pi: RESPFILE and ANCRFILE name no file'
    """


class UnsupportedInstrumentError(SchemaError):
    """A spectrum of a kind that these rooms do not read: HRC, or an order of a grating.

    Examples
    --------
    >>> str(UnsupportedInstrumentError("hrc.pha: HRC has no energy resolution"))
    'hrc.pha: HRC has no energy resolution'
    """
