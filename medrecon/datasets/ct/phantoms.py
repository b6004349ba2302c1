"""Textured phantoms as training slices: the only ones whose noise-free truth is known."""

from __future__ import annotations

import numpy as np
import torch

from medrecon.datasets.ct.volume import HIGHEST, LOWEST, CtVolume
from medrecon.simulate.ct.phantom import textured_phantom

FINEST_MM, COARSEST_MM = 0.65, 0.9
SLICE_MM = 3.0
SALT = 0xC7F


def phantom_volumes(count: int, seed: int, size: int = 512) -> list[CtVolume]:
    """`count` bodies of one slice each, drawn from `seed`, with pixels of 0.65 to 0.9 mm for 512 a side."""
    return [_phantom(seed, number, size) for number in range(count)]


def _phantom(seed: int, number: int, size: int) -> CtVolume:
    generator = np.random.default_rng([seed, SALT, number])
    pixel = float(generator.uniform(FINEST_MM, COARSEST_MM)) * 512 / size
    drawn = textured_phantom(int(generator.integers(2**31)), size, pixel)
    values = drawn.hu.clamp(LOWEST, HIGHEST).round().to(torch.int16)
    name = f"phantom-{number:04d}"
    return CtVolume(values[None], (SLICE_MM, pixel, pixel), name, name, noise_free=True)
