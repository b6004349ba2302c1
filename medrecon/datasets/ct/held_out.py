"""Held-out pairs: whole slices of subjects that training never sees, at stated doses, the same for every network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from medrecon.ct.units import to_hu, to_units
from medrecon.datasets.ct.bank import AIR, Simulate, on_canvas, with_noise
from medrecon.datasets.ct.noise import NoiseOptions, noise_components, standard_noise
from medrecon.datasets.ct.volume import CtVolume

Denoise = Callable[[Tensor, Tensor], Tensor]
"""`(low (n, 1, y, x), dose (n,))` in network units to the same shape."""


@dataclass(frozen=True)
class HeldOutOptions:
    """Doses, evenly spaced slices of every volume, pixels a side; the default scanner."""

    doses: tuple[float, ...] = (0.25, 0.1)
    slices: int = 4
    canvas: int = 512
    seed: int = 1000
    noise: NoiseOptions = field(default_factory=standard_noise)


@dataclass(frozen=True, eq=False)
class HeldOutPairs:
    """Slices `(slice, y, x)` in HU: `full`, and `low` by dose, on one device."""

    full: Tensor
    low: dict[float, Tensor]

    @torch.no_grad()
    def rmse(self, denoise: Denoise, together: int = 4) -> dict[str, float]:
        """Root mean square error in HU over all slices at each dose, `together` slices in a call."""
        return {f"rmse_hu_{dose:g}": self._rmse(denoise, dose, together) for dose in self.low}

    def _rmse(self, denoise: Denoise, dose: float, together: int) -> float:
        squares = []
        for low, full in zip(self.low[dose].split(together), self.full.split(together), strict=True):
            share = torch.full((len(low),), dose, device=low.device)
            found = to_hu(denoise(to_units(low)[:, None], share)[:, 0].float())
            squares.append((found - full).square().mean((1, 2)))
        return float(torch.cat(squares).mean().sqrt())


def held_out_pairs(
    volumes: Sequence[CtVolume],
    options: HeldOutOptions,
    device: torch.device | str,
    *,
    simulate: Simulate = noise_components,
) -> HeldOutPairs:
    """Choose slices of each volume and simulate their noise, from the seed of `options` alone."""
    generator = torch.Generator(device).manual_seed(options.seed)
    full, quantum, electronic = [], [], []
    for volume in volumes:
        first, last = evaluation_range(len(volume.values), options.slices)
        chosen = torch.linspace(first, last, min(options.slices, len(volume.values))).round().long()
        some = CtVolume(volume.values[chosen], volume.voxel_mm, volume.subject, volume.name)
        fields = on_canvas(simulate(some, options.noise, torch.device(device), generator), options.canvas, 0).float()
        full.append(on_canvas(some.values.to(device), options.canvas, AIR).float())
        quantum.append(fields[:, 0, 0])
        electronic.append(fields[:, 0, 1])
    hu, q, e = (torch.cat(parts) for parts in (full, quantum, electronic))
    ones = torch.ones(len(hu), device=hu.device)
    return HeldOutPairs(hu, {dose: with_noise(hu, q, e, dose * ones, ones) for dose in options.doses})


def evaluation_range(slices: int, count: int) -> tuple[int, int]:
    """First and last of `count` slices from a tenth to nine tenths of a volume."""
    if count < 2 or slices < 3:
        return slices // 2, slices // 2
    return round(0.1 * (slices - 1)), round(0.9 * (slices - 1))
