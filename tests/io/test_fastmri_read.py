"""fastMRI files: padding, oversampling, crop, masks, identities."""

import numpy as np
import pytest
import torch
from kspace_files import centred_ifft, noise

from medrecon.crop import centre_crop
from medrecon.errors import InputError
from medrecon.io import load
from medrecon.operators import fft2c, ifft2c


def rss(kspace):
    return np.sqrt((np.abs(centred_ifft(np.asarray(kspace))) ** 2).sum(1))


def around_centre(image, size):
    """The pixels at the same distance from index n // 2 as those of an image of `size`."""
    (height, width), (h, w) = image.shape[-2:], size
    rows, columns = np.arange(h) - h // 2 + height // 2, np.arange(w) - w // 2 + width // 2
    return image[..., rows[:, None], columns]


@pytest.mark.parametrize(
    ("size", "recon"),
    [((64, 37), (32, 32)), ((64, 36), (32, 32)), ((46, 40), (23, 21)), ((45, 33), (22, 33)), ((64, 21), (32, 32))],
)
def test_full_width_reconstruction_then_crop_equals_the_loaded_scan(fastmri_file, size, recon):
    """Knee-like sizes, odd ones, and an odd width below the recon matrix as in FLAIR_203."""
    kspace = noise((2, 3, *size))
    scan = load(fastmri_file(kspace, recon))
    crop = min(recon[0], size[0]), min(recon[1], size[1])
    assert scan.crop == crop
    assert scan.matrix == (recon[0], size[1])
    assert scan.phase_axes == ("x",)
    assert scan.is_fully_sampled
    np.testing.assert_allclose(
        centre_crop(ifft2c(scan.kspace), crop).abs().square().sum(1).sqrt(), around_centre(rss(kspace), crop), rtol=1e-4
    )


def test_padded_columns_are_not_measured(fastmri_file):
    """30 of 40 columns were encoded; whatever the padding holds is dropped."""
    kspace = noise((1, 2, 32, 40))
    maximum, centre = 29, 17
    left, right = 40 // 2 - centre, 40 // 2 - centre + maximum + 1
    scan = load(fastmri_file(kspace, (16, 16), limits=(maximum, centre)))
    columns = scan.lattice.any(0).nonzero().flatten()
    assert (int(columns[0]), int(columns[-1]) + 1) == (left, right)
    assert scan.acquired_matrix == (16, 30)
    assert scan.is_fully_sampled
    assert scan.net_acceleration == 1
    assert not scan.kspace[..., :left].any()
    assert not scan.kspace[..., right:].any()
    assert scan.kspace[..., left:right].all()


def test_padding_agrees_with_the_fastmri_package(fastmri_file):
    from fastmri.data.mri_data import SliceDataset

    path = fastmri_file(noise((1, 2, 32, 40)), (16, 16), limits=(32, 18))
    metadata = SliceDataset(path.parent, "multicoil")[0][3]
    columns = load(path).lattice.any(0).nonzero().flatten()
    assert int(columns[0]) == metadata["padding_left"]
    assert int(columns[-1]) + 1 == metadata["padding_right"]


def test_width_other_than_the_encoded_one_is_counted_from_the_centre(fastmri_file):
    scan = load(fastmri_file(noise((1, 2, 32, 36)), (16, 16), limits=(29, 17), encoded=(32, 40)))
    columns = scan.lattice.any(0).nonzero().flatten()
    assert (int(columns[0]), int(columns[-1])) == (1, 30)


def test_senseless_limits_fall_back_to_what_the_data_show(fastmri_file):
    kspace = noise((1, 2, 32, 40))
    kspace[..., :6] = 0
    scan = load(fastmri_file(kspace, (16, 16), limits=(0, 0)))
    assert scan.acquired_matrix == (16, 34)


def test_mask_of_a_test_file(fastmri_file):
    kspace = noise((2, 2, 32, 40))
    mask = np.zeros(40, bool)
    mask[[4, 9, 14, 17, 18, 19, 20, 21, 22, 27, 33]] = True
    stored = mask.copy()
    stored[:2] = True  # test files mark padding as sampled
    scan = load(fastmri_file(kspace * mask, (16, 16), limits=(35, 18), mask=stored.astype(np.float32)))
    assert not scan.is_fully_sampled
    assert torch.equal(scan.mask, torch.from_numpy(mask).expand(16, 40))
    assert scan.net_acceleration == pytest.approx(36 / 11)
    unmarked = load(fastmri_file(kspace * mask, (16, 16), limits=(35, 18)))
    assert torch.equal(unmarked.mask, scan.mask)


def test_mask_applies_to_full_kspace(fastmri_file):
    mask = np.arange(40) % 2 == 0
    scan = load(fastmri_file(noise((1, 2, 32, 40)), (16, 16), mask=mask))
    assert not scan.kspace[..., 1::2].any()
    assert scan.kspace[..., ::2].all()


def test_asymmetric_echo_stays_outside_the_lattice(fastmri_file):
    kspace = noise((1, 2, 64, 20))
    kspace[..., :16, :] = 0
    scan = load(fastmri_file(kspace, (32, 20)))
    assert scan.acquired_matrix == (24, 20)
    assert not scan.lattice[:8].any()


def test_white_noise_keeps_its_variance(fastmri_file):
    scan = load(fastmri_file(noise((1, 4, 128, 96)), (64, 64)))
    parts = torch.view_as_real(scan.kspace)
    assert float(parts.var()) == pytest.approx(1, abs=0.02)
    rows = scan.kspace[0, 0]
    assert abs(float((rows[1:] * rows[:-1].conj()).mean().abs())) < 0.05


def test_oversampling_removal_is_exact_for_an_object_inside(fastmri_file):
    image = torch.from_numpy(noise((1, 2, 30, 20)))
    wide = torch.zeros(1, 2, 60, 20, dtype=torch.complex64)
    wide[..., 15:45, :] = image
    scan = load(fastmri_file(fft2c(wide).numpy(), (30, 20)))
    assert torch.allclose(scan.kspace, fft2c(image), atol=1e-5)


def test_geometry(fastmri_file):
    scan = load(fastmri_file(noise((1, 2, 64, 40)), (32, 32), pixel=(0.7, 0.9)))
    assert scan.voxel_mm == pytest.approx((0.7, 0.9))
    assert scan.slice_mm == 3
    assert scan.header["field_strength_t"] == pytest.approx(2.89362)
    assert scan.header["sequence"] == "CORPD_FBK"


def test_extras(fastmri_file):
    truth, lesions = np.random.default_rng(0).random((2, 16, 16), np.float32), np.zeros((2, 16, 16), bool)
    lesions[0, 3, 4] = True
    path = fastmri_file(
        noise((2, 3, 32, 20)), (16, 16), noise_prescan=noise((3, 50), 1), truth=truth, lesion_mask=lesions
    )
    scan = load(path)
    np.testing.assert_array_equal(scan.truth, truth)
    np.testing.assert_array_equal(scan.lesions, lesions)
    np.testing.assert_array_equal(scan.noise, noise((3, 50), 1))


def test_nothing_that_identifies_a_person_is_kept(fastmri_file):
    path = fastmri_file(noise((1, 2, 32, 20)), (16, 16))
    text = str(load(path))
    assert not any(secret in text for secret in ("abc123", "Jane", "4711"))
    assert load(path, keep_identity=True).header["patient_id"] == "abc123"


def test_single_coil_files_and_other_coil_counts(fastmri_file):
    assert load(fastmri_file(noise((2, 32, 20)), (16, 16))).kspace.shape == (2, 1, 16, 20)
    assert load(fastmri_file(noise((2, 20, 32, 20)), (16, 16), name="b.h5")).n_coils == 20


def test_two_dimensional_masks_keep_the_readout_whole(fastmri_file):
    mask = np.random.default_rng(0).random((32, 20)) < 0.4
    scan = load(fastmri_file(noise((1, 2, 32, 20)) * mask, (16, 16)))
    assert scan.phase_axes == ("y", "x")
    assert torch.equal(scan.mask, torch.from_numpy(mask))
    assert scan.crop == (16, 16)


@pytest.mark.parametrize("header", ["<ismrmrdHeader>", "<a/>", "no xml at all"])
def test_bad_headers(plain_file, header):
    with pytest.raises(InputError, match="ismrmrd_header"):
        load(plain_file(kspace=noise((1, 2, 8, 8)), ismrmrd_header=header))


@pytest.mark.parametrize(
    "extra",
    [
        {"truth": np.zeros((1, 5, 5), np.float32)},
        {"truth": np.full((1, 16, 16), np.nan, np.float32)},
        {"noise_prescan": noise((3, 50))},
        {"noise_prescan": np.zeros((2, 50))},
        {"mask": np.ones(7)},
        {"mask": np.zeros(20)},
    ],
)
def test_bad_extras(fastmri_file, extra):
    with pytest.raises(InputError, match=next(iter(extra))) as caught:
        load(fastmri_file(noise((1, 2, 32, 20)), (16, 16), **extra))
    assert "\n" not in str(caught.value)
