"""Sampling patterns by name, masks from files, the fully sampled centre, net acceleration.

A pattern's module is imported only when it is asked for.
"""

from __future__ import annotations

from importlib import import_module

from medrecon.errors import InputError
from medrecon.masks.acs import acs_size, default_acs, net_acceleration
from medrecon.masks.from_file import mask_from_file
from medrecon.masks.pattern import Pattern

KINDS = {
    "random": "medrecon.masks.random_lines:Random",
    "uniform": "medrecon.masks.random_lines:Uniform",
    "equispaced": "medrecon.masks.equispaced:Equispaced",
    "gaussian": "medrecon.masks.gaussian:Gaussian",
    "poisson": "medrecon.masks.poisson:PoissonDisc",
    "gaussian2d": "medrecon.masks.gaussian2d:Gaussian2D",
    "fastmri-random": "medrecon.masks.fastmri_lines:FastMRIRandom",
    "fastmri-equispaced": "medrecon.masks.fastmri_lines:FastMRIEquispaced",
    "hfs-uniform": "medrecon.masks.hfs_lines:HfsUniform",
}


def pattern(kind: str, accel: float, acs: int | None = None, seed: int = 0) -> Pattern:
    """The pattern called `kind`; raises InputError with the names that exist, and for an impossible acceleration."""
    if kind not in KINDS:
        raise InputError(f"unknown mask '{kind}'; choose one of {', '.join(KINDS)}, or give a file")
    module, cls = KINDS[kind].split(":")
    return getattr(import_module(module), cls)(accel, acs, seed)


__all__ = [
    "KINDS",
    "Pattern",
    "acs_size",
    "default_acs",
    "mask_from_file",
    "net_acceleration",
    "pattern",
]
