"""The ramp filter of backprojection, band-limited, with or without a Hann window."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

Kernel = Literal["ramp", "hann"]


def ramp(taps: int, pitch: float, device: torch.device | str) -> Tensor:
    """Ram-Lak filter in space, `(2 taps - 1,)` float64 from -(taps - 1) to taps - 1 times `pitch`.

    h(0) = 1 / (4 pitch^2), 0 at even and -1 / (pi n pitch)^2 at odd n (Kak and Slaney 1988, eq. 3.61). Sampling |f|
    instead sets its zero frequency to 0, and shifts every image by some HU.
    """
    n = torch.arange(1 - taps, taps, dtype=torch.float64, device=device)
    h = torch.where(n.remainder(2) == 1, -1 / (math.pi * n * pitch) ** 2, 0.0)
    h[taps - 1] = 1 / (4 * pitch**2)
    return h


def apply_filter(rows: Tensor, taps: Tensor, kernel: Kernel, cutoff: float) -> Tensor:
    """Convolve rows `(…, n)` with `taps` `(2 n - 1,)`, linearly, and smooth them as `kernel` says.

    A Hann window falls to 0 at `cutoff` times the Nyquist frequency.
    """
    n = rows.shape[-1]
    length = 1 << (2 * n - 2).bit_length()
    response = torch.fft.rfft(taps, length) * torch.exp(
        2j * math.pi * (n - 1) * torch.fft.rfftfreq(length, dtype=torch.float64, device=taps.device)
    )
    if kernel == "hann":
        share = torch.fft.rfftfreq(length, 0.5, dtype=torch.float64, device=taps.device) / cutoff
        response = response * torch.where(share < 1, (1 + torch.cos(math.pi * share)) / 2, 0.0)
    filtered = torch.fft.irfft(torch.fft.rfft(rows, length) * response.real.to(rows.dtype), length)
    return filtered[..., :n]
