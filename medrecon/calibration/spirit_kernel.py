"""SPIRiT kernels: every k-space sample as a sum of its neighbours in all coils (Lustig and Pauly 2010)."""

from __future__ import annotations

import torch
from torch import Tensor

from medrecon.calibration.windows import check_kernel_fits, regular, window_gram
from medrecon.crop import centre_crop

WIDE, WIDE_FROM = 7, 20
NARROW, SMALL_FROM = 5, 8
TIKHONOV = 1e-3


def kernel_width(acs: tuple[int, int]) -> int:
    """7 from 20 ACS lines on, 5 from 8, else 3 (decisions.md, "Calibration": 7x7 on 12 lines is far worse)."""
    lines = min(acs)
    if lines >= WIDE_FROM:
        return WIDE
    return NARROW if lines >= SMALL_FROM else 3


def spirit_kernel(
    kspace: Tensor, acs: tuple[int, int], *, width: int | None = None, tikhonov: float = TIKHONOV
) -> Tensor:
    """Kernel K of `(G k)_co(q) = sum_ci sum_d K[co, ci, d] k_ci(q + d)`, calibrated on the central `acs` points.

    Least squares with the ridge tikhonov * ||A^H A||_F / n, for all coils from one inverse: with M the inverse of the
    regularised Gram matrix, the row that predicts unknown c from all others is -M[c, :] / M[c, c].

    Parameters
    ----------
    kspace : Tensor
        `(slice, coil, y, x)`, fully sampled on the central `acs` points.
    acs : tuple of int
        (y, x) size of the fully sampled centre.
    width : int, optional
        Odd width of the kernel; by default from the number of lines (`kernel_width`).
    tikhonov : float
        Ridge as a share of the mean size of A^H A.

    Returns `(slice, coil_out, coil_in, width, width)`, K[c, c, centre] = 0. Raises InputError if the ACS is smaller
    than the kernel.
    """
    width = kernel_width(acs) if width is None else width
    block = centre_crop(kspace, acs)
    check_kernel_fits(block, (width, width))
    coils = kspace.shape[1]
    own = torch.arange(coils, device=kspace.device)
    centres = own * width**2 + width**2 // 2
    gram = regular(window_gram(block, (width, width)), tikhonov)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
    rows = inverse[:, centres]
    kernel = -rows / rows[:, own, centres][..., None]
    kernel[:, own, centres] = 0
    return kernel.to(kspace.dtype).unflatten(-1, (coils, width, width))
