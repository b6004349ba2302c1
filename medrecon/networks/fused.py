"""The memory-bound work between two convolutions in one pass: bias, residual, norm, modulation, SiLU.

On CUDA a Triton kernel, elsewhere plain torch; the tests hold one against the other. A pass reads and writes each
value once, where the separate operations do so five times.
"""

from __future__ import annotations

import functools
import importlib.util

import torch
from torch import Tensor
from torch.nn import functional as F

EPS = 1e-5


def norm_silu(x: Tensor) -> Tensor:
    """SiLU of the norm of `x` `(batch, channel, y, x)` over its channels."""
    if _use_triton(x):
        return _launch(x, None, None, None, None)[1]
    return F.silu(_norm(x))


def add_norm_silu(x: Tensor, delta: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """`x + delta + bias` of `(batch, channel, y, x)` and `(channel,)`, and SiLU of its norm."""
    if _use_triton(x):
        return _launch(x, delta, bias, None, None)
    total = x + (delta + bias[:, None, None])
    return total, F.silu(_norm(total))


def norm_modulate_silu(x: Tensor, bias: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """SiLU of `shift + (1 + scale) norm(x + bias)`; `scale`, `shift` `(batch, channel)`."""
    if _use_triton(x):
        return _launch(x, None, bias, scale, shift)[1]
    scale, shift = scale[:, :, None, None], shift[:, :, None, None]
    return F.silu(torch.addcmul(shift, _norm(x + bias[:, None, None]), 1 + scale))


def _norm(x: Tensor) -> Tensor:
    return F.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2], eps=EPS).permute(0, 3, 1, 2)


def _launch(*operands: Tensor | None) -> tuple[Tensor, Tensor]:
    from medrecon.networks.fused_triton import launch  # Triton is imported where there is a card only

    return launch(*operands, EPS)  # type: ignore[arg-type]


def _use_triton(x: Tensor) -> bool:
    return x.is_cuda and has_triton() and x.is_contiguous(memory_format=torch.channels_last)


@functools.cache
def has_triton() -> bool:
    """Whether Triton is installed; torch for CUDA brings it, torch for the CPU does not."""
    return importlib.util.find_spec("triton") is not None
