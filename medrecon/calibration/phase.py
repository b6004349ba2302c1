"""Phase reference: ESPIRiT leaves one free phase a pixel; the ACS image fixes it (decisions.md, "Calibration")."""

from __future__ import annotations

import torch
from torch import Tensor

from medrecon.calibration.scale import acs_images


def fix_phase(maps: Tensor, kspace: Tensor, acs: tuple[int, int]) -> Tensor:
    """Maps times exp(i arg u_acs), u_acs the combination of the ACS images with these maps.

    What is seen through the new maps has lost the smooth phase of the object. `maps` and `kspace` are
    `(slice, coil, y, x)`; where u_acs vanishes the maps are left as they are.
    """
    u = (maps.conj() * acs_images(kspace, acs)).sum(-3, keepdim=True)
    return maps * torch.where(u == 0, torch.ones_like(u), torch.sgn(u))
