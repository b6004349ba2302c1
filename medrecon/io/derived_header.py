"""The header of a derived CT image: what it keeps of its source, and what says that, how and from what it was made.

Elements are kept by name; whatever is not named here, private elements first of all, stays behind. Without identity
that is the Basic Application Confidentiality Profile of DICOM PS3.15 with one option: UIDs of source images and of the
frame of reference are retained, since without them nothing could be traced or laid over its source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medrecon.io.ct_frames import Frame

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import DataElement

    from medrecon.io.derivation import Derivation

IMAGE = (
    "PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "SliceThickness", "SpacingBetweenSlices",
    "SliceLocation", "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "PixelAspectRatio",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit",
    "RescaleIntercept", "RescaleSlope", "RescaleType", "WindowCenter", "WindowWidth", "VOILUTFunction",
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod", "BurnedInAnnotation",
)  # fmt: skip
"""Pixels and place."""
ACQUISITION = (
    "KVP", "ScanOptions", "DataCollectionDiameter", "ReconstructionDiameter", "ConvolutionKernel",
    "DistanceSourceToDetector", "DistanceSourceToPatient", "GantryDetectorTilt", "TableHeight", "RotationDirection",
    "ExposureTime", "XRayTubeCurrent", "Exposure", "FilterType", "GeneratorPower", "FocalSpots", "RevolutionTime",
    "SingleCollimationWidth", "TotalCollimationWidth", "TableSpeed", "TableFeedPerRotation", "SpiralPitchFactor",
    "ExposureModulationType", "CTDIvol", "CTDIPhantomTypeCodeSequence", "AcquisitionNumber", "PatientPosition",
    "PositionReferenceIndicator", "FrameOfReferenceUID", "Manufacturer", "ManufacturerModelName", "SoftwareVersions",
    "BodyPartExamined", "Laterality",
)  # fmt: skip
"""How the scanner measured; nothing of whom and when."""
STUDY = (
    "SpecificCharacterSet", "TimezoneOffsetFromUTC", "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID",
    "StudyDescription", "AccessionNumber", "IssuerOfAccessionNumberSequence", "ReferringPhysicianName",
    "ReferringPhysicianIdentificationSequence", "ConsultingPhysicianName",
    "ConsultingPhysicianIdentificationSequence", "PhysiciansOfRecord", "PhysiciansOfRecordIdentificationSequence",
    "NameOfPhysiciansReadingStudy", "PhysiciansReadingStudyIdentificationSequence", "RequestingService",
    "RequestingServiceCodeSequence", "ReferencedStudySequence", "ProcedureCodeSequence",
    "ReasonForPerformedProcedureCodeSequence", "ReferencedPatientSequence", "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence", "AdmissionID", "IssuerOfAdmissionIDSequence", "ReasonForVisit",
    "ReasonForVisitCodeSequence", "ServiceEpisodeID", "ServiceEpisodeDescription", "IssuerOfServiceEpisodeIDSequence",
    "PatientState",
)  # fmt: skip
"""The study and the patient's part in it, outside the patient's own groups."""
PLACE = (
    "InstitutionName", "InstitutionAddress", "InstitutionCodeSequence", "InstitutionalDepartmentName", "StationName",
    "DeviceSerialNumber", "OperatorsName", "PerformingPhysicianName", "ProtocolName", "AcquisitionDate",
    "AcquisitionTime", "AcquisitionDateTime", "ContrastBolusAgent", "ContrastBolusRoute",
    "LongitudinalTemporalInformationModified",
)  # fmt: skip
"""Who scanned, where and when: kept with the patient."""
PATIENT_GROUPS = (0x0010, 0x0012)
"""Patient, patient study, clinical trial, and what was done about identity."""
EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName", "SeriesNumber", "AcquisitionNumber", "KVP", "Manufacturer",
    "PositionReferenceIndicator", "SliceThickness",
)  # fmt: skip
"""Of type 2: there, and empty where unknown."""
SCHEME = "99MEDRECON"
LONGEST = 16
"""Characters of a decimal string."""


def derived_header(
    source: Frame, whole: Dataset, derivation: Derivation, series: str, number: int, *, keep_identity: bool
) -> Dataset:
    """A CT image (PS3.3, A.3) of series UID `series`; `whole` is the source file's own header, without pixels."""
    from pydicom import Dataset as Header
    from pydicom.uid import CTImageStorage, generate_uid

    made = Header()
    for name in (*IMAGE, *ACQUISITION):
        if name in source.header and source.header[name].value is not None:
            made[name] = _short(source.header[name])
    if keep_identity:
        _keep_identity(made, whole)
    else:
        mark_removed(made, str(whole.get("StudyInstanceUID") or whole.SeriesInstanceUID))
    for name in EMPTY:
        if name not in made:
            setattr(made, name, None)
    if "BodyPartExamined" not in made and "Laterality" not in made:
        made.Laterality = None  # type 2C: absent only where the part of the body is known to be single
    made.SOPClassUID, made.SOPInstanceUID, made.SeriesInstanceUID = CTImageStorage, generate_uid(), series
    made.Modality, made.InstanceNumber = "CT", number
    made.SeriesNumber = _series_number(whole)
    made.SeriesDescription = f"medrecon {derivation.method}"[:64]
    made.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    _say_how(made, source, derivation)
    return made


def _short(element: DataElement) -> DataElement:
    """Decimal strings in the 16 characters that the standard has for them; some exporters write more."""
    from pydicom.dataelem import DataElement
    from pydicom.valuerep import format_number_as_ds

    if element.VR != "DS":
        return element
    values = element.value if element.VM > 1 else [element.value]
    if all(len(str(value)) <= LONGEST for value in values):
        return element
    return DataElement(element.tag, "DS", [format_number_as_ds(float(value)) for value in values])


def _keep_identity(made: Dataset, whole: Dataset) -> None:
    for tag in whole.keys():  # noqa: SIM118 - iterating a Dataset converts its elements
        if tag.group in PATIENT_GROUPS:
            made[tag] = whole[tag]
    for name in (*STUDY, *PLACE):
        if name in whole:
            made[name] = whole[name]


def mark_removed(made: Dataset, study: str, *, retains_uids: bool = True) -> None:
    """A study of its own, since one study has one patient; the same for every series derived from one study."""
    from pydicom.uid import generate_uid

    made.StudyInstanceUID = generate_uid(entropy_srcs=["medrecon", study])
    made.PatientIdentityRemoved = "YES"
    uids = "; UIDs of sources retained" if retains_uids else ""
    made.DeidentificationMethod = f"medrecon: elements kept by name{uids}"
    profiles = [code("113100", "DCM", "Basic Application Confidentiality Profile")]
    made.DeidentificationMethodCodeSequence = (
        [*profiles, code("113110", "DCM", "Retain UIDs Option")] if retains_uids else profiles
    )
    made.LongitudinalTemporalInformationModified = "REMOVED"


def _say_how(made: Dataset, source: Frame, derivation: Derivation) -> None:
    """Derivation and its source image."""
    from pydicom import Dataset as Header

    describe_derivation(made, derivation, f"values made by {derivation.method}")
    reference = Header()
    reference.ReferencedSOPClassUID = source.header.SOPClassUID
    reference.ReferencedSOPInstanceUID = source.header.SOPInstanceUID
    if source.is_part:
        reference.ReferencedFrameNumber = source.index + 1
    reference.SpatialLocationsPreserved = "YES"
    reference.PurposeOfReferenceCodeSequence = [code("121322", "DCM", "Source image for image processing operation")]
    made.SourceImageSequence = [reference]


def describe_derivation(made: Dataset, derivation: Derivation, done: str, conditions: str = "") -> None:
    """What was done, with what, and the program as contributing equipment."""
    from pydicom import Dataset as Header

    weights = f", weights sha256 {derivation.weights}" if derivation.weights else ""
    made.DerivationDescription = (
        f"{derivation.method} of medrecon {derivation.version}{weights}{conditions}; "
        "research use only, not for diagnosis"
    )[:1024]
    name = derivation.method.split()[0]
    made.DerivationCodeSequence = [code(name[:16], SCHEME, name[:64], derivation.version)]
    if derivation.weights:
        made.DerivationCodeSequence.append(
            code(derivation.weights[:16], SCHEME, derivation.weights[:64], derivation.version)
        )
    program = Header()
    program.PurposeOfReferenceCodeSequence = [code("109102", "DCM", "Processing Equipment")]
    program.Manufacturer = "medrecon"
    program.SoftwareVersions = derivation.version
    program.ContributionDescription = done[:1024]
    made.ContributingEquipmentSequence = [program]


def _series_number(whole: Dataset) -> int | None:
    """Beside the source's in a viewer's list, and not the same."""
    number = whole.get("SeriesNumber")
    return None if number is None else 1000 + int(number)


def code(value: str, scheme: str, meaning: str, version: str = "") -> Dataset:
    """One item of a code sequence."""
    from pydicom import Dataset as Header

    item = Header()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    if version:
        item.CodingSchemeVersion = version[:16]
    return item
