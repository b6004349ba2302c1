"""The record of how an image was made: the JSON beside the picture and the attribute inside the .h5."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import medrecon
from medrecon.mri.method import Method

if TYPE_CHECKING:
    from medrecon.diffusion.prior import Prior
    from medrecon.reconstruction import Reconstruction
    from medrecon.scan import Scan


def provenance(
    reconstruction: Reconstruction, scan: Scan, method: Method, prior: Prior | None, seed: int, device: torch.device
) -> dict[str, Any]:
    """Method, conditions, cost, weights, versions and scores of `reconstruction`, ready for JSON."""
    residual = reconstruction.residual
    record = {
        "method": method.name,
        "options": {**asdict(method), "scan": scan.name, "mask": scan.pattern},
        "net_acceleration": scan.net_acceleration,
        "nominal_acceleration": scan.nominal_acceleration,
        "seconds_per_slice": reconstruction.seconds_per_slice,
        "calibration_seconds_per_slice": reconstruction.calibration_seconds_per_slice,
        "network_calls": reconstruction.network_calls,
        "peak_memory_mib": reconstruction.peak_memory_mib,
        "residual": sum(residual) / len(residual) if residual else None,
        "holdout_nmse": reconstruction.holdout_nmse,
        "seed": seed,
        "device": str(device),
        "weights": None if prior is None else {"name": prior.name, "sha256": prior.sha256},
        "versions": versions(device),
        "scores": reconstruction.scores,
    }
    return _plain(record)


def versions(device: torch.device) -> dict[str, Any]:
    """Software that takes part in the numbers; on the CPU the thread count does, and everywhere a network's format."""
    from medrecon.networks.ready import network_dtype

    found: dict[str, Any] = {
        "medrecon": medrecon.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "threads": torch.get_num_threads(),
        "networks": str(network_dtype(device)).removeprefix("torch."),
    }
    if device.type == "cuda":
        found |= {"cuda": torch.version.cuda, "gpu": torch.cuda.get_device_name(device)}
    return found


def _plain(value: Any) -> Any:
    """Mappings and sequences of plain numbers; JSON has no nan or inf, so these become null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value
