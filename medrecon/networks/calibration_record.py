"""What a prior's record says of its spread: how far its denoiser errs, and how wide its draws are to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medrecon.diffusion.denoiser_error import DenoiserError


def recorded_spread(settings: Mapping[str, Any]) -> tuple[DenoiserError | None, float | None]:
    """The denoiser's error by level and the temperature of its draws, where `settings` hold a calibration."""
    found = settings.get("calibration")
    if not found:
        return None, None
    return DenoiserError(tuple(found["levels"]), tuple(found["errors"])), found["temperature"]
