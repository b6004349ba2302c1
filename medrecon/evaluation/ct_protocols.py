"""Scores of CT images in HU under a named protocol: window, range and SSIM are parts of it, and are never mixed.

The window alone moves PSNR by 14 dB and more, so that no score travels without the name of its protocol. Whatever
the units inside, PSNR = 20 log10(range / RMSE) slice by slice, with both of them in HU inside the window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from medrecon.errors import InputError
from medrecon.evaluation import metrics
from medrecon.evaluation.gaussian_ssim import SIDE, gaussian_ssim
from medrecon.evaluation.protocols import Row, Scores

Similarity = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(prediction, reference, range of each slice) to SSIM of each slice, all in the protocol's own units."""


def _uniform_ssim(prediction: Tensor, reference: Tensor, data_range: Tensor) -> Tensor:
    rows = zip(prediction.split(1), reference.split(1), data_range.tolist(), strict=True)
    return torch.cat([metrics.ssim(p, t, r) for p, t, r in rows])


@dataclass(frozen=True)
class CtProtocol:
    """One way to measure.

    Attributes
    ----------
    low, high : the window in HU; both images are clipped to it.
    floor, ceiling : what its ends become, in the units in which SSIM is taken.
    ssim : SSIM of the mapped images, and the least side `smallest` that it takes.
    of_reference : the range is maximum minus minimum of each slice of the reference, not that of the window.
    shown : window (low, high) of pictures where the protocol's own would show nothing.
    """

    low: float
    high: float
    floor: float
    ceiling: float
    ssim: Similarity
    smallest: int
    of_reference: bool = False
    shown: tuple[float, float] | None = None

    @property
    def window(self) -> tuple[float, float]:
        """(low, high) in HU of pictures."""
        return self.shown or (self.low, self.high)

    def mapped(self, hu: Tensor) -> Tensor:
        """HU clipped to the window, in the protocol's units; float64."""
        share = (hu.double().clamp(self.low, self.high) - self.low) / (self.high - self.low)
        return self.floor + share * (self.ceiling - self.floor)

    def scores(self, prediction: Tensor, reference: Tensor) -> dict[str, Tensor]:
        """`(slice,)` of psnr in dB, ssim, and rmse in HU; nan where the reference is blank and nothing is wrong."""
        p, t = self.mapped(prediction), self.mapped(reference)
        extent = t.amax((-2, -1)) - t.amin((-2, -1))
        data_range = extent if self.of_reference else torch.full_like(extent, self.ceiling - self.floor)
        error = (p - t).square().mean((-2, -1)).sqrt()
        tells = (extent > 0) | ((error > 0) & (data_range > 0))
        nothing = float("nan")
        return {
            "psnr": (20 * torch.log10(data_range / error)).where(tells, nothing),
            "ssim": self.ssim(p, t, data_range).where(tells, nothing),
            "rmse": error * (self.high - self.low) / (self.ceiling - self.floor),
        }


def _bench(centre: float, width: float) -> CtProtocol:
    """E-BENCH: a radiologist's window scaled to [0, 1], SSIM with scikit-image's defaults.

    The window is centre -+ width / 2. ldct-benchmark's own code takes DICOM's linear function, whose upper end lies one
    HU lower: 0.006 dB of the chest's PSNR, 0.02 of the abdomen's, 0.11 of the head's.
    """
    return CtProtocol(centre - width / 2, centre + width / 2, 0, 1, _uniform_ssim, metrics.WINDOW)


CT_PROTOCOLS: dict[str, CtProtocol] = {
    "ct-full": CtProtocol(-1024, 3071, 0, 4095, _uniform_ssim, metrics.WINDOW, shown=(-160, 240)),
    "ct-chest": _bench(-600, 1500),
    "ct-abdomen": _bench(50, 400),
    "ct-head": _bench(40, 80),
    "e-red": CtProtocol(-160, 240, -160, 240, gaussian_ssim, SIDE),
    "e-core": CtProtocol(-1000, 1000, 0, 255, gaussian_ssim, SIDE, of_reference=True, shown=(-160, 240)),
}
"""By name. ct-full: all of 12 bits; e-red: RED-CNN and CTformer; e-core: CoreDiff; the others: ldct-benchmark."""


def score_ct(prediction: Tensor | np.ndarray, reference: Tensor | np.ndarray, protocol: str = "ct-full") -> Scores:
    """PSNR (dB), SSIM and RMSE (HU) of images `(slice, y, x)` in HU: of each slice, and the mean over slices.

    A slice on which both images are blank inside the window tells nothing; its psnr and ssim are nan and stay out of
    the mean. Raises InputError for an unknown protocol, shapes that differ, non-finite values, images too small for
    the SSIM of the protocol, a reference that is blank throughout the window.
    """
    if protocol not in CT_PROTOCOLS:
        raise InputError(f"unknown protocol '{protocol}'; choose one of {', '.join(CT_PROTOCOLS)}")
    rule, t = CT_PROTOCOLS[protocol], torch.as_tensor(reference).detach()
    p = torch.as_tensor(prediction).detach().to(t.device)
    _check(p, t, rule)
    # slice by slice, so that a volume takes the memory of one
    parts = [rule.scores(a, b) for a, b in zip(p.split(1), t.split(1), strict=True)]
    columns = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    if bool(columns["ssim"].isnan().all()):
        raise InputError(
            f"the reference is blank inside the window of {protocol}, {rule.low:g} to {rule.high:g} HU; give images in "
            "HU, or another protocol"
        )
    return Scores(protocol, {name: float(values.nanmean()) for name, values in columns.items()}, _rows(columns))


def _rows(columns: dict[str, Tensor]) -> tuple[Row, ...]:
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    return tuple(dict(zip(columns, row, strict=True)) for row in values)


def _check(p: Tensor, t: Tensor, rule: CtProtocol) -> None:
    if p.shape != t.shape:
        raise InputError(
            f"the image has shape {tuple(p.shape)} but the reference {tuple(t.shape)}; give both on the same grid "
            "(slice, y, x)"
        )
    if t.ndim != 3 or t.shape[0] == 0 or min(t.shape[-2:]) < rule.smallest:
        raise InputError(
            f"images have shape {tuple(t.shape)}; scores need (slice, y, x) of at least "
            f"{rule.smallest}x{rule.smallest} pixels"
        )
    for name, image in (("image", p), ("reference", t)):
        if image.is_complex():
            raise InputError(f"the {name} is complex; scores of CT need real images in HU")
        if not bool(torch.isfinite(image).all()):
            raise InputError(f"the {name} holds NaN or infinite values; scores need finite ones")
