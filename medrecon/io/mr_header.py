"""The header of an MR image that was reconstructed from raw data: place, measurement, how it was made, and no name
unless it was asked for. Elements come from facts of the raw data's header by name; there is no source image to copy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medrecon.io.derived_header import describe_derivation, mark_removed

if TYPE_CHECKING:
    from pydicom import Dataset

    from medrecon.io.derivation import Derivation

ACQUISITION = {
    "tr_ms": "RepetitionTime", "te_ms": "EchoTime", "ti_ms": "InversionTime", "flip_deg": "FlipAngle",
    "field_strength_t": "MagneticFieldStrength", "slice_thickness_mm": "SliceThickness",
}  # fmt: skip
"""Numbers of the measurement, by the name of the fact."""
EQUIPMENT = {"vendor": "Manufacturer", "model": "ManufacturerModelName", "patient_position": "PatientPosition"}
IDENTITY = {
    "patient_name": "PatientName", "patient_id": "PatientID", "patient_birthdate": "PatientBirthDate",
    "patient_sex": "PatientSex", "study_uid": "StudyInstanceUID", "study_date": "StudyDate", "study_time": "StudyTime",
    "study_id": "StudyID", "accession_number": "AccessionNumber", "referring_physician": "ReferringPhysicianName",
    "study_description": "StudyDescription", "body_part": "BodyPartExamined", "protocol": "ProtocolName",
    "frame_of_reference_uid": "FrameOfReferenceUID", "institution": "InstitutionName", "station": "StationName",
    "device": "DeviceSerialNumber",
}  # fmt: skip
SHORT = {"PatientSex": 1, "StudyID": 16, "AccessionNumber": 16, "BodyPartExamined": 16, "StationName": 16}
"""Characters that the element can hold, where these are fewer than 64."""
WRITTEN = {"DA": r"\d{8}", "TM": r"\d{2,6}(\.\d{1,6})?", "UI": r"\d+(\.\d+){1,30}"}
"""Dates without their hyphens, times without their colons, identifiers."""
EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName", "SeriesNumber", "Manufacturer", "PositionReferenceIndicator",
    "Laterality", "PatientPosition", "ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime",
    "EchoTrainLength", "SliceThickness",
)  # fmt: skip
"""Of type 2: there, and empty where unknown."""
POSITIONS = ("HFP", "HFS", "HFDR", "HFDL", "FFDR", "FFDL", "FFP", "FFS")


def series_header(facts: Mapping[str, Any], derivation: Derivation, conditions: str, *, keep_identity: bool) -> Dataset:
    """What all images of a series share, new UIDs of study, series and frame of reference among it."""
    from pydicom import Dataset as Header
    from pydicom.uid import generate_uid

    made = Header()
    made.SpecificCharacterSet = "ISO_IR 192"
    for name, element in ACQUISITION.items():
        if isinstance(facts.get(name), int | float) and facts[name] > 0:
            setattr(made, element, decimal(float(facts[name])))
    for name, element in EQUIPMENT.items():
        if facts.get(name) and (element != "PatientPosition" or facts[name] in POSITIONS):
            setattr(made, element, str(facts[name])[:64])
    if keep_identity:
        _name(made, facts)
        made.StudyInstanceUID = made.get("StudyInstanceUID") or generate_uid()
    else:
        mark_removed(made, generate_uid(), retains_uids=False)
    made.FrameOfReferenceUID = made.get("FrameOfReferenceUID") or generate_uid()
    for element in EMPTY:
        if element not in made:
            setattr(made, element, None)
    made.Modality, made.SeriesInstanceUID = "MR", generate_uid()
    made.SeriesDescription = f"medrecon {derivation.method}"[:64]
    made.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    made.ScanningSequence, made.SequenceVariant = "RM", "NONE"  # what raw data do not tell: research mode
    made.MRAcquisitionType = "3D" if "3-D" in str(facts.get("slices")) else "2D"
    describe_derivation(made, derivation, f"reconstructed from raw data by {derivation.method}", conditions)
    return made


def image_header(shared: Dataset, number: int, affine: NDArray[np.float64] | None, step: float | None) -> Dataset:
    """One image's own: UID, number and place.

    `affine` is that of the slice, index (0, y, x, 1) to mm; `step` is the distance of slices in mm. Without an affine
    the image is a secondary capture, which claims no orientation: a viewer shows no letters beside it.
    """
    from copy import deepcopy

    from pydicom.uid import MRImageStorage, SecondaryCaptureImageStorage, generate_uid

    made = deepcopy(shared)
    made.SOPInstanceUID, made.InstanceNumber = generate_uid(), number
    if affine is None:
        made.SOPClassUID, made.ConversionType = SecondaryCaptureImageStorage, "WSD"
        made.PatientOrientation = None
        for element in ("FrameOfReferenceUID", "PositionReferenceIndicator", "SliceThickness"):
            del made[element]
        return made
    made.SOPClassUID = MRImageStorage
    if step is not None:
        made.SpacingBetweenSlices = decimal(step)
    x, y = (affine[:3, axis] / np.linalg.norm(affine[:3, axis]) for axis in (2, 1))
    made.ImageOrientationPatient = [decimal(v) for v in (*x, *y)]
    made.ImagePositionPatient = [decimal(v) for v in affine[:3, 3]]
    return made


def pixel_module(made: Dataset, shape: tuple[int, int], spacing: tuple[float, float] | None, slope: float) -> None:
    """Unsigned 16-bit numbers; the value is the number times the slope."""
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows, made.Columns = shape
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit, made.PixelRepresentation = 15, 0
    made.RescaleIntercept, made.RescaleSlope, made.RescaleType = "0", decimal(slope), "US"
    if spacing is not None:
        made.PixelSpacing = [decimal(mm) for mm in spacing]


def decimal(value: float) -> str:
    """A decimal string of at most 16 characters, to the last digit that fits."""
    return next(text for digits in range(15, 0, -1) if len(text := f"{value:.{digits}g}") <= 16)


def _name(made: Dataset, facts: Mapping[str, Any]) -> None:
    """Whom, where and when, in the words of the raw data's header; what DICOM cannot hold is left out."""
    from pydicom.datadict import dictionary_VR

    for name, element in IDENTITY.items():
        text = str(facts.get(name) or "").strip()
        kind = dictionary_VR(element)
        if kind in WRITTEN:
            text = text.replace("-", "").replace(":", "")
            text = text if re.fullmatch(WRITTEN[kind], text) else ""
        if text:
            setattr(made, element, text.upper()[:1] if element == "PatientSex" else text[: SHORT.get(element, 64)])
