"""What the protocol of a Siemens twix file says: the grid, the measurement, and, where it is asked for, whom.

A protocol is twixtools' dictionary of the file's headers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from medrecon.io.ismrmrd_header import Limits, Space
from medrecon.io.raw.readouts import Encoding
from medrecon.io.twix_file import Line

THREE_D = 4
"""Number of ucDimension."""
IDENTITY = {
    "patient_name": "tPatientName", "patient_id": "PatientID", "patient_birthdate": "PatientBirthDay",
    "institution": "InstitutionName", "device": "DeviceSerialNumber", "protocol": "tProtocolName",
}  # fmt: skip


def encoding_of(protocol: Any, lines: Sequence[Line]) -> Encoding:
    """The grid: columns as measured, lines and partitions as the scanner transforms them.

    Raises LookupError, TypeError or ValueError for a protocol that does not tell it.
    """
    space, slab = protocol["MeasYaps"]["sKSpace"], protocol["MeasYaps"]["sSliceArray"]["asSlice"][0]
    oversampling = positive(protocol["Meas"].get("flReadoutOSFactor")) or 2.0
    base, steps = int(space["lBaseResolution"]), int(space["lPhaseEncodingLines"])
    three = int(space["ucDimension"]) == THREE_D
    partitions = int(space["lPartitions"]) if three else 1
    images = int(space.get("lImagesPerSlab", partitions)) if three else 1
    rows = int(positive(protocol["Meas"].get("iPEFTLength")) or steps)
    deep = int(positive(protocol["Meas"].get("i3DFTLength")) or partitions) if three else 1
    if min(base, steps, partitions, images) < 1:
        raise ValueError(f"a matrix of {base} x {steps} x {partitions}")
    phase = Limits(0, steps - 1, int(lines[0].mdh.CenterLin))
    partition = Limits(0, partitions - 1, int(lines[0].mdh.CenterPar)) if three else None
    x, y, z = (positive(slab[name]) for name in ("dReadoutFOV", "dPhaseFOV", "dThickness"))
    more_y, more_z = (float(space.get(f"d{name}OversamplingForDialog", 0.0)) for name in ("Phase", "Slice"))
    whole = (_times(x, oversampling), _times(y, 1 + more_y), _times(z, 1 + more_z))
    encoded = Space((round(base * oversampling), rows, deep), whole)
    return Encoding(encoded, Space((base, rows, images), (x, y, z)), phase, partition)


def _times(length: float | None, factor: float) -> float | None:
    return None if length is None else positive(length * factor)


def dwell_times(noise: Any, image: Any) -> tuple[float, float] | None:
    """Time a sample by the protocols of a noise scan and of an image; None where one does not tell."""
    times = [yaps(protocol, "sRXSPEC", "alDwellTime") for protocol in (noise, image)]
    first = [_entry(values, 0) for values in times]
    return (first[0], first[1]) if first[0] and first[1] else None


def acquisition(protocol: Any, line: Line) -> dict[str, Any]:
    """Facts of the measurement; nothing of whom, where and when."""
    # alTI stands there even where nothing is inverted
    times = {"tr_ms": ("alTR", 0), "te_ms": ("alTE", int(line.mdh.Counter.Eco))}
    found: dict[str, Any] = {"vendor": "SIEMENS"}
    if field := positive(yaps(protocol, "sProtConsistencyInfo", "flNominalB0")):
        found["field_strength_t"] = field
    if position := protocol["Meas"].get("tPatientPosition") or protocol["Meas"].get("sPatPosition"):
        found["patient_position"] = position
    for name, (key, i) in times.items():
        if microseconds := _entry(yaps(protocol, key), i):
            found[name] = microseconds / 1000
    return found


def identity(protocol: Any) -> dict[str, str]:
    """Who was scanned, where and with what, in the file's own words."""
    found = {}
    for name, key in IDENTITY.items():
        value = next((protocol[p][key] for p in ("Dicom", "Meas", "Config") if protocol.get(p, {}).get(key)), None)
        if value is not None:
            found[name] = str(value).strip('"')
    return found


def yaps(protocol: Any, *names: str) -> Any:
    """A value of the measurement's protocol, None where it has none."""
    found = protocol.get("MeasYaps")
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def positive(value: Any) -> float | None:
    """A positive number of the protocol, which holds texts as well; None for anything else."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) and value > 0 else None


def _entry(values: Any, i: int) -> float | None:
    """The positive number in place i of a list, which may have gaps."""
    return positive(values[i]) if isinstance(values, list) and i < len(values) else None
