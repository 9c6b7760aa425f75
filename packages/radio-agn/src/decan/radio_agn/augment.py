"""Random views of a radio source that leave its class alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["RadioAugment", "turn"]


class RadioAugment:
    """Turn, mirror, scale, shift and re-expose each picture by its own random amounts.

    No crop: a crop that cuts a lobe off changes the class. No colour: there is one channel.

    Parameters
    ----------
    scale : float
        Largest change of size, natural logarithm.
    shift : float
        Largest shift, share of the picture's half width.
    exposure : float
        Largest change of the exponent of the brightness, natural logarithm.
    noise : float
        Standard deviation of noise added to the emission, share of the peak.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> RadioAugment()(torch.rand(3, 1, 33, 33)).shape
    torch.Size([3, 1, 33, 33])
    """

    def __init__(
        self,
        *,
        scale: float = 0.2,
        shift: float = 0.03,
        exposure: float = 0.25,
        noise: float = 0.0,
    ) -> None:
        self.scale, self.shift = scale, shift
        self.exposure, self.noise = exposure, noise

    def __call__(self, pictures: Tensor) -> Tensor:
        """One random view of each picture, drawn from torch's generator."""
        n = len(pictures)

        def uniform(*shape: int) -> Tensor:
            return 2 * torch.rand(*shape, device=pictures.device) - 1

        angle = math.pi * uniform(n)
        size = torch.exp(self.scale * uniform(n))
        flip = torch.sign(uniform(n))
        frame = torch.stack(
            [
                torch.stack([flip * size * angle.cos(), -size * angle.sin()], dim=1),
                torch.stack([flip * size * angle.sin(), size * angle.cos()], dim=1),
            ],
            dim=1,
        )
        moved = torch.cat([frame, self.shift * uniform(n, 2, 1)], dim=2)
        seen = _sampled(pictures, moved)
        if self.exposure:
            exponent = torch.exp(self.exposure * uniform(n, 1, 1, 1))
            seen = seen.clamp_min(1e-6) ** exponent
        if self.noise:
            seen = (seen + self.noise * torch.randn_like(seen) * (seen > 0.01)).clamp_min(0)
        return seen


def turn(pictures: Tensor, angle_deg: float) -> Tensor:
    """Turn all pictures by one angle, bilinear; multiples of 90 degrees are exact.

    Parameters
    ----------
    pictures : torch.Tensor, shape (n, channels, height, width)
        Square pictures.
    angle_deg : float
        Degrees, counter-clockwise on the screen.

    Returns
    -------
    torch.Tensor

    Examples
    --------
    >>> picture = torch.rand(1, 1, 9, 9)
    >>> bool(torch.equal(turn(picture, 90.0), torch.rot90(picture, 1, (-2, -1))))
    True
    """
    quarters, rest = divmod(angle_deg, 90.0)
    turned = torch.rot90(pictures, int(quarters) % 4, (-2, -1))
    if rest == 0:
        return turned
    angle = math.radians(rest)
    frame = torch.tensor(
        [[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]],
        dtype=pictures.dtype,
        device=pictures.device,
    )
    return _sampled(turned, frame.expand(len(pictures), 2, 3))


def _sampled(pictures: Tensor, frame: Tensor) -> Tensor:
    where = functional.affine_grid(frame, list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, where, align_corners=False)
