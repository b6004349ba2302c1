"""A derived series: one CT image a slice, in the geometry and the number format of the source, as DICOM part 10."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from medrecon.errors import InputError
from medrecon.io.ct_frames import Frame, read_frames
from medrecon.io.derived_header import derived_header
from medrecon.io.derived_pixels import stored_numbers
from medrecon.io.dicom import UNREADABLE, quietly
from medrecon.volume import DicomSource, Volume

if TYPE_CHECKING:
    from pydicom import Dataset

    from medrecon.io.derivation import Derivation


def write_series(
    values: Tensor, like: Volume, source: DicomSource, folder: Path, derivation: Derivation, *, keep_identity: bool
) -> None:
    """Write `(slice, y, x)` HU into `folder`, a file a slice; raises InputError where the source has changed."""
    from pydicom.uid import generate_uid

    series, reference = generate_uid(), generate_uid()
    hu = values.detach().cpu().numpy()
    padding = [None] * len(hu) if like.padding is None else like.padding.cpu().numpy()
    numbers = _numbers(source)
    with quietly():
        for i, (frame, whole) in enumerate(_sources(source)):
            if frame.stored.shape != hu[i].shape:
                raise InputError(f"{frame.file}: has changed since it was read; expected {hu[i].shape}: read it again")
            header = derived_header(frame, whole, derivation, series, numbers[i], keep_identity=keep_identity)
            if not header.get("FrameOfReferenceUID"):
                header.FrameOfReferenceUID = reference
            stored = stored_numbers(hu[i], frame, padding[i])
            try:
                write_part(header, stored, folder / f"{i + 1:04d}.dcm")
            except (ValueError, TypeError, AttributeError) as error:
                raise InputError(
                    f"{frame.file}: its header cannot be carried over ({type(error).__name__}); write .nii.gz instead"
                ) from error


def _numbers(source: DicomSource) -> Sequence[int]:
    """The source's instance numbers, so that viewers show both the same way round; counted where these do not serve."""
    given = [part.number for part in source.slices]
    return given if len(set(given)) == len(given) and min(given) > 0 else range(1, len(given) + 1)


def _sources(source: DicomSource) -> Iterator[tuple[Frame, Dataset]]:
    """Frame by frame, with the whole header of its file; a multi-frame file is read once."""
    import pydicom

    file: Path | None = None
    frames: list[Frame] = []
    whole = pydicom.Dataset()
    for part in source.slices:
        if part.file != file:
            file = part.file
            try:
                frames, whole = read_frames(file), pydicom.dcmread(file, stop_before_pixels=True)
            except UNREADABLE as error:
                raise InputError(
                    f"{file}: the source cannot be read any more ({type(error).__name__}); put it back where it was"
                ) from error
        yield frames[part.frame], whole


def write_part(header: Dataset, stored: NDArray[np.integer], path: Path) -> None:
    """One file: uncompressed, little endian."""
    from pydicom.dataelem import DataElement
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    header.HighBit = int(header.BitsStored) - 1
    pixels = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    header.add(DataElement("PixelData", "OW", pixels + b"\0" * (len(pixels) % 2)))
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.save_as(path, enforce_file_format=True)
