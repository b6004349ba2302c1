"""The DDGAN prior from its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from medrecon.diffusion.prior import Prior
from medrecon.networks.ddgan.denoiser import DdganDenoiser
from medrecon.networks.ddgan.generator import Generator
from medrecon.networks.ddgan.options import GeneratorOptions
from medrecon.networks.ddgan.path import CoarsePath
from medrecon.networks.ddgan.schedule import Schedule
from medrecon.networks.ready import misfit_explained, network_dtype

KIND = "mri-ddgan"


def ddgan_prior(
    tensors: Mapping[str, Tensor], settings: Mapping[str, Any], device: torch.device, name: str, sha256: str | None
) -> Prior:
    """A prior whose `denoise` is a `DdganDenoiser`; raises InputError if weights and settings do not fit.

    Weights stay in single precision, for a method to adapt; convolutions compute in the format of the device.
    """
    with misfit_explained(name, "DDGAN prior"):
        options = GeneratorOptions.from_dict(settings["generator"])
        generator = _loaded(options, tensors)
        scale, deviation = float(settings["scale"]), float(settings["deviation"])
        schedule = Schedule(settings["steps"], settings.get("spacing", "time"))
        denoiser = DdganDenoiser(generator, schedule, scale, network_dtype(device))
    denoiser.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
    path = CoarsePath(denoiser.schedule.signal, scale)
    sigma = path.sigma(torch.arange(len(path.signal), device=device))
    levels = (float(sigma[1]), float(sigma[-1]))
    return Prior(denoiser, path, deviation**2, levels, name, sha256, settings)


def _loaded(options: GeneratorOptions, tensors: Mapping[str, Tensor]) -> Generator:
    with torch.random.fork_rng(devices=[]):  # weights that are drawn only to be replaced
        generator = Generator(options)
    generator.load_state_dict({k: v.float() for k, v in tensors.items()})
    return generator
