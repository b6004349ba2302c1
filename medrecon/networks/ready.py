"""A trained U-Net in the form and number format that its device runs best, or one line that says why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from medrecon.errors import InputError
from medrecon.networks.fused import has_triton
from medrecon.networks.inference import InferenceUNet
from medrecon.networks.unet import UNet, UNetOptions


def ready_network(tensors: Mapping[str, Tensor], options: UNetOptions, device: torch.device) -> nn.Module:
    """The network with its weights on `device`; raises RuntimeError if they do not fit.

    On CUDA in its form of fewer passes over memory (`inference`), where Triton is there.
    """
    with torch.device("meta"):
        network = UNet(options)
    network.load_state_dict({k: v.float() for k, v in tensors.items()}, assign=True)
    network = network.to(device=device, dtype=network_dtype(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.eval().requires_grad_(False)
    return InferenceUNet(network) if device.type == "cuda" and has_triton() else network


def network_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 on CUDA and on a CPU that has instructions for it: twice as fast there; float32 elsewhere."""
    if device.type != "cpu":
        return torch.bfloat16
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return torch.bfloat16 if supported() else torch.float32


@contextmanager
def misfit_explained(name: str, kind: str) -> Iterator[None]:
    """Turn what goes wrong with weights and settings that do not fit into an InputError."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError) as wrong:
        reason = " ".join(str(wrong).split())[:160]
        raise InputError(f"{name}: weights and settings make no {kind} ({reason}); train it again") from None
