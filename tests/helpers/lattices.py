"""Empty scans of any lattice, for tests of sampling."""

import torch

from medrecon.scan import Scan


def lattice_scan(
    ny: int,
    nx: int,
    phase_axes: tuple[str, ...] = ("y",),
    rows: slice = slice(None),
    columns: slice = slice(None),
) -> Scan:
    """A fully sampled scan of ones whose protocol covers `rows` x `columns`."""
    lattice = torch.zeros(ny, nx, dtype=torch.bool)
    lattice[rows, columns] = True
    kspace = lattice.to(torch.complex64).expand(2, 3, ny, nx)
    return Scan(kspace=kspace, mask=lattice, lattice=lattice, phase_axes=phase_axes, name="lattice")
