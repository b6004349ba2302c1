"""Weights files of tiny CT networks, untrained: cold diffusion then returns what it was given, by its residual form."""

from pathlib import Path

from medrecon import weights
from medrecon.networks.ct.codec import CodecOptions, CtCodec
from medrecon.networks.ct.cold import ColdOptions
from medrecon.networks.unet import UNet, UNetOptions

TINY = UNetOptions((8, 8), (1, 1), (1, 1), embedding=8)
SMALL = CodecOptions(width=8, encoder_blocks=1, decoder_blocks=1)


def cold_pixel_file(path: Path) -> Path:
    """Cold diffusion in pixels."""
    return _cold(path, ColdOptions("pixel", network=TINY), {})


def cold_latent_file(path: Path) -> Path:
    """Cold diffusion in latents, with its codec beside it."""
    about = {"kind": "ct-codec", "options": SMALL.as_dict(), "latent_mean": [0.0] * SMALL.channels, "latent_std": 1.0}
    sha256 = weights.save(path.with_name("codec.safetensors"), CtCodec(SMALL).state_dict(), about)
    return _cold(path, ColdOptions("latent", network=TINY), {"codec": {"name": "codec", "sha256": sha256}})


def _cold(path: Path, options: ColdOptions, more: dict) -> Path:
    settings = {"kind": "ct-cold", "options": options.as_dict(), **more}
    weights.save(path, UNet(options.architecture).state_dict(), settings)
    return path
