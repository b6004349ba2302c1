"""Readouts become a `Scan`: oversampling removed, a 3-D volume cut into slices that are 2-D problems.

Slices of k-space are (y, x) = (readout, phase), as in fastMRI's files. Of a 3-D volume whose partitions are all there,
the slices are the partitions, after a transform along them. Where partitions are missing, the whole readout is
transformed instead: each of its points is a slice with two phase axes (y, x) = (partition, phase) and one mask.
Both are exact, and keep white noise white.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from medrecon.crop import centred
from medrecon.errors import InputError
from medrecon.io import datasets
from medrecon.io.fastmri import remove_oversampling, resample_readout
from medrecon.io.lattice import Sampling, detect_sampling
from medrecon.io.raw.grid import Grid, covered, on_grid
from medrecon.io.raw.place import block, stack
from medrecon.io.raw.readouts import Encoding, Readouts
from medrecon.operators import ifft2c
from medrecon.placed_scan import PlacedScan, moved


def scan_of(readouts: Readouts, encoding: Encoding, path: Path, facts: Mapping[str, Any]) -> tuple[PlacedScan, Grid]:
    """The scan, and the grid that it was made of; raises InputError for what is no Cartesian volume."""
    grid = on_grid(readouts, encoding, path)
    return scan_of_grid(grid, encoding, path, facts, readouts), grid


def scan_of_grid(
    grid: Grid, encoding: Encoding, path: Path, facts: Mapping[str, Any], readouts: Readouts | None = None
) -> PlacedScan:
    """The scan of k-space that lies on its grid already; without `readouts` nobody knows its place."""
    slices, _, partitions = grid.kspace.shape[:3]
    if slices > 1 and partitions > 1:
        raise InputError(
            f"{path}: holds {slices} slabs of {partitions} partitions; one volume is read: store a slab a file"
        )
    if partitions == 1:
        scan = _slices(readouts, encoding, grid, path, facts)
    elif bool((grid.points == grid.points[:1]).all()):
        scan = _partitions_as_slices(readouts, encoding, grid, path, facts)
    else:
        scan = _readout_as_slices(readouts, encoding, grid, path, facts)
    return replace(scan, name=path.stem)


def _slices(
    readouts: Readouts | None, encoding: Encoding, grid: Grid, path: Path, facts: Mapping[str, Any]
) -> PlacedScan:
    """2-D slices in the order in which they stand."""
    order, affine, step, why = stack(readouts, encoding, grid)
    kspace = datasets.as_kspace(grid.kspace[order, :, 0], path)
    scan = _two_dimensional(kspace, torch.from_numpy(grid.points[0]), encoding, path)
    if affine is not None:
        affine = moved(affine, (0, centred(encoding.encoded.matrix[0], scan.matrix[0]).start, 0))
    thickness = encoding.shown.fov_mm[2] or encoding.encoded.fov_mm[2]
    header = {**facts, **_thickness(thickness), "place": why}
    return replace(scan, affine=affine, slice_mm=step, header=header)


def _thickness(mm: float | None) -> dict[str, float]:
    """Of the excited slice, which is not the distance of slices."""
    return {} if mm is None else {"slice_thickness_mm": mm}


def _two_dimensional(kspace: Tensor, points: Tensor, encoding: Encoding, path: Path) -> PlacedScan:
    """A scan of `(slice, coil, readout, phase)`, its readout cropped to the field of view that is shown."""
    sampling = _sampling(points, encoding, path)
    wanted = encoding.shown_voxels(0)
    if sampling.phase_axes == ("x",) and wanted < kspace.shape[-2]:
        kspace = remove_oversampling(kspace * sampling.mask, wanted)
        sampling = resample_readout(sampling, wanted)
    crop = min(encoding.shown_voxels(0), kspace.shape[-2]), encoding.shown_voxels(1)
    readout, phase, _ = encoding.voxel_mm
    return PlacedScan(
        kspace=kspace * sampling.mask,
        mask=sampling.mask,
        lattice=sampling.lattice,
        phase_axes=sampling.phase_axes,
        voxel_mm=None if readout is None or phase is None else (readout, phase),
        crop=crop,
    )


def _sampling(points: Tensor, encoding: Encoding, path: Path) -> Sampling:
    """Whole lines on the steps that the protocol covers, or as detected where the header does not tell."""
    steps = torch.from_numpy(covered(points.shape[1], encoding.phase))
    sampling = detect_sampling(_within(points, steps, path), ("x",))
    if encoding.phase is None:
        return sampling
    return Sampling(sampling.mask, sampling.lattice.any(1, keepdim=True) & steps, sampling.phase_axes)


def _within(points: Tensor, steps: Tensor, path: Path) -> Tensor:
    """The sampled points on steps that the protocol covers; raises InputError for none."""
    if not bool((points & steps).any()):
        raise InputError(f"{path}: no readout lies within the encoding limits; mend the header")
    return points & steps


def _partitions_as_slices(
    readouts: Readouts | None, encoding: Encoding, grid: Grid, path: Path, facts: Mapping[str, Any]
) -> PlacedScan:
    """Every partition has the same lines: the transform along them leaves slices of one mask."""
    volume = datasets.as_kspace(grid.kspace[0], path)  # (coil, partition, readout, phase)
    kept = centred(volume.shape[1], encoding.shown_voxels(2))
    kspace = ifft2c(volume, (1,))[:, kept].transpose(0, 1).contiguous()
    scan = _two_dimensional(kspace, torch.from_numpy(grid.points[0]), encoding, path)
    affine, why = block(readouts, encoding, grid, ("partition", "readout", "phase"), (len(kspace), *scan.matrix))
    depth = encoding.voxel_mm[2]
    header = {**facts, "slices": "partitions of a 3-D volume", **_thickness(depth), "place": why}
    return replace(scan, affine=affine, slice_mm=depth, header=header)


def _readout_as_slices(
    readouts: Readouts | None, encoding: Encoding, grid: Grid, path: Path, facts: Mapping[str, Any]
) -> PlacedScan:
    """Each point of the readout, which is always whole, becomes a slice with two phase axes."""
    volume = datasets.as_kspace(grid.kspace[0], path)
    kept = centred(volume.shape[2], encoding.shown_voxels(0))
    kspace = ifft2c(volume, (2,))[:, :, kept].permute(2, 0, 1, 3).contiguous()
    points = torch.from_numpy(grid.points.any(1))
    steps = torch.from_numpy(
        covered(points.shape[0], encoding.partition)[:, None] & covered(points.shape[1], encoding.phase)[None]
    )
    sampling = detect_sampling(_within(points, steps, path), ("y", "x"))
    told = encoding.partition is not None and encoding.phase is not None
    elliptical = bool((sampling.mask == sampling.lattice).all())
    lattice = steps if told and not elliptical else sampling.lattice
    readout, phase, partition = encoding.voxel_mm
    matrix = (points.shape[0], points.shape[1])
    affine, why = block(readouts, encoding, grid, ("readout", "partition", "phase"), (len(kspace), *matrix))
    return PlacedScan(
        kspace=kspace * sampling.mask,
        mask=sampling.mask,
        lattice=lattice,
        phase_axes=sampling.phase_axes,
        voxel_mm=None if partition is None or phase is None else (partition, phase),
        slice_mm=readout,
        crop=(encoding.shown_voxels(2), encoding.shown_voxels(1)),
        header={**facts, "slices": "points of the readout of a 3-D volume", **_thickness(readout), "place": why},
        affine=affine,
    )
