"""One reference for all rows of a table."""

from dataclasses import replace

import numpy as np
import torch
from phantom import head
from scipy import ndimage

from medrecon.crop import centre_crop
from medrecon.evaluation import foreground_mask, reference_image, score
from medrecon.masks import pattern
from medrecon.simulate.scan import simulate_scan


def test_simulated_scans_bring_their_truth(full_scan):
    reference, kind = reference_image(full_scan.undersample(pattern("random", 4)))
    assert kind == "simulated"
    assert reference is full_scan.truth


def test_combined_reference_is_that_of_the_full_scan(full_scan):
    real = replace(full_scan, truth=None, noise=None)
    reference, kind = reference_image(real)
    assert kind == "combined"
    again, _ = reference_image(real.undersample(pattern("random", 3)))
    assert torch.equal(reference, again)
    assert reference.shape == full_scan.truth.shape


def test_combined_reference_loses_no_signal_to_noise_in_its_maps():
    """With ESPIRiT's usual threshold the noise of a whole k-space enters the maps: 22 dB and 14 % of signal lost."""
    scan = simulate_scan(head(1), (3.0, 3.0), slice_mm=5.0, coils=4, snr=20.0, seed=1, name="head")
    reference, _ = reference_image(replace(scan, truth=None, noise=None))
    assert score(reference, scan.truth).mean["psnr_foreground"] > 29
    inside = ndimage.binary_erosion(foreground_mask(scan.truth).numpy(), structure=np.ones((1, 3, 3)), iterations=3)
    smooth = [torch.nn.functional.avg_pool2d(x[:, None], 5, 1, 2)[:, 0] for x in (reference, scan.truth)]
    lost = 1 - (smooth[0] / smooth[1])[torch.from_numpy(inside)]
    assert float(lost.max()) < 0.1


def test_follows_the_crop(full_scan):
    real = replace(full_scan, truth=None, noise=None, crop=None)
    whole, _ = reference_image(real)
    cropped, _ = reference_image(replace(real, crop=(30, 41)))
    assert torch.equal(cropped, centre_crop(whole, (30, 41)))


def test_an_undersampled_scan_alone_has_none(full_scan):
    prospective = replace(full_scan.undersample(pattern("random", 4)), full=None, truth=None)
    assert reference_image(prospective) is None
