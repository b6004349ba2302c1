"""How far a reconstruction's low band is from the truth's: the part of the image that `hfs` solves for and keeps."""

from __future__ import annotations

import torch
from torch import Tensor

from medrecon.bench.cases import Case, evenly
from medrecon.calibration.whiten import mix
from medrecon.mri.low_band import high_pass
from medrecon.operators.fourier import ifft2c

ROUNDING = 1e-12
"""Share of the strongest coil direction's energy below which a direction holds no more than single precision's end."""


def low_band_error(image: Tensor, case: Case, slices: int | None, width: int) -> float | None:
    """|F_l (u - truth)| / |F_l truth| over the complex images u `(slice, y, x)`, in the problem's units.

    They are the case's `slices` evenly spaced slices (None for all). `width` is the low band's in lines; 0 is
    all of the sampled centre, which is what a band would have kept. None where no truth is known on the
    image's own grid: of measured scans, and of those that are cropped.
    """
    part = evenly(case.problem.n_slices, slices)
    truth = true_image(case, part)
    if truth is None:
        return None
    high = high_pass(case.problem.select(part), width or None)
    off = image - truth
    error = (off - high(off)).norm() / (truth - high(truth)).norm()
    return float(f"{error:.4g}")


def true_image(case: Case, part: slice) -> Tensor | None:
    """The truth of the slices `part` in the problem's units, with the phase that its maps give the whole k-space."""
    full, problem = case.scan.full, case.problem.select(part)
    if full is None or case.scan.truth is None or case.scan.truth.shape[1:] != problem.image_shape[1:]:
        return None
    kspace = full.kspace[part].to(problem.device)
    kspace = mix(_mixing(torch.where(problem.mask, kspace, 0), problem.kspace), kspace)
    phase = problem.coils.H(ifft2c(kspace)).angle()
    return torch.polar(case.scan.truth[part].to(phase) / (problem.scale * problem.intensity), phase)


def _mixing(raw: Tensor, calibrated: Tensor) -> Tensor:
    """Matrices `(slice, virtual, coil)` by which the calibration whitened and compressed the coils of `raw`.

    Read from the samples, since another scan's calibration, that of the whole k-space too, chooses other virtual coils.
    """
    given, made = (kspace.flatten(2).to(torch.complex128) for kspace in (raw, calibrated))
    return made @ given.mH @ torch.linalg.pinv(given @ given.mH, rtol=ROUNDING, hermitian=True)
