"""What the last digit does to coil maps where two maps explain a pixel alike, and to the image there.

python benchmarks/maps_at_ties.py OUT.json [--volume 4] [--slice 3] [--turns 12] [--folder DIR]

One slice of a file of benchmarks/batch_speed.py (R 4, `spirit` with the large prior, on the CPU), calibrated again and
again with the virtual coils turned by phases that no eigenvalue routine promises and no map should know of: pixels
whose map changes, with the two largest eigenvalues there, and what becomes of the image by the first turn that changes
the map of `PLACE`. Places are `(y, x)` of the cropped image, differences in units of the slice's brightest pixel.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from batch_speed import ACCEL, make_volumes
from torch import Tensor

from medrecon.bench.stale import commit
from medrecon.calibration import build, build_problem, compression, volume_scale
from medrecon.calibration.compress import Compression
from medrecon.calibration.espirit import KERNEL, correlation_taps, noise_edge, signal_projector
from medrecon.calibration.windows import window_gram
from medrecon.crop import centre_crop
from medrecon.io import load, write_json
from medrecon.masks.undersampling import Undersampling
from medrecon.mri.spirit import Spirit
from medrecon.networks import load_prior
from medrecon.operators.spirit import tap_images
from medrecon.problem import Problem
from medrecon.provenance import versions
from medrecon.scan import Scan

CHANGED = 0.01
"""1 - |<S, S'>| above which a map has changed; rounding stays below 1e-4 in the object."""
DIFFERENT = 0.01
PLACE = [5, 131]
"""Where `medrecon batch` and a loop of `medrecon mri` on an H100 differed most: file 4, slice 3."""


def main() -> None:
    given = _given()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        sizes = Namespace(volumes=given.volume + 1, slices=16, readout=640, lines=368, coils=15)
        path = make_volumes(Path(name) / "in", sizes)[given.volume]
        scan = Undersampling(accel=float(ACCEL)).of(load(path))
        scale, one = volume_scale(scan), scan.slices(given.slice, given.slice + 1)
    plain = calibrated(one, scale, given.slice, None)
    turns = [calibrated(one, scale, given.slice, seed) for seed in range(given.turns)]
    found = [changed(plain, turn, one, seed) for seed, turn in enumerate(turns)]
    first = next((seed for seed, pixels in enumerate(found) if any(p["at"] == PLACE for p in pixels)), None)
    head = {"commit": commit(), "versions": versions(torch.device("cpu")), "accel": float(ACCEL)}
    what = {"volume": given.volume, "slice": given.slice, "turns": found, "imaged_turn": first}
    image = {} if first is None else {"image": compared(plain, turns[first], one)}
    write_json({**head, **what, **image}, given.out)


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    for name, value in (("volume", 4), ("slice", 3), ("turns", 12)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--folder", type=Path)
    return parser.parse_args()


def calibrated(scan: Scan, scale: float, number: int, seed: int | None) -> Problem:
    """`scan`, one slice, with its virtual coils turned by random phases; None leaves them as they come."""
    if seed is None:
        return build_problem(scan, scale=scale, first_slice=number)
    with turned(seed):
        return build_problem(scan, scale=scale, first_slice=number)


@contextmanager
def turned(seed: int) -> Iterator[None]:
    """Coil compression whose eigenvectors have other phases, as another library's would."""

    def other(kspace: Tensor, acs: tuple[int, int], coils: int) -> Compression:
        plain = compression(kspace, acs, coils)
        return replace(plain, matrix=phases(coils, seed)[:, None] * plain.matrix)

    with patch.object(build, "compression", other):
        yield


def phases(coils: int, seed: int) -> Tensor:
    return torch.exp(2j * math.pi * torch.rand(coils, generator=torch.Generator().manual_seed(seed)))


def changed(plain: Problem, turn: Problem, scan: Scan, seed: int) -> list[dict[str, Any]]:
    """Pixels inside the support whose maps are others, the phases taken out again, and their leading eigenvalues."""
    back = turn.maps[0] * phases(turn.maps.shape[1], seed).conj()[:, None, None]
    loss = 1 - (plain.maps[0].conj() * back).sum(0).abs()
    far = ((loss > CHANGED) & plain.support[0]).nonzero().tolist()
    assert scan.crop is not None
    dy, dx = (n // 2 - m // 2 for n, m in zip(loss.shape, scan.crop, strict=True))
    return [
        {"at": [y - dy, x - dx], "loss": float(loss[y, x]), "eigenvalues": eigenvalues(plain, y, x)} for y, x in far
    ]


def eigenvalues(problem: Problem, y: int, x: int) -> list[float]:
    """The two largest of ESPIRiT's matrix at a pixel."""
    size = (KERNEL, KERNEL)
    gram = window_gram(centre_crop(problem.kspace, problem.acs), size)
    floor = noise_edge(problem.noise, gram.shape[-1], problem.acs, size)
    taps = correlation_taps(signal_projector(gram, 0.0, floor), size)
    matrix = tap_images(taps, problem.image_shape[1:], slice(y, y + 1))[0, :, :, 0, x]
    return torch.linalg.eigvalsh(matrix).flip(0)[:2].tolist()


def compared(plain: Problem, turn: Problem, scan: Scan) -> dict[str, Any]:
    """Magnitudes of `spirit` from both calibrations."""
    prior = load_prior("mri-image", plain.device)
    one, other = (Spirit().solve(p, prior=prior).image.abs() for p in (plain, turn))
    assert scan.crop is not None
    one, other = (centre_crop(image, scan.crop)[0] for image in (one, other))
    error = (other - one).abs() / one.max()
    place = divmod(int(error.argmax()), error.shape[1])
    return {
        "largest_difference": float(error.max()), "largest_at": place,
        "rms_difference": float(error.square().mean().sqrt()),
        "pixels_above_a_hundredth": int((error > DIFFERENT).sum()),
    }  # fmt: skip


if __name__ == "__main__":
    main()
