import h5py
import numpy as np
import pytest
import torch

import medrecon
from medrecon.operators import Coils, ifft2c
from medrecon.simulate import demo
from medrecon.simulate.scan import Hardware


@pytest.fixture(scope="module")
def stored():
    with h5py.File(demo.demo_path()) as file:
        return {name: value[()] for name, value in file.items()} | dict(file.attrs)


@pytest.fixture(scope="module")
def redrawn():
    return demo._acquire(Hardware.draw(demo.COILS, (224.0, 208.0), 0), 1, 0)


def test_the_generator_reproduces_the_embedded_file(stored, redrawn):
    # One slice, for time. Where the file was written it is equal bit for bit; other FFT kernels round elsewhere.
    np.testing.assert_array_equal(redrawn.lesions, stored["lesion_mask"][1])
    np.testing.assert_allclose(redrawn.truth, stored["truth"][1], rtol=1e-5, atol=1e-6)
    noise = stored["kspace"][1] - redrawn.kspace
    prescan = stored["noise_prescan"]
    drawn = list(demo._noise(Hardware.draw(demo.COILS, (224.0, 208.0), 0), 0))[1]
    sigma = np.sqrt((np.abs(prescan) ** 2).mean() / 2)
    scale = np.vdot(drawn, noise).real / np.vdot(drawn, drawn).real
    assert scale == pytest.approx(sigma, rel=0.02)
    # what is left is the rounding of the mantissas
    assert (np.abs(noise - scale * drawn) <= 2.0**-10 * np.abs(stored["kspace"][1]) + 1e-6).all()


def test_the_file_is_a_small_fastmri_file(stored):
    assert demo.demo_path().stat().st_size <= 7_000_000
    assert stored["kspace"].shape == (2, 8, 448, 208)
    assert stored["kspace"].dtype == np.complex64
    assert stored["truth"].shape == stored["lesion_mask"].shape == stored["reconstruction_rss"].shape == (2, 224, 208)
    scan = medrecon.load(demo.demo_path())
    assert scan.matrix == (224, 208)
    assert scan.voxel_mm == pytest.approx((1.0, 1.0))
    assert scan.phase_axes == ("x",)
    assert scan.is_fully_sampled


def test_white_matter_snr_and_truth(redrawn):
    scan = medrecon.load(demo.demo_path()).slices(1, 2)
    hardware = Hardware.draw(demo.COILS, (224.0, 208.0), 0)
    maps = torch.from_numpy(demo._recon_maps(hardware, demo.HEIGHTS_MM[1])).to(torch.complex64)
    image = Coils(maps).H(ifft2c(scan.kspace[0]))
    background = torch.ones(224, 208, dtype=torch.bool)
    background[8:-8, 10:-10] = False
    std = torch.view_as_real(image[background]).std()
    level = redrawn.white_signal  # signal per unit of coil noise, gain of the combination included
    sigma = float(torch.view_as_real(scan.noise).std())
    assert level / sigma == pytest.approx(demo.WHITE_MATTER_SNR, rel=0.05)
    assert 0.5 < float(std) / sigma < 2
    error = (image.abs() - scan.truth[0])[scan.truth[0] > 0.1]
    assert float(error.std()) < 2 * sigma


def test_three_lesions_a_slice_of_two_to_five_millimetres(stored):
    from scipy import ndimage

    for mask in stored["lesion_mask"]:
        labels, count = ndimage.label(mask)
        assert count == 3
        areas = np.bincount(labels.ravel())[1:]
        diameters = np.sort(2 * np.sqrt(areas / np.pi))
        np.testing.assert_allclose(diameters, [2.0, 3.5, 5.0], atol=0.6)


def test_lesions_stand_out_of_the_white_matter_around_them(stored):
    from scipy import ndimage

    for mask, truth in zip(stored["lesion_mask"], stored["truth"], strict=True):
        ring = ndimage.binary_dilation(mask, iterations=3) & ~ndimage.binary_dilation(mask, iterations=2)
        assert np.median(truth[mask]) > 1.3 * np.median(truth[ring])


def test_no_identity(stored):
    assert not [name for name in stored if "patient" in name]
    assert b"subject" not in stored["ismrmrd_header"].lower()
