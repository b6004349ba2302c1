"""Samples of a noise scan in the units of the images' k-space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medrecon.errors import InputError


def prescan(
    scans: Sequence[NDArray[np.complex64]],
    coils: int,
    path: Path,
    *,
    dwell: tuple[float, float] | None,
    receiver: str | float | None,
    averages: NDArray[np.int64],
) -> Tensor | None:
    """`(coil, n)` complex64 of noise scans `(coil, n)`, None where there are none.

    dwell : time a sample (noise scan, imaging), whose ratio is that of the noise powers; None where unknown.
    receiver : share of the band that the receiver lets through in the noise scan, where the header knows it.
    averages : how often each line of the images was measured; 0 does not count.

    The rule is Kellman and McVeigh's (Magn Reson Med 54:1439, 2005). Raises InputError for other numbers of coils.
    """
    if not scans:
        return None
    if any(part.shape[0] != coils for part in scans):
        found = next(part.shape[0] for part in scans if part.shape[0] != coils)
        raise InputError(
            f"{path}: its noise scan has {found} coils and its images {coils}; store them with the same coils"
        )
    samples = np.concatenate(list(scans), 1)
    if samples.shape[1] < 2:
        return None
    if not np.isfinite(samples.view(np.float32)).all():
        raise InputError(f"{path}: its noise scan holds NaN or infinite values; expected finite ones: mend it")
    power = float((1 / averages[averages > 0]).mean())
    if dwell is not None:
        power *= dwell[0] / dwell[1]
    if isinstance(receiver, float) and 0 < receiver <= 1:
        power /= receiver
    return torch.from_numpy(samples * np.float32(np.sqrt(power)))
