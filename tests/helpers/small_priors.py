"""Weights files of tiny networks, untrained: what kind they are is all that matters."""

from pathlib import Path
from typing import Any

from medrecon import weights
from medrecon.networks import UNet, UNetOptions
from medrecon.networks.band import CONDITIONS, CONTEXT
from medrecon.networks.band_prior import KIND

TINY: dict[str, Any] = {"widths": (8, 8), "encoder_blocks": (1, 1), "decoder_blocks": (1, 1), "embedding": 8}


def image_file(path: Path) -> Path:
    """A prior of whole images."""
    return _written(path, UNetOptions(**TINY), {"kind": "mri-image", "sigma_data": 0.3})


def band_file(path: Path) -> Path:
    """A prior of the high band."""
    scale = {"fractions": [0.05, 0.5], "deviations": [0.25, 0.2], "low": 0.3}
    options = UNetOptions(**TINY, context=CONTEXT, conditions=CONDITIONS)
    return _written(path, options, {"kind": KIND, "scale": scale})


def _written(path: Path, options: UNetOptions, settings: dict[str, Any]) -> Path:
    weights.save(path, UNet(options).state_dict(), {**settings, "network": options.as_dict(), "levels": [0.002, 20.0]})
    return path
