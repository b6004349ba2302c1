"""Hounsfield units and linear attenuation per mm."""

from __future__ import annotations

from torch import Tensor

WATER = 0.01837
"""Attenuation of water in 1/mm at 80 keV: 0.1837 cm^2/g (NIST, Hubbell and Seltzer 1995), 1 g/cm^3."""


def to_attenuation(hu: Tensor) -> Tensor:
    """HU to 1/mm, never below 0: mu = mu_water (1 + HU / 1000). What is stored below -1000 HU attenuates nothing."""
    return (WATER * (1 + hu / 1000)).clamp_min(0)


def to_hounsfield(mu: Tensor) -> Tensor:
    """1/mm to HU; air is -1000."""
    return 1000 * (mu / WATER - 1)
