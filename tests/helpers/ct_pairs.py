"""Toy CT volumes and a bank of pairs with white noise in place of simulated scans."""

import torch

from medrecon.datasets.ct.bank import PairBank, PairOptions
from medrecon.datasets.ct.noise import NoiseOptions
from medrecon.datasets.ct.volume import CtVolume

SIZE = 48
QUANTUM, ELECTRONIC = 20.0, 2.0
"""Standard deviations in HU at full dose."""


def disc(name="disc", slices=6, size=SIZE, split="train", noise_free=False, tilt=1.0):
    """A body of water with structure in it, in air."""
    z, y, x = torch.meshgrid(
        torch.linspace(-1, 1, slices), *[torch.linspace(-1, 1, size)] * 2, indexing="ij"
    )  # fmt: skip
    inside = 40 + 60 * torch.sin(7 * tilt * x * y) + 20 * z + 400 * ((y - 0.3) ** 2 + x**2 < 0.05)
    values = torch.where(y**2 + x**2 < 0.7, inside, -1000.0)
    return CtVolume(values.round().to(torch.int16), (3.0, 4.0, 4.0), name, name, split, noise_free)


def white(volume, options, device, generator, on_step=None):
    """In place of `noise_components`."""
    n, y, x = volume.values.shape
    variants = options.realisations * len(options.kernels)
    noise = torch.randn((n, variants, 2, y, x), generator=generator, device=device)
    return (noise * torch.tensor([QUANTUM, ELECTRONIC], device=device)[:, None, None]).half()


def toy_bank(volumes=None, **changes):
    options = PairOptions(NoiseOptions(realisations=2), canvas=SIZE, **changes)
    chosen = [disc("a"), disc("b", tilt=1.5)] if volumes is None else volumes
    return PairBank(chosen, options, "cpu", simulate=white)
