"""Protocols, and the traps of other code bases (style.md 12)."""

import math
import warnings

import numpy as np
import pytest
import torch
from phantom import head

from medrecon.errors import InputError
from medrecon.evaluation import foreground_mask, metrics, score

NAMES = ("psnr", "ssim", "rmse", "nmse", "psnr_foreground", "ssim_foreground")


def pair(slices=3, height=64, width=56, seed=0, dtype=np.float64):
    t = head(slices, height, width) + 0.02
    p = np.abs(t + 0.05 * np.random.default_rng(seed).standard_normal(t.shape))
    return p.astype(dtype), t.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("size", [(64, 56), (81, 40), (40, 40)])
def test_fastmri_protocol_equals_fastmri_evaluate(dtype, size):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluate = pytest.importorskip("fastmri.evaluate")
        transforms = pytest.importorskip("fastmri.data.transforms")
    p, t = pair(3, *size, dtype=dtype)
    mean = score(p, t, "fastmri").mean
    square = (t.shape[-1],) * 2
    cropped_t, cropped_p = transforms.center_crop(t, square), transforms.center_crop(p, square)
    assert abs(mean["psnr"] - evaluate.psnr(cropped_t, cropped_p)) < 1e-6
    assert abs(mean["nmse"] - evaluate.nmse(cropped_t, cropped_p)) < 1e-6
    assert abs(mean["ssim"] - float(evaluate.ssim(cropped_t, cropped_p)[0])) < 1e-6


def test_full_range_takes_the_maximum_over_the_slices_together():
    p, t = pair()
    t[1] *= 3
    result, p, t = score(p, t), torch.from_numpy(p), torch.from_numpy(t)
    assert result.protocol == "full-range"
    assert tuple(result.mean) == NAMES
    expected = metrics.psnr(p, t, float(t.max()))
    assert [row["psnr"] for row in result.slices] == expected.tolist()
    for name in NAMES:
        assert result.mean[name] == pytest.approx(np.mean([row[name] for row in result.slices]))
    mask = foreground_mask(t)
    assert result.slices[2]["psnr_foreground"] == metrics.psnr_foreground(p, t, float(t.max()), mask)[2]


@pytest.mark.parametrize("protocol", ["full-range", "fastmri"])
def test_an_outlier_of_the_prediction_does_not_move_the_range(protocol):
    """A range taken from the prediction would raise PSNR when one of its pixels doubles its maximum."""
    p, t = pair(1, 40, 40)
    spoiled = p.copy()
    spoiled[0, 20, 20] = 2 * max(p.max(), t.max())
    clean, dirty = score(p, t, protocol), score(spoiled, t, protocol)
    assert dirty.mean["psnr"] < clean.mean["psnr"]
    clean_error, dirty_error = np.mean((p - t) ** 2), np.mean((spoiled - t) ** 2)
    assert clean.mean["psnr"] - dirty.mean["psnr"] == pytest.approx(10 * np.log10(dirty_error / clean_error))


@pytest.mark.parametrize("protocol", ["full-range", "fastmri"])
def test_all_metrics_see_the_same_arrays(protocol):
    """A prediction twice too bright is wrong in every score; scaling of the pair is right in every one."""
    _, t = pair(2, 40, 40)
    wrong = score(2 * t, t, protocol).mean
    assert wrong["nmse"] == pytest.approx(1)
    assert wrong["psnr"] == pytest.approx(-10 * np.log10(np.mean(t**2) / t.max() ** 2), abs=0.3)
    assert wrong["ssim"] < 0.95
    p, t = pair(2, 40, 40)
    for name, value in score(1e-5 * p, 1e-5 * t, protocol).mean.items():
        assert value == pytest.approx(score(p, t, protocol).mean[name], rel=1e-9)


def test_order_of_volumes_of_different_size_does_not_matter():
    small, large = pair(2, 40, 32), pair(2, 64, 56, seed=1)
    forwards = [score(*volume, "fastmri") for volume in (small, large)]
    backwards = [score(*volume, "fastmri") for volume in (large, small)]
    assert forwards == backwards[::-1]


def test_an_empty_slice_has_no_foreground_and_spoils_no_mean():
    p, t = pair(3)
    p[0], t[0] = 0, 0
    result = score(p, t)
    written = result.as_dict()
    assert written["slices"][0]["psnr_foreground"] is None
    assert written["slices"][0]["nmse"] is None
    for name in ("psnr", "nmse"):
        assert written["mean"][name] == pytest.approx(np.mean([row[name] for row in result.slices[1:]]))
    p[0] = 0.1  # what is seen where nothing is must cost
    assert score(p, t).slices[0]["psnr"] < 40
    assert math.isfinite(score(p, t).mean["nmse"])
    assert set(written) == {"mean", "slices"}


def test_complex_images_are_scored_by_magnitude():
    p, t = pair()
    turned = torch.from_numpy(p) * torch.exp(torch.tensor(0.7j, dtype=torch.complex128))
    assert score(turned, t).mean["psnr"] == pytest.approx(score(p, t).mean["psnr"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p, t: (p[:, :-1], t, "full-range"), r"has shape \(3, 63, 56\) but the reference \(3, 64, 56\)"),
        (lambda p, t: (p * np.nan, t, "full-range"), "the image holds NaN"),
        (lambda p, t: (p, t / 0, "full-range"), "the reference holds NaN"),
        (lambda p, t: (p, 0 * t, "full-range"), "holds no signal"),
        (lambda p, t: (p, t, "best"), "unknown protocol 'best'; choose one of full-range, fastmri"),
        (lambda p, t: (p[:, :5], t[:, :5], "full-range"), "at least 7x7"),
        (lambda p, t: (p[0], t[0], "full-range"), r"shape \(64, 56\)"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_bad_input_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        score(*change(*pair()))
