"""What the prior's network gains over a plain U-Net: both trained by one recipe for the same seconds, scored and timed.

python benchmarks/plain_against_shipped.py PACK HELD_OUT OUT.json NETWORK [--seconds 300] [--size 256] [--batch 64]
                                           [--slices 10] [--tiny] [--steps N]

NETWORK is `plain` (benchmarks/plain_unet.py, launched eagerly, channels-last, in training too) or `shipped` (the
prior's own, compiled for training, in its fused form for inference). One row a network; OUT.json keeps the other one's.
Scores are of `dds` with 20 calls under standard conditions at R 4, 8 and 10, mask seed 0, on HELD_OUT. Timed at
320x320, batch 16, in the same process. The weights stay beside OUT.json, so that scoring can be repeated.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from mri_speed import gflop, matrix_rate, network_call
from plain_unet import PlainOptions, PlainUNet
from sampler_sweep import ACCELS, cases
from sampler_sweep import row as scored_row
from torch import Tensor, nn

from medrecon.bench.stale import commit
from medrecon.datasets.augmentation import Augmentation
from medrecon.datasets.pack import training_volumes
from medrecon.diffusion.path import VE
from medrecon.diffusion.prior import Prior
from medrecon.io import write_json
from medrecon.networks.edm import EDMDenoiser
from medrecon.networks.load import image_prior
from medrecon.networks.ready import network_dtype
from medrecon.networks.unet import UNet, UNetOptions
from medrecon.progress import Progress
from medrecon.provenance import versions
from medrecon.training.edm_loss import edm_loss
from medrecon.training.loop import LoopOptions, Trained, train
from medrecon.training.mri_image import bank_of, initialise, measured_deviation, prior_settings
from medrecon.training.mri_image_options import MriImageOptions

TINY = {
    "plain": PlainOptions(widths=(16, 16), blocks=1, embedding=16),
    "shipped": UNetOptions(widths=(16, 16), encoder_blocks=(1, 1), decoder_blocks=(1, 1), embedding=16),
}
"""For a rehearsal on a CPU."""
CALLS = 20


def main() -> None:
    given = arguments()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    recipe = MriImageOptions(
        size=given.size, batch=given.batch, loop=LoopOptions(seconds=given.seconds, steps=given.steps)
    )
    architecture = (
        TINY[given.network] if given.tiny else {"plain": PlainOptions(), "shipped": UNetOptions()}[given.network]
    )
    run, sigma_data, network = trained(given, recipe, architecture, device)
    prior = as_prior(run.weights, architecture, sigma_data, recipe, device)
    torch.save(run.weights, given.out.with_suffix(f".{given.network}.pt"))
    row = {
        "network": given.network,
        "parameters": sum(p.numel() for p in network.parameters()),
        "steps": run.steps,
        "images": run.steps * recipe.batch,
        "seconds": run.seconds,
        "loss": run.history[-1].loss if run.history else None,
        **scores(prior, given, device),
        **timing(prior, network, architecture, device, 64 if given.tiny else 320, 2 if given.tiny else 16),
    }
    kept = json.loads(given.out.read_text())["rows"] if given.out.exists() else []
    head = {"device": str(device), "versions": versions(device), "commit": commit(), "protocol": "full-range"}
    head |= {"reference": "simulated", "slices_per_volume": given.slices, "method": "dds", "calls": CALLS}
    rows = [*(r for r in kept if r["network"] != given.network), row]
    write_json({**head, "rows": rows}, given.out)
    print(json.dumps(row), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("network", choices=("plain", "shipped"))
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--size", type=int, default=MriImageOptions.size)
    parser.add_argument("--batch", type=int, default=MriImageOptions.batch)
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--tiny", action="store_true")
    return parser.parse_args()


def trained(
    given: argparse.Namespace, recipe: MriImageOptions, architecture: PlainOptions | UNetOptions, device: torch.device
) -> tuple[Trained, float, nn.Module]:
    """The averaged weights after the budget: `train_mri_image` with any network."""
    bank = bank_of(training_volumes(given.pack), device, recipe.loop.seed)
    augmentation = Augmentation(bank, recipe.augmentation, recipe.size)
    sigma_data = measured_deviation(augmentation, recipe)
    network = made(architecture).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    initialise(network, recipe.loop.seed)
    compiled = device.type == "cuda" and given.network == "shipped"
    runner = torch.compile(network) if compiled else network
    denoiser = EDMDenoiser(runner, sigma_data, architecture.multiple)  # type: ignore[arg-type]

    def loss_of(generator: torch.Generator) -> Tensor:
        images = augmentation(recipe.batch, generator)
        sigma = recipe.levels.draw(recipe.batch, generator)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            return edm_loss(denoiser, images, sigma, generator, None)

    said = [0.0]

    def report(p: Progress) -> None:
        if p.done >= said[0]:
            said[0] = p.done + 30
            print(given.network, p.done, "of", p.total, flush=True)

    return train(network, loss_of, recipe.loop, on_step=report), sigma_data, network


def scores(prior: Prior, given: argparse.Namespace, device: torch.device) -> dict[str, float]:
    """Mean foreground PSNR and SSIM by acceleration."""
    ready = cases(given.held_out, given.slices, device)
    accels = ACCELS * (len(ready) // len(ACCELS))
    rows = [scored_row(case, a, "dds", {"steps": CALLS}, prior) for case, a in zip(ready, accels, strict=True)]
    return {
        f"{score}_r{accel:g}": mean(each["mean"][score] for each in rows if each["accel"] == accel)
        for accel in ACCELS
        for score in ("psnr_foreground", "ssim_foreground")
    }


def made(architecture: PlainOptions | UNetOptions) -> nn.Module:
    return PlainUNet(architecture) if isinstance(architecture, PlainOptions) else UNet(architecture)


def as_prior(
    weights: dict[str, Tensor],
    architecture: PlainOptions | UNetOptions,
    sigma_data: float,
    recipe: MriImageOptions,
    device: torch.device,
) -> Prior:
    """In the form that a user would have: fused where it is ours, eager and channels-last where it is plain."""
    levels = (recipe.levels.lowest, recipe.levels.highest)
    if isinstance(architecture, UNetOptions):
        settings = prior_settings(architecture, sigma_data, levels)
        return image_prior(weights, settings, device, "shipped architecture", None)
    network = PlainUNet(architecture)
    network.load_state_dict(weights)
    network.to(device, network_dtype(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    denoiser = EDMDenoiser(network.eval().requires_grad_(False), sigma_data, architecture.multiple)
    return Prior(denoiser, VE(), sigma_data**2, levels, "plain")


def timing(
    prior: Prior, network: nn.Module, architecture: PlainOptions | UNetOptions, device: torch.device, n: int, batch: int
) -> dict[str, Any]:
    """Milliseconds and share of the card of a call, launched as a user's plain code would and replayed from a graph."""
    assert isinstance(prior.denoise, EDMDenoiser)
    plain = EDMDenoiser(network.to(network_dtype(device)).eval(), prior.denoise.sigma_data, architecture.multiple)
    work = gflop(plain, n, device)
    launched, replayed = network_call(prior.denoise, n, batch, device)
    rate = matrix_rate(device)
    return {
        "matrix": [n, n], "batch": batch, "gflop_per_slice": work, "matrix_product_tflops": rate,
        "launched_seconds_per_slice": launched / batch, "launched_share": work * batch / launched / 1e3 / rate,
        "replayed_seconds_per_slice": replayed / batch, "replayed_share": work * batch / replayed / 1e3 / rate,
    }  # fmt: skip


if __name__ == "__main__":
    main()
