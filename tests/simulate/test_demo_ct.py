"""The embedded CT demo and the generator that made it."""

import hashlib

import h5py
import numpy as np
import pytest
import torch
from random_state import random_state_untouched
from scipy import ndimage

from medrecon.ct.dose import Scanner
from medrecon.operators.fan_beam import FanGeometry
from medrecon.simulate.ct.demo import DOSE, SEED, demo_ct_path, demo_slice, load_demo, make_demo_ct
from medrecon.simulate.ct.inserts import CONTRASTS_HU, DIAMETERS_MM

SHA256 = "02dce0f19fe77cab0b8795388baddfba4b401ce4f07be1e67b8c3dc44646c029"
TRUTH = [[-719.18, -708.88], [-735.67, -715.31]]
LOW = [[-719.21, -708.85], [-735.56, -715.34]]
SMALL = Scanner(FanGeometry(160, 92, 8 * 1.2858 / 1085.6))


@pytest.fixture(scope="module")
def demo():
    return load_demo()


def test_the_file_is_the_one_that_the_generator_wrote():
    assert hashlib.sha256(demo_ct_path().read_bytes()).hexdigest() == SHA256
    assert demo_ct_path().stat().st_size < 1_000_000
    with h5py.File(demo_ct_path()) as file:
        assert (file.attrs["seed"], file.attrs["dose"]) == (SEED, DOSE)
        assert list(file.attrs["levels"]) == ["abdomen", "chest"]
        assert file["low"].dtype == file["truth"].dtype == np.int16


def test_what_is_loaded(demo):
    for volume in (demo.low, demo.truth):
        assert volume.values.shape == (2, 512, 512)
        assert volume.values.dtype == torch.float32
        assert volume.voxel_mm == pytest.approx((3.0, 0.78125, 0.78125))
        assert volume.warnings == ()
    # towards the patient's left with x, to the back with y, to the head with the slices; the rotation centre is 0
    np.testing.assert_allclose(demo.low.affine @ [0, 255.5, 255.5, 1], [0, 0, 0, 1], atol=1e-9)
    np.testing.assert_allclose(demo.low.affine[:3, :3], [[0, 0, 0.78125], [0, 0.78125, 0], [3, 0, 0]])
    assert demo.dose == 0.25


def test_low_dose_is_noisy_and_not_shifted(demo):
    noise = demo.low.values - demo.truth.values
    along = (torch.arange(512) - 255.5) * 0.78125
    outside = torch.hypot(along[:, None], along) > FanGeometry().field_mm / 2
    for i in range(2):
        soft = (demo.truth.values[i] > 0) & (demo.truth.values[i] < 200)
        assert 8 < float(noise[i][soft].std()) < 40
        assert abs(float(noise[i][soft].mean())) < 1  # -ln k would be some hundred HU
        for volume in (demo.low, demo.truth):  # what the scanner does not see whole is padding
            assert bool((volume.values[i][outside] == -1024).all())


def test_the_reference_is_in_hounsfield_units(demo):
    truth = demo.truth.values
    air = truth[:, 20:60, 100:400]
    assert float(air.mean()) == pytest.approx(-1000, abs=5)
    fat, bone = (truth > -125) & (truth < -85), truth > 400
    assert float(fat.float().mean()) > 0.02
    assert float(bone.float().mean()) > 0.004
    lungs = ((truth > -940) & (truth < -780)).float().mean((1, 2))
    assert float(lungs[1]) > 0.08 > 0.02 > float(lungs[0])


def test_inserts_stand_out_of_what_surrounds_them_by_their_contrast(demo):
    assert demo.diameters_mm.shape == demo.contrasts_hu.shape == (2, 15)
    recovered = []
    for i in range(2):
        assert set(demo.diameters_mm[i].tolist()) == set(DIAMETERS_MM)
        assert set(demo.contrasts_hu[i].tolist()) == set(CONTRASTS_HU)
        truth, labels = demo.truth.values[i].numpy(), demo.inserts[i].numpy()
        assert labels.max() == 15
        for number in np.flatnonzero(demo.diameters_mm[i].numpy() >= 5) + 1:
            inner = ndimage.binary_erosion(labels == number)
            near = ndimage.binary_dilation(labels == number, iterations=5)
            ring = near & ~ndimage.binary_dilation(labels == number, iterations=2)
            recovered.append((truth[inner].mean() - truth[ring].mean(), float(demo.contrasts_hu[i][number - 1])))
    measured, drawn = np.array(recovered).T
    # the tissue's own texture stands beneath them
    assert np.polyfit(drawn, measured, 1)[0] == pytest.approx(1, abs=0.25)


def test_the_generator_comes_back_bit_for_bit():
    with random_state_untouched():
        first = demo_slice("chest", 5, 64, SMALL)
    again, other = demo_slice("chest", 5, 64, SMALL), demo_slice("chest", 6, 64, SMALL)
    for name in ("low", "truth", "inserts"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert (first.low != other.low).any()
    # as it was where the file was written; other vector units may round a value to its neighbour
    np.testing.assert_allclose(first.truth.reshape(2, 32, 2, 32).mean((1, 3)), TRUTH, atol=0.1)
    np.testing.assert_allclose(first.low.reshape(2, 32, 2, 32).mean((1, 3)), LOW, atol=0.1)


def test_writing(monkeypatch, tmp_path):
    monkeypatch.setattr("medrecon.simulate.ct.demo.demo_slice", lambda level, seed: demo_slice(level, seed, 48, SMALL))
    first, second = (make_demo_ct(tmp_path / name) for name in ("a.h5", "b.h5"))
    assert first.read_bytes() == second.read_bytes()
    with h5py.File(first) as file:
        assert file["low"].shape == (2, 48, 48)
        assert set(file) == {"low", "truth", "inserts", "insert_diameters_mm", "insert_contrasts_hu"}
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["a.h5", "b.h5"]
