"""Any CT recipe by its options: training, and RMSE in HU on held-out pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from medrecon.ct.units import to_hu, to_units
from medrecon.datasets.ct.bank import PairBank
from medrecon.datasets.ct.held_out import Denoise, HeldOutPairs
from medrecon.networks.ct.cold import ColdNet
from medrecon.networks.ct.ddpm import CtDdpm
from medrecon.networks.ct.load import CODEC, COLD, ONE_STEP, CtPrior, made_ct
from medrecon.networks.ct.red_cnn import RedCnn
from medrecon.networks.ct.space import LatentScale
from medrecon.training.ct import codec as codec_recipe
from medrecon.training.ct import cold, ddpm, regression
from medrecon.training.ct.options import CtCodecOptions, CtColdOptions, CtDdpmOptions, CtRegressionOptions
from medrecon.training.ct.recipe import TrainedCt

Recipe = CtCodecOptions | CtColdOptions | CtDdpmOptions | CtRegressionOptions
DDIM_STEPS = 20
"""Of a DDPM's validation."""


def check_recipe(recipe: Recipe) -> None:
    """Raise InputError for options of which no run can come."""
    if isinstance(recipe, CtCodecOptions):
        codec_recipe.check(recipe)
    elif isinstance(recipe, CtColdOptions):
        cold.check(recipe)
    elif isinstance(recipe, CtDdpmOptions):
        ddpm.check(recipe)
    else:
        regression.check(recipe)


def works_in_latents(recipe: Recipe) -> bool:
    """Whether the recipe needs a codec."""
    if isinstance(recipe, CtRegressionOptions) and recipe.architecture != ONE_STEP:
        return False
    return isinstance(recipe, CtColdOptions | CtRegressionOptions) and recipe.network.space == "latent"


def train_ct(bank: PairBank, recipe: Recipe, codec: CtPrior | None = None, **run: Any) -> TrainedCt:
    """The network of any recipe; `run` are the arguments that all share."""
    if isinstance(recipe, CtCodecOptions):
        return codec_recipe.train_ct_codec(bank, recipe, **run)
    if isinstance(recipe, CtColdOptions):
        return cold.train_ct_cold(bank, recipe, codec=codec, **run)
    if isinstance(recipe, CtDdpmOptions):
        return ddpm.train_ct_ddpm(bank, recipe, **run)
    return regression.train_ct_regression(bank, recipe, codec=codec, **run)


def settings_for(recipe: Recipe, codec: CtPrior | None) -> dict[str, Any]:
    """What weights need to be used while their run goes on; a codec's latents are not scaled yet."""
    if isinstance(recipe, CtCodecOptions):
        return codec_recipe.settings_of(recipe, LatentScale(torch.zeros(recipe.network.channels, 1, 1), 1.0))
    if isinstance(recipe, CtColdOptions):
        return cold.settings_of(COLD, recipe.network, codec)
    if isinstance(recipe, CtDdpmOptions):
        return ddpm.settings_of(recipe)
    return regression.settings_of(recipe, codec)


def trained_prior(
    tensors: Mapping[str, Tensor],
    settings: Mapping[str, Any],
    device: torch.device,
    name: str,
    codec: CtPrior | None,
    sha256: str | None = None,
) -> CtPrior:
    """The network from its weights, with the codec that it was trained with."""
    return made_ct(tensors, settings, device, name, sha256, None if codec is None else codec.space)


def held_out_rmse(prior: CtPrior, pairs: HeldOutPairs, seed: int = 0) -> dict[str, float]:
    """RMSE in HU at each dose: of cold and one-step networks and RED-CNN in one call, of a DDPM by DDIM.

    A codec's is that of the full-dose slices' round trip.
    """
    if prior.kind == CODEC:
        return {"rmse_hu_round_trip": _round_trip(prior, pairs)}
    return pairs.rmse(denoiser_of(prior, seed))


def denoiser_of(prior: CtPrior, seed: int = 0, steps: int = DDIM_STEPS) -> Denoise:
    """The quickest use of a network: one call, or `steps` calls of a DDPM from noise of `seed`."""
    network = prior.network
    if isinstance(network, CtDdpm):
        return lambda low, dose: ddim(network, low, steps, seed)  # noqa: ARG005
    if isinstance(network, RedCnn):
        return lambda low, dose: network(low)  # noqa: ARG005
    assert isinstance(network, ColdNet)

    def once(low: Tensor, dose: Tensor) -> Tensor:
        end = prior.encode(low)
        return prior.decode(network(end, end, torch.ones_like(dose), dose))

    return once


@torch.no_grad()
def ddim(network: CtDdpm, low: Tensor, steps: int, seed: int) -> Tensor:
    """One deterministic DDIM sample `(n, 1, y, x)` over evenly spaced steps (Song et al. 2021), eta = 0."""
    signal = network.options.signal().to(low.device)
    times = torch.linspace(len(signal) - 1, 0, steps).round().long().to(low.device)
    kept = torch.cat([signal[times], signal.new_ones(1)]).float()
    generator = torch.Generator(low.device).manual_seed(seed)
    x = torch.randn(low.shape, generator=generator, device=low.device)
    for i in range(steps):
        eps = network(x, low, times[i].expand(len(low)))
        clean = (x - (1 - kept[i]).sqrt() * eps) / kept[i].sqrt()
        clean = clean.clamp(-1, 3)
        eps = (x - kept[i].sqrt() * clean) / (1 - kept[i]).sqrt()
        x = kept[i + 1].sqrt() * clean + (1 - kept[i + 1]).sqrt() * eps
    return x


@torch.no_grad()
def _round_trip(prior: CtPrior, pairs: HeldOutPairs) -> float:
    squares = [
        (to_hu(prior.decode(prior.encode(to_units(full)[:, None])))[:, 0] - full).square().mean((1, 2))
        for full in pairs.full.split(4)
    ]
    return float(torch.cat(squares).mean().sqrt())
