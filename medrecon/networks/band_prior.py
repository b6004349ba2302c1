"""The high-band prior from its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from medrecon.diffusion.band_denoiser import BandEstimate
from medrecon.diffusion.path import VP
from medrecon.diffusion.prior import Prior
from medrecon.errors import InputError
from medrecon.networks.band import BandDenoiser, BandScale
from medrecon.networks.calibration_record import recorded_spread
from medrecon.networks.ready import misfit_explained, ready_network
from medrecon.networks.unet import UNetOptions

KIND = "mri-hfs"


def band_prior(
    tensors: Mapping[str, Tensor], settings: Mapping[str, Any], device: torch.device, name: str, sha256: str | None
) -> Prior:
    """A prior of the high band on the VP path; raises InputError if weights and settings do not fit.

    It has a denoiser for each band (`Prior.of_band`) and none for whole images: `denoise` raises InputError.
    """
    with misfit_explained(name, "high-band prior"):
        options = UNetOptions.from_dict(settings["network"])
        scale = settings["scale"]
        bands = BandScale(tuple(scale["fractions"]), tuple(scale["deviations"]), scale["low"])
        network = BandDenoiser(ready_network(tensors, options, device), bands, options.multiple)
        low, high = settings["levels"]
        error, temperature = recorded_spread(settings)

    def of_band(fractions: Tensor) -> tuple[BandEstimate, float]:
        widths = fractions.to(device)
        deviation = bands(fractions)
        return _estimate(network, widths, deviation.to(device)), float(deviation) ** 2

    def refuses(x: Tensor, t: Tensor) -> Tensor:  # noqa: ARG001
        raise InputError(f"{name} knows the high band of images alone; give it to hfs, and an image prior to others")

    variance = float(bands.deviations[0]) ** 2
    return Prior(refuses, VP(), variance, (low, high), name, sha256, settings, error, temperature, of_band)


def _estimate(network: BandDenoiser, widths: Tensor, deviation: Tensor) -> BandEstimate:
    def estimate(high: Tensor, low: Tensor, sigma: Tensor) -> Tensor:
        n = len(high)
        return network(high, low, sigma.expand(n), widths.expand(n, -1), deviation.expand(n))

    return estimate
