"""ISMRMRD files that the ismrmrd package wrote: the same k-space as from memory, or one clear line."""

import h5py
import ismrmrd
import numpy as np
import pytest
import torch
from kspace_files import centred_ifft, refusal
from raw_scans import NORMAL, PHASE, READ, noise, two_dimensional

from medrecon.calibration.noise import prescan_covariance
from medrecon.io import load
from medrecon.operators import fft2c, ifft2c
from medrecon.placed_scan import output_affine

KSPACE = noise((3, 2, 32, 12))
"""(slice, coil, readout, phase), the readout oversampled twice."""


def images(kspace, rows=16):
    """Coil images with the central rows, by an explicit sum."""
    image = centred_ifft(np.asarray(kspace))
    return image[..., image.shape[-2] // 2 - rows // 2 :, :][..., :rows, :]


def whole(tmp_path, **changes):
    made = two_dimensional(**changes)
    made.add_volume(KSPACE)
    return made.write(tmp_path / "scan.h5")


def point(affine, index):
    return (affine @ [*index, 1])[:3]


def test_the_same_images_as_from_memory(tmp_path):
    scan = load(whole(tmp_path))
    # slices ascend along cross(phase, read), against the order in which these were numbered
    np.testing.assert_allclose(ifft2c(scan.kspace), images(KSPACE)[::-1], atol=2e-5)
    assert (scan.phase_axes, scan.crop, scan.is_fully_sampled) == (("x",), (16, 12), True)
    assert scan.voxel_mm == pytest.approx((1.5, 2.0))
    assert scan.slice_mm == pytest.approx(5)
    assert scan.header["te_ms"] == 11
    assert scan.header["format"] == "ISMRMRD"


def test_every_slice_lies_where_its_readouts_say(tmp_path):
    scan = load(whole(tmp_path))
    for i in range(3):
        centre = np.array([10.0, -20.0, 30.0]) + (2 - i) * 5 * NORMAL
        assert point(scan.affine, (i, 8, 6)) == pytest.approx(centre, abs=1e-4)
        assert point(scan.affine, (i, 9, 6)) == pytest.approx(centre + 1.5 * READ, abs=1e-4)
        assert point(scan.affine, (i, 8, 7)) == pytest.approx(centre + 2.0 * PHASE, abs=1e-4)
        part = scan.slices(i, i + 1)
        assert point(part.affine, (0, 8, 6)) == pytest.approx(centre, abs=1e-4)
        assert point(scan.slices(-1, None).affine, (0, 0, 0)) == pytest.approx(point(scan.affine, (2, 0, 0)))


@pytest.mark.parametrize(
    ("turned", "says"),
    [("plane", "different planes"), ("gap", "not evenly spaced"), ("line", "at different positions")],
)
def test_a_stack_that_is_none_has_no_place(tmp_path, turned, says):
    made = two_dimensional()
    made.add_volume(KSPACE)
    for acquisition in made.acquisitions:
        if acquisition.idx.slice == 2:
            if turned == "plane":
                acquisition.read_dir[:], acquisition.slice_dir[:] = NORMAL, -READ
            elif turned == "gap" or acquisition.idx.kspace_encode_step_1 == 5:
                acquisition.position[:] = np.array(acquisition.position) + 3 * NORMAL
    scan = load(made.write(tmp_path / "scan.h5"))
    assert scan.affine is None
    assert says in scan.header["place"]


def test_phase_oversampling_is_cropped_by_lengths_and_interpolation_is_not_followed(tmp_path):
    """16 lines over 32 mm, of which 24 mm are shown, by a scanner that interpolates to 128."""
    made = two_dimensional((16, 16), encoded_mm=(48.0, 32.0, 4.0), recon=(128, 128, 1), recon_mm=(24.0, 24.0, 4.0))
    made.add_volume(noise((1, 2, 32, 16)))
    scan = load(made.write(tmp_path / "scan.h5"))
    assert (scan.matrix, scan.crop) == ((16, 16), (16, 12))


def test_partial_fourier_and_asymmetric_echo_stay_outside_the_lattice(tmp_path):
    made = two_dimensional(limits=(0, 8, 5))
    for y in range(9):
        made.add(KSPACE[0, :, 8:, y], line=y, centre=8)
    scan = load(made.write(tmp_path / "scan.h5"))
    assert scan.lattice.any(0).nonzero().flatten().tolist() == list(range(1, 10))
    assert not scan.lattice[:4].any()
    assert scan.acquired_matrix == (12, 9)
    assert scan.is_fully_sampled


def test_readouts_of_different_lengths_lie_where_the_header_says(tmp_path):
    """Such a pattern is no product of lines, so that the readout is not cut before the reconstruction."""
    made = two_dimensional()
    for y in range(12):
        made.add(KSPACE[0, :, : 32 if y % 2 else 20, y], line=y, centre=16)
    scan = load(made.write(tmp_path / "scan.h5"))
    assert (scan.matrix, scan.crop) == ((32, 12), (16, 12))
    assert point(scan.affine, (0, 16, 6)) == pytest.approx([10, -20, 30], abs=1e-4)
    assert point(output_affine(scan), (0, 8, 6)) == pytest.approx([10, -20, 30], abs=1e-4)


def test_the_thickness_is_not_the_distance(tmp_path):
    scan = load(whole(tmp_path))
    assert (scan.header["slice_thickness_mm"], scan.slice_mm) == (4, pytest.approx(5))


def test_discarded_samples_do_not_count(tmp_path):
    made = two_dimensional()
    made.add_volume(KSPACE[:1], head={"discard_pre": 6, "discard_post": 2})
    scan = load(made.write(tmp_path / "scan.h5"))
    assert scan.lattice.any(1).sum() == 12


def test_odd_sizes(tmp_path):
    kspace = noise((1, 3, 45, 11))
    made = two_dimensional(encoded=(45, 11, 1), encoded_mm=(45.0, 11.0, 3.0), recon=(23, 9, 1), recon_mm=(23.0, 9.0, 3))
    made.limits = (0, 10, 5)
    made.add_volume(kspace)
    scan = load(made.write(tmp_path / "scan.h5"))
    assert (scan.matrix, scan.crop) == ((23, 11), (23, 9))
    rows = np.arange(23) - 11 + 22
    np.testing.assert_allclose(ifft2c(scan.kspace), centred_ifft(kspace)[..., rows, :], atol=2e-5)
    assert point(scan.affine, (0, 11, 5)) == pytest.approx([10, -20, 30], abs=1e-4)


def test_noise_scans_become_the_prescan_at_the_power_of_the_images(tmp_path):
    """Half the bandwidth, a receiver that passed 0.8 of it, and two averages."""
    made = two_dimensional(receiver=0.8)
    silent = noise((2, 5000), 7)
    for part in (silent[:, :3000], silent[:, 3000:]):
        made.add(part, flags=[ismrmrd.ACQ_IS_NOISE_MEASUREMENT], head={"sample_time_us": 2.0})
    for average in range(2):
        made.add_volume(KSPACE, head={"sample_time_us": 4.0}, average=average)
    scan = load(made.write(tmp_path / "scan.h5"))
    np.testing.assert_allclose(scan.noise, silent * np.sqrt(2 / 4 / 0.8 / 2), rtol=1e-5)
    assert prescan_covariance(scan.noise)[0, 0].real == pytest.approx(2 * 0.3125, rel=0.1)
    assert scan.header["averages"] == 2
    np.testing.assert_allclose(ifft2c(scan.kspace), images(KSPACE)[::-1], atol=2e-5)


def test_averages_are_means(tmp_path):
    made = two_dimensional()
    made.add_volume(KSPACE + 1, average=0)
    made.add_volume(KSPACE - 1, average=1)
    np.testing.assert_allclose(ifft2c(load(made.write(tmp_path / "scan.h5")).kspace), images(KSPACE)[::-1], atol=2e-5)


LINES, WITH_6 = [1, 3, 5, 7, 9, 11], [1, 3, 5, 6, 7, 9, 11]


@pytest.mark.parametrize(("mode", "sampled"), [("embedded", WITH_6), (None, WITH_6), ("", WITH_6), ("separate", LINES)])
def test_calibration_lines(tmp_path, mode, sampled):
    """Line 6 was measured for calibration alone, 5 and 7 for the image too; line 7 a second time for calibration."""
    made = two_dimensional(calibration=mode)
    for y in LINES:
        made.add_volume(KSPACE, [y], flags=[ismrmrd.ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING] if y in (5, 7) else [])
    made.add_volume(KSPACE, [6], flags=[ismrmrd.ACQ_IS_PARALLEL_CALIBRATION])
    made.add_volume(0 * KSPACE + 9, [7], flags=[ismrmrd.ACQ_IS_PARALLEL_CALIBRATION])
    scan = load(made.write(tmp_path / "scan.h5"))
    assert scan.mask.any(0).nonzero().flatten().tolist() == sampled
    assert scan.header["readouts left out"] == ("6 calibration" if mode == "separate" else "3 calibration")
    expected = fft2c(torch.from_numpy(images(KSPACE)[::-1].copy())).numpy()[..., sampled]
    np.testing.assert_allclose(scan.kspace[..., sampled], expected, atol=3e-5)


def test_what_is_no_image_is_left_out(tmp_path):
    made = two_dimensional()
    for flag in (ismrmrd.ACQ_IS_NAVIGATION_DATA, ismrmrd.ACQ_IS_PHASECORR_DATA, ismrmrd.ACQ_IS_DUMMYSCAN_DATA):
        made.add(9 * KSPACE[0, :, :5, 0], line=3, flags=[flag])
    made.add_volume(KSPACE)
    scan = load(made.write(tmp_path / "scan.h5"))
    np.testing.assert_allclose(ifft2c(scan.kspace), images(KSPACE)[::-1], atol=2e-5)
    assert scan.header["readouts left out"] == "1 navigator, 1 phase correction, 1 dummy"


def test_readouts_that_all_run_backwards_are_turned(tmp_path):
    made = two_dimensional()
    made.add_volume(KSPACE[..., ::-1, :], flags=[ismrmrd.ACQ_IS_REVERSE], centre=15)
    np.testing.assert_allclose(ifft2c(load(made.write(tmp_path / "scan.h5")).kspace), images(KSPACE)[::-1], atol=2e-5)


def test_several_contrasts_and_encodings_are_picked(tmp_path):
    made = two_dimensional(encodings=2)
    for contrast in (0, 1):
        made.add_volume((contrast + 1) * KSPACE, contrast=contrast)
    made.add_volume(5 * KSPACE, encoding=1)
    path = made.write(tmp_path / "scan.h5")
    assert "--pick encoding=0" in refusal(path)
    assert "2 images by contrast (0, 1)" in refusal(path, pick={"encoding": 0})
    scan = load(path, pick={"encoding": "0", "contrast": "1"})
    np.testing.assert_allclose(ifft2c(scan.kspace), 2 * images(KSPACE)[::-1], atol=4e-5)
    assert scan.header["te_ms"] == 22
    assert load(path, pick={"encoding": 1}).kspace.abs().max() > 2 * scan.kspace.abs().max()
    assert "has no contrast 7" in refusal(path, pick={"encoding": 0, "contrast": 7})
    assert "no whole number" in refusal(path, pick={"encoding": "first"})
    assert "cannot pick by 'echo'" in refusal(path, pick={"echo": 1})


def test_several_data_sets_of_a_file(tmp_path):
    path = whole(tmp_path)
    other = two_dimensional()
    other.add_volume(KSPACE[:1])
    other.write(path, "other")
    assert "--pick group=dataset" in refusal(path)
    assert load(path, pick={"group": "dataset"}).n_slices == 3
    assert load(path, pick={"group": "other"}).n_slices == 1
    assert "has no data set 'x'" in refusal(path, pick={"group": "x"})


def test_lines_of_a_phase_axis_that_were_skipped(tmp_path):
    made = two_dimensional()
    made.add_volume(KSPACE, [0, 2, 4, 5, 6, 7, 8, 10])
    scan = load(made.write(tmp_path / "scan.h5"))
    assert scan.net_acceleration == pytest.approx(12 / 8)


def test_refusals(tmp_path):
    def file(name, change=lambda made: None, **facts):
        made = two_dimensional(**facts)
        made.add_volume(KSPACE)
        change(made)
        return made.write(tmp_path / f"{name}.h5")

    def backwards(made):
        for acquisition in made.acquisitions[::2]:
            acquisition.setFlag(ismrmrd.ACQ_IS_REVERSE)

    assert "not Cartesian (radial)" in refusal(file("radial", trajectory="radial"))
    assert "echo-planar" in refusal(file("epi", trajectory="epi"))
    assert "run backwards (EPI)" in refusal(file("mixed", backwards))
    assert "lies outside the encoded matrix" in refusal(file("far", lambda m: m.add(KSPACE[0, :, :, 0], line=12)))
    assert "does not fit the encoded matrix" in refusal(file("long", lambda m: m.add(noise((2, 40)))))
    assert "different numbers of coils" in refusal(file("coils", lambda m: m.add(noise((3, 32)))))
    assert "sampled at other points" in refusal(file("cut", lambda m: m.acquisitions.pop()))
    assert "NaN" in refusal(file("nan", lambda m: m.add(np.nan * KSPACE[0, :, :, 0])))
    noisy = file("noise", lambda m: m.add(noise((3, 50)), flags=[ismrmrd.ACQ_IS_NOISE_MEASUREMENT]))
    assert "noise scan has 3 coils" in refusal(noisy)
    only = two_dimensional()
    only.add(noise((2, 50)), flags=[ismrmrd.ACQ_IS_NOISE_MEASUREMENT])
    assert "no imaging readouts" in refusal(only.write(tmp_path / "only.h5"))
    spiral = two_dimensional()
    head = {"trajectory_dimensions": 2}
    data = noise((2, 32))
    spiral.acquisitions.append(ismrmrd.Acquisition.from_array(data, np.zeros((32, 2), np.float32), **head))
    assert "not Cartesian" in refusal(spiral.write(tmp_path / "spiral.h5"))
    assert "cannot be read" in refusal(file("huge", encoded=(2**30, 2**20, 1)))
    assert "no whole number" in refusal(file("none"), pick={"contrast": None})


@pytest.mark.parametrize(("old", "new"), [("<TE>11", "<TE>min"), ("<TE>11", "<TE>"), ("<TR>500", "<TR>nan")])
def test_a_fact_that_is_no_number_spoils_no_scan(tmp_path, old, new):
    path = whole(tmp_path, receiver="?")
    with h5py.File(path, "r+") as file:
        xml = file["dataset/xml"][0].decode()
        assert old in xml
        file["dataset/xml"][0] = xml.replace(old, new).encode()
    facts = load(path).header
    assert {facts["tr_ms"], facts["te_ms"]} & {"min", "", "nan"}


def test_damage(tmp_path):
    path = whole(tmp_path)
    data = path.read_bytes()
    (tmp_path / "half.h5").write_bytes(data[: len(data) // 2])
    assert "cannot be read" in refusal(tmp_path / "half.h5")
    with h5py.File(path, "r+") as file:
        row = file["dataset/data"][4]
        row["data"] = row["data"][:-2]
        file["dataset/data"][4] = row
    assert "readout 4 holds 63 values" in refusal(path)
    with h5py.File(path, "r+") as file:
        file["dataset/xml"][0] = b"<ismrmrdHeader>"
    assert "ismrmrd_header" in refusal(path)
    with h5py.File(path, "r+") as file:
        del file["dataset/data"]
        file["dataset"].create_dataset("data", (0,), ismrmrd.hdf5.acquisition_dtype)
    assert "holds no readouts" in refusal(path)
