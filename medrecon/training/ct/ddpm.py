"""Recipe of the conditional DDPM: epsilon of the full-dose image, with the low-dose one as context (Ho et al. 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from medrecon.datasets.ct.bank import PairBank, Pairs
from medrecon.networks.ct.ddpm import CtDdpm
from medrecon.networks.ct.load import DDPM
from medrecon.networks.unet import UNet
from medrecon.progress import OnStep, silent
from medrecon.training.ct.options import CtDdpmOptions
from medrecon.training.ct.recipe import OnAverage, TrainedCt, begun, check_common, run_facts
from medrecon.training.loop import train
from medrecon.training.memory import memory_explained
from medrecon.training.team import ALONE, Team
from medrecon.training.watch import UNWATCHED, Watch


def train_ct_ddpm(
    bank: PairBank,
    options: CtDdpmOptions,
    *,
    start: Mapping[str, Tensor] | None = None,
    compiled: bool = False,
    bfloat16: bool | None = None,
    checkpoint: Path | None = None,
    team: Team = ALONE,
    watch: Watch = UNWATCHED,
    on_average: OnAverage | None = None,
    on_step: OnStep = silent,
) -> TrainedCt:
    """Train on the bank's device; arguments and errors as those of `train_ct_codec`."""
    check(options)
    device = bank.device
    half = device.type == "cuda" if bfloat16 is None else bfloat16
    with memory_explained(options.batch, options.size, device):
        network = begun(UNet(options.network.architecture), options.loop.seed, start, device)
        runner = team.share(torch.compile(network) if compiled else network)  # type: ignore[arg-type]
        ddpm = CtDdpm(runner, options.network).to(device)
        signal = options.network.signal().float().to(device)

        def loss_of(generator: torch.Generator) -> Tensor:
            pairs = bank.draw(options.batch, options.size, generator)
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                return ddpm_loss(ddpm, signal, pairs, generator)

        run = train(
            network,
            loss_of,
            options.loop,
            checkpoint=checkpoint,
            facts=run_facts(options, bank, start, team, half),
            team=team,
            watch=watch,
            on_average=on_average,
            on_step=on_step,
        )
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
