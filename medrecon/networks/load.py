"""A trained prior from its weights: the shipped ones by name, others by path."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from medrecon import weights
from medrecon.diffusion.path import VE
from medrecon.diffusion.prior import Prior
from medrecon.errors import InputError
from medrecon.networks.calibration_record import recorded_spread
from medrecon.networks.edm import EDMDenoiser
from medrecon.networks.ready import misfit_explained, ready_network
from medrecon.networks.unet import UNetOptions

KIND = "mri-image"
MAKERS = {
    KIND: "medrecon.networks.load:image_prior",
    "mri-hfs": "medrecon.networks.band_prior:band_prior",
    "mri-ddgan": "medrecon.networks.ddgan.load:ddgan_prior",
    "mri-ddpm": "medrecon.networks.ddgan.ddpm:ddpm_prior",
}
"""What makes a prior, by the kind of its weights. Imported when it is asked for, so that what is known of a result, the
code that decides it, is that of its own network and not of all."""


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
            "of 'mri-hfs', a DDGAN of 'mri-ddgan', a DDPM of 'mri-ddpm'"
        )


def made_prior(
    tensors: Mapping[str, Tensor], settings: Mapping[str, Any], device: torch.device, name: str, sha256: str | None
) -> Prior:
    """A prior from weights and the settings that were stored with them; raises InputError if they do not fit."""
    module, make = MAKERS.get(settings.get("kind", KIND), MAKERS[KIND]).split(":")
    return getattr(import_module(module), make)(tensors, settings, device, name, sha256)


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
