"""A DDGAN of a few thousand weights: untrained, but with every path of the network open."""

from pathlib import Path

import torch
from torch import nn

from medrecon import weights
from medrecon.diffusion.prior import Prior
from medrecon.networks.ddgan import DdganDenoiser, Generator, GeneratorOptions, Schedule
from medrecon.networks.ddgan.generator import generator_from_seed
from medrecon.networks.ddgan.path import CoarsePath

OPTIONS = GeneratorOptions(width=8, multipliers=(1, 1), blocks=(1, 1), embedding=8, latent=6, style=8, mapping=2)
SETTINGS = {"kind": "mri-ddgan", "generator": OPTIONS.as_dict(), "scale": 1.0, "deviation": 0.3, "steps": 8}


def tiny_generator(seed: int = 0) -> Generator:
    """Moved a little from the untrained state, in which the image is zero whatever the network sees."""
    generator, numbers = generator_from_seed(OPTIONS, seed), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in generator.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=numbers))
    return generator.eval().requires_grad_(False)


def tiny_prior(steps: int = 8, spacing: str = "time") -> Prior:
    """In a Problem's units, with a variance of 0.09."""
    return prior_of(DdganDenoiser(tiny_generator(), Schedule(steps, spacing), 1.0), spacing)


def prior_of(denoiser: nn.Module, spacing: str = "time") -> Prior:
    """Around a denoiser with a schedule and a scale of one."""
    path = CoarsePath(Schedule(8, spacing).signal, 1.0)
    levels = (0.43, 150.0) if spacing == "time" else (0.015, 2.0)
    return Prior(denoiser, path, 0.09, levels, "tiny")


def tiny_file(path: Path) -> Path:
    """Its weights with their settings."""
    weights.save(path, tiny_generator().state_dict(), SETTINGS)
    return path
