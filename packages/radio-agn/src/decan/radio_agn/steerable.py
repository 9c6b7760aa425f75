"""Convolutions over the groups C_N and D_N in plain torch, from steerable filters.

A filter is a sum of circular harmonics on Gaussian rings, so that it can be turned by any
angle exactly. A group convolution is then one ordinary convolution with the filter in all
its orientations; in ``eval`` mode the expanded filters are kept and nothing but that
convolution remains.
"""

from __future__ import annotations

import math
import re

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["DihedralGroup", "GroupConv2d", "GroupNorm2d", "group_pool", "harmonic_basis"]

_RING_WIDTH = 0.6


class DihedralGroup:
    """The group of N turns, alone (``C8``) or together with a mirror (``D8``).

    Element number ``n_turns * f + a`` mirrors the sky if ``f = 1`` (the angle changes its
    sign) and then turns it by ``2 pi a / N``.

    Parameters
    ----------
    name : str
        ``C`` or ``D`` and the number of turns, such as ``"C8"`` or ``"D4"``.

    Raises
    ------
    ValueError
        If the name is not of this form.

    Examples
    --------
    >>> DihedralGroup("D4").order, DihedralGroup("C8").order
    (8, 8)
    """

    def __init__(self, name: str) -> None:
        found = re.fullmatch(r"([CD])([1-9]\d*)", name)
        if found is None:
            raise ValueError(f"group: found {name!r}, expected C or D and a number, such as 'D8'")
        self.name = name
        self.n_turns = int(found[2])
        self.mirrors = found[1] == "D"
        self.order = self.n_turns * (2 if self.mirrors else 1)

    def element(self, g: int) -> tuple[float, int]:
        """Angle of the turn (radians) and sign of the angle for an element."""
        flip, turn = divmod(g, self.n_turns)
        return 2 * math.pi * turn / self.n_turns, -1 if flip else 1

    def quotients(self) -> NDArray[np.int64]:
        """Table of ``g^-1 h``, the rows being ``g`` and the columns ``h``."""
        n = self.n_turns
        table = np.empty((self.order, self.order), dtype=np.int64)
        for g in range(self.order):
            flip_g, a = divmod(g, n)
            sign = -1 if flip_g else 1
            for h in range(self.order):
                flip_h, b = divmod(h, n)
                table[g, h] = n * (flip_g ^ flip_h) + sign * (b - a) % n
        return table

    def __repr__(self) -> str:
        return f"DihedralGroup({self.name!r})"


def harmonic_basis(kernel_size: int, group: DihedralGroup) -> Tensor:
    """Circular harmonics on Gaussian rings, in every orientation of a group.

    Harmonics of order above zero are zero at the central pixel, where no angle is defined:
    left in, they break exact quarter turns.

    Parameters
    ----------
    kernel_size : int
        Odd size of the filter, pixels.
    group : DihedralGroup
        Its orientations.

    Returns
    -------
    torch.Tensor, shape (group.order, n_basis, kernel_size, kernel_size)
        Each function of unit norm.

    Raises
    ------
    ValueError
        If the size is even.

    Examples
    --------
    >>> harmonic_basis(5, DihedralGroup("D4")).shape
    torch.Size([8, 13, 5, 5])
    """
    if kernel_size % 2 == 0:
        raise ValueError(f"kernel_size: found {kernel_size}, expected an odd number")
    half = kernel_size // 2
    y, x = np.mgrid[half : -half - 1 : -1, -half : half + 1].astype(float)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    orientations = []
    for g in range(group.order):
        turn, sign = group.element(g)
        functions = []
        for ring in range(half + 1):
            profile = np.exp(-0.5 * ((radius - ring) / _RING_WIDTH) ** 2)
            # A ring of radius 1 has eight pixels, one of radius 2 about twelve.
            for m in range(0 if ring == 0 else ring + 1, -1, -1):
                phase = m * sign * (angle - turn)
                waves = [np.cos(phase)] if m == 0 else [np.cos(phase), np.sin(phase)]
                for wave in waves:
                    function = profile * wave
                    if m > 0:
                        function[half, half] = 0.0
                    functions.append(function / np.linalg.norm(function))
        orientations.append(np.stack(functions))
    return torch.from_numpy(np.stack(orientations)).float()


class GroupConv2d(nn.Module):
    """A convolution whose output turns as its input turns.

    Parameters
    ----------
    in_fields, out_fields : int
        Number of fields. A field has one channel for each group element, an image one.
    group : str or DihedralGroup
        Such as ``"D4"``.
    kernel_size : int
        Odd size of the filters, pixels.
    stride : int
        Step. On odd image sizes a step of 2 keeps quarter turns exact.
    lifting : bool
        Whether the input is a stack of images instead of fields.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> lift = GroupConv2d(1, 2, "D4", lifting=True)
    >>> image = torch.randn(1, 1, 9, 9)
    >>> fields = lift(image)
    >>> fields.shape
    torch.Size([1, 16, 9, 9])

    After group pooling a quarter turn of the image is a quarter turn of the map:

    >>> turned = lift(torch.rot90(image, dims=(-2, -1)))
    >>> pooled = group_pool(fields, 8), group_pool(turned, 8)
    >>> torch.allclose(torch.rot90(pooled[0], dims=(-2, -1)), pooled[1], atol=1e-5)
    True

    References
    ----------
    Cohen & Welling 2016, arXiv 1602.07576; Weiler, Hamprecht & Storath 2018,
    arXiv 1711.07289.
    """

    basis: Tensor
    quotients: Tensor

    def __init__(
        self,
        in_fields: int,
        out_fields: int,
        group: str | DihedralGroup,
        *,
        kernel_size: int = 5,
        stride: int = 1,
        lifting: bool = False,
    ) -> None:
        super().__init__()
        self.group = group if isinstance(group, DihedralGroup) else DihedralGroup(group)
        self.in_fields, self.out_fields = in_fields, out_fields
        self.stride, self.padding, self.lifting = stride, kernel_size // 2, lifting
        basis = harmonic_basis(kernel_size, self.group)
        n_inner = 1 if lifting else self.group.order
        fan_in = in_fields * n_inner * basis.shape[1]
        weight = torch.randn(out_fields, in_fields, n_inner, basis.shape[1])
        self.weight = nn.Parameter(weight * math.sqrt(2.0 / fan_in))
        quotients = torch.from_numpy(self.group.quotients())
        # Both follow from the group: they move with the module and are not saved.
        self.register_buffer("basis", basis, persistent=False)
        self.register_buffer("quotients", quotients, persistent=False)
        self._kept: Tensor | None = None

    def filters(self) -> Tensor:
        """The filters in all orientations, as an ordinary convolution takes them."""
        order, _, size, _ = self.basis.shape
        out_fields, in_fields, n_inner, _ = self.weight.shape
        if self.lifting:
            turned = torch.einsum("oihb,gbxy->ogihxy", self.weight, self.basis)
        else:
            # (o, i, g, h, b): the weight that orientation g gives to input channel h.
            chosen = self.weight[:, :, self.quotients]
            turned = torch.einsum("oighb,gbxy->ogihxy", chosen, self.basis)
        return turned.reshape(out_fields * order, in_fields * n_inner, size, size)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve a stack of shape (n, channels, height, width)."""
        if self.training or torch.is_grad_enabled():
            self._kept = None
            filters = self.filters()
        else:
            if self._kept is None or self._kept.device != x.device:
                self._kept = self.filters()
            filters = self._kept
        return functional.conv2d(x, filters, stride=self.stride, padding=self.padding)

    def train(self, mode: bool = True) -> GroupConv2d:
        """Forget the kept filters before training: the weights change from here on."""
        if mode:
            self._kept = None
        return super().train(mode)

    def _load_from_state_dict(self, *args: object, **kwargs: object) -> None:
        self._kept = None
        super()._load_from_state_dict(*args, **kwargs)


class GroupNorm2d(nn.Module):
    """Batch normalisation with one scale and shift for all orientations of a field.

    Parameters
    ----------
    fields : int
        Number of fields.
    order : int
        Order of the group.

    Examples
    --------
    >>> GroupNorm2d(2, 8)(torch.randn(4, 16, 5, 5)).shape
    torch.Size([4, 16, 5, 5])
    """

    def __init__(self, fields: int, order: int) -> None:
        super().__init__()
        self.fields, self.order = fields, order
        self.norm = nn.BatchNorm2d(fields)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise a stack of shape (n, fields * order, height, width)."""
        n, _, height, width = x.shape
        merged = x.reshape(n, self.fields, self.order * height, width)
        normed: Tensor = self.norm(merged)
        return normed.reshape(x.shape)


def group_pool(x: Tensor, order: int) -> Tensor:
    """Largest response of each field over all orientations.

    Parameters
    ----------
    x : torch.Tensor, shape (n, fields * order, height, width)
        Fields.
    order : int
        Order of the group.

    Returns
    -------
    torch.Tensor, shape (n, fields, height, width)

    Examples
    --------
    >>> group_pool(torch.arange(8.0).reshape(1, 8, 1, 1), 4).flatten()
    tensor([3., 7.])
    """
    n, channels, height, width = x.shape
    return x.reshape(n, channels // order, order, height, width).amax(dim=2)
