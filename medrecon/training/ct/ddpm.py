"""Recipe of the conditional DDPM: epsilon of the full-dose image, with the low-dose one as context (Ho et al. 2020)."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch import Tensor

from medrecon.datasets.ct.bank import PairBank, Pairs
from medrecon.networks.ct.ddpm import CtDdpm
from medrecon.networks.ct.load import DDPM
from medrecon.networks.unet import UNet
from medrecon.training.ct.begun import Begun, CtArguments
from medrecon.training.ct.options import CtDdpmOptions
from medrecon.training.ct.recipe import TrainedCt, check_common
from medrecon.training.memory import memory_explained


def train_ct_ddpm(bank: PairBank, options: CtDdpmOptions, **given: Unpack[CtArguments]) -> TrainedCt:
    """Train on the bank's device; arguments and errors as those of `train_ct_codec`."""
    check(options)
    device = bank.device
    with memory_explained(options.batch, options.size, device):
        begun = Begun(bank, options, UNet(options.network.architecture), given)
        ddpm = CtDdpm(begun.runner, options.network).to(device)
        signal = options.network.signal().float().to(device)

        def loss_of(generator: torch.Generator) -> Tensor:
            pairs = bank.draw(options.batch, options.size, generator)
            with begun.autocast():
                return ddpm_loss(ddpm, signal, pairs, generator)

        run = begun.train(loss_of)
    return TrainedCt(run.weights, settings_of(options), run)


def check(options: CtDdpmOptions) -> None:
    """Raise InputError for options of which no run can come."""
    check_common(options.size, options.batch, options.network.multiple, options.loop, {})


def settings_of(options: CtDdpmOptions) -> dict[str, Any]:
    """What the weights file of a run says."""
    return {"kind": DDPM, "options": options.network.as_dict()}


def ddpm_loss(ddpm: CtDdpm, signal: Tensor, pairs: Pairs, generator: torch.Generator) -> Tensor:
    """Mean square error of epsilon at steps drawn uniformly; `signal` `(steps,)` is alpha-bar."""
    full = pairs.full
    t = torch.randint(len(signal), (len(full),), generator=generator, device=full.device)
    noise = torch.randn(full.shape, generator=generator, device=full.device)
    kept = signal[t][:, None, None, None]
    noisy = kept.sqrt() * full + (1 - kept).sqrt() * noise
    return (ddpm(noisy, pairs.low, t) - noise).square().mean()
