"""High-pass projector of HFS-SDE: what an image holds outside a centred band of low frequencies (Cao et al. 2024)."""

from __future__ import annotations

from typing import final

from torch import Tensor

from medrecon.crop import centred
from medrecon.operators.fourier import fft2c, ifft2c
from medrecon.operators.linear import LinearOperator, Shape


@final
class HighPass(LinearOperator):
    """F_h = F^-1 (1 - M_l) F on images `(…, *shape)`; an orthogonal projector, its own adjoint and gram.

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
        self._band = tuple(centred(n, w) for n, w in zip(size, limits, strict=True))

    def forward(self, x: Tensor) -> Tensor:
        kspace = fft2c(x)
        kspace[(..., *self._band)] = 0
        return ifft2c(kspace)

    def adjoint(self, y: Tensor) -> Tensor:
        return self.forward(y)

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        return self

    @property
    def gram(self) -> LinearOperator:
        return self
