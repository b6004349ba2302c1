"""Hounsfield units as networks see them: water at 0, air at -1."""

from __future__ import annotations

from torch import Tensor

LOWEST, HIGHEST = -1024.0, 3072.0
"""HU beyond which a network is shown the bound itself."""
HU = 1024.0
"""Of one network unit; a power of two, so that both ways are exact in single precision."""


def to_units(hu: Tensor) -> Tensor:
    """Network units of HU, any shape."""
    return hu.clamp(LOWEST, HIGHEST) / HU


def to_hu(units: Tensor) -> Tensor:
    """HU of network units, any shape; what lay in [LOWEST, HIGHEST] comes back exactly."""
    return units * HU
