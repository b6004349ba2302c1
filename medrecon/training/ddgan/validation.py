"""How far a generator's estimates of x_0 are from held-out images, level by level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from medrecon.datasets.augmentation import Augmentation, AugmentationOptions
from medrecon.datasets.bank import slice_bank
from medrecon.datasets.volume import TrainingVolume
from medrecon.diffusion.prior import Prior
from medrecon.networks.ddgan.denoiser import DdganDenoiser


@dataclass(frozen=True)
class EstimateOptions:
    """How many augmented held-out images, and of which seed."""

    batches: int = 4
    batch: int = 16
    seed: int = 0


@torch.no_grad()
def estimate_errors(
    prior: Prior, volumes: Sequence[TrainingVolume], size: int, options: EstimateOptions | None = None
) -> dict[str, float]:
    """Root mean square error over the root mean square of the images, `estimate_1` … `estimate_T` by level.

    Each estimate has a latent of its own. Those of a GAN are draws, whose square error is twice that of the mean where
    they are right: they say whether a run goes well, and do not rank a GAN and an L1 control. `spread_1` … are the
    root mean square differences of two latents over the same. Raises InputError as loading a bank does.
    """
    assert isinstance(prior.denoise, DdganDenoiser)
    options, denoiser = options or EstimateOptions(), prior.denoise
    device = denoiser.latent.device
    random = torch.Generator(device).manual_seed(options.seed)
    draw = Augmentation(slice_bank(volumes).to(device), AugmentationOptions(), size)
    steps, length = denoiser.schedule.steps, denoiser.latent.shape[1]
    sums = torch.zeros(steps, 3, device=device)
    for _ in range(options.batches):
        images = draw(options.batch, random)
        for t in range(1, steps + 1):
            noise = torch.view_as_complex(torch.randn((*images.shape, 2), generator=random, device=device))
            state = denoiser.noised(images, noise, torch.tensor(t, device=device))
            z = torch.randn(2, len(images), length, generator=random, device=device)
            one, other = (denoiser(state, torch.tensor(t, device=device), each) for each in z)
            for i, difference in enumerate((one - images, one - other, images)):
                sums[t - 1, i] += difference.abs().square().sum()
    errors, spreads = (sums[:, :2] / sums[:, 2:]).sqrt().T.tolist()
    named = {f"estimate_{t}": value for t, value in enumerate(errors, 1)}
    return named | {f"spread_{t}": value for t, value in enumerate(spreads, 1)}
