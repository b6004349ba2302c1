"""High-pass projector of HFS-SDE: what an image holds outside a centred band of low frequencies (Cao et al. 2024)."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from medrecon.crop import centred
from medrecon.operators.linear import LinearOperator, Shape


@final
class HighPass(LinearOperator):
    """F_h = F^-1 (1 - M_l) F on images `(…, *shape)`; an orthogonal projector, its own adjoint and gram.

    A circular convolution, so that the centring shifts of F cancel, and a band of lines needs one axis only.

    Parameters
    ----------
    shape : trailing shape of the images, (y, x) last.
    band : width of the low-frequency band M_l, which starts at index n // 2 - band // 2.
    axes : axes the band is narrow along: ("y",) or ("x",) for lines, ("y", "x") for a square.
    """

    def __init__(self, shape: Shape, band: int, axes: tuple[str, ...]) -> None:
        size = shape[-2:]
        limits = [band if axis in axes else n for axis, n in zip("yx", size, strict=True)]
        if not axes or not set(axes) <= {"y", "x"} or not all(0 <= w <= n for w, n in zip(limits, size, strict=True)):
            raise ValueError(f"a band of {band} along {axes} does not fit images of {tuple(size)} (y, x)")
        self.in_shape = self.out_shape = tuple(shape)
        self._dims = tuple(d for d, axis in ((-2, "y"), (-1, "x")) if axis in axes)
        narrow = torch.zeros([n if d in self._dims else 1 for d, n in zip((-2, -1), size, strict=True)])
        narrow[tuple(centred(n, w) for n, w in zip(narrow.shape, limits, strict=True))] = 1
        self._kept = torch.fft.ifftshift(1 - narrow, self._dims)

    @classmethod
    def outside(cls, low: Tensor) -> HighPass:
        """F_h of one band an image: `low` are centred masks `(…, y, x)`, True inside."""
        operator = cls(tuple(low.shape), 0, ("y", "x"))
        operator._kept = torch.fft.ifftshift((~low).float(), (-2, -1))
        return operator

    def forward(self, x: Tensor) -> Tensor:
        if self._kept.device != x.device:
            self._kept = self._kept.to(x.device)
        return torch.fft.ifftn(torch.fft.fftn(x, dim=self._dims) * self._kept, dim=self._dims)

    @property
    def fractions(self) -> Tensor:
        """`(…, 2)` shares of the (y, x) extent of k-space that the band spans."""
        low = self._kept == 0
        return torch.stack([low.any(-1).float().mean(-1), low.any(-2).float().mean(-1)], -1)

    def adjoint(self, y: Tensor) -> Tensor:
        return self.forward(y)

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        return self

    @property
    def gram(self) -> LinearOperator:
        return self
