"""CT series as scanners write them, classic and Enhanced, with all that names a patient; complete to the standard."""

from pathlib import Path

import numpy as np

PEOPLE = {
    "PatientName": "Roe^Jänë",
    "PatientID": "MRN4711",
    "PatientBirthDate": "19700102",
    "PatientSex": "F",
    "PatientAge": "054Y",
    "PatientWeight": "61.5",
    "PatientAddress": "Elm Street 5",
    "PatientComments": "allergic to penicillin",
    "StudyDate": "20240229",
    "StudyTime": "101112",
    "StudyID": "S77",
    "StudyDescription": "CHEST OF ROE",
    "AccessionNumber": "ACC0815",
    "ReferringPhysicianName": "Who^Doctor",
    "InstitutionName": "Saint Nowhere",
    "InstitutionAddress": "Nowhere Lane 1",
    "StationName": "NOWHERECT1",
    "DeviceSerialNumber": "SN998877",
    "OperatorsName": "Op^Erator",
    "ProtocolName": "ROE FOLLOWUP",
    "AcquisitionDate": "20240228",
    "AcquisitionTime": "091011",
}
"""Patient, study and place."""
UNASKED = {"SeriesDescription": "roe's series", "ImageComments": "Jane moved", "RequestAttributesSequence": None}
"""Further places where names are found; these are never passed on."""
SCANNER = {
    "KVP": "120",
    "BodyPartExamined": "CHEST",
    "Manufacturer": "Nowhere Medical",
    "ManufacturerModelName": "Slicer 64",
}


def chest(slices=5, height=24, width=20, seed=0):
    """Whole HU `(slice, y, x)` int16 from air to bone."""
    return np.random.default_rng(seed).integers(-1000, 1500, (slices, height, width)).astype(np.int16)


def write_ct(
    folder: Path,
    hu,
    spacing=(2.5, 0.7, 0.8),
    *,
    slope=1.0,
    intercept=-1024.0,
    signed=False,
    bits=16,
    padded=None,
    padding=None,
    orientation=(1, 0, 0, 0, 1, 0),
    order=None,
    implicit=False,
    **tags,
):
    """One file a slice of `(slice, y, x)` HU; `padded` marks pixels that hold the stored number `padding`.

    `order` numbers the files, `tags` replace or add elements; a list is one value a slice, a value of None leaves out.
    """
    from pydicom import Dataset
    from pydicom.uid import CTImageStorage, generate_uid

    folder.mkdir(parents=True, exist_ok=True)
    shared = {
        "SeriesInstanceUID": generate_uid(),
        "StudyInstanceUID": generate_uid(),
        "FrameOfReferenceUID": generate_uid(),
    }
    along_x, along_y = np.array(orientation[:3], float), np.array(orientation[3:], float)
    normal = np.cross(along_x, along_y)
    for i, picture in enumerate(np.asarray(hu, float)):
        part = Dataset()
        part.SpecificCharacterSet = "ISO_IR 100"
        slope_i, intercept_i = (v[i] if isinstance(v, (list, tuple)) else v for v in (slope, intercept))
        elements = {
            "SOPClassUID": CTImageStorage,
            "SOPInstanceUID": generate_uid(),
            **shared,
            **PEOPLE,
            **UNASKED,
            **SCANNER,
            "Modality": "CT",
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "SeriesNumber": 4,
            "AcquisitionNumber": 1,
            "InstanceNumber": len(hu) - i,
            "PatientPosition": "HFS",
            "PositionReferenceIndicator": "",
            "ConvolutionKernel": "B30f",
            "XRayTubeCurrent": 200,
            "RescaleSlope": slope_i,
            "RescaleIntercept": intercept_i,
            "RescaleType": "HU",
            "WindowCenter": 40,
            "WindowWidth": 400,
            "PixelSpacing": list(spacing[1:]),
            "SliceThickness": spacing[0],
            "ImageOrientationPatient": list(orientation),
            "ImagePositionPatient": [round(v, 6) for v in np.array([-90.0, -80.0, 10.0]) + i * spacing[0] * normal],
            **{name: value[i] if isinstance(value, list) else value for name, value in tags.items()},
        }
        if padding is not None:
            elements.setdefault("PixelPaddingValue", padding)
        stored = _stored(picture, slope_i, intercept_i, None if padded is None else padded[i], padding, signed)
        _add_pixels(part, elements, stored, bits, signed)
        add_private(part)
        number = i if order is None else order[i]
        _save(part, folder / f"IM{number:04d}", implicit)
    return folder


def write_enhanced(
    path: Path,
    hu,
    spacing=(2.5, 0.7, 0.8),
    *,
    slope=1.0,
    intercept=-1024.0,
    padded=None,
    padding=None,
    order=None,
    frame_tags=None,
    **tags,
):
    """One Enhanced CT file of `(slice, y, x)` HU, its frames in `order`; slope and intercept may be one a slice.

    `frame_tags` {element of the plane's macro or of the rescaling: value or None} replaces or removes such elements.
    """
    from pydicom import Dataset
    from pydicom.uid import EnhancedCTImageStorage, generate_uid

    path.parent.mkdir(parents=True, exist_ok=True)
    order = list(range(len(hu)) if order is None else order)
    part = Dataset()
    part.SpecificCharacterSet = "ISO_IR 100"
    marks = [None] * len(hu) if padded is None else padded
    stored = np.stack([_stored(hu[i], _of(slope, i), _of(intercept, i), marks[i], padding, False) for i in order])
    elements = {
        "SOPClassUID": EnhancedCTImageStorage,
        "SOPInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "StudyInstanceUID": generate_uid(),
        "FrameOfReferenceUID": generate_uid(),
        **PEOPLE,
        "SeriesDescription": "roe's series",
        "Manufacturer": SCANNER["Manufacturer"],
        "ManufacturerModelName": SCANNER["ManufacturerModelName"],
        "SoftwareVersions": "7.1",
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
        "PixelPresentation": "MONOCHROME",
        "SeriesNumber": 4,
        "InstanceNumber": 1,
        "ContentDate": "20240228",
        "ContentTime": "091012",
        "AcquisitionDateTime": "20240228091011",
        "AcquisitionDuration": 2.0,
        "ContentQualification": "PRODUCT",
        "PatientPosition": "HFS",
        "PositionReferenceIndicator": "",
        "NumberOfFrames": len(order),
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
        "PresentationLUTShape": "IDENTITY",
        "ImageLaterality": "U",
        "AcquisitionContextSequence": [],
        **tags,
    }
    if padding is not None:
        elements["PixelPaddingValue"] = padding
    part.SharedFunctionalGroupsSequence = [_groups(_shared(spacing))]
    part.PerFrameFunctionalGroupsSequence = [
        _groups(_per_frame(i, n, spacing, _of(slope, i), _of(intercept, i), frame_tags or {}))
        for n, i in enumerate(order)
    ]
    part.DimensionOrganizationSequence = [_item(DimensionOrganizationUID=(uid := generate_uid()))]
    part.DimensionIndexSequence = [
        _item(DimensionIndexPointer=0x00209057, FunctionalGroupPointer=0x00209111, DimensionOrganizationUID=uid)
    ]
    _add_pixels(part, elements, stored, 12, False)
    _save(part, path, False)
    return path


def add_private(part):
    """An element of the maker's own, with a name in it."""
    part.private_block(0x0029, "NOWHERE MEDICAL", create=True).add_new(0x10, "LO", "ROE^JANE PRIVATE")


def _shared(spacing):
    return {
        "PixelMeasuresSequence": _item(PixelSpacing=list(spacing[1:]), SliceThickness=spacing[0]),
        "PlaneOrientationSequence": _item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
        "FrameAnatomySequence": _item(
            FrameLaterality="U",
            AnatomicRegionSequence=[_item(CodeValue="51185008", CodingSchemeDesignator="SCT", CodeMeaning="Chest")],
        ),
        "CTAcquisitionTypeSequence": _item(
            AcquisitionType="SPIRAL", ConstantVolumeFlag="NO", FluoroscopyFlag="NO"
        ),
        "CTAcquisitionDetailsSequence": _item(
            RotationDirection="CW", RevolutionTime=0.5, SingleCollimationWidth=0.6, TotalCollimationWidth=38.4,
            TableHeight=150, GantryDetectorTilt=0, DataCollectionDiameter=500,
        ),
        "CTTableDynamicsSequence": _item(TableSpeed=40.0, TableFeedPerRotation=20.0, SpiralPitchFactor=0.6),
        "CTGeometrySequence": _item(
            DistanceSourceToDetector=1000, DistanceSourceToDataCollectionCenter=570.0
        ),
        "CTReconstructionSequence": _item(
            ReconstructionAlgorithm="FILTER_BACK_PROJ", ConvolutionKernel="B30f", ConvolutionKernelGroup="SOFT_TISSUE",
            ImageFilter="NONE",
            ReconstructionDiameter=360, ReconstructionAngle=360.0, ReconstructionPixelSpacing=[0.7, 0.8],
        ),
        "CTExposureSequence": _item(
            ExposureTimeInms=500.0, XRayTubeCurrentInmA=200.0, ExposureInmAs=100.0, ExposureModulationType="NONE",
            CTDIvol=5.0, CTDIPhantomTypeCodeSequence=[
                _item(CodeValue="113691", CodingSchemeDesignator="DCM", CodeMeaning="IEC Body Dosimetry Phantom")
            ],
        ),
        "CTXRayDetailsSequence": _item(
            KVP=120, FocalSpots=[0.7], FilterType="FLAT", FilterMaterial="ALUMINUM", CalciumScoringMassFactorPatient=1.0
        ),
        "FrameVOILUTSequence": _item(WindowCenter=40, WindowWidth=400),
        "CTImageFrameTypeSequence": _item(
            FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], PixelPresentation="MONOCHROME",
            VolumetricProperties="VOLUME", VolumeBasedCalculationTechnique="NONE",
        ),
        "IrradiationEventIdentificationSequence": _item(IrradiationEventUID="1.2.3.4.5"),
    }  # fmt: skip


def _per_frame(i, number, spacing, slope, intercept, frame_tags):
    groups = {
        "FrameContentSequence": _item(
            FrameAcquisitionDateTime="20240228091011", FrameReferenceDateTime="20240228091011",
            FrameAcquisitionDuration=500.0, FrameAcquisitionNumber=1, StackID="1", InStackPositionNumber=number + 1,
            DimensionIndexValues=[number + 1],
        ),
        "PlanePositionSequence": _item(ImagePositionPatient=[-90.0, -80.0, 10.0 + i * spacing[0]]),
        "CTPositionSequence": _item(
            TablePosition=10.0, ReconstructionTargetCenterPatient=[0.0] * 3, DataCollectionCenterPatient=[0.0] * 3,
        ),
        "PixelValueTransformationSequence": _item(RescaleIntercept=intercept, RescaleSlope=slope, RescaleType="HU"),
    }  # fmt: skip
    for name, value in frame_tags.items():
        for macro in groups.values():
            if name in macro:
                delattr(macro, name)
                if value is not None:
                    setattr(macro, name, value[i] if isinstance(value, list) else value)
    return groups


def _groups(macros):
    return _item(**{name: [macro] for name, macro in macros.items()})


def _item(**elements):
    from pydicom import Dataset

    item = Dataset()
    for name, value in elements.items():
        setattr(item, name, value)
    return item


def _of(value, i):
    return value[i] if isinstance(value, (list, tuple)) else value


def _stored(hu, slope, intercept, padded, padding, signed):
    numbers = np.rint((np.asarray(hu, float) - intercept) / slope)
    numbers = numbers if padded is None else np.where(padded, padding, numbers)
    return numbers.astype(np.int16 if signed else np.uint16)


def _add_pixels(part, elements, stored, bits, signed):
    pixels = {
        "Rows": stored.shape[-2],
        "Columns": stored.shape[-1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(signed),
    }
    for name, value in {**pixels, **elements}.items():
        if value is not None:
            setattr(part, name, value)
    part.PixelData = stored.tobytes()


def _save(part, path, implicit):
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    part.file_meta = FileMetaDataset()
    part.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    part.save_as(path, enforce_file_format=True)
