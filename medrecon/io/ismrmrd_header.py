"""The XML header of ISMRM raw data, as fastMRI files carry it (ISMRMRD schema 1.x)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from medrecon.errors import InputError

# header facts worth keeping; subjectInformation and studyInformation are read by header_identity alone
FACTS = {
    "field_strength_t": "acquisitionSystemInformation/systemFieldStrength_T",
    "vendor": "acquisitionSystemInformation/systemVendor",
    "model": "acquisitionSystemInformation/systemModel",
    "tr_ms": "sequenceParameters/TR",
    "te_ms": "sequenceParameters/TE",
    "ti_ms": "sequenceParameters/TI",
    "flip_deg": "sequenceParameters/flipAngle_deg",
    "patient_position": "measurementInformation/patientPosition",
    "trajectory": "encoding/trajectory",
}
IDENTITY = {
    "patient_name": "subjectInformation/patientName",
    "patient_id": "subjectInformation/patientID",
    "patient_birthdate": "subjectInformation/patientBirthdate",
    "patient_sex": "subjectInformation/patientGender",
    "study_uid": "studyInformation/studyInstanceUID",
    "study_date": "studyInformation/studyDate",
    "study_time": "studyInformation/studyTime",
    "study_id": "studyInformation/studyID",
    "accession_number": "studyInformation/accessionNumber",
    "referring_physician": "studyInformation/referringPhysicianName",
    "study_description": "studyInformation/studyDescription",
    "body_part": "studyInformation/bodyPartExamined",
    "protocol": "measurementInformation/protocolName",
    "frame_of_reference_uid": "measurementInformation/frameOfReferenceUID",
    "institution": "acquisitionSystemInformation/institutionName",
    "station": "acquisitionSystemInformation/stationName",
    "device": "acquisitionSystemInformation/deviceID",
}
"""Who was scanned, where and when."""


@dataclass(frozen=True)
class Space:
    """Matrix and field of view in mm, both in ISMRMRD's order: x = readout, y = phase, z = partition or slice.

    A length that is missing or zero is None.
    """

    matrix: tuple[int, int, int]
    fov_mm: tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class Limits:
    """Phase-encoding steps: first, last, and the one that measures the centre of k-space."""

    minimum: int
    maximum: int
    centre: int


@dataclass(frozen=True)
class Header:
    """What of the header concerns the geometry of k-space."""

    encoded: Space
    recon: Space
    limits: Limits | None
    facts: dict[str, str | float] = field(default_factory=dict)
    partitions: Limits | None = None
    calibration: str | None = None
    receiver_bandwidth: str | float | None = None
    echoes_ms: tuple[str | float, ...] = ()


def parse_header(xml: bytes | str, path: Path, encoding: int = 0) -> Header:
    """Header of one encoding; raises InputError for broken XML and for missing or senseless matrices."""
    try:
        root = ElementTree.fromstring(xml)
        several = root.findall("{*}encoding")
        if not encoding < len(several):
            raise LookupError(f"no encoding {encoding}")
        return _header(root, several[encoding])
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: 'ismrmrd_header' is not a valid ISMRMRD header ({reason}); mend it") from error


def header_identity(xml: bytes | str) -> dict[str, str]:
    """What a header says of whom, where and when, in its own words; a header without it gives nothing."""
    root = ElementTree.fromstring(xml)
    found = {name: _find(root, where) for name, where in IDENTITY.items()}
    return {name: node.text.strip() for name, node in found.items() if node is not None and node.text}


def _header(root: ElementTree.Element, encoding: ElementTree.Element) -> Header:
    facts = {name: _value(found) for name, where in FACTS.items() if (found := _find(root, where)) is not None}
    trajectory = _find(encoding, "trajectory")
    if trajectory is not None:
        facts["trajectory"] = _value(trajectory)
    calibration = _find(encoding, "parallelImaging/calibrationMode")
    bandwidth = _find(root, "acquisitionSystemInformation/relativeReceiverNoiseBandwidth")
    echoes = root.findall("{*}sequenceParameters/{*}TE")
    return Header(
        encoded=_space(_need(encoding, "encodedSpace")),
        recon=_space(_need(encoding, "reconSpace")),
        limits=_limits(_find(encoding, "encodingLimits/kspace_encoding_step_1")),
        facts=facts,
        partitions=_limits(_find(encoding, "encodingLimits/kspace_encoding_step_2")),
        calibration=None if calibration is None else (calibration.text or "").strip() or None,
        receiver_bandwidth=None if bandwidth is None else _value(bandwidth),
        echoes_ms=tuple(map(_value, echoes)),
    )


def _find(node: ElementTree.Element, where: str) -> ElementTree.Element | None:
    """The child at `where`, whatever the namespace."""
    return node.find("/".join("{*}" + tag for tag in where.split("/")))


def _need(node: ElementTree.Element, where: str) -> ElementTree.Element:
    found = _find(node, where)
    if found is None:
        raise LookupError(f"no {where}")
    return found


def _number(node: ElementTree.Element, where: str) -> float:
    value = float(_need(node, where).text or "")
    if not math.isfinite(value):
        raise ValueError(f"{where} is {value}")
    return value


def _space(node: ElementTree.Element) -> Space:
    x, y, z = (int(_number(node, f"matrixSize/{axis}")) for axis in "xyz")
    if min(x, y, z) < 1:
        raise ValueError(f"matrixSize is {(x, y, z)}")
    fov_x, fov_y, fov_z = (_length(node, f"fieldOfView_mm/{axis}") for axis in "xyz")
    return Space((x, y, z), (fov_x, fov_y, fov_z))


def _length(node: ElementTree.Element, where: str) -> float | None:
    length = 0.0 if _find(node, where) is None else _number(node, where)
    return length if length > 0 else None


def _limits(node: ElementTree.Element | None) -> Limits | None:
    """None where the header leaves the limits out, or fills them with zeros."""
    if node is None:
        return None
    limits = Limits(*(int(_number(node, name)) for name in ("minimum", "maximum", "center")))
    return limits if limits.maximum > limits.minimum >= 0 else None


def _value(node: ElementTree.Element) -> str | float:
    """A finite number, or the text as it is: no image hangs on it."""
    content = (node.text or "").strip()
    try:
        number = float(content)
    except ValueError:
        return content
    return number if math.isfinite(number) else content
