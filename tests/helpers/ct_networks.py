"""Weights files of tiny CT networks, untrained but not idle: their last layers are drawn as all others are."""

from pathlib import Path

import torch
from torch import nn

from medrecon import weights
from medrecon.networks.ct.codec import CodecOptions, CtCodec
from medrecon.networks.ct.cold import ColdNet, ColdOptions
from medrecon.networks.ct.ddpm import DdpmOptions
from medrecon.networks.ct.red_cnn import RedCnn, RedCnnOptions
from medrecon.networks.unet import UNet, UNetOptions

UNET = UNetOptions((8, 8), (1, 1), (1, 1), embedding=8)
CODEC = CodecOptions(width=8, encoder_blocks=1, decoder_blocks=1)


def cold_options(space: str, factor: int = 2) -> ColdOptions:
    return ColdOptions(space, factor, CODEC.channels, UNET)


def restless(network: nn.Module, size: float = 0.03, seed: int = 0) -> nn.Module:
    """Drawn from the seed, with every parameter moved, so that no layer is left out because it starts at zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.dim() > 1 and parameter.any():
                bound = (3 / parameter[0].numel()) ** 0.5
                parameter.copy_(torch.empty(parameter.shape).uniform_(-bound, bound, generator=generator))
            elif name.endswith("bias"):
                parameter.zero_()
            parameter += size * torch.randn(parameter.shape, generator=generator)
    return network


def codec_file(path: Path) -> str:
    """The codec's sha256."""
    scale = {"latent_mean": [0.1] * CODEC.channels, "latent_std": 2.0}
    settings = {"kind": "ct-codec", "options": CODEC.as_dict(), **scale}
    return weights.save(path, restless(CtCodec(CODEC)).state_dict(), settings)


def cold_file(path: Path, space: str = "pixel", kind: str = "ct-cold") -> Path:
    """A network of cold diffusion, or a one-step one; a latent one finds its codec `codec.safetensors` beside it."""
    options = cold_options(space)
    settings = {"kind": kind, "options": options.as_dict()}
    if kind == "ct-regression":
        settings["architecture"] = "one-step"
    if space == "latent":
        settings["codec"] = {"name": "codec", "sha256": codec_file(path.parent / "codec.safetensors")}
    weights.save(path, restless(UNet(options.architecture)).state_dict(), settings)
    return path


def ddpm_file(path: Path, steps: int = 1000) -> Path:
    options = DdpmOptions(UNET, steps)
    weights.save(
        path, restless(UNet(options.architecture)).state_dict(), {"kind": "ct-ddpm", "options": options.as_dict()}
    )
    return path


def red_cnn_file(path: Path) -> Path:
    options = RedCnnOptions(4)
    settings = {"kind": "ct-regression", "architecture": "red-cnn", "options": options.as_dict()}
    weights.save(path, restless(RedCnn(options)).state_dict(), settings)
    return path


def cold_network(space: str) -> ColdNet:
    options = cold_options(space)
    return ColdNet(restless(UNet(options.architecture)).eval().requires_grad_(False), options)
