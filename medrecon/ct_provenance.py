"""The record of how a CT volume was denoised: the JSON beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

from medrecon.ct.method import CtMethod
from medrecon.denoised import Denoised
from medrecon.evaluation.protocols import Scores
from medrecon.networks.ct.load import CtPrior
from medrecon.provenance import versions
from medrecon.volume import Volume


def ct_provenance(
    result: Denoised,
    volume: Volume,
    method: CtMethod,
    *,
    dose: float,
    prior: CtPrior | None,
    seed: int,
    device: torch.device,
) -> dict[str, Any]:
    """Method, the dose it was told, cost, weights, versions and scores of `result`, ready for JSON."""
    return {
        "method": method.name,
        "options": {**asdict(method), "scan": volume.name},
        "dose": dose,
        "voxel_mm": list(volume.voxel_mm),
        "seconds_per_slice": result.seconds_per_slice,
        "network_calls": result.network_calls,
        "peak_memory_mib": result.peak_memory_mib,
        "seed": seed,
        "device": str(device),
        "weights": None if prior is None else _weights(prior),
        "versions": versions(device),
        "scores": result.scores,
    }


def _weights(prior: CtPrior) -> dict[str, Any]:
    """Name and hash, those of a latent network's codec too."""
    found: dict[str, Any] = {"name": prior.name, "sha256": prior.sha256}
    if prior.record.get("codec"):
        found["codec"] = dict(prior.record["codec"])
    return found


def plain_scores(scores: Scores) -> dict[str, Any]:
    """{"mean", "slices"}; JSON has no infinity, which PSNR is where nothing differs, so that it becomes null."""
    found = scores.as_dict()
    return {"mean": _finite(found["mean"]), "slices": [_finite(row) for row in found["slices"]]}


def _finite(row: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: v if v is not None and math.isfinite(v) else None for name, v in row.items()}
