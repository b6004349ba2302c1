"""What of a DDGAN may adapt, by the name of the option; and a DDGAN that nothing was taught."""

from __future__ import annotations

from torch import nn

from medrecon.diffusion.adaptation.adapter import Adapter
from medrecon.diffusion.adaptation.low_rank import LowRank
from medrecon.diffusion.adaptation.modulation import Modulation
from medrecon.diffusion.adaptation.weights import Weights
from medrecon.mri.fdmr.plan import Parameters
from medrecon.networks.ddgan import DdganDenoiser
from medrecon.networks.ddgan.generator import generator_from_seed


def adapter_of(denoiser: DdganDenoiser, parameters: Parameters, rank: int) -> Adapter:
    """The numbers of `denoiser` that a slice may move; the paths of low rank come beside the modulation."""
    if parameters == "all":
        return Weights(denoiser)
    names = dict.fromkeys(name.rpartition(".")[0] for name in denoiser.modulation())
    layers = [denoiser.generator.get_submodule(name) for name in names]
    modulation = Modulation(denoiser, [layer for layer in layers if isinstance(layer, nn.Linear)])
    if parameters == "modulation":
        return modulation
    convolutions = [conv for block in denoiser.generator.blocks() for conv in (block.first, block.second)]
    return LowRank(convolutions, rank, modulation)


def untrained(denoiser: DdganDenoiser, seed: int) -> DdganDenoiser:
    """A denoiser of the same form whose weights come from the seed alone."""
    device = denoiser.latent.device
    generator = generator_from_seed(denoiser.generator.options, seed, device).eval().requires_grad_(False)
    return DdganDenoiser(generator, denoiser.schedule, denoiser.scale, denoiser.dtype).to(device)
