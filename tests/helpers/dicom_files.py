"""Classic MR series as a scanner writes them, with all that names a patient."""

from pathlib import Path

import numpy as np

IDENTITY = {
    "PatientName": "Roe^Jane",
    "PatientID": "MRN4711",
    "PatientBirthDate": "19700102",
    "PatientAddress": "Elm Street 5",
    "InstitutionName": "Saint Nowhere",
    "ReferringPhysicianName": "Who^Doctor",
    "AccessionNumber": "ACC0815",
    "StudyDate": "20240229",
    "StudyDescription": "HEAD OF ROE",
}


def write_series(folder: Path, values, spacing=(4.0, 1.0, 1.5), *, order=None, orientation=(1, 0, 0, 0, 1, 0), **tags):
    """One file a slice of `(slice, y, x)` uint16 `values`; `order` numbers the files, `tags` replace or add elements.

    A tag may be a list, one value a slice. A tag of None is left out.
    """
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

    folder.mkdir(parents=True, exist_ok=True)
    series, along_x, along_y = generate_uid(), np.array(orientation[:3]), np.array(orientation[3:])
    normal = np.cross(along_x, along_y)
    values = np.asarray(values, np.uint16)
    for i, picture in enumerate(values):
        part = Dataset()
        part.file_meta = FileMetaDataset()
        part.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        elements = {
            "SOPClassUID": MRImageStorage,
            "SOPInstanceUID": generate_uid(),
            "SeriesInstanceUID": series,
            "Modality": "MR",
            "ImageType": ["ORIGINAL", "PRIMARY", "M"],
            **IDENTITY,
            "Rows": picture.shape[0],
            "Columns": picture.shape[1],
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "BitsAllocated": 16,
            "BitsStored": 16,
            "HighBit": 15,
            "PixelRepresentation": 0,
            "PixelSpacing": list(spacing[1:]),
            "SliceThickness": spacing[0],
            "ImageOrientationPatient": list(orientation),
            "ImagePositionPatient": list(np.array([-90.0, -80.0, 10.0]) + i * spacing[0] * normal),
            "InstanceNumber": len(values) - i,
            **{name: value[i] if isinstance(value, list) else value for name, value in tags.items()},
        }
        for name, value in elements.items():
            if value is not None:
                setattr(part, name, value)
        part.PixelData = picture.tobytes()
        number = i if order is None else order[i]
        part.save_as(folder / f"IM{number:04d}", enforce_file_format=True)
    return folder


def grey_head(slices=6, height=48, width=40, seed=0):
    """A head in 16-bit grey levels with a little noise, `(slice, y, x)`."""
    from phantom import head

    noise = np.random.default_rng(seed).gamma(1.0, 5.0, (slices, height, width))
    return (900 * head(slices, height, width) + noise).astype(np.uint16)
