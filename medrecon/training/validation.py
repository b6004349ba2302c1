"""What training is for: the loss on held-out subjects, and how well the prior reconstructs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from medrecon.calibration import build_problem
from medrecon.datasets.augmentation import Augmentation, AugmentationOptions
from medrecon.datasets.bank import slice_bank
from medrecon.datasets.volume import TrainingVolume
from medrecon.diffusion.prior import Prior
from medrecon.evaluation import score
from medrecon.masks import pattern
from medrecon.mri import method_class
from medrecon.networks.edm import EDMDenoiser
from medrecon.problem import Problem
from medrecon.simulate.scan import evaluation_slices, simulate_scan
from medrecon.training.edm_loss import LevelOptions, edm_loss


@dataclass(frozen=True)
class ValidationOptions:
    """Conditions of evaluation.md 1 on a few slices of each volume, by a method that draws, with few steps."""

    method: str = "dds"
    accels: tuple[float, ...] = (4.0, 8.0)
    slices: int = 4
    steps: int = 20
    batches: int = 8
    batch: int = 16
    seed: int = 0


def validate(
    prior: Prior, volumes: Sequence[TrainingVolume], options: ValidationOptions, size: int
) -> dict[str, float]:
    """Mean foreground PSNR in dB at each acceleration, and the mean loss, on volumes of held-out subjects."""
    scores = reconstruction_scores(prior, volumes, options, _device(prior))
    return scores | {"loss": _loss(prior, volumes, options, size)}


def reconstruction_scores(
    prior: Prior, volumes: Sequence[TrainingVolume], options: ValidationOptions, device: torch.device
) -> dict[str, float]:
    """Mean foreground PSNR in dB at each acceleration, for any prior that `options.method` takes."""
    return {f"psnr_foreground_r{accel:g}": _psnr(prior, volumes, accel, options, device) for accel in options.accels}


@torch.no_grad()
def _psnr(
    prior: Prior, volumes: Sequence[TrainingVolume], accel: float, options: ValidationOptions, device: torch.device
) -> float:
    method = method_class(options.method)(steps=options.steps)  # type: ignore[call-arg]
    found = []
    for volume in volumes:
        problem, truth = _problem(volume, accel, options)
        solution = method.solve(problem.to(device), prior=prior, seed=options.seed)
        image = solution.image.abs().cpu() * problem.scale * problem.intensity
        found.append(score(image, truth).mean["psnr_foreground"])
    return sum(found) / len(found)


def _problem(volume: TrainingVolume, accel: float, options: ValidationOptions) -> tuple[Problem, Tensor]:
    z, y, x = volume.voxel_mm
    chosen = evaluation_slices(len(volume.values), options.slices)
    scan = simulate_scan(volume.values.numpy(), (y, x), slice_mm=z, slices=chosen, name=volume.name)
    assert scan.truth is not None
    return build_problem(scan.undersample(pattern("random", accel, None, options.seed))), scan.truth


@torch.no_grad()
def _loss(prior: Prior, volumes: Sequence[TrainingVolume], options: ValidationOptions, size: int) -> float:
    assert isinstance(prior.denoise, EDMDenoiser)
    device = _device(prior)
    generator = torch.Generator(device).manual_seed(options.seed)
    draw = Augmentation(slice_bank(volumes).to(device), AugmentationOptions(), size)
    levels = LevelOptions()
    losses = [
        edm_loss(prior.denoise, draw(options.batch, generator), levels.draw(options.batch, generator), generator)
        for _ in range(options.batches)
    ]
    return float(torch.stack(losses).mean())


def _device(prior: Prior) -> torch.device:
    assert isinstance(prior.denoise, EDMDenoiser)
    return next(prior.denoise.parameters()).device
