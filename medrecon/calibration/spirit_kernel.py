"""SPIRiT kernels: every k-space sample as a sum of its neighbours in all coils (Lustig and Pauly 2010)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from medrecon.calibration.windows import regular, window_gram
from medrecon.crop import centre_crop

WIDE, WIDE_FROM = 7, 20
NARROW, SMALL_FROM = 5, 8
TIKHONOV = 1e-3
FOLDS = 8


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
    gram = window_gram(centre_crop(kspace, acs), (width, width))
    kernel = _fitted(gram, kspace.shape[1], tikhonov)
    kernel[:, *_centres(kernel.shape[1], width)] = 0
    return kernel.to(kspace.dtype).unflatten(-1, (kspace.shape[1], width, width))


def withheld_error(
    kspace: Tensor, acs: tuple[int, int], *, width: int | None = None, tikhonov: float = TIKHONOV
) -> Tensor:
    """Mean square per real component, `(slice,)`, of (G - I) k on parts of the ACS that the kernel was not fitted to.

    The windows are parted into at most `FOLDS` blocks of lines; each block is foretold by a kernel fitted to the
    others. On its own windows a kernel of more unknowns than windows leaves little, whatever it does elsewhere. The
    mean over all windows is 1 / mu of SPIRiT-Diffusion.
    """
    width = kernel_width(acs) if width is None else width
    block, coils = centre_crop(kspace, acs), kspace.shape[1]
    total = window_gram(block, (width, width)).to(torch.complex128)
    positions = [n - width + 1 for n in acs]
    axis = min((0, 1), key=lambda i: (positions[i] < 2, positions[i]))
    folds = min(FOLDS, positions[axis])
    edges = [i * positions[axis] // folds for i in range(folds + 1)]
    energy = torch.zeros(len(kspace), dtype=torch.float64, device=kspace.device)
    for first, last in pairwise(edges):
        part = block.narrow(axis - 2, first, last - first + width - 1)
        own = window_gram(part, (width, width)).to(torch.complex128)
        kernel = _fitted(total - own if folds > 1 else total, coils, tikhonov)
        energy += torch.einsum("sci,sij,scj->s", kernel, own, kernel.conj()).real
    return (energy / (2 * coils * positions[0] * positions[1])).to(kspace.real.dtype)


def _fitted(gram: Tensor, coils: int, tikhonov: float) -> Tensor:
    """K - I as rows `(slice, coil, n)`, -1 where a sample would foretell itself."""
    width = round((gram.shape[-1] / coils) ** 0.5)
    own, centres = _centres(coils, width)
    factor = torch.linalg.cholesky(regular(gram, tikhonov))
    identity = torch.eye(gram.shape[-1], dtype=factor.dtype, device=factor.device)[:, centres]
    columns = torch.cholesky_solve(identity.expand(len(gram), -1, -1), factor)
    return -columns.mH / columns[:, centres, own].real[..., None]


def _centres(coils: int, width: int) -> tuple[Tensor, Tensor]:
    """Each coil, and the place of its centre sample among the unknowns."""
    own = torch.arange(coils)
    return own, own * width**2 + width**2 // 2
