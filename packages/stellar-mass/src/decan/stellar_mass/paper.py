"""The two networks of Zhang et al. 2025, layer by layer, and their contrastive objective.

Sizes are those of the released code for five bands and 520 bins: 384,528 parameters for
photometry (685,597 with the contrastive decoder) and 6,007,000 for images (7,135,069). They are
meant for hundreds of thousands of galaxies and a GPU; a table of a few thousand is better
served by the small networks.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from .networks import rescaled

__all__ = ["PaperImageNetwork", "PaperPhotometryNetwork", "contrastive_loss"]

_SLOPE = 0.2


class PaperPhotometryNetwork(nn.Module):
    """Photometry of the paper: 20 layers of 128, a latent vector, 520 bins.

    Parameters
    ----------
    main, extra : int
        Main inputs, which the decoder reconstructs, and further ones.
    bins : int
        Bins of the target.
    contrastive : bool
        Whether the latent vector has a second half and there is a decoder.

    References
    ----------
    Zhang et al. 2025, arXiv 2509.23901, and its code.

    Examples
    --------
    >>> sum(p.numel() for p in PaperPhotometryNetwork(5, 6).parameters())
    384528
    """

    def __init__(
        self, main: int, extra: int = 0, bins: int = 520, contrastive: bool = False
    ) -> None:
        super().__init__()
        self.latent, self.extra = 8, extra
        self.encoder = _tower(main + extra, 20, 16 if contrastive else 8)
        self.estimator = nn.Sequential(
            nn.Linear(8, 128), nn.LeakyReLU(_SLOPE), nn.Linear(128, bins)
        )
        self.decoder = _tower(16, 19, main) if contrastive else None
        _glorot(self)

    def encode_all(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """The whole latent vector, shape (rows, 8) or (rows, 16)."""
        both = x if extra is None else torch.cat([x, extra], 1)
        out: Tensor = self.encoder(both)
        return out

    def encode(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """The part of the latent vector that the estimator reads, shape (rows, 8)."""
        return self.encode_all(x, extra)[:, : self.latent]

    def forward(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """Logits of the bins."""
        out: Tensor = self.estimator(self.encode(x, extra))
        return out

    def decode(self, latent: Tensor) -> Tensor:
        """The main inputs again."""
        assert self.decoder is not None, "only with contrastive=True"
        out: Tensor = self.decoder(latent)
        return out


class Inception(nn.Module):
    """One inception block: four branches, 522 maps, the size of the image kept.

    Parameters
    ----------
    maps : int
        Maps that go in.

    Examples
    --------
    >>> Inception(96)(torch.zeros(1, 96, 8, 8)).shape
    torch.Size([1, 522, 8, 8])
    """

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.a, self.aa = nn.Conv2d(maps, 101, 1), nn.Conv2d(101, 156, 5, padding=2)
        self.b, self.bb = nn.Conv2d(maps, 101, 1), nn.Conv2d(101, 156, 3, padding=1)
        self.c, self.d = nn.Conv2d(maps, 101, 1), nn.Conv2d(maps, 109, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps, shape (rows, 522, height, width)."""
        relu = functional.relu
        return torch.cat(
            [
                relu(self.aa(relu(self.a(x)))),
                relu(self.bb(relu(self.b(x)))),
                _average_in_place(relu(self.c(x))),
                relu(self.d(x)),
            ],
            1,
        )


class PaperImageNetwork(nn.Module):
    """Images of the paper: an inception network on 64 x 64 cutouts, 520 bins.

    Parameters
    ----------
    bands, extra : int
        Bands of the cutouts, and numbers beside them (E(B-V), magnitudes, redshift).
    bins : int
        Bins of the target.
    contrastive : bool
        Whether the latent vector has 512 more entries and there is a decoder.

    References
    ----------
    Zhang et al. 2025, arXiv 2509.23901, and its code; Treyer et al. 2024, MNRAS 527, 651.

    Examples
    --------
    >>> sum(p.numel() for p in PaperImageNetwork(5, 1).parameters())
    6007000
    """

    def __init__(
        self, bands: int = 5, extra: int = 1, bins: int = 520, contrastive: bool = False
    ) -> None:
        super().__init__()
        self.latent, self.extra = 16, extra
        self.shift = nn.Linear(extra, 96)
        self.one = nn.Conv2d(bands, 96, 5, padding=2)
        self.two = nn.Conv2d(96, 96, 3, padding=1)
        self.blocks = nn.ModuleList([Inception(96), *(Inception(522) for _ in range(5))])
        self.last = nn.ModuleList(
            [nn.Conv2d(522, 96, 3), nn.Conv2d(96, 96, 3), nn.Conv2d(96, 96, 3)]
        )
        self.dense = nn.Linear(384, 1024)
        self.out = nn.Linear(1024, 528 if contrastive else 16)
        self.estimator = nn.Sequential(nn.Linear(16, 1024), nn.ReLU(), nn.Linear(1024, bins))
        self.decoder = _Decoder(bands) if contrastive else None
        _glorot(self)

    def encode_all(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """The whole latent vector, shape (rows, 16) or (rows, 528)."""
        pool, relu = functional.avg_pool2d, functional.relu
        beside = x.new_zeros(len(x), self.extra) if extra is None else extra
        x = relu(self.one(rescaled(x)) + self.shift(beside)[:, :, None, None])
        x = pool(torch.tanh(self.two(x)), 2)
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in (2, 4):
                x = pool(x, 2)
        for layer in self.last:
            x = relu(layer(x))
        x = _average_in_place(x).flatten(1)
        out: Tensor = self.out(relu(self.dense(x)))
        return out

    def encode(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """The part of the latent vector that the estimator reads, shape (rows, 16)."""
        return self.encode_all(x, extra)[:, : self.latent]

    def forward(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """Logits of the bins."""
        out: Tensor = self.estimator(self.encode(x, extra))
        return out

    def decode(self, latent: Tensor) -> Tensor:
        """The cutouts again, rescaled."""
        assert self.decoder is not None, "only with contrastive=True"
        out: Tensor = self.decoder(latent)
        return out


class _Decoder(nn.Module):
    """From the latent vector to a cutout, twice as large at every step."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.dense = nn.Linear(528, 1024)
        convs = [nn.Conv2d(16, 32, 3, padding=1)]
        convs += [nn.Conv2d(32, 32, 3, padding=1) for _ in range(6)]
        self.convs = nn.ModuleList(convs)
        self.last = nn.Conv2d(32, bands, 3, padding=1)

    def forward(self, latent: Tensor) -> Tensor:
        x = functional.leaky_relu(self.dense(latent), _SLOPE).view(-1, 16, 8, 8)
        for number, conv in enumerate(self.convs):
            x = functional.leaky_relu(conv(x), _SLOPE)
            if number in (1, 3, 5):
                x = functional.interpolate(x, scale_factor=2, mode="bilinear")
        out: Tensor = self.last(x)
        return out


def contrastive_loss(
    network: PaperPhotometryNetwork | PaperImageNetwork,
    batch: Mapping[str, Tensor],
    *,
    reconstruction: float = 1.0,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The paper's supervised contrastive objective for pairs of different galaxies.

    The rows of a batch are paired with the row half a batch further. Each goes through encoder
    and decoder, and its reconstruction through both once more (the cycle); a turned view, where
    the batch has one (``x_turned``), is one more positive. Distances are averaged before the
    exponential: one number for the batch, not one for each pair.

    Parameters
    ----------
    network : PaperPhotometryNetwork or PaperImageNetwork
        With ``contrastive=True``.
    batch : mapping
        ``x``, ``y`` (bin numbers), perhaps ``extra`` and ``x_turned``.
    reconstruction : float
        Weight of the reconstruction: 100 for images, 1 for photometry.

    Returns
    -------
    loss : Tensor
        A scalar.
    parts : dict of str to Tensor
        Cross-entropy, reconstruction, contrast and agreement.

    References
    ----------
    Zhang et al. 2025, arXiv 2509.23901, and its code.

    Examples
    --------
    >>> network = PaperPhotometryNetwork(5, 0, bins=10, contrastive=True)
    >>> batch = {"x": torch.randn(8, 5), "y": torch.arange(8)}
    >>> sorted(contrastive_loss(network, batch)[1])
    ['agreement', 'contrast', 'cross_entropy', 'reconstruction']
    """
    x, y, extra = batch["x"], batch["y"].long(), batch.get("extra")
    seen = rescaled(x) if isinstance(network, PaperImageNetwork) else x
    first = network.encode_all(x, extra)
    again = network.decode(first)
    cycle = network.encode_all(again, extra)
    once_more = network.decode(cycle)
    mean_squared = functional.mse_loss
    rebuilt = mean_squared(again, seen) + mean_squared(once_more, seen)
    views = [first, cycle]
    if "x_turned" in batch:
        turned = network.encode_all(batch["x_turned"], extra)
        rebuilt = rebuilt + mean_squared(network.decode(turned), _seen(network, batch["x_turned"]))
        views.append(turned)
    latents = [view[:, : network.latent] for view in views]
    logits = [network.estimator(latent) for latent in latents]
    surprise = functional.cross_entropy(logits[0], y) + functional.cross_entropy(logits[1], y)
    agreement = x.new_zeros(())
    for other in logits[1:]:
        agreement = agreement + _agree(logits[0], other) + _agree(other, logits[0])
    near = torch.stack([_distance(latents[0], other).mean() for other in latents[1:]]).mean()
    half = len(x) // 2
    far = _distance(latents[0][:half], latents[0][half : 2 * half]).mean()
    # -ln(P / (P + N)) with P = exp(-near), N = exp(-far)
    contrast = functional.softplus(near - far)
    # Both galaxies of a pair count in the sums of the paper; means of halves are their sums / 2.
    total = 2 * (surprise + reconstruction * rebuilt + agreement) + contrast
    parts = {
        "cross_entropy": surprise, "reconstruction": rebuilt, "contrast": contrast,
        "agreement": agreement,
    }  # fmt: skip
    return total, {name: value.detach() for name, value in parts.items()}


def _seen(network: nn.Module, x: Tensor) -> Tensor:
    return rescaled(x) if isinstance(network, PaperImageNetwork) else x


def _agree(known: Tensor, other: Tensor) -> Tensor:
    """Cross-entropy of one density under another, the first held fixed."""
    return functional.cross_entropy(other, known.detach().softmax(1))


def _distance(a: Tensor, b: Tensor) -> Tensor:
    """Root mean squared difference of latent vectors, row by row."""
    return ((a - b).square().mean(1) + 1e-12).sqrt()


def _tower(inputs: int, layers: int, outputs: int) -> nn.Sequential:
    steps: list[nn.Module] = []
    for number in range(layers):
        steps += [nn.Linear(inputs if number == 0 else 128, 128), nn.LeakyReLU(_SLOPE)]
    return nn.Sequential(*steps, nn.Linear(128, outputs))


def _average_in_place(x: Tensor) -> Tensor:
    """Average of 2 x 2 pixels with stride 1 that keeps the size; the rim averages what is there."""
    padded = functional.pad(x, (0, 1, 0, 1))
    ones = functional.pad(x.new_ones(1, 1, *x.shape[-2:]), (0, 1, 0, 1))
    return functional.avg_pool2d(padded, 2, 1) / functional.avg_pool2d(ones, 2, 1)


def _glorot(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(module.weight)
            assert module.bias is not None
            nn.init.constant_(module.bias, 0.1)
