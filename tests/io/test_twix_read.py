"""Siemens twix, on files built from the layout of VB and of VD/VE."""

import numpy as np
import pytest
from kspace_files import centred_ifft, refusal
from raw_scans import SECRETS, noise
from twix_files import Twix, write_twix

from medrecon.io import describe, load
from medrecon.operators import ifft2c

KSPACE = noise((3, 2, 32, 12))


@pytest.fixture(params=[True, False], ids=["VE", "VB"])
def new(request):
    return request.param


def images(kspace):
    return centred_ifft(kspace)[..., 8:24, :]


def test_the_same_images_as_from_memory(tmp_path, new):
    made = Twix(new=new)
    made.add_sync()
    made.add_volume(KSPACE)
    scan = load(write_twix(tmp_path / "a.dat", made))
    np.testing.assert_allclose(ifft2c(scan.kspace), images(KSPACE), atol=2e-5)
    assert (scan.voxel_mm, scan.crop, scan.phase_axes) == ((1.5, 2.0), (16, 12), ("x",))
    assert scan.is_fully_sampled
    assert scan.header["field_strength_t"] == pytest.approx(2.89362)
    assert (scan.header["tr_ms"], scan.header["te_ms"], scan.header["patient_position"]) == (500, 11, "HFS")
    assert "ti_ms" not in scan.header  # a protocol names one even of a gradient echo without inversion
    assert scan.header["place"].startswith("unknown")


def test_noise_of_an_earlier_measurement_and_what_is_left_out(tmp_path):
    before, made = Twix(dwell=2000), Twix()
    silent = noise((2, 400), 5)
    before.add(silent, ["NOISEADJSCAN"])
    made.add(noise((2, 32)), ["PHASCOR", "RTFEEDBACK"])
    made.add_volume(KSPACE)
    scan = load(write_twix(tmp_path / "a.dat", before, made))
    np.testing.assert_allclose(scan.noise, silent * np.sqrt(0.5), rtol=1e-5)
    assert scan.header["readouts left out"] == "1 phase correction"
    np.testing.assert_allclose(ifft2c(scan.kspace), images(KSPACE), atol=2e-5)


@pytest.mark.parametrize(("mode", "sampled"), [(2, [1, 3, 5, 6, 7, 9, 11]), (4, [1, 3, 5, 7, 9, 11])])
def test_reference_lines(tmp_path, new, mode, sampled):
    made = Twix(new=new, reference=mode)
    made.add_volume(KSPACE, [1, 3, 5, 7, 9, 11])
    made.add_volume(KSPACE, [6], flags=["PATREFSCAN"])
    scan = load(write_twix(tmp_path / "a.dat", made))
    assert scan.mask.any(0).nonzero().flatten().tolist() == sampled


def test_echoes_are_picked_and_averages_averaged(tmp_path, new):
    made = Twix(new=new)
    for echo in (0, 1):
        for average, change in ((0, 1), (1, -1)):
            made.add_volume((echo + 1) * KSPACE + change, Eco=echo, Ave=average)
    path = write_twix(tmp_path / "a.dat", made)
    assert "--pick contrast=0" in refusal(path)
    scan = load(path, pick={"contrast": 1})
    np.testing.assert_allclose(ifft2c(scan.kspace), 2 * images(KSPACE), atol=4e-5)
    assert (scan.header["te_ms"], scan.header["averages"]) == (22, 2)


def test_asymmetric_echo_backwards_and_phase_oversampling(tmp_path):
    made = Twix(phase_oversampling=0.5, fov=(24.0, 16.0, 4.0))
    made.add_volume(KSPACE[:1, :, ::-1][..., :24, :], flags=["REFLECT"], centre=15, cut=(2, 0))
    scan = load(write_twix(tmp_path / "a.dat", made))
    assert scan.crop == (16, 8)
    assert scan.voxel_mm == (1.5, 2.0)
    rows = scan.lattice.any(1)
    assert int(rows.sum()) == 11  # 22 of 32 samples, half of them after the oversampling is gone


def test_three_dimensions(tmp_path, new):
    volume = noise((2, 6, 32, 12), 4)
    made = Twix(new=new, three=True, partitions=6, images=6, fov=(24.0, 24.0, 18.0))
    for z in range(6):
        made.add_volume(volume[None, :, z], Par=z)
    scan = load(write_twix(tmp_path / "a.dat", made))
    expected = centred_ifft(volume, (1, 2, 3))[..., 8:24, :]
    np.testing.assert_allclose(ifft2c(scan.kspace), expected.transpose(1, 0, 2, 3), atol=3e-5)
    assert scan.slice_mm == 3


def test_identity_only_where_asked(tmp_path, capfd, new):
    made = Twix(new=new)
    made.add_volume(KSPACE)
    path = write_twix(tmp_path / "a.dat", made)
    scan = load(path)
    shown = f"{scan.header}{scan}{describe(scan)}{describe(scan).as_dict()}{capfd.readouterr()}"
    assert not [word for word in SECRETS if word in shown]
    named = load(path, keep_identity=True).header
    assert (named["patient_name"], named["patient_id"]) == ("Roewald^Janette", "MRN4711")


def test_refusals_and_damage(tmp_path, new, capfd):
    def file(change, **facts):
        made = Twix(new=new, **facts)
        made.add_volume(KSPACE)
        change(made)
        return write_twix(tmp_path / "a.dat", made)

    assert "run backwards (EPI)" in refusal(file(lambda m: m.add(KSPACE[0, :, :, 0], ["REFLECT"])))
    assert "ucTrajectory 2" in refusal(file(lambda m: None, trajectory=2))
    assert "lies outside the encoded matrix" in refusal(file(lambda m: m.add(KSPACE[0, :, :, 0], Lin=12)))
    assert "sampled at other points" in refusal(file(lambda m: m.blocks.pop()))
    assert "no imaging readouts" in refusal(file(lambda m: m.blocks.clear()))
    for wrong in ({"base": "?"}, {"base": 0}, {"base": "1e999"}):
        assert "its protocol lacks" in refusal(file(lambda m: None, **wrong))
    path = file(lambda m: None)
    data = path.read_bytes()
    for kept in (len(data) - 600, len(data) // 2, 10300):
        path.write_bytes(data[:kept])
        assert any(said in refusal(path) for said in ("cut off?", "protocol cannot be read", "neither HDF5"))
    assert capfd.readouterr() == ("", "")


def test_lengths_and_times_that_are_missing(tmp_path, new):
    made = Twix(new=new, fov=(0, 24.0, 4.0), times="?")
    made.add_volume(KSPACE, Eco=1)
    scan = load(write_twix(tmp_path / "a.dat", made))
    assert scan.voxel_mm is None
    assert not {"tr_ms", "te_ms"} & set(scan.header)


def test_without_twixtools(tmp_path, monkeypatch):
    import sys

    made = Twix()
    made.add_volume(KSPACE)
    path = write_twix(tmp_path / "a.dat", made)
    monkeypatch.setitem(sys.modules, "twixtools", None)
    assert "pip install 'medrecon[twix]'" in refusal(path)
