"""`medrecon mri` and `info` on raw data: any format to any output, at its place, and nobody's name unless asked."""

import json

import h5py
import nibabel as nib
import numpy as np
import pytest
from pydicom import dcmread
from raw_scans import IDENTITY, PHASE, READ, SECRETS, named_head, noise, two_dimensional
from scipy.io import savemat
from twix_files import Twix, write_twix

from medrecon.cli.main import run

MRI = ["mri", "--method", "zero-filled", "--device", "cpu"]
OUTPUTS = ("a.h5", "a.nii.gz", "a.npy", "a.png", "series")


@pytest.fixture
def named(tmp_path):
    return named_head().write(tmp_path / "scan.h5")


def fastmri_of(path, kspace, header):
    """(slice, coil, readout, phase) as fastMRI stores it, the patient in its header and its attributes."""
    with h5py.File(path, "w") as file:
        file["kspace"] = kspace
        file["ismrmrd_header"] = header
        file.attrs.update({"acquisition": "AXT2", "patient_id": "MRN4711"})
    return path


def secrets_in(data: bytes) -> list[str]:
    return [word for word in SECRETS if word.encode() in data]


def everything_written(folder):
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path
            data = path.read_bytes()
            if path.name.endswith(".gz"):
                image = nib.load(path)
                data = image.header.binaryblock + b"".join(e.get_content() for e in image.header.extensions)
            if path.suffix == ".h5":
                with h5py.File(path) as file:
                    data += repr({**file.attrs, **{n: dict(file[n].attrs) for n in file}}).encode()
            assert secrets_in(data) == [], path


@pytest.mark.parametrize("kind", ["ISMRMRD", "fastMRI", "twix"])
def test_no_output_names_the_patient(tmp_path, named, kind, capfd, caplog):
    source = named
    if kind == "fastMRI":
        with h5py.File(named) as file:
            header = file["dataset/xml"][0]
        source = fastmri_of(tmp_path / "fast.h5", noise((2, 4, 64, 32)), header)
    if kind == "twix":
        made = Twix(base=32, lines=32, fov=(48.0, 64.0, 4.0))
        made.add_volume(noise((3, 4, 64, 32)))
        source = write_twix(tmp_path / "meas.dat", made)
    made = tmp_path / "made"
    made.mkdir()
    for name in OUTPUTS:
        facts = ["--json", str(made / f"{name}.json"), "--picture", str(made / f"{name}.png.png"), "--accel", "2"]
        assert run([*MRI, str(source), "-o", str(made / name), "--acs", "8", *facts]) == 0
    assert run(["info", str(source)]) == 0
    said = capfd.readouterr()
    assert secrets_in((said.out + said.err + caplog.text).encode()) == []
    assert len(list(everything_written(made))) == 4 + 10 + (3 if kind == "twix" else 2)
    for file in (made / "series").iterdir():
        part = dcmread(file)
        assert not [e for e in part.iterall() if e.tag.is_private or (e.VR in ("PN", "DA", "TM", "DT") and e.value)]
        assert part.PatientIdentityRemoved == "YES"
        assert [code.CodeValue for code in part.DeidentificationMethodCodeSequence] == ["113100"]


def test_identity_is_kept_in_the_series_alone_where_asked(tmp_path, named):
    record = tmp_path / "run.json"
    argv = [*MRI, str(named), "-o", str(tmp_path / "series"), "--keep-identity", "--json", str(record)]
    assert run(argv) == 0
    for file in (tmp_path / "series").iterdir():
        part = dcmread(file)
        assert (str(part.PatientName), part.PatientID) == (IDENTITY["patientName"], IDENTITY["patientID"])
        assert (part.PatientBirthDate, part.PatientSex) == ("19700102", "F")
        assert (part.StudyDate, part.StudyTime) == ("20240229", "123456")
        assert part.StudyInstanceUID == IDENTITY["studyInstanceUID"]
        assert part.FrameOfReferenceUID == IDENTITY["frameOfReferenceUID"]
        assert part.InstitutionName == IDENTITY["institutionName"]
        assert "PatientIdentityRemoved" not in part
    assert secrets_in(record.read_bytes()) == []


@pytest.mark.parametrize("out", [["-o", "a.nii.gz"], ["-o", "a.h5"], []])
def test_identity_is_refused_elsewhere(tmp_path, named, out, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run([*MRI, str(named), *out, "--keep-identity"]) == 2
    assert "identity" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["scan.h5"]


@pytest.mark.parametrize("crop", [(32, 32), (21, 18)])
@pytest.mark.parametrize("slices", [[], ["--slices", "1:2"]])
def test_the_place_survives_every_crop(tmp_path, crop, slices):
    """A bright voxel whose mm are known lies there in NIfTI and in DICOM, after oversampling, recon crop and slices."""
    import torch

    from medrecon.operators import fft2c

    y, x = 5, -6  # voxels from the centre, along the readout and along the phase
    made = two_dimensional((32, 32), recon=(*crop, 1), recon_mm=(crop[0] * 1.5, crop[1] * 2.0, 4.0))
    image = torch.zeros(2, 1, 64, 32, dtype=torch.complex64)
    image[..., 32 + y, 16 + x] = torch.tensor([[1.0], [0.5]])
    made.add_volume(fft2c(image).numpy() * np.array([1, 0.8, 0.6, 0.4]).reshape(4, 1, 1) + 1e-6 * noise((2, 4, 64, 32)))
    path = made.write(tmp_path / "scan.h5")
    for name in ("a.nii", "series"):
        assert run([*MRI, str(path), "-o", str(tmp_path / name), "--accel", "1", *slices]) == 0
    # slices ascend against their numbers, so slice 1 of the output is number 0 of the scanner
    number = 0
    expected = np.array(made.position) + number * made.gap * np.cross(READ, PHASE) + y * 1.5 * READ + x * 2.0 * PHASE
    volume = nib.load(tmp_path / "a.nii")
    index = np.unravel_index(np.argmax(volume.get_fdata()), volume.shape)
    assert (volume.affine @ [*index, 1])[:3] * [-1, -1, 1] == pytest.approx(expected, abs=0.01)
    parts = [dcmread(file) for file in sorted((tmp_path / "series").iterdir())]
    part = max(parts, key=lambda one: one.pixel_array.max())
    row, column = np.unravel_index(np.argmax(part.pixel_array), part.pixel_array.shape)
    along_x, along_y = np.array(part.ImageOrientationPatient, float).reshape(2, 3)
    mm = np.array(part.ImagePositionPatient, float)
    mm += column * float(part.PixelSpacing[1]) * along_x + row * float(part.PixelSpacing[0]) * along_y
    assert mm == pytest.approx(expected, abs=0.01)


def test_every_format_gives_the_image_of_the_same_kspace(tmp_path, named):
    """One volume as ISMRMRD, twix, BART, MATLAB and plain HDF5: the same image after the same mask."""
    kspace = noise((1, 4, 32, 12))
    made = two_dimensional()
    made.add_volume(kspace)
    twix = Twix(slices=1)
    twix.add_volume(kspace)
    files = [made.write(tmp_path / "mrd.h5"), write_twix(tmp_path / "meas.dat", twix)]
    from medrecon.io import load

    array = load(files[0]).kspace.numpy()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["kspace"] = array
        file.attrs["phase_axes"] = "x"
    savemat(tmp_path / "m.mat", {"kspace": array.transpose(2, 3, 1, 0), "phase_axes": "x"})
    (tmp_path / "b.cfl").write_bytes(array[0].transpose(1, 2, 0)[:, :, None].astype("<c8").tobytes(order="F"))
    (tmp_path / "b.hdr").write_text("# Dimensions\n16 12 1 4 1 1 1 1 1 1 1 1 1 1 1 1\n")
    files += [tmp_path / name for name in ("a.h5", "m.mat", "b.cfl")]
    images = []
    np.save(tmp_path / "mask.npy", np.isin(np.arange(12), [0, 2, 4, 5, 6, 7, 8, 10])[None].repeat(16, 0))
    for i, file in enumerate(files):
        assert run([*MRI, str(file), "-o", str(tmp_path / f"{i}.npy"), "--mask", str(tmp_path / "mask.npy")]) == 0
        images.append(np.load(tmp_path / f"{i}.npy"))
    for image in images[1:]:
        np.testing.assert_allclose(image, images[0], atol=1e-5)


def test_info_tells_of_every_format(tmp_path, named, capsys):
    twix = Twix()
    twix.add_volume(noise((3, 2, 32, 12)))
    write_twix(tmp_path / "meas.dat", twix)
    savemat(tmp_path / "m.mat", {"raw": noise((16, 12, 4))})
    (tmp_path / "b.cfl").write_bytes(noise((16, 12, 1, 4)).tobytes(order="F"))
    (tmp_path / "b.hdr").write_text("# Dimensions\n16 12 1 4 1 1 1 1 1 1 1 1 1 1 1 1\n")
    np.save(tmp_path / "a.npy", noise((4, 16, 12)))
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file["kspace"] = noise((4, 16, 12))
    expected = {
        "scan.h5": "ISMRMRD", "meas.dat": "Siemens twix", "m.mat": "MATLAB", "b.cfl": "BART cfl", "a.npy": "NumPy",
        "p.h5": "plain HDF5",
    }  # fmt: skip
    for name, told in expected.items():
        assert run(["info", str(tmp_path / name)]) == 0
        rows = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
        assert rows["format"].strip() == told
    assert run(["info", str(tmp_path / "m.mat"), "--pick", "variable=raw"]) == 0
    assert run(["info", str(tmp_path / "m.mat"), "--pick", "raw"]) == 2
    assert "--pick is 'raw'" in capsys.readouterr().err


def test_picking_on_the_command_line(tmp_path, capsys):
    made = two_dimensional()
    for contrast in (0, 1):
        made.add_volume(noise((2, 4, 32, 12), contrast), contrast=contrast)
    path = made.write(tmp_path / "scan.h5")
    argv = [*MRI, str(path), "-o", str(tmp_path / "a.h5"), "--accel", "1", "--json", str(tmp_path / "a.json")]
    assert run(argv) == 2
    assert "--pick contrast=0" in capsys.readouterr().err
    assert run([*argv, "--pick", "contrast=1"]) == 0
    assert json.loads((tmp_path / "a.json").read_text())["method"] == "zero-filled"


def test_batch_picks_the_same_volume_of_every_file(tmp_path, capsys):
    folder, out, single = tmp_path / "in", tmp_path / "out", tmp_path / "one.h5"
    folder.mkdir()
    for i in range(2):
        made = two_dimensional()
        for contrast in (0, 1):
            made.add_volume(noise((2, 4, 32, 12), 2 * i + contrast), contrast=contrast)
        made.write(folder / f"scan{i}.h5")
    with h5py.File(folder / "single.h5", "w") as file:
        file["kspace"] = noise((2, 4, 32, 12))
    options = ["--method", "zero-filled", "--device", "cpu", "--threads", "1", "--accel", "1"]
    (tmp_path / "batch.toml").write_text('pick = "contrast=1"\nworkers = 1\n')
    argv = ["batch", str(folder), str(out), *options]
    assert run([*argv, "--config", str(tmp_path / "batch.toml")]) == 1
    assert "failed: single.h5: cannot pick by 'contrast'" in capsys.readouterr().out
    assert run(["mri", str(folder / "scan1.h5"), "-o", str(single), "--pick", "contrast=1", *options]) == 0
    with h5py.File(out / "scan1.h5") as batch, h5py.File(single) as one:
        np.testing.assert_array_equal(batch["reconstruction_complex"], one["reconstruction_complex"])
    head, *_ = map(json.loads, (out / "manifest.jsonl").read_text().splitlines())
    assert head["options"]["pick"] == {"contrast": "1"}
    capsys.readouterr()
    for pick in (["--pick", "contrast=0"], []):
        assert run([*argv, *pick, "--resume"]) == 2
        assert "option pick = {'contrast': '1'}, and --resume came with" in capsys.readouterr().err
    assert run(["batch", str(folder), str(tmp_path / "new"), *options, "--pick", "contrast"]) == 2
    assert "--pick is 'contrast'" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_batch_writes_the_place_that_mri_writes(tmp_path):
    (tmp_path / "in").mkdir()
    path = named_head().write(tmp_path / "in" / "scan.h5")
    options = ["--method", "zero-filled", "--device", "cpu", "--threads", "1", "--accel", "2", "--acs", "8"]
    assert run(["batch", str(tmp_path / "in"), str(tmp_path / "out"), "--workers", "1", *options]) == 0
    assert run(["mri", str(path), "-o", str(tmp_path / "one.h5"), *options]) == 0
    with h5py.File(tmp_path / "out" / "scan.h5") as batch, h5py.File(tmp_path / "one.h5") as one:
        np.testing.assert_array_equal(batch.attrs["affine"], one.attrs["affine"])
        np.testing.assert_array_equal(batch["reconstruction_complex"], one["reconstruction_complex"])
    assert list(everything_written(tmp_path / "out"))
