"""CT protocols against scikit-image and against the identity that ties PSNR to RMSE."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from medrecon.errors import InputError
from medrecon.evaluation import CT_PROTOCOLS, score_ct
from medrecon.evaluation.gaussian_ssim import gaussian_ssim_map

WINDOWS = {  # low and high in HU, and the range of PSNR in HU where the reference does not decide it
    "ct-full": (-1024, 3071, 4095),
    "ct-chest": (-1350, 150, 1500),
    "ct-abdomen": (-150, 250, 400),
    "ct-head": (0, 80, 80),
    "e-red": (-160, 240, 400),
    "e-core": (-1000, 1000, None),
}
UNITS = {  # where the window's ends lie when SSIM is taken
    "ct-full": (0, 4095),
    "ct-chest": (0, 1),
    "ct-abdomen": (0, 1),
    "ct-head": (0, 1),
    "e-red": (-160, 240),
    "e-core": (0, 255),
}


def pair(slices=3, height=48, width=40, noise=15.0, seed=0):
    """(prediction, reference) in HU: air, fat, soft tissue, bone, with noise on the first."""
    rng = np.random.default_rng(seed)
    t = np.full((slices, height, width), -1000.0)
    t[:, 6:-6, 6:-6] = -90
    t[:, 12:-12, 12:-12] = 40 + 20 * ndimage.gaussian_filter(rng.standard_normal((slices, height - 24, width - 24)), 1)
    t[:, 20:24, 16:22] = 1400
    p = t + noise * rng.standard_normal(t.shape)
    return p.astype(np.float32), t.astype(np.float32)


def mapped(image, name):
    low, high, _ = WINDOWS[name]
    floor, ceiling = UNITS[name]
    return floor + (np.clip(image.astype(np.float64), low, high) - low) / (high - low) * (ceiling - floor)


@pytest.mark.parametrize("name", WINDOWS)
def test_psnr_and_rmse_obey_their_identity_in_every_slice(name):
    p, t = pair()
    low, high, width = WINDOWS[name]
    found = score_ct(p, t, name)
    assert found.protocol == name
    assert tuple(found.mean) == ("psnr", "ssim", "rmse")
    inside_p, inside_t = np.clip(p, low, high).astype(float), np.clip(t, low, high).astype(float)
    for i, row in enumerate(found.slices):
        expected = np.sqrt(np.mean((inside_p[i] - inside_t[i]) ** 2))
        reach = width or np.ptp(inside_t[i])
        assert row["rmse"] == pytest.approx(expected, rel=1e-9)
        assert row["psnr"] == pytest.approx(20 * math.log10(reach / row["rmse"]), abs=1e-9)
    for score in found.mean:
        assert found.mean[score] == pytest.approx(np.mean([row[score] for row in found.slices]))


@pytest.mark.parametrize("name", ["ct-full", "ct-chest", "ct-abdomen", "ct-head"])
def test_psnr_and_ssim_of_the_windowed_protocols_are_those_of_scikit_image(name):
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    p, t = pair()
    reach = UNITS[name][1] - UNITS[name][0]
    for i, row in enumerate(score_ct(p, t, name).slices):
        a, b = mapped(p[i], name), mapped(t[i], name)
        assert row["ssim"] == pytest.approx(structural_similarity(b, a, data_range=reach), abs=1e-9)
        assert row["psnr"] == pytest.approx(peak_signal_noise_ratio(b, a, data_range=reach), abs=1e-9)


@pytest.mark.parametrize("name", ["e-red", "e-core"])
def test_the_gaussian_ssim_is_that_of_scikit_image_where_its_window_fits(name):
    from skimage.metrics import structural_similarity

    p, t = pair()
    for i in range(len(t)):
        a, b = mapped(p[i], name), mapped(t[i], name)
        reach = 400.0 if name == "e-red" else float(np.ptp(b))
        settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "full": True}
        expected = structural_similarity(b, a, data_range=reach, **settings)[1]
        found = gaussian_ssim_map(*(torch.from_numpy(x[None]) for x in (a, b)), torch.tensor([reach]))[0].numpy()
        np.testing.assert_allclose(found[5:-5, 5:-5], expected[5:-5, 5:-5], atol=1e-9)


@pytest.mark.parametrize("name", ["e-red", "e-core"])
def test_the_gaussian_ssim_counts_every_pixel_with_zeros_beyond_the_border(name):
    p, t = pair()
    offsets = np.arange(-5, 6)
    weights = np.exp(-(offsets**2) / 4.5)
    weights /= weights.sum()

    def blurred(image):
        once = ndimage.convolve1d(image, weights, axis=0, mode="constant")
        return ndimage.convolve1d(once, weights, axis=1, mode="constant")

    for i, row in enumerate(score_ct(p, t, name).slices):
        a, b = mapped(p[i], name), mapped(t[i], name)
        reach = 400.0 if name == "e-red" else float(np.ptp(b))
        c1, c2 = (0.01 * reach) ** 2, (0.03 * reach) ** 2
        mean_a, mean_b = blurred(a), blurred(b)
        var_a, var_b = blurred(a * a) - mean_a**2, blurred(b * b) - mean_b**2
        both = blurred(a * b) - mean_a * mean_b
        map_ = (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
        assert row["ssim"] == pytest.approx(map_.mean(), abs=1e-9)


def test_the_window_alone_moves_psnr_by_far_more_than_any_method():
    """The same error of 2 HU everywhere in soft tissue: range 400 against 4095 is 20.2 dB."""
    t = np.full((1, 32, 32), 40.0)
    t[0, 8:16] = 60
    narrow, full = (score_ct(t + 2, t, name).mean["psnr"] for name in ("e-red", "ct-full"))
    assert full - narrow == pytest.approx(20 * math.log10(4095 / 400))


def test_what_lies_outside_the_window_counts_for_nothing():
    p, t = pair()
    bone = t > 1000
    worse = p.copy()
    worse[bone] += 500
    assert score_ct(worse, t, "e-red") == score_ct(p, t, "e-red")
    assert score_ct(worse, t, "ct-full").mean["rmse"] > score_ct(p, t, "ct-full").mean["rmse"]


def test_equal_images_are_at_infinity_and_blank_slices_are_left_out_of_the_mean():
    p, t = pair(noise=4.0)
    p[1] = t[1] = -1000
    found = score_ct(p, t, "ct-abdomen")
    assert math.isnan(found.slices[1]["psnr"])
    assert math.isnan(found.slices[1]["ssim"])
    assert found.slices[1]["rmse"] == 0
    assert found.mean["psnr"] == pytest.approx((found.slices[0]["psnr"] + found.slices[2]["psnr"]) / 2)
    assert found.as_dict()["slices"][1]["psnr"] is None
    same = score_ct(t, t, "ct-full")
    assert same.mean["psnr"] == math.inf
    assert same.mean["ssim"] == pytest.approx(1)


def test_tensors_and_arrays_of_any_kind_of_number_score_alike():
    p, t = (np.round(each) for each in pair())
    whole = score_ct(p.astype(np.int16), t.astype(np.int16), "e-core")
    assert whole == score_ct(torch.from_numpy(p), torch.from_numpy(t).double(), "e-core")


@pytest.mark.parametrize("name", WINDOWS)
def test_input_that_cannot_be_scored_is_refused_in_one_line(name):
    p, t = pair()
    holes = p.copy()
    holes[0, 0, 0] = np.nan
    side = 6 if name.startswith("ct") else 10
    for a, b, words in (
        (p[:2], t, "same grid"),
        (p[0], t[0], "slice, y, x"),
        (p[:, :side], t[:, :side], f"at least {side + 1}x{side + 1}"),
        (holes, t, "image holds NaN"),
        (p, holes, "reference holds NaN"),
        (p + 0j, t, "complex"),
        (np.full_like(t, -3000), np.full_like(t, -3000), "blank inside the window"),
    ):
        with pytest.raises(InputError, match=words) as error:
            score_ct(a, b, name)
        assert "\n" not in str(error.value)


def test_an_unknown_protocol_names_those_that_there_are():
    p, t = pair()
    with pytest.raises(InputError, match="e-du.*" + ".*".join(CT_PROTOCOLS)):
        score_ct(p, t, "e-du")
