"""Classic DICOM image series (one file a slice): values and geometry, and nothing of the patient.

Slices are ordered by their position along the normal of the image plane (DICOM PS3.3, C.7.6.2); file names and
instance numbers are not trusted. Multi-frame objects (Enhanced MR) are not read here; `ct_series` reads those of CT.
"""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medrecon.errors import InputError
from medrecon.io.stack_geometry import stack_geometry

if TYPE_CHECKING:
    from pydicom import Dataset

UNREADABLE = (OSError, EOFError, ValueError, KeyError, AttributeError, TypeError, RuntimeError, struct.error)
HEADER = ("SeriesInstanceUID", "PatientID", "Modality", "Rows")
NO_IMAGE = "a DICOM file without an image"


@dataclass(frozen=True)
class SeriesFiles:
    """The files of one series. `patient` is the PatientID: it tells subjects apart in memory and is never stored."""

    files: tuple[Path, ...]
    modality: str
    patient: str = field(repr=False)


@dataclass(frozen=True, eq=False)
class ImageSeries:
    """One volume of a series.

    Attributes
    ----------
    values : `(slice, y, x)` float32, rescale slope and intercept applied.
    affine : `(4, 4)` takes an index (slice, y, x, 1) to mm towards the patient's left, posterior and head.
    """

    values: NDArray[np.float32]
    affine: NDArray[np.float64]

    @property
    def voxel_mm(self) -> tuple[float, float, float]:
        """Voxel size (slice, y, x)."""
        z, y, x = np.linalg.norm(self.affine[:3, :3], axis=0).tolist()
        return z, y, x


def is_dicom(path: Path) -> bool:
    """Whether the file carries the prefix of DICOM part 10."""
    with path.open("rb") as file:
        file.seek(128)
        return file.read(4) == b"DICM"


def find_series(paths: Iterable[Path]) -> tuple[list[SeriesFiles], list[tuple[Path, str]]]:
    """DICOM files by series and patient, in the order in which series appear; and those that are none, with why."""
    found: dict[tuple[str, str], list[tuple[Path, str]]] = {}
    refused = []
    for path in paths:
        try:
            header = _header(path)
        except UNREADABLE as error:
            refused.append((path, f"its DICOM header cannot be read ({type(error).__name__}); copy it again"))
            continue
        if header is None:
            refused.append((path, NO_IMAGE))
            continue
        series, modality, who = header
        found.setdefault((series, who), []).append((path, modality))
    grouped = [SeriesFiles(tuple(path for path, _ in files), files[0][1], who) for (_, who), files in found.items()]
    return grouped, refused


def read_series(series: SeriesFiles) -> ImageSeries:
    """The volume of a series; raises InputError where its slices do not make one."""
    import pydicom

    try:
        with quietly():
            parts = {str(part.SOPInstanceUID): part for part in map(pydicom.dcmread, series.files)}
            slices = list(parts.values())
            check_parts(slices)
            order, affine = stack_geometry(slices)
            return ImageSeries(np.stack([rescaled(slices[i]) for i in order]), affine)
    except InputError:
        raise
    except UNREADABLE as error:
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"its pixels or geometry cannot be read ({type(error).__name__}: {reason}); export it again, uncompressed"
        ) from error


@contextmanager
def quietly() -> Iterator[None]:
    """Without warnings and log entries of odd values: they quote them, names of patients among them."""
    log = logging.getLogger("pydicom")
    before, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = before


def _header(path: Path) -> tuple[str, str, str] | None:
    """Series, modality and patient of a file, None if it holds no image."""
    import pydicom

    with quietly():
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(HEADER))
        if "Rows" not in header or "SeriesInstanceUID" not in header:
            return None
        return str(header.SeriesInstanceUID), str(header.get("Modality", "")), str(header.get("PatientID", "")).strip()


def check_pictures(slices: Sequence[Dataset]) -> None:
    """Grey values of one matrix and pixel size, and no text in the picture; raises InputError."""
    if any(p.get("PhotometricInterpretation") != "MONOCHROME2" for p in slices):
        raise InputError("its pixels are not grey values (MONOCHROME2); give the original images")
    if any(str(p.get("BurnedInAnnotation", "")).upper() == "YES" for p in slices):
        raise InputError("text is burned into its pixels, which may name the patient; give the original images")
    grids = {(int(p.Rows), int(p.Columns), *(round(float(s), 4) for s in p.get("PixelSpacing") or ())) for p in slices}
    if len(grids) > 1:
        raise InputError(f"its slices have {len(grids)} different matrices or pixel sizes; give one stack a series")


def check_parts(slices: Sequence[Dataset]) -> None:
    """One frame a file, no phase, and what holds for all pictures; raises InputError."""
    if any(int(p.get("NumberOfFrames") or 1) > 1 for p in slices):
        raise InputError("a multi-frame (enhanced) object; convert it to NIfTI")
    if any({"P", "PHASE", "PHASE MAP"} & {str(word).upper() for word in p.get("ImageType") or ()} for p in slices):
        raise InputError("phase images; give the magnitudes")
    check_pictures(slices)


def rescaled(part: Dataset) -> NDArray[np.float32]:
    """The pixels by slope and intercept."""
    slope, intercept = float(part.get("RescaleSlope") or 1), float(part.get("RescaleIntercept") or 0)
    return part.pixel_array.astype(np.float32) * np.float32(slope) + np.float32(intercept)
