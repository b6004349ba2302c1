"""The noise of a slice is found in its soft tissue, whatever lies around it."""

import pytest
import torch
from torch.nn import functional as F

from medrecon.ct.noise_level import noise_level


def body(side=160):
    """Fat around tissue around lungs and bone, in air."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    r = y**2 + x**2
    image = torch.full((side, side), -1000.0)
    image[r < 0.9] = -100
    image[r < 0.7] = 50
    for left in (-0.4, 0.4):
        image[(y**2 / 3 + (x - left) ** 2) < 0.04] = -850
    image[(y - 0.5) ** 2 + x**2 < 0.02] = 900
    return image[None]


def noise(seed=0, side=160):
    return torch.randn((1, side, side), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("sigma", [5.0, 20.0, 60.0])
def test_white_noise(sigma):
    assert float(noise_level(body() + sigma * noise())) == pytest.approx(sigma, rel=0.1)


def test_noise_whose_neighbours_are_alike():
    soft = F.conv2d(noise()[:, None], torch.ones(1, 1, 3, 3) / 3, padding=1)[:, 0]
    assert float(noise_level(body() + 20 * soft)) == pytest.approx(20, rel=0.15)


def test_slices_are_found_one_by_one():
    slices = torch.cat([body() + s * noise(i) for i, s in enumerate((10.0, 40.0))])
    assert torch.equal(noise_level(slices), torch.cat([noise_level(s[None]) for s in slices]))


def test_without_tissue_the_whole_slice_counts():
    assert float(noise_level(-850 + 30 * noise())) == pytest.approx(30, rel=0.1)


def test_a_slice_smaller_than_a_window_and_a_blank_one():
    assert noise_level(torch.zeros(2, 3, 40)).shape == (2,)
    assert bool((noise_level(torch.full((1, 50, 50), -1024.0)) < 1).all())
