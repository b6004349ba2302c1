"""Small problems with exact physics, for the tests of every method."""

import torch
from torch import Tensor

from medrecon.operators import Coils, Fourier, Mask
from medrecon.problem import Problem


def make_problem(
    n_slices: int = 2,
    coils: int = 4,
    shape: tuple[int, int] = (24, 27),
    accel: float = 3,
    noise: float = 0.01,
    dtype: torch.dtype = torch.complex64,
    seed: int = 0,
) -> tuple[Problem, Tensor]:
    """A Problem with true smooth maps, 1-D random sampling along x and white noise, and its true image.

    The image `(slice, y, x)` is piecewise constant with smooth phase and peak 1; the ACS spans 6 columns.
    `kernel` is None: SPIRiT kernels are the calibration's business. `accel` 1 samples everything.
    """
    g = torch.Generator().manual_seed(seed)
    truth, maps = disks(n_slices, shape, g).to(dtype), smooth_maps(n_slices, coils, shape, g).to(dtype)
    mask = random_columns(shape, accel, g)
    white = torch.randn((n_slices, coils, *shape), generator=g, dtype=torch.complex128) * 2**0.5 * noise
    kspace = (Mask(mask) @ Fourier(tuple(maps.shape)) @ Coils(maps))(truth) + (white * mask).to(dtype)
    real = truth.real.dtype
    problem = Problem(
        kspace=kspace,
        mask=mask,
        maps=maps,
        support=truth.abs() > 0,
        noise=torch.full((n_slices,), noise, dtype=real),
        model_error=torch.zeros(n_slices, dtype=real),
        kernel=None,
        off_range=torch.full((n_slices,), 1e-6, dtype=real),
        inconsistency=torch.full((n_slices,), 1e-4, dtype=real),
        intensity=torch.ones((n_slices, *shape), dtype=real),
        scale=1.0,
        phase_axes=("x",),
        acs=(shape[0], min(6, shape[1])),
        slice_ids=tuple(range(n_slices)),
        case="fixture",
    )
    return problem, truth


def disks(n_slices: int, shape: tuple[int, int], g: torch.Generator) -> Tensor:
    """A head of constant intensity with three random inclusions a slice, phase varying by half a turn."""
    y, x = _grid(shape)
    head = ((y / 0.8) ** 2 + (x / 0.7) ** 2 < 1).double()
    images = []
    for _ in range(n_slices):
        image = 0.6 * head
        for cy, cx, r, contrast in torch.rand(3, 4, generator=g, dtype=torch.float64).tolist():
            inside = ((y - cy + 0.5) ** 2 + (x - cx + 0.5) ** 2) < (0.1 + 0.3 * r) ** 2
            image = image + 0.25 * (contrast - 0.5) * inside * head
        images.append(image * torch.exp(1j * (y + 0.7 * x * y)))
    return torch.stack(images)


def smooth_maps(n_slices: int, coils: int, shape: tuple[int, int], g: torch.Generator) -> Tensor:
    """Broad sensitivities centred on a circle around the head, with sum |S|^2 = 1."""
    y, x = _grid(shape)
    angle = (torch.arange(coils) + torch.rand(n_slices, 1, generator=g))[..., None, None] * (2 * torch.pi / coils)
    distance = (y - 1.2 * angle.sin()) ** 2 + (x - 1.2 * angle.cos()) ** 2
    maps = torch.exp(-0.8 * distance + 1j * (angle + 0.5 * y * angle.cos() - 0.5 * x * angle.sin()))
    return maps / maps.abs().square().sum(1, keepdim=True).sqrt()


def random_columns(shape: tuple[int, int], accel: float, g: torch.Generator) -> Tensor:
    """The 6 central columns and random others, `shape[1] / accel` in all."""
    n = shape[1]
    order = torch.randperm(n, generator=g)
    central = (torch.arange(n) - n // 2 + 3).div(6, rounding_mode="floor") == 0
    chosen = torch.cat((torch.nonzero(central).flatten(), order[~central[order]]))[: max(6, round(n / accel))]
    mask = torch.zeros(shape, dtype=torch.bool)
    mask[:, chosen] = True
    return mask


def _grid(shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    y, x = (torch.linspace(-1, 1, n, dtype=torch.float64) for n in shape)
    return torch.meshgrid(y, x, indexing="ij")
