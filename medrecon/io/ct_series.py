"""CT series in DICOM, classic or Enhanced, as a `Volume`: HU by slope and intercept, padding set apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from medrecon.errors import InputError
from medrecon.grid import Grid
from medrecon.io.ct_fill import fill_value
from medrecon.io.ct_frames import Frame, headers_of, read_frames
from medrecon.io.ct_numbers import hounsfield, padding_range
from medrecon.io.dicom import (
    NO_IMAGE,
    UNREADABLE,
    SeriesFiles,
    check_pictures,
    find_series,
    is_dicom,
    quietly,
)
from medrecon.io.stack_geometry import stack_geometry
from medrecon.volume import AIR, DicomSource, SliceFile, Volume

ENDINGS = (".dcm", ".ima", ".dicom")
SHOWN = 3


def load_series(path: Path, modality: str = "CT") -> Volume:
    """The volume of a folder, or of the series that the file `path` belongs to; raises InputError."""
    series = _series_at(path)
    try:
        return volume_of(series, modality)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error.__cause__


def volume_of(series: SeriesFiles, modality: str = "CT") -> Volume:
    """The volume of a series that `find_series` found; raises InputError where its slices do not make one."""
    if series.modality != modality:
        raise InputError(
            f"a series of modality {series.modality or 'unknown'}; expected {modality}: give a series of it"
        )
    try:
        with quietly():
            return _volume(_frames(series), modality)
    except InputError:
        raise
    except UNREADABLE as error:
        raise InputError(
            f"its pixels or geometry cannot be read ({type(error).__name__}), cut off?; copy or export it again"
        ) from error


def series_grid(path: Path) -> Grid:
    """Where the voxels of `load_series` lie, by the headers alone; raises InputError."""
    import pydicom

    series = _series_at(path)
    try:
        with quietly():
            parts = [pydicom.dcmread(file, stop_before_pixels=True) for file in series.files]
            frames = {(str(part.SOPInstanceUID), i): h for part in parts for i, h in enumerate(headers_of(part))}
            headers = list(frames.values())
            _, affine = stack_geometry(headers, may_shear=True)
            return Grid((len(headers), int(headers[0].Rows), int(headers[0].Columns)), affine)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error.__cause__
    except UNREADABLE as error:
        raise InputError(f"{path}: its geometry cannot be read ({type(error).__name__}); export it again") from error


def _series_at(path: Path) -> SeriesFiles:
    """The one series of a folder, or all files beside `path` that belong to its series."""
    series, refused = find_series(dicom_files(path))
    for file, why in refused:
        if _lost_image(file):
            raise InputError(f"{file}: its header is cut off; copy it again")
        if why != NO_IMAGE or file == path:
            raise InputError(f"{file}: {why}; expected a slice of CT")
    if path.is_file():
        return next(found for found in series if path in found.files)
    if not series:
        raise InputError(f"{path}: the folder holds no DICOM image; expected a CT series: give the folder of one")
    if len(series) > 1:
        raise InputError(
            f"{path}: holds {len(series)} series ({_listed(series)}); name a file of the one that is meant"
        )
    return series[0]


def dicom_files(path: Path) -> list[Path]:
    """The files that can belong to the series; one that is called DICOM and is none was cut off, and no gap."""
    files = path.rglob("*") if path.is_dir() else path.parent.iterdir()
    visible = [file for file in sorted(files) if file == path or (file.is_file() and not file.name.startswith("."))]
    dicom = [file for file in visible if is_dicom(file)]
    broken = next((f for f in visible if f.name.lower().endswith(ENDINGS) and f not in set(dicom)), None)
    if broken is not None:
        raise InputError(f"{broken}: has no DICOM header, cut off?; expected a slice of the series: copy it again")
    return dicom


def _lost_image(file: Path) -> bool:
    """Whether a file without an image should be one of CT; reports and directories beside the images should not."""
    from pydicom.filereader import read_file_meta_info

    with quietly():
        try:
            kind = read_file_meta_info(file).get("MediaStorageSOPClassUID")
        except UNREADABLE:
            kind = None
    return kind is None or ("CT" in kind.name and "Image Storage" in kind.name)


def _listed(series: Sequence[SeriesFiles]) -> str:
    shown = [f"{s.modality or '?'} of {len(s.files)}, {s.files[0].name} first" for s in series[:SHOWN]]
    return "; ".join(shown) + ("; ..." if len(series) > SHOWN else "")


def _frames(series: SeriesFiles) -> list[Frame]:
    """Every frame of the series once, whatever copies there are."""
    found: dict[tuple[str, int], Frame] = {}
    for file in series.files:
        for frame in read_frames(file):
            found.setdefault((str(frame.header.SOPInstanceUID), frame.index), frame)
    return list(found.values())


def _volume(frames: list[Frame], modality: str) -> Volume:
    headers = [frame.header for frame in frames]
    if any("LOCALIZER" in {str(word).upper() for word in h.get("ImageType") or ()} for h in headers):
        raise InputError("a scout (ImageType LOCALIZER); expected slices: give the axial series without it")
    check_pictures(headers)
    if len({str(h.get("FrameOfReferenceUID", "")) for h in headers}) > 1:
        raise InputError("its slices have several frames of reference; give one acquisition a series")
    order, affine = stack_geometry(headers, may_shear=True)
    frames = [frames[i] for i in order]
    values = np.empty((len(frames), *frames[0].stored.shape), np.float32)
    for i, frame in enumerate(frames):
        values[i] = hounsfield(frame.stored, frame.header)
    padding, fill = _padding(frames, values)
    values[padding] = AIR
    return Volume(
        torch.from_numpy(values),
        affine,
        name=f"{modality} series",  # names of folders and descriptions of series name patients
        padding=torch.from_numpy(padding) if padding.any() else None,
        fill=fill,
        source=DicomSource(tuple(SliceFile(f.file, f.index, f.number) for f in frames)),
    )


def _padding(frames: Sequence[Frame], values: NDArray[np.float32]) -> tuple[NDArray[np.bool_], float]:
    """Where the scanner never measured, and the HU that stood there; files without the tag are guessed from values."""
    padding = np.zeros(values.shape, bool)
    ranges = [padding_range(frame.header) for frame in frames]
    if not any(ranges):
        fill = fill_value(values)
        return (padding, AIR) if fill is None else (values == fill, fill)
    for i, (frame, ends) in enumerate(zip(frames, ranges, strict=True)):
        if ends is not None:
            padding[i] = (frame.stored >= ends[0]) & (frame.stored <= ends[1])
    found = values[padding]
    return padding, min(float(found.min()), AIR) if found.size else AIR
