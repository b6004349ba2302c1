"""A trained prior from its weights: the shipped ones by name, others by path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from medrecon import weights
from medrecon.diffusion.path import VE
from medrecon.diffusion.prior import Prior
from medrecon.errors import InputError
from medrecon.networks.band_prior import KIND as BAND_KIND
from medrecon.networks.band_prior import band_prior
from medrecon.networks.calibration_record import recorded_spread
from medrecon.networks.ddgan.ddpm import KIND as DDPM_KIND
from medrecon.networks.ddgan.ddpm import ddpm_prior
from medrecon.networks.ddgan.load import KIND as DDGAN_KIND
from medrecon.networks.ddgan.load import ddgan_prior
from medrecon.networks.edm import EDMDenoiser
from medrecon.networks.ready import misfit_explained, ready_network
from medrecon.networks.unet import UNetOptions

KIND = "mri-image"


def load_prior(name: str, device: torch.device | str = "cpu") -> Prior:
    """The prior called `name`, or in the .safetensors file of that path, verified and ready on `device`.

    What a registry knows of the weights (pixel sizes, error, temperature) goes with them, wherever their file lies.
    The network computes in bfloat16 where the processor multiplies it (see `ready.network_dtype`), else in float32.
    Raises InputError for an unknown name, a damaged file, or weights of another kind.
    """
    tensors, settings, sha256 = weights.load(name)
    check_kind(settings, name)
    found = weights.find(name)
    record = found[0] if found is not None else weights.known(sha256)
    recorded = {} if record is None else {"pixel_range": record.pixel_range, "calibration": record.calibration}
    return made_prior(tensors, {**settings, **recorded}, torch.device(device), Path(name).name, sha256)


def check_kind(settings: Mapping[str, Any], name: str) -> None:
    """Raise InputError for weights that are no prior's."""
    kind = settings.get("kind")
    if kind not in MAKERS:
        raise InputError(
            f"{name} holds weights of kind '{kind}'; an image prior is of kind '{KIND}', one of the high band "
            f"of '{BAND_KIND}', a DDGAN of '{DDGAN_KIND}', a DDPM of '{DDPM_KIND}'"
        )


def made_prior(
    tensors: Mapping[str, Tensor], settings: Mapping[str, Any], device: torch.device, name: str, sha256: str | None
) -> Prior:
    """A prior from weights and the settings that were stored with them; raises InputError if they do not fit."""
    make = MAKERS.get(settings.get("kind", KIND), image_prior)
    return make(tensors, settings, device, name, sha256)


def image_prior(
    tensors: Mapping[str, Tensor], settings: Mapping[str, Any], device: torch.device, name: str, sha256: str | None
) -> Prior:
    """An image prior; raises InputError if weights and settings do not fit."""
    with misfit_explained(name, "image prior"):
        denoiser = image_denoiser(tensors, settings, device)
        low, high = settings["levels"]
        error, temperature = recorded_spread(settings)
        variance = settings["sigma_data"] ** 2
    return Prior(denoiser, VE(), variance, (low, high), name, sha256, settings, error, temperature)


def image_denoiser(tensors: Mapping[str, Tensor], settings: Mapping[str, Any], device: torch.device) -> EDMDenoiser:
    """Network and preconditioning from weights and the settings that were stored with them."""
    options = UNetOptions.from_dict(settings["network"])
    return EDMDenoiser(ready_network(tensors, options, device), settings["sigma_data"], options.multiple)


MAKERS = {KIND: image_prior, BAND_KIND: band_prior, DDGAN_KIND: ddgan_prior, DDPM_KIND: ddpm_prior}
"""What makes a prior, by the kind of its weights."""
