"""`SliceBank`: every training slice on one square canvas in memory, with its pixel size and how often it is drawn."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from medrecon.datasets.volume import TrainingVolume

CANVAS = 448
MIN_FOREGROUND = 0.05
"""A slice is left out if its head covers less than this share of what the largest slice's head covers."""


@dataclass(frozen=True, eq=False)
class SliceBank:
    """Slices of all volumes, cut along every useful direction.

    Attributes
    ----------
    images : `(n, CANVAS, CANVAS)` float16, head in the middle, peak about 1.
    pixel_mm : `(n, 2)` pixel size (y, x).
    extent_mm : `(n, 2)` size of the head (y, x).
    partner : `(n,)` a neighbouring slice to average with; the slice itself where slices are thick already.
    chance : `(n,)` probability: first a subject, then one of its volumes, then a slice.
    """

    images: Tensor
    pixel_mm: Tensor
    extent_mm: Tensor
    partner: Tensor
    chance: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str) -> SliceBank:
        return SliceBank(*(getattr(self, f).to(device) for f in self.__dataclass_fields__))

    def draw(self, batch: int, generator: torch.Generator) -> Tensor:
        """Indices of `batch` slices."""
        return torch.multinomial(self.chance, batch, replacement=True, generator=generator)


def slice_bank(volumes: Sequence[TrainingVolume], *, oblique: int = 1, seed: int = 0) -> SliceBank:
    """Cut all volumes into slices; volumes with near-isotropic voxels also across and obliquely."""
    generator = torch.Generator().manual_seed(seed)
    subjects = Counter(v.subject for v in volumes)
    parts = []
    for volume in volumes:
        cuts = list(_cuts(volume, oblique, generator))
        total = sum(len(c.images) for c in cuts)
        share = 1.0 / (len(subjects) * subjects[volume.subject] * max(total, 1))
        parts += [replace(c, chance=c.chance * share) for c in cuts if len(c.images)]
    return _concatenate(parts)


def _cuts(volume: TrainingVolume, oblique: int, generator: torch.Generator) -> Iterator[SliceBank]:
    yield _stack(volume.values, volume.voxel_mm, thick=not volume.is_isotropic)
    if not volume.is_isotropic:
        return
    z, y, x = volume.voxel_mm
    finest = min(volume.voxel_mm)
    yield _stack(volume.values.permute(1, 0, 2), (y, z, x), thick=False)
    yield _stack(volume.values.permute(2, 0, 1), (x, z, y), thick=False)
    for _ in range(oblique):
        yield _stack(_rotated(volume, generator), (finest, finest, finest), thick=False)


def _stack(values: Tensor, voxel_mm: tuple[float, float, float], *, thick: bool) -> SliceBank:
    """Slices along the first axis, the head's bounding box in the middle of the canvas."""
    bright = values > 0.1 * values.max()
    share = bright.float().mean((1, 2))
    keep = torch.nonzero(share > MIN_FOREGROUND * share.max()).flatten()
    boxes = [_box(b) for b in bright[keep]]
    images = torch.stack([_centred(v, box) for v, box in zip(values[keep], boxes, strict=True)])
    pixel = torch.tensor(voxel_mm[1:])
    extent = torch.tensor([[y1 - y0, x1 - x0] for y0, y1, x0, x1 in boxes]).reshape(-1, 2) * pixel
    index = torch.arange(len(images))
    return SliceBank(
        images=images.half(),
        pixel_mm=pixel.expand(len(images), 2).clone(),
        extent_mm=extent,
        partner=index if thick else (index + 1).clamp(max=len(images) - 1),
        chance=torch.ones(len(images)),
    )


def _box(bright: Tensor) -> tuple[int, int, int, int]:
    rows, columns = torch.nonzero(bright.any(1)).flatten(), torch.nonzero(bright.any(0)).flatten()
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _centred(image: Tensor, box: tuple[int, int, int, int]) -> Tensor:
    canvas = image.new_zeros(CANVAS, CANVAS)
    placed = []
    for n, low, high in ((image.shape[0], *box[:2]), (image.shape[1], *box[2:])):
        shift = CANVAS // 2 - (low + high) // 2
        start = max(0, -shift), min(n, CANVAS - shift)
        placed.append((slice(*start), slice(start[0] + shift, start[1] + shift)))
    (sy, dy), (sx, dx) = placed
    canvas[dy, dx] = image[sy, sx]
    return canvas


def _rotated(volume: TrainingVolume, generator: torch.Generator) -> Tensor:
    """The volume on an isotropic grid turned by up to 45 degrees about a random axis."""
    axis = F.normalize(torch.randn(3, generator=generator), dim=0)
    angle = math.pi / 4 * (2 * torch.rand((), generator=generator) - 1)
    cross = torch.tensor([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    rotation = torch.linalg.matrix_exp(angle * cross)
    size_mm = torch.tensor([n * v for n, v in zip(volume.values.shape, volume.voxel_mm, strict=True)])
    n = int(size_mm.max() / min(volume.voxel_mm))
    # grid_sample takes (x, y, z) in units of half the volume
    half = size_mm.flip(0)
    theta = torch.cat([(rotation * size_mm.max()) / half[:, None], torch.zeros(3, 1)], dim=1)
    grid = F.affine_grid(theta[None], [1, 1, n, n, n], align_corners=False)
    return F.grid_sample(volume.values[None, None], grid, align_corners=False)[0, 0]


def _concatenate(parts: Iterable[SliceBank]) -> SliceBank:
    parts, offset, partners = list(parts), 0, []
    for part in parts:
        partners.append(part.partner + offset)
        offset += len(part)
    return SliceBank(
        images=torch.cat([p.images for p in parts]),
        pixel_mm=torch.cat([p.pixel_mm for p in parts]),
        extent_mm=torch.cat([p.extent_mm for p in parts]),
        partner=torch.cat(partners),
        chance=torch.cat([p.chance for p in parts]),
    )
