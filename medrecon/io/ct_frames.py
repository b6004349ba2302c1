"""One frame of CT as one flat header, whether it is a file of its own or part of a multi-frame (Enhanced CT) object."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medrecon.errors import InputError
from medrecon.io.dicom import UNREADABLE

if TYPE_CHECKING:
    from pydicom import Dataset

GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


@dataclass(frozen=True, eq=False)
class Frame:
    """A slice: where it stands, its header without pixels (functional groups merged in), and its stored numbers."""

    file: Path
    index: int
    header: Dataset
    stored: NDArray[np.integer]

    @property
    def number(self) -> int:
        """Instance number, of a multi-frame object the frame's; 0 where there is none."""
        return self.index + 1 if self.is_part else int(self.header.get("InstanceNumber") or 0)

    @property
    def is_part(self) -> bool:
        """Whether the file is a multi-frame object."""
        return "NumberOfFrames" in self.header


def read_frames(file: Path) -> list[Frame]:
    """The frames of a file; raises InputError where its pixels are compressed and no decoder is at hand."""
    import pydicom

    part = pydicom.dcmread(file)
    headers = headers_of(part)
    check_decoder(part)
    if int(part.get("SamplesPerPixel") or 1) != 1:
        raise InputError("its pixels are colours, not grey values (MONOCHROME2); give the original images")
    if "PixelData" not in part:
        raise InputError("its pixels are no whole numbers or are missing; give the original images")
    pictures = part.pixel_array
    pictures = pictures if pictures.ndim == 3 else pictures[None]
    if len(pictures) != len(headers):
        raise InputError(f"{len(pictures)} frames of pixels and {len(headers)} of geometry; export it again")
    return [Frame(file, i, header, pictures[i]) for i, header in enumerate(headers)]


def headers_of(part: Dataset) -> list[Dataset]:
    """One flat header a frame, without pixels and without the groups; of a classic file its own."""
    own = _without(part, (*PIXELS, *GROUPS))
    if GROUPS[1] not in part:
        if int(part.get("NumberOfFrames") or 1) > 1:
            raise InputError("a multi-frame object that does not say where its frames lie; convert it to NIfTI")
        return [own]
    shared = part.get(GROUPS[0]) or ()
    return [_flat(own, [*shared, frame]) for frame in part.PerFrameFunctionalGroupsSequence]


def check_decoder(part: Dataset) -> None:
    """Raises InputError for compressed pixels that none of the installed packages can decode."""
    from pydicom.pixels.decoders.base import get_decoder

    syntax = part.file_meta.TransferSyntaxUID
    try:
        ready = get_decoder(syntax).is_available
    except NotImplementedError:
        ready = False
    if not ready:
        raise InputError(
            f"its pixels are compressed ({syntax.name}), and no decoder for that is installed; "
            "export it uncompressed, or pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"
        )


def _flat(own: Dataset, groups: Sequence[Dataset]) -> Dataset:
    """Macros of functional groups hold one item each, whose elements are those of the classic header."""
    from pydicom import Dataset as Header

    flat = Header()
    flat.update(own)
    for group in groups:
        for macro in group:
            if macro.VR == "SQ" and not macro.tag.is_private and macro.value:
                flat.update(_without(macro.value[0], ()))
    if "FrameType" in flat:
        flat.ImageType = [*(own.get("ImageType") or ()), *flat.FrameType]
    return flat


def _without(part: Dataset, names: Sequence[str]) -> Dataset:
    """The public elements but `names`. Those that cannot be understood are left out: most of them do not matter."""
    from pydicom import Dataset as Header
    from pydicom.datadict import tag_for_keyword

    left_out = {tag_for_keyword(name) for name in names}
    kept = Header()
    for tag in part.keys():  # noqa: SIM118 - iterating a Dataset converts its elements
        if tag not in left_out and not tag.is_private:
            with suppress(*UNREADABLE):
                kept[tag] = part[tag]
    return kept
