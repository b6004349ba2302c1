"""The embedded CT demo: a chest and an abdomen at a quarter of the dose, with the same scanner's noise-free slices.

Bodies are drawn on 2048x2048 points, four times finer than the slices, and scanned by a fan beam whose detector
elements average the transmission over their width. Photons are Poisson at a quarter of full dose, electronics normal.

The reference `truth` is the filtered backprojection of the same rays without noise, not the drawn object: a method
that restores the scan cannot restore what the scanner's own blur took, and must not be marked down for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import final

import h5py
import numpy as np
import torch
from torch import Tensor

from medrecon.atomic import whole_file
from medrecon.ct.backprojection import filtered_backprojection
from medrecon.ct.counts import line_integrals_of, transmitted, with_electronic_noise
from medrecon.ct.dose import Scanner
from medrecon.ct.hounsfield import to_attenuation, to_hounsfield
from medrecon.operators.fan_beam import FanGeometry
from medrecon.simulate.ct.inserts import Inserts
from medrecon.simulate.ct.phantom import LEVELS, Level, draw_trunk
from medrecon.volume import AIR, Volume

DOSE = 0.25
MATRIX, FINER, FIELD_MM, SLICE_MM = 512, 4, 400.0, 3.0
RAYS = 2
"""Rays a detector element."""
HIGHEST = 3071.0
"""HU: the top of the 12 bits that CT slices are stored with."""
SEED = 1
"""Both bodies had contrast agent."""


@final
@dataclass(frozen=True, eq=False)
class DemoCt:
    """The demo: `low` at `dose` and `truth` are stacks of one abdomen and one chest, 3 mm thick.

    `inserts` `(slice, y, x)` uint8 numbers the low-contrast inserts of each slice, 0 outside them; insert i + 1 has
    `diameters_mm[slice, i]` and `contrasts_hu[slice, i]`.
    """

    low: Volume
    truth: Volume
    inserts: Tensor
    diameters_mm: Tensor
    contrasts_hu: Tensor
    dose: float


def demo_ct_path() -> Path:
    """The embedded demo, HDF5; `make_demo_ct` writes the same again."""
    return Path(str(files("medrecon.simulate.ct") / "demo.h5"))


def load_demo() -> DemoCt:
    """Read the embedded demo."""
    with h5py.File(demo_ct_path()) as file:
        found = {name: torch.from_numpy(np.asarray(file[name])) for name in file}
        voxel_mm, dose = np.asarray(file.attrs["voxel_mm"]), float(np.asarray(file.attrs["dose"]))
    affine = np.eye(4)
    affine[:3, :3] = np.fliplr(np.diag(voxel_mm[::-1]))  # (slice, y, x) to (left, posterior, head)
    affine[:2, 3] = -(found["low"].shape[-1] - 1) / 2 * voxel_mm[:0:-1]
    return DemoCt(
        low=Volume(found["low"].float(), affine, "demo_ct"),
        truth=Volume(found["truth"].float(), affine, "demo_ct_truth"),
        inserts=found["inserts"],
        diameters_mm=found["insert_diameters_mm"],
        contrasts_hu=found["insert_contrasts_hu"],
        dose=dose,
    )


def make_demo_ct(path: str | Path, seed: int = SEED) -> Path:
    """Write the demo drawn from `seed`: datasets `low`, `truth` int16 HU, `inserts`, and the table of the inserts."""
    slices = [demo_slice(level, seed) for level in reversed(LEVELS)]
    pixel = FIELD_MM / MATRIX
    with whole_file(Path(path)) as temporary, h5py.File(temporary, "w") as file:
        for name in ("low", "truth", "inserts"):
            stack = np.stack([getattr(s, name) for s in slices])
            file.create_dataset(name, data=stack, chunks=(1, *stack.shape[1:]), shuffle=True, compression=9)
        file["insert_diameters_mm"] = np.array([s.drawn.diameters_mm for s in slices], np.float32)
        file["insert_contrasts_hu"] = np.array([s.drawn.contrasts_hu for s in slices], np.float32)
        file.attrs.update(
            voxel_mm=[SLICE_MM, pixel, pixel],
            dose=DOSE,
            levels=list(reversed(LEVELS)),
            reference="noise-free filtered backprojection of the same rays",
            seed=seed,
        )
    return Path(path)


@final
@dataclass(frozen=True, eq=False)
class DemoSlice:
    """`low`, `truth` int16 HU and `inserts` uint8, each `(y, x)`; `drawn` says what the inserts are."""

    low: np.ndarray
    truth: np.ndarray
    inserts: np.ndarray
    drawn: Inserts


def demo_slice(level: Level, seed: int, matrix: int = MATRIX, scanner: Scanner | None = None) -> DemoSlice:
    """Draw, scan and reconstruct one slice of `matrix` x `matrix` pixels; smaller than 512 for tests."""
    scanner = scanner or Scanner()
    assert isinstance(scanner.geometry, FanGeometry)
    pixel = FIELD_MM / matrix
    trunk = draw_trunk(level, FINER * matrix, pixel / FINER, seed)
    p = _line_integrals(torch.from_numpy(trunk.hu).float(), pixel / FINER, scanner.geometry)
    generator = torch.Generator().manual_seed(2 * seed + LEVELS.index(level))
    air = DOSE * scanner.photons
    counts = with_electronic_noise(transmitted(p, air, generator), scanner.electronic, generator)
    projector = scanner.geometry.projector((matrix, matrix), (pixel, pixel))
    backproject = filtered_backprojection(projector, scanner.kernel, scanner.cutoff)
    along = (torch.arange(matrix) - (matrix - 1) / 2) * pixel
    seen = torch.hypot(along[:, None], along) < scanner.geometry.field_mm / 2
    low, truth = (_stored(backproject(data), seen) for data in (line_integrals_of(counts, air), p))
    coarse = torch.from_numpy(trunk.inserts.labels[FINER // 2 :: FINER, FINER // 2 :: FINER].copy())
    return DemoSlice(low, truth, coarse.numpy(), trunk.inserts)


def _line_integrals(hu: Tensor, pixel_mm: float, geometry: FanGeometry) -> Tensor:
    """What the detector reads of a fine object: the logarithm of the mean transmission over each element."""
    rays = replace(
        geometry, detectors=RAYS * geometry.detectors, pitch=geometry.pitch / RAYS, offset=RAYS * geometry.offset
    )
    p = rays.projector((hu.shape[0], hu.shape[1]), (pixel_mm, pixel_mm))(to_attenuation(hu))
    return math.log(RAYS) - torch.logsumexp(-p.unflatten(-1, (-1, RAYS)), -1)


def _stored(mu: Tensor, seen: Tensor) -> np.ndarray:
    """int16 HU as scanners store them: what not all views saw is padding."""
    hu = torch.where(seen, to_hounsfield(mu).round().clamp(AIR, HIGHEST), AIR)
    return hu.to(torch.int16).numpy()
