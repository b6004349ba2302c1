"""Recipe of the one-step controls: the network of cold diffusion held at its end point, and RED-CNN."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch import Tensor, nn

from medrecon.datasets.ct.bank import PairBank, Pairs
from medrecon.errors import InputError
from medrecon.networks.ct.cold import ColdNet
from medrecon.networks.ct.load import ONE_STEP, RED_CNN, REGRESSION, CtPrior
from medrecon.networks.ct.red_cnn import SMALLEST, RedCnn
from medrecon.networks.ct.space import PIXELS, Space
from medrecon.networks.unet import UNet
from medrecon.training.ct import cold
from medrecon.training.ct.begun import Begun, CtArguments
from medrecon.training.ct.cold import check_cold, space_of, with_decoded
from medrecon.training.ct.options import CtRegressionOptions
from medrecon.training.ct.recipe import TrainedCt, check_common, distance
from medrecon.training.memory import memory_explained

ARCHITECTURES = (ONE_STEP, RED_CNN)


def train_ct_regression(
    bank: PairBank, options: CtRegressionOptions, *, codec: CtPrior | None = None, **given: Unpack[CtArguments]
) -> TrainedCt:
    """Train on the bank's device; arguments and errors as those of `train_ct_cold`."""
    check(options)
    one_step = options.architecture == ONE_STEP
    space = space_of(options.network, codec) if one_step else PIXELS
    used = None if codec is None else codec.sha256
    with memory_explained(options.batch, options.size, bank.device):
        bare = UNet(options.network.architecture) if one_step else RedCnn(options.red_cnn)
        begun = Begun(bank, options, bare, given, vectors_only=options.vectors_only, codec=used)
        restore = ColdNet(begun.runner, options.network) if one_step else begun.runner

        def loss_of(generator: torch.Generator) -> Tensor:
            pairs = bank.draw(options.batch, options.size, generator)
            with begun.autocast():
                return regression_loss(restore, space, pairs, options)

        run = begun.train(loss_of)
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
