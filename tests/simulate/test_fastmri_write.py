from dataclasses import replace
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest
import torch

import medrecon
from medrecon.errors import InputError
from medrecon.io.fastmri_write import round_mantissa, write_fastmri
from medrecon.operators import fft2c, ifft2c
from medrecon.scan import Scan
from medrecon.simulate.scan import simulate_scan


@pytest.fixture(scope="module")
def scan():
    y, x = np.meshgrid(np.linspace(-1, 1, 45), np.linspace(-1, 1, 38), indexing="ij")
    image = (np.hypot(y / 0.9, x / 0.7) < 1) * (1 + 0.5 * np.cos(9 * x))
    return simulate_scan(np.stack([image, image, image]), (2.0, 2.5), slice_mm=4.0, coils=5, snr=20, name="two")


def test_reader_gives_the_scan_back(scan, tmp_path):
    lesions = torch.zeros(3, 45, 38, dtype=torch.bool)
    lesions[1, 20:23, 10:12] = True
    scan = replace(scan, lesions=lesions)
    back = medrecon.load(write_fastmri(tmp_path / "scan.h5", scan))
    torch.testing.assert_close(back.kspace, scan.kspace, atol=1e-5 * float(scan.kspace.abs().max()), rtol=1e-4)
    assert torch.equal(back.mask, scan.mask)
    assert torch.equal(back.lattice, scan.lattice)
    assert back.phase_axes == scan.phase_axes
    assert back.voxel_mm == pytest.approx(scan.voxel_mm)
    assert back.slice_mm == pytest.approx(scan.slice_mm)
    for name in ("truth", "lesions", "noise"):
        torch.testing.assert_close(getattr(back, name), getattr(scan, name))


def test_outside_the_field_of_view_is_noise_as_in_the_prescan(scan, tmp_path):
    with h5py.File(write_fastmri(tmp_path / "scan.h5", scan)) as file:
        kspace = torch.from_numpy(file["kspace"][()])
    assert kspace.shape == (3, 5, 90, 38)
    image = ifft2c(kspace)
    outside = torch.cat([image[:, :, :22], image[:, :, 68:]], 2)
    level, prescan = (torch.view_as_real(v).std() for v in (outside, scan.noise))
    assert float(level / prescan) == pytest.approx(1, rel=0.05)


def test_header_is_read_by_ismrmrd_and_fastmri(scan, tmp_path):
    schema = pytest.importorskip("ismrmrd.xsd")
    mri_data = pytest.importorskip("fastmri.data.mri_data")
    (tmp_path / "set").mkdir()
    path = write_fastmri(tmp_path / "set" / "scan.h5", scan)
    with h5py.File(path) as file:
        xml = file["ismrmrd_header"][()]
    header = schema.CreateFromDocument(xml)
    encoding = header.encoding[0]
    assert (encoding.encodedSpace.matrixSize.x, encoding.encodedSpace.matrixSize.y) == (90, 38)
    assert (encoding.reconSpace.matrixSize.x, encoding.reconSpace.matrixSize.y) == (45, 38)
    assert encoding.encodedSpace.fieldOfView_mm.x == pytest.approx(180)
    assert encoding.reconSpace.fieldOfView_mm.y == pytest.approx(95)
    assert header.acquisitionSystemInformation.receiverChannels == 5
    assert header.acquisitionSystemInformation.systemFieldStrength_T == 3.0
    assert header.subjectInformation is None
    assert header.studyInformation is None
    query = ["encoding", "encodedSpace", "matrixSize", "x"]
    assert mri_data.et_query(ElementTree.fromstring(xml), query) == "90"
    kspace, _, target, attributes, _, _ = mri_data.SliceDataset(tmp_path / "set", "multicoil")[1]
    assert (attributes["padding_left"], attributes["padding_right"]) == (0, 38)
    assert kspace.dtype == np.complex64
    start = 90 // 2 - 45 // 2
    rss = ifft2c(torch.from_numpy(kspace))[:, start : start + 45].abs().square().sum(0).sqrt()
    np.testing.assert_allclose(target, rss.numpy(), rtol=1e-4)
    assert attributes["max"] >= target.max()


def test_padding_columns_go_to_the_limits(scan, tmp_path):
    lattice = scan.lattice.clone()
    lattice[:, :4] = False
    lattice[:, 35:] = False
    padded = replace(scan, kspace=scan.kspace * lattice, mask=scan.mask & lattice, lattice=lattice)
    back = medrecon.load(write_fastmri(tmp_path / "scan.h5", padded))
    assert torch.equal(back.lattice, lattice)
    assert back.is_fully_sampled


def test_undersampled_scan_keeps_its_mask_and_has_no_target(scan, tmp_path):
    mask = torch.zeros(scan.matrix, dtype=torch.bool)
    mask[:, ::3] = True
    mask[:, 14:24] = True
    path = write_fastmri(tmp_path / "scan.h5", scan.undersample(mask))
    with h5py.File(path) as file:
        assert "reconstruction_rss" not in file
        np.testing.assert_array_equal(file["mask"][()], mask[0].numpy())
        assert not file["kspace"][()][..., ~mask[0].numpy()].any()
    assert torch.equal(medrecon.load(path).mask, mask)


def test_oversampled_kspace_is_written_as_it_is(tmp_path):
    generator = torch.Generator().manual_seed(0)
    kspace = fft2c(torch.randn((1, 2, 40, 24), generator=generator, dtype=torch.complex64))
    full = torch.ones(40, 24, dtype=torch.bool)
    scan = Scan(kspace, full, full, ("x",), voxel_mm=(1.0, 1.0), slice_mm=5.0, crop=(20, 24))
    with h5py.File(write_fastmri(tmp_path / "scan.h5", scan, readout_oversampling=False)) as file:
        np.testing.assert_array_equal(file["kspace"][()], kspace.numpy())
        assert file["reconstruction_rss"].shape == (1, 20, 24)


def test_no_identity_is_written(scan, tmp_path):
    with h5py.File(write_fastmri(tmp_path / "scan.h5", scan)) as file:
        assert set(file.attrs) == {"acquisition", "max", "norm"}
        xml = file["ismrmrd_header"][()].decode()
    assert not any(word in xml.lower() for word in ("patient", "subject", "study", "birth", "institution"))


def test_mantissa_rounding_keeps_ten_bits():
    values = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    rounded = round_mantissa(values, 10)
    assert np.abs(rounded / values - 1).max() <= 2.0**-11
    assert not (rounded.view(np.uint32) & ((1 << 13) - 1)).any()
    np.testing.assert_array_equal(round_mantissa(np.float32([0.0, -2.0, 1.0]), 10), [0.0, -2.0, 1.0])


@pytest.mark.parametrize("change", [{"phase_axes": ("y",)}, {"voxel_mm": None}, {"mask": "points"}])
def test_what_the_format_cannot_hold_is_refused(scan, tmp_path, change):
    if change.get("mask") == "points":
        points = scan.mask.clone()
        points[3, 4] = False
        change = {"mask": points}
    with pytest.raises(InputError):
        write_fastmri(tmp_path / "scan.h5", replace(scan, **change))
    assert not list(tmp_path.iterdir())
