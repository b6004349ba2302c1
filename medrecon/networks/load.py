"""A trained prior from its weights: the shipped ones by name, others by path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from medrecon import weights
from medrecon.diffusion.denoiser_error import DenoiserError
from medrecon.diffusion.path import VE
from medrecon.diffusion.prior import Prior
from medrecon.errors import InputError
from medrecon.networks.edm import EDMDenoiser
from medrecon.networks.fused import has_triton
from medrecon.networks.inference import InferenceUNet
from medrecon.networks.unet import UNet, UNetOptions

KIND = "mri-image"


def load_prior(name: str, device: torch.device | str = "cpu") -> Prior:
    """The image prior called `name`, or in the .safetensors file of that path, verified and ready on `device`.

    The network computes in bfloat16 where the processor multiplies it (see `network_dtype`), else in float32.
    Raises InputError for an unknown name, a damaged file, or weights of another kind.
    """
    tensors, settings, sha256 = weights.load(name)
    if settings.get("kind") != KIND:
        raise InputError(f"{name} holds weights of kind '{settings.get('kind')}'; an image prior is of kind '{KIND}'")
    found = weights.find(name)
    known = {} if found is None else {"pixel_range": found[0].pixel_range, "calibration": found[0].calibration}
    return image_prior(tensors, {**settings, **known}, torch.device(device), Path(name).name, sha256)


def image_prior(
    tensors: Mapping[str, Tensor], settings: Mapping[str, Any], device: torch.device, name: str, sha256: str | None
) -> Prior:
    """A prior from weights and the settings that were stored with them; raises InputError if they do not fit."""
    try:
        denoiser = image_denoiser(tensors, settings, device)
        low, high = settings["levels"]
        error, temperature = _calibration(settings.get("calibration") or {})
    except torch.OutOfMemoryError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError) as wrong:
        reason = " ".join(str(wrong).split())[:160]
        raise InputError(f"{name}: weights and settings make no image prior ({reason}); train it again") from None
    variance = settings["sigma_data"] ** 2
    return Prior(denoiser, VE(), variance, (low, high), name, sha256, settings, error, temperature)


def _calibration(found: Mapping[str, Any]) -> tuple[DenoiserError | None, float | None]:
    """The denoiser's error by level and the temperature of its draws, where a record has them."""
    if not found:
        return None, None
    return DenoiserError(tuple(found["levels"]), tuple(found["errors"])), found["temperature"]


def image_denoiser(tensors: Mapping[str, Tensor], settings: Mapping[str, Any], device: torch.device) -> EDMDenoiser:
    """Network and preconditioning from weights and the settings that were stored with them.

    On CUDA the network runs in its form of fewer passes over memory (`inference`), where Triton is there.
    """
    options = UNetOptions.from_dict(settings["network"])
    with torch.device("meta"):
        network = UNet(options)
    network.load_state_dict({k: v.float() for k, v in tensors.items()}, assign=True)
    network = network.to(device=device, dtype=network_dtype(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.eval().requires_grad_(False)
    runner = InferenceUNet(network) if device.type == "cuda" and has_triton() else network
    return EDMDenoiser(runner, settings["sigma_data"], options.multiple)


def network_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 on CUDA and on a CPU that has instructions for it: twice as fast there; float32 elsewhere."""
    if device.type != "cpu":
        return torch.bfloat16
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return torch.bfloat16 if supported() else torch.float32
