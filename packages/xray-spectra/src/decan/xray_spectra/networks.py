"""Networks: encoders that read counts and the response, decoders that give a photon spectrum.

Two bodies of each: residual layers, or the transformer on patches of four bins. A decoder
that folds gives a photon spectrum, which goes through the response of each spectrum; one that
does not gives the shape in channels itself.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from .grid import ENERGY_EDGES, N_BINS

__all__ = ["ErrorNetwork", "SpectrumNetwork", "network_inputs"]

N_ENERGIES = ENERGY_EDGES.size - 1
_SCALARS = 3
_PATCH = 4
_TINY = 1e-9


def network_inputs(counts: Tensor, background: Tensor, sensitivity: Tensor | None) -> Tensor:
    """What an encoder reads of a spectrum.

    Parameters
    ----------
    counts, background : Tensor, shape (n, 128)
        Counts and expected background.
    sensitivity : Tensor, shape (n, 128), or None
        Response to a flat photon spectrum, summing to 1; None in channel space.

    Returns
    -------
    Tensor, shape (n, 131) or (n, 259)
        ``sqrt(c / Σc)``, the logarithms of counts and of background, its share, and the square
        root of the sensitivity. No input depends on how bright a source is but the scalars.

    Examples
    --------
    >>> network_inputs(torch.ones(2, 128), torch.zeros(2, 128), None).shape
    torch.Size([2, 131])
    """
    total = counts.sum(dim=1, keepdim=True).clamp(min=1.0)
    behind = background.sum(dim=1, keepdim=True)
    parts = [
        4 * torch.sqrt(counts / total),
        torch.log10(total) - 2.3,
        torch.log10(behind + 1) - 0.8,
        (behind / total).clamp(max=1.0),
    ]
    if sensitivity is not None:
        parts.append(4 * torch.sqrt(sensitivity))
    return torch.cat(parts, dim=1)


class SpectrumNetwork(nn.Module):
    """Encoder to a few latents and decoder back to a spectrum.

    Parameters
    ----------
    n_latent : int
        Number of latents.
    fold : bool
        Whether the decoder gives a photon spectrum that is folded through the response, which
        the encoder is then told.
    body : {'residual', 'transformer'}
        Layers of both.
    width : int
        Width of the residual layers.

    Examples
    --------
    >>> network = SpectrumNetwork(8, fold=False, body="transformer")
    >>> sum(parameter.numel() for parameter in network.parameters())
    173412
    >>> z = network.encode(torch.zeros(2, 131))
    >>> network.log_shape(z).exp().sum(dim=1).round().tolist()
    [1.0, 1.0]
    """

    def __init__(
        self, n_latent: int = 8, *, fold: bool = True, body: str = "residual", width: int = 256
    ) -> None:
        super().__init__()
        n_inputs = N_BINS + _SCALARS + (N_BINS if fold else 0)
        n_outputs = N_ENERGIES if fold else N_BINS
        self.fold = fold
        self.encoder: nn.Module
        self.decoder: nn.Module
        if body == "transformer":
            self.encoder = _PatchEncoder(n_inputs, n_latent, N_BINS * (2 if fold else 1))
            self.decoder = _PatchDecoder(n_latent, n_outputs)
        else:
            self.encoder = _residual(n_inputs, n_latent, width)
            self.decoder = _residual(n_latent, n_outputs, width)

    def encode(self, inputs: Tensor) -> Tensor:
        """Latents of inputs as :func:`network_inputs` makes them.

        Parameters
        ----------
        inputs : Tensor, shape (n, n_inputs)
            The inputs.

        Returns
        -------
        Tensor, shape (n, n_latent)
        """
        latents: Tensor = self.encoder(inputs)
        return latents

    def photons(self, latents: Tensor) -> Tensor:
        """Photon spectra of latents, or shapes in channels where nothing is folded.

        Parameters
        ----------
        latents : Tensor, shape (n, n_latent)
            The latents.

        Returns
        -------
        Tensor, shape (n, 160) or (n, 128)
            Positive, summing to 1.
        """
        return functional.softmax(self.decoder(latents), dim=1)

    def log_shape(
        self, latents: Tensor, matrices: Tensor | None = None, which: Tensor | None = None,
        area: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """Logarithm of the expected shape of the counts.

        Parameters
        ----------
        latents : Tensor, shape (n, n_latent)
            The latents.
        matrices : Tensor, shape (k, 160, 128), optional
            Responses, where the decoder folds.
        which : Tensor of int, shape (n,), optional
            Response of each row.
        area : Tensor, shape (n, 160), optional
            Factor on the effective area of each row.

        Returns
        -------
        Tensor, shape (n, 128)
            Its exponential sums to 1.
        """
        if not self.fold:
            return functional.log_softmax(self.decoder(latents), dim=1)
        assert matrices is not None
        assert which is not None
        photons = self.photons(latents)
        if area is not None:
            photons = photons * area
        return folded_log_shape(photons, matrices, which)


def folded_log_shape(photons: Tensor, matrices: Tensor, which: Tensor) -> Tensor:
    """Logarithm of the shape of counts that photon spectra give through their responses.

    Parameters
    ----------
    photons : Tensor, shape (n, 160)
        Photon spectra on the common energies.
    matrices : Tensor, shape (k, 160, 128)
        Responses.
    which : Tensor of int, shape (n,)
        Response of each row.

    Returns
    -------
    Tensor, shape (n, 128)
    """
    counts = photons.new_zeros(len(photons), matrices.shape[2])
    for k in torch.unique(which).tolist():
        rows = torch.nonzero(which == k)[:, 0]
        counts = counts.index_copy(0, rows, photons[rows] @ matrices[k])
    counts = counts + _TINY * counts.sum(dim=1, keepdim=True)
    return torch.log(counts / counts.sum(dim=1, keepdim=True))


def in_pieces(function: Callable[[Tensor], Tensor], rows: Tensor, size: int = 2048) -> Tensor:
    """A function of rows, a piece of them at a time.

    Parameters
    ----------
    function : callable
        From rows to rows.
    rows : Tensor
        All rows.
    size : int
        Rows of a piece.

    Returns
    -------
    Tensor
    """
    return torch.cat([function(piece) for piece in rows.split(size)])


def compact(module: nn.Module) -> dict[str, Tensor]:
    """State of a module, in half precision where that loses nothing.

    Parameters
    ----------
    module : torch.nn.Module
        The module.

    Returns
    -------
    dict of str to Tensor
        Half precision if every weight is representable in it (see :func:`halve`).

    Examples
    --------
    >>> layer = nn.Linear(2, 2)
    >>> compact(layer)["weight"].dtype, compact(halve(layer))["weight"].dtype
    (torch.float32, torch.float16)
    """
    state: dict[str, Tensor] = module.state_dict()
    half = {name: value.half() for name, value in state.items()}
    same = all(torch.equal(half[name].float(), value) for name, value in state.items())
    return half if same else state


def halve(module: nn.Module) -> nn.Module:
    """Round the weights of a module to half precision, in place; it still works in single.

    Parameters
    ----------
    module : torch.nn.Module
        The module.

    Returns
    -------
    torch.nn.Module
        The module itself.

    Examples
    --------
    >>> halve(nn.Linear(2, 2)).weight.dtype
    torch.float32
    """
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(weight.half().float())
    return module


class ErrorNetwork(nn.Module):
    """How far the latents of a spectrum are from those that the source would have if bright.

    Parameters
    ----------
    n_latent : int
        Number of latents.
    width : int
        Width of its two hidden layers.

    Examples
    --------
    >>> ErrorNetwork(8)(torch.zeros(3, 8), torch.zeros(3, 3)).shape
    torch.Size([3, 8])
    """

    def __init__(self, n_latent: int = 8, width: int = 96) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_latent + _SCALARS, width), nn.GELU(),
            nn.Linear(width, width), nn.GELU(), nn.Linear(width, n_latent),
        )  # fmt: skip

    def forward(self, latents: Tensor, scalars: Tensor) -> Tensor:
        """Logarithm of the standard deviation of each latent.

        Parameters
        ----------
        latents : Tensor, shape (n, n_latent)
            Latents.
        scalars : Tensor, shape (n, 3)
            The scalars among the inputs.

        Returns
        -------
        Tensor, shape (n, n_latent)
        """
        found: Tensor = self.layers(torch.cat([latents, scalars], dim=1))
        return found.clamp(-6.0, 3.0)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.one, self.two = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = x + self.two(functional.gelu(self.one(self.norm(x))))
        return changed


def _residual(n_inputs: int, n_outputs: int, width: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(n_inputs, width), _Residual(width), _Residual(width), nn.LayerNorm(width),
        nn.Linear(width, n_outputs),
    )  # fmt: skip


def _transformer(width: int = 64) -> nn.Module:
    layer = nn.TransformerEncoderLayer(
        width, nhead=4, dim_feedforward=2 * width, dropout=0.0, activation="gelu",
        batch_first=True, norm_first=True,
    )  # fmt: skip
    return nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)


class _PatchEncoder(nn.Module):
    """Patches of four bins (and of the sensitivity beside them) as tokens."""

    def __init__(self, n_inputs: int, n_latent: int, n_binned: int, width: int = 64) -> None:
        super().__init__()
        self.n_tokens, self.folds = N_BINS // _PATCH, n_binned > N_BINS
        self.embed = nn.Linear(n_binned // self.n_tokens, width)
        self.place = nn.Parameter(0.02 * torch.randn(self.n_tokens, width))
        self.layers = _transformer(width)
        self.out = nn.Linear(self.n_tokens * width + _SCALARS, n_latent)

    def forward(self, inputs: Tensor) -> Tensor:
        shape, rest = inputs[:, :N_BINS], inputs[:, N_BINS:]
        patches = shape.reshape(len(inputs), self.n_tokens, _PATCH)
        if self.folds:
            beside = rest[:, _SCALARS:].reshape(len(inputs), self.n_tokens, _PATCH)
            patches = torch.cat([patches, beside], dim=2)
        tokens = self.layers(self.embed(patches) + self.place).flatten(1)
        latents: Tensor = self.out(torch.cat([tokens, rest[:, :_SCALARS]], dim=1))
        return latents


class _PatchDecoder(nn.Module):
    def __init__(self, n_latent: int, n_outputs: int, width: int = 64) -> None:
        super().__init__()
        self.n_tokens, self.width = n_outputs // _PATCH, width
        self.spread = nn.Linear(n_latent, self.n_tokens * width)
        self.place = nn.Parameter(0.02 * torch.randn(self.n_tokens, width))
        self.layers = _transformer(width)
        self.out = nn.Linear(width, _PATCH)

    def forward(self, latents: Tensor) -> Tensor:
        tokens = self.spread(latents).reshape(len(latents), self.n_tokens, self.width)
        found: Tensor = self.out(self.layers(tokens + self.place)).flatten(1)
        return found
