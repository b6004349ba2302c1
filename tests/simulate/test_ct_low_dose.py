"""`medrecon simulate ct` and what stands behind it, from NIfTI to NIfTI."""

import nibabel
import numpy as np
import pytest
import torch
from ct_files import write_ct

from medrecon.cli.main import run
from medrecon.ct.dose import Scanner
from medrecon.errors import InputError
from medrecon.io import load_volume
from medrecon.operators.fan_beam import FanGeometry
from medrecon.progress import Progress
from medrecon.simulate.ct.low_dose import simulate_low_dose
from medrecon.volume import Volume

SCANNER = Scanner(FanGeometry(90, 92, 8 * 1.2858 / 1085.6))


def volume(slices: int = 3, padded: bool = False) -> Volume:
    along = (torch.arange(48) - 23.5) * 7.0
    hu = torch.where(torch.hypot(along[:, None], along) < 130, 30.0, -1000.0).expand(slices, -1, -1).clone()
    padding = torch.zeros(hu.shape, dtype=torch.bool)
    padding[:, :2] = padded
    hu[padding] = -1024
    return Volume(hu, np.diag([5.0, 7.0, 7.0, 1.0]), "water", padding=padding if padded else None)


def test_any_range_of_slices_has_the_bits_of_the_whole():
    whole = simulate_low_dose(volume(), 0.25, scanner=SCANNER, seed=3)
    part = simulate_low_dose(volume(), 0.25, scanner=SCANNER, seed=3, slices=(1, None))
    assert torch.equal(whole.values[1:], part.values)
    assert part.affine[0, 3] == 5.0
    assert not torch.equal(whole.values[0], whole.values[1])
    assert not torch.equal(whole.values, simulate_low_dose(volume(), 0.25, scanner=SCANNER, seed=4).values)


def test_noise_grows_as_the_dose_falls_and_padding_stays():
    spread = [
        float((simulate_low_dose(volume(1), k, scanner=SCANNER).values - volume(1).values).std())
        for k in (0.5, 0.25, 0.1)
    ]
    # sqrt((1 - k) / k) where photons alone count
    assert spread[1] / spread[0] == pytest.approx(3**0.5, rel=0.05)
    assert spread[2] / spread[0] == pytest.approx(3, rel=0.1)
    low = simulate_low_dose(volume(padded=True), 0.1, scanner=SCANNER)
    assert low.padding is not None
    assert bool((low.values[low.padding] == -1024).all())


def test_steps_are_reported():
    steps: list[Progress] = []
    simulate_low_dose(volume(), 0.5, scanner=SCANNER, on_step=steps.append)
    assert [(p.done, p.total) for p in steps] == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("asked", "words"),
    [({"dose": 0.0}, "fraction"), ({"seed": -1}, "seed"), ({"slices": (3, None)}, "select nothing")],
)
def test_bad_requests(asked, words):
    with pytest.raises(InputError, match=words):
        simulate_low_dose(volume(), **{"dose": 0.25, "scanner": SCANNER, **asked})


@pytest.fixture
def chest(tmp_path):
    path = tmp_path / "chest.nii.gz"
    hu = volume().values.numpy().astype(np.int16)
    image = nibabel.Nifti1Image(hu.transpose(2, 1, 0), np.diag([-7.0, -7.0, 5.0, 1.0]))
    nibabel.save(image, path)
    return path


def test_command_from_nifti_to_nifti(chest, tmp_path, capsys):
    out = tmp_path / "low.nii.gz"
    assert (
        run(["simulate", "ct", str(chest), "-o", str(out), "--dose", "0.1", "--slices", "1:2", "--device", "cpu"]) == 0
    )
    assert "1 slices as at 10% of their dose" in capsys.readouterr().out
    before, after = nibabel.load(chest), nibabel.load(out)
    assert after.shape == (48, 48, 1)
    np.testing.assert_allclose(after.affine[:3, :3], before.affine[:3, :3])
    added = after.get_fdata()[..., 0] - before.get_fdata()[..., 1]
    assert 3 < added.std() < 60
    assert abs(added.mean()) < 1


def test_full_dose_writes_what_was_read(chest, tmp_path):
    out = tmp_path / "same.nii.gz"
    assert run(["simulate", "ct", str(chest), "-o", str(out), "--dose", "1", "--device", "cpu"]) == 0
    np.testing.assert_array_equal(nibabel.load(out).get_fdata(), nibabel.load(chest).get_fdata())


def test_command_from_series_to_derived_series(tmp_path):
    write_ct(tmp_path / "in", volume().values.numpy(), spacing=(5.0, 7.0, 7.0))
    assert run(["simulate", "ct", str(tmp_path / "in"), "-o", str(tmp_path / "low"), "--device", "cpu"]) == 0
    before, after = load_volume(tmp_path / "in"), load_volume(tmp_path / "low")
    np.testing.assert_allclose(after.affine, before.affine)
    added = after.values - before.values
    assert 2 < float(added.std()) < 40
    assert abs(float(added.mean())) < 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dose", "25"], "fraction of full dose"),
        (["--dose", "0"], "fraction of full dose"),
        (["--dose", "nan"], "fraction of full dose"),
        (["--photons", "0"], "above 0"),
        (["--electronic", "-1"], "variance"),
        (["--seed", "-1"], "--seed"),
        (["--slices", "7:"], "select nothing"),
        (["--kernel", "sharp"], "kernel"),
    ],
)
def test_command_says_what_is_wrong_and_writes_nothing(chest, tmp_path, capsys, options, words):
    out = tmp_path / "low.nii.gz"
    assert run(["simulate", "ct", str(chest), "-o", str(out), "--device", "cpu", *options]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not out.exists()


def test_command_does_not_write_over_its_input(chest, capsys):
    assert run(["simulate", "ct", str(chest), "-o", str(chest)]) == 2
    assert "name of its own" in capsys.readouterr().err


def test_pixels_in_cm_are_refused(tmp_path, capsys):
    path = tmp_path / "cm.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros((48, 48, 2), np.int16) - 500, np.diag([0.07, 0.07, 0.5, 1])), path)
    assert run(["simulate", "ct", str(path), "-o", str(tmp_path / "low.nii.gz"), "--device", "cpu"]) == 2
    assert "mm, not cm" in capsys.readouterr().err
