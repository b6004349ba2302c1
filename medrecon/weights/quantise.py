"""Half precision, or int8 per output channel, for weights files; float32 again on load."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from medrecon.errors import InputError

Storage = Literal["fp32", "fp16", "int8"]
CODE, SCALE = ".q", ".scale"
LEVELS = 127
HALF_MAX = torch.finfo(torch.float16).max


def pack(tensors: dict[str, Tensor], storage: Storage) -> dict[str, Tensor]:
    """Tensors as they are stored, on the CPU.

    "fp16": every float tensor in half precision. "int8": tensors of two axes and more as `name.q`, int8, and
    `name.scale`, float32, with one scale an output channel (axis 0), so that the error is at most half a step of
    max |w| / 127; the others in half precision. What half precision cannot hold stays float32, integers as they are.
    Raises InputError for values that are not finite.
    """
    packed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        value = tensor.detach().cpu()
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise InputError(f"weights '{name}' hold NaN or infinite values; save a finite state")
        if storage == "int8" and value.is_floating_point() and value.ndim >= 2 and value.numel():
            packed[name + CODE], packed[name + SCALE] = _quantised(value.float())
        else:
            packed[name] = _stored(value, storage)
    return {name: value.contiguous().clone() for name, value in packed.items()}


def unpack(packed: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict again: float tensors in float32, integers as they are."""
    codes = {
        name.removesuffix(CODE)
        for name, value in packed.items()
        if name.endswith(CODE) and value.dtype == torch.int8 and name.removesuffix(CODE) + SCALE in packed
    }
    state = {name: packed[name + CODE].float() * packed[name + SCALE] for name in codes}
    taken = {name + end for name in codes for end in (CODE, SCALE)}
    for name, value in packed.items():
        if name not in taken:
            state[name] = value.float() if value.is_floating_point() else value
    return state


def _quantised(value: Tensor) -> tuple[Tensor, Tensor]:
    scale = value.abs().amax(dim=tuple(range(1, value.ndim)), keepdim=True) / LEVELS
    scale = torch.where(scale > 0, scale, 1.0)
    return (value / scale).round().clamp(-LEVELS, LEVELS).to(torch.int8), scale


def _stored(value: Tensor, storage: Storage) -> Tensor:
    if not value.is_floating_point():
        return value
    fits = not value.numel() or float(value.abs().max()) <= HALF_MAX
    return value.half() if fits and storage != "fp32" else value.float()
