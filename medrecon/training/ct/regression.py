"""Recipe of the one-step controls: the network of cold diffusion held at its end point, and RED-CNN."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from medrecon.datasets.ct.bank import PairBank, Pairs
from medrecon.errors import InputError
from medrecon.networks.ct.cold import ColdNet
from medrecon.networks.ct.load import ONE_STEP, RED_CNN, REGRESSION, CtPrior
from medrecon.networks.ct.red_cnn import SMALLEST, RedCnn
from medrecon.networks.ct.space import PIXELS, Space
from medrecon.networks.unet import UNet
from medrecon.progress import OnStep, silent
from medrecon.training.ct import cold
from medrecon.training.ct.cold import check_cold, space_of, with_decoded
from medrecon.training.ct.options import CtRegressionOptions
from medrecon.training.ct.recipe import OnAverage, TrainedCt, begun, check_common, distance, run_facts
from medrecon.training.loop import train
from medrecon.training.memory import memory_explained
from medrecon.training.team import ALONE, Team
from medrecon.training.watch import UNWATCHED, Watch

ARCHITECTURES = (ONE_STEP, RED_CNN)


def train_ct_regression(
    bank: PairBank,
    options: CtRegressionOptions,
    *,
    codec: CtPrior | None = None,
    start: Mapping[str, Tensor] | None = None,
    compiled: bool = False,
    bfloat16: bool | None = None,
    checkpoint: Path | None = None,
    team: Team = ALONE,
    watch: Watch = UNWATCHED,
    on_average: OnAverage | None = None,
    on_step: OnStep = silent,
) -> TrainedCt:
    """Train on the bank's device; arguments and errors as those of `train_ct_cold`."""
    check(options)
    one_step = options.architecture == ONE_STEP
    space = space_of(options.network, codec) if one_step else PIXELS
    device = bank.device
    half = device.type == "cuda" if bfloat16 is None else bfloat16
    with memory_explained(options.batch, options.size, device):
        bare = UNet(options.network.architecture) if one_step else RedCnn(options.red_cnn)
        network = begun(bare, options.loop.seed, start, device, options.vectors_only)
        runner = team.share(torch.compile(network) if compiled else network)  # type: ignore[arg-type]
        restore = ColdNet(runner, options.network) if one_step else runner
        facts = run_facts(options, bank, start, team, half) | {"codec": None if codec is None else codec.sha256}

        def loss_of(generator: torch.Generator) -> Tensor:
            pairs = bank.draw(options.batch, options.size, generator)
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                return regression_loss(restore, space, pairs, options)

        run = train(
            network,
            loss_of,
            options.loop,
            checkpoint=checkpoint,
            facts=facts,
            team=team,
            watch=watch,
            on_average=on_average,
            on_step=on_step,
        )
    return TrainedCt(run.weights, settings_of(options, codec), run)


def check(options: CtRegressionOptions) -> None:
    """Raise InputError for options of which no run can come."""
    if options.architecture not in ARCHITECTURES:
        raise InputError(f"architecture is '{options.architecture}'; choose {' or '.join(ARCHITECTURES)}")
    if options.architecture == ONE_STEP:
        check_cold(options.network, options.size, options.batch, options)
        return
    check_common(options.size, options.batch, 1, options.loop, {"loss": options.loss})
    if options.size < SMALLEST:
        raise InputError(f"size is {options.size}; RED-CNN takes at least {SMALLEST}")


def settings_of(options: CtRegressionOptions, codec: CtPrior | None) -> dict[str, Any]:
    """What the weights file of a run says."""
    if options.architecture == RED_CNN:
        settings = {"kind": REGRESSION, "options": options.red_cnn.as_dict()}
    else:
        settings = cold.settings_of(REGRESSION, options.network, codec)
    return settings | {"architecture": options.architecture}


def regression_loss(restore: nn.Module, space: Space, pairs: Pairs, options: CtRegressionOptions) -> Tensor:
    """Distance of the full-dose state, or image, from what the network makes of the low-dose one."""
    with torch.no_grad():
        clean, end = space.encode(pairs.full), space.encode(pairs.low)
    if options.architecture == RED_CNN:
        return distance(restore(end), clean, options.loss)
    found = restore(end, end, torch.ones_like(pairs.dose), pairs.dose)
    return with_decoded(distance(found, clean, options.loss), found, space, pairs, options)
