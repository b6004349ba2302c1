"""K-space of a phantom with known coils, and the raw-data files that a scanner would have written of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

IDENTITY = {
    "patientName": "Roewald Janette", "patientID": "MRN4711", "patientBirthdate": "1970-01-02", "patientGender": "F",
    "studyDate": "2024-02-29", "studyTime": "12:34:56", "studyID": "STU0815", "accessionNumber": "ACC0815",
    "referringPhysicianName": "Who Doctor", "studyDescription": "HEAD OF ROEWALD",
    "studyInstanceUID": "1.2.3.20240229.4",
    "institutionName": "Saint Nowhere", "protocolName": "janette t2", "frameOfReferenceUID": "1.2.3.20240229.9",
    "stationName": "MRC4711", "deviceID": "D4711",
}  # fmt: skip
SECRETS = (
    "Roewald", "ROEWALD", "janette", "Janette", "MRN4711", "MRC4711", "D4711", "1970-01-02", "19700102", "2024-02-29",
    "20240229", "12:34:56", "STU0815", "ACC0815", "Doctor", "Nowhere",
)  # fmt: skip
"""None so short that pixels or the digits of a new UID would hold it by chance."""
READ, PHASE = np.array([0.6, 0.8, 0.0]), np.array([0.0, 0.0, -1.0])
"""Directions of an oblique slice in patient axes."""
NORMAL = np.cross(READ, PHASE)

XML = """<?xml version="1.0" encoding="utf-8"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
<subjectInformation><patientName>{patientName}</patientName><patientID>{patientID}</patientID>
<patientBirthdate>{patientBirthdate}</patientBirthdate><patientGender>{patientGender}</patientGender></subjectInformation>
<studyInformation><studyDate>{studyDate}</studyDate><studyTime>{studyTime}</studyTime><studyID>{studyID}</studyID>
<accessionNumber>{accessionNumber}</accessionNumber>
<referringPhysicianName>{referringPhysicianName}</referringPhysicianName>
<studyDescription>{studyDescription}</studyDescription><studyInstanceUID>{studyInstanceUID}</studyInstanceUID>
</studyInformation>
<measurementInformation><patientPosition>HFS</patientPosition><protocolName>{protocolName}</protocolName>
<frameOfReferenceUID>{frameOfReferenceUID}</frameOfReferenceUID></measurementInformation>
<acquisitionSystemInformation><systemVendor>ACME</systemVendor><systemModel>One</systemModel>
<systemFieldStrength_T>3</systemFieldStrength_T>{receiver}<institutionName>{institutionName}</institutionName>
<stationName>{stationName}</stationName><deviceID>{deviceID}</deviceID></acquisitionSystemInformation>
<experimentalConditions><H1resonanceFrequency_Hz>123000000</H1resonanceFrequency_Hz></experimentalConditions>
{encodings}
<sequenceParameters><TR>500</TR><TE>11</TE><TE>22</TE><flipAngle_deg>30</flipAngle_deg></sequenceParameters>
</ismrmrdHeader>"""
ENCODING = """<encoding><encodedSpace><matrixSize><x>{e[0]}</x><y>{e[1]}</y><z>{e[2]}</z></matrixSize>
<fieldOfView_mm><x>{ef[0]}</x><y>{ef[1]}</y><z>{ef[2]}</z></fieldOfView_mm></encodedSpace>
<reconSpace><matrixSize><x>{r[0]}</x><y>{r[1]}</y><z>{r[2]}</z></matrixSize>
<fieldOfView_mm><x>{rf[0]}</x><y>{rf[1]}</y><z>{rf[2]}</z></fieldOfView_mm></reconSpace>
<encodingLimits>{limits}</encodingLimits><trajectory>{trajectory}</trajectory>{parallel}</encoding>"""
LIMIT = (
    "<kspace_encoding_step_{n}><minimum>{l[0]}</minimum><maximum>{l[1]}</maximum><center>{l[2]}</center>"
    "</kspace_encoding_step_{n}>"
)


def noise(shape, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


@dataclass
class Mrd:
    """An ISMRMRD file: sizes in the order readout, phase, partition; lengths in mm."""

    encoded: tuple[int, int, int]
    encoded_mm: tuple[float, float, float]
    recon: tuple[int, int, int]
    recon_mm: tuple[float, float, float]
    limits: tuple[int, int, int] | None = None
    limits_2: tuple[int, int, int] | None = None
    trajectory: str = "cartesian"
    calibration: str | None = None
    receiver: float | None = None
    encodings: int = 1
    position: tuple[float, float, float] = (10.0, -20.0, 30.0)
    gap: float = 5.0
    acquisitions: list[Any] = field(default_factory=list)

    def add(self, data, *, line=0, partition=0, slice=0, flags=(), centre=None, head=None, **idx):
        """One readout `(coil, sample)`."""
        from ismrmrd import Acquisition

        acquisition = Acquisition.from_array(np.ascontiguousarray(data, np.complex64), **(head or {}))
        acquisition.center_sample = data.shape[1] // 2 if centre is None else centre
        acquisition.idx.kspace_encode_step_1, acquisition.idx.kspace_encode_step_2 = line, partition
        acquisition.idx.slice = slice
        for name, value in idx.items():
            if name == "encoding":
                acquisition.encoding_space_ref = value
            else:
                setattr(acquisition.idx, name, value)
        for flag in flags:
            acquisition.setFlag(flag)
        place = np.array(self.position) + slice * self.gap * NORMAL
        for name, vector in (("position", place), ("read_dir", READ), ("phase_dir", PHASE), ("slice_dir", NORMAL)):
            getattr(acquisition, name)[:] = vector
        self.acquisitions.append(acquisition)

    def add_volume(self, kspace, lines=None, **options):
        """All lines of `(slice, coil, readout, phase)`, or those of `lines`; slices interleaved, as scanners do."""
        order = [*range(0, len(kspace), 2), *range(1, len(kspace), 2)]
        for y in range(kspace.shape[-1]) if lines is None else lines:
            for s in order:
                self.add(kspace[s, :, :, y], line=y, slice=s, **options)

    def xml(self) -> str:
        limits = "".join(
            LIMIT.format(n=n, l=limit) for n, limit in ((1, self.limits), (2, self.limits_2)) if limit is not None
        )
        parallel = (
            ""
            if self.calibration is None
            else "<parallelImaging><accelerationFactor><kspace_encoding_step_1>2</kspace_encoding_step_1>"
            "<kspace_encoding_step_2>1</kspace_encoding_step_2></accelerationFactor>"
            f"<calibrationMode>{self.calibration}</calibrationMode></parallelImaging>"
        )
        encoding = ENCODING.format(
            e=self.encoded, ef=self.encoded_mm, r=self.recon, rf=self.recon_mm, limits=limits,
            trajectory=self.trajectory, parallel=parallel,
        )  # fmt: skip
        band = self.receiver and f"<relativeReceiverNoiseBandwidth>{self.receiver}</relativeReceiverNoiseBandwidth>"
        return XML.format(encodings=encoding * self.encodings, receiver=band or "", **IDENTITY)

    def write(self, path, group="dataset"):
        from ismrmrd import Dataset

        with Dataset(str(path), group) as file:
            file.write_xml_header(self.xml().encode())
            for number, acquisition in enumerate(self.acquisitions):
                acquisition.scan_counter = number
                file.append_acquisition(acquisition)
        return path


def two_dimensional(matrix=(16, 12), slices=3, **changes) -> Mrd:
    """Slices of a matrix (readout, phase), its readout oversampled twice."""
    y, x = matrix
    facts = {
        "encoded": (2 * y, x, 1), "encoded_mm": (2 * y * 1.5, x * 2.0, 4.0), "recon": (y, x, 1),
        "recon_mm": (y * 1.5, x * 2.0, 4.0), "limits": (0, x - 1, x // 2),
    }  # fmt: skip
    return Mrd(**(facts | changes))


def named_head(matrix=(32, 32)) -> Mrd:
    """Two fully sampled slices of a head that four coils saw, with a little noise and with a name."""
    from phantom import head

    from medrecon.operators import fft2c

    rows, columns = 2 * matrix[0], matrix[1]
    y, x = torch.linspace(-2, 2, rows)[:, None], torch.linspace(-1, 1, columns)[None]
    maps = torch.stack([torch.exp(-((y - a) ** 2 + (x - b) ** 2)) for a, b in ((-1, -1), (-1, 1), (1, -1), (1, 1))])
    wide = torch.zeros(2, rows, columns)
    wide[:, matrix[0] // 2 : matrix[0] // 2 + matrix[0]] = torch.as_tensor(head(2, *matrix)).float()
    made = two_dimensional(matrix)
    made.add_volume(fft2c((maps * wide[:, None]).to(torch.complex64)).numpy() + 0.01 * noise((2, 4, rows, columns)))
    return made
