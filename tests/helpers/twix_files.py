"""Siemens twix files, built byte by byte from the layout of VB and of VD/VE: protocol, MDH, samples, the end."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np

BITS = {
    "ACQEND": 0, "RTFEEDBACK": 1, "SYNCDATA": 5, "PHASCOR": 21, "PATREFSCAN": 22, "PATREFANDIMASCAN": 23, "REFLECT": 24,
    "NOISEADJSCAN": 25,
}  # fmt: skip
COUNTERS = ("Lin", "Ave", "Sli", "Par", "Eco", "Phs", "Rep", "Set", "Seg", "Ida", "Idb", "Idc", "Idd", "Ide")
SYNC = 64
PEOPLE = {
    "tPatientName": "Roewald^Janette", "PatientID": "MRN4711", "PatientBirthDay": "19700102",
    "tProtocolName": "janette t2", "InstitutionName": "Saint Nowhere", "DeviceSerialNumber": "D4711",
}  # fmt: skip
YAPS = """### ASCCONV BEGIN ###
sKSpace.lBaseResolution = {base}
sKSpace.lPhaseEncodingLines = {lines}
sKSpace.lPartitions = {partitions}
sKSpace.lImagesPerSlab = {images}
sKSpace.ucDimension = {dimension}
sKSpace.ucTrajectory = {trajectory}
sKSpace.dPhaseOversamplingForDialog = {phase_oversampling}
sPat.ucRefScanMode = {reference}
sRXSPEC.alDwellTime[0] = {dwell}
alTR[0] = {times}500000
alTE[0] = {times}11000
alTE[1] = {times}22000
alTI[0] = {times}300000
sProtConsistencyInfo.flNominalB0 = 2.89362
sSliceArray.lSize = {slices}
sSliceArray.asSlice[0].dReadoutFOV = {fov[0]}
sSliceArray.asSlice[0].dPhaseFOV = {fov[1]}
sSliceArray.asSlice[0].dThickness = {fov[2]}
### ASCCONV END ###
"""


@dataclass
class Twix:
    """One measurement; `base` is half of the samples of a readout."""

    base: int = 16
    lines: int = 12
    partitions: int = 1
    images: int = 1
    three: bool = False
    slices: int = 3
    fov: tuple[float, float, float] = (24.0, 24.0, 4.0)
    phase_oversampling: float = 0.0
    trajectory: int = 1
    reference: int = 2
    dwell: int = 4000
    times: str = ""
    """Written before TR and TE, for times that are no numbers."""
    new: bool = True
    blocks: list[bytes] = field(default_factory=list)

    def add(self, data, flags=(), centre=None, cut=(0, 0), **counters):
        """One readout `(coil, sample)`; slices lie 5 mm apart towards the head, numbered as they were measured."""
        data = np.ascontiguousarray(data, np.complex64)
        coils, samples = data.shape
        count = [counters.get(name, 0) for name in COUNTERS]
        place = (1.0, 2.0, 5.0 * {0: 1, 1: 0, 2: 2}.get(counters.get("Sli", 0), 0))
        middle = samples // 2 if centre is None else centre
        mask = sum(1 << BITS[flag] for flag in flags)
        shared = struct.pack("<QHH14H2HHHfIHH", mask, samples, coils, *count, *cut, middle, 0, 0.0, 0,
                             self.lines // 2, self.partitions // 2)  # fmt: skip
        slice_data = struct.pack("<3f4f", *place, 1.0, 0.0, 0.0, 0.0)
        if self.new:
            channel = struct.pack("<IiIiIIHHI", 0, 0, 1, 0, 0, 0, 0, 0, 0)
            head = struct.pack("<IiIIIHH3ii", 192 + coils * (32 + 8 * samples), 7, 1, 0, 0, 0, 0, 0, 0, 0, 0)
            block = head + shared + slice_data + struct.pack("<24H4HHHI", *[0] * 31)
            block += b"".join(channel + row.tobytes() for row in data)
        else:
            head = struct.pack("<IiIII", 128 + 8 * samples, 7, 1, 0, 0)
            tail = struct.pack("<4H4H", *[0] * 8) + slice_data
            block = b"".join(head + shared + tail + struct.pack("<HH", c, 0) + data[c].tobytes() for c in range(coils))
        self.blocks.append(block)

    def add_sync(self):
        """A packet that holds no samples."""
        self.blocks.append(self._marked("SYNCDATA", SYNC))

    def add_volume(self, kspace, lines=None, **options):
        """`(slice, coil, readout, phase)`; slice i of the array is measured as number 1, 0, 2."""
        for y in range(kspace.shape[-1]) if lines is None else lines:
            for s, number in enumerate([1, 0, 2][: len(kspace)] if len(kspace) > 1 else [0]):
                self.add(kspace[s, :, :, y], Lin=y, Sli=number, **options)

    def measurement(self) -> bytes:
        facts = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("three", "new")}
        yaps = YAPS.format(dimension=4 if self.three else 2, **facts)
        config = "".join(f'<ParamString."{name}">  {{ "{value}" }}\n' for name, value in PEOPLE.items())
        meas = (
            '<ParamString."tPatientPosition">  { "HFS" }\n<ParamDouble."flReadoutOSFactor">  { <Precision> 6  2.0 }\n'
        )
        buffers = {"Config": config, "Dicom": config, "Meas": meas, "MeasYaps": yaps}
        body = b"".join(name.encode() + b"\0" + struct.pack("<I", len(t)) + t.encode() for name, t in buffers.items())
        length = max(-(-(8 + len(body)) // 32) * 32, 10240)
        header = struct.pack("<II", length, len(buffers)) + body
        return header.ljust(length, b"\0") + b"".join(self.blocks) + self._marked("ACQEND", 160)

    def _marked(self, flag: str, payload: int) -> bytes:
        size = (192 if self.new else 128) + payload
        start = struct.pack("<IiIII", size, 7, 1, 0, 0)
        start += b"\0" * 20 if self.new else b""
        start += struct.pack("<Q", 1 << BITS[flag])
        return start.ljust(size, b"\0")


def write_twix(path, *measurements: Twix):
    """One file: VB holds one measurement, VD/VE a table and any number."""
    if not measurements[0].new:
        path.write_bytes(measurements[0].measurement())
        return path
    parts = [made.measurement() for made in measurements]
    offset, entries, body = 10240, b"", b""
    for number, part in enumerate(parts):
        entries += struct.pack(
            "<IIQQ64s64s", number, number, offset + len(body), len(part), b"Roewald^Janette", b"janette t2"
        )
        body += part.ljust(-(-len(part) // 512) * 512, b"\0")
    path.write_bytes((struct.pack("<II", 0, len(parts)) + entries).ljust(offset, b"\0") + body)
    return path
