"""Noise power spectra: what integrals, filters and scalings must do to them."""

import math

import pytest
import torch

from medrecon.evaluation.lesion_contrast import recovered_contrast
from medrecon.evaluation.noise_power import (
    MOST,
    SIDE,
    noise_spectrum,
    spectrum_distance,
    uniform_squares,
)

VOXEL = (0.8, 0.7)


def white(slices=4, side=192, sigma=20.0, seed=0):
    return sigma * torch.randn((slices, side, side), generator=torch.Generator().manual_seed(seed))


def squares(slices=4, side=192):
    return [(i, y, x) for i in range(slices) for y in range(0, side, SIDE) for x in range(0, side, SIDE)]


def low_passed(noise, mm):
    f = torch.hypot(
        torch.fft.fftfreq(noise.shape[-2], VOXEL[0])[:, None], torch.fft.fftfreq(noise.shape[-1], VOXEL[1])[None]
    )
    return torch.fft.ifft2(torch.fft.fft2(noise) * torch.exp(-2 * (math.pi * mm * f) ** 2)).real


def test_white_noise_has_a_flat_spectrum_whose_integral_is_its_variance():
    found = noise_spectrum(white(), squares(), VOXEL)
    expected = 20.0**2 * VOXEL[0] * VOXEL[1]
    assert torch.allclose(found.power[3:], torch.full_like(found.power[3:], expected), rtol=0.1)
    # the trend of six terms takes its share of the 1024 degrees of freedom
    assert found.deviation == pytest.approx(20 * math.sqrt(1 - 6 / SIDE**2), rel=0.02)
    assert float(found.frequency[-1]) == pytest.approx(0.5 / max(VOXEL), rel=0.03)


def test_a_filter_shows_as_its_transfer_function_squared():
    noise, mm = white(), 0.6
    plain, blurred = (noise_spectrum(each, squares(), VOXEL) for each in (noise, low_passed(noise, mm)))
    expected = torch.exp(-4 * (math.pi * mm * plain.frequency) ** 2)
    assert torch.allclose((blurred.power / plain.power)[2:10], expected[2:10], rtol=0.1)


def test_a_trend_of_the_anatomy_is_no_noise():
    y, x = torch.meshgrid(torch.linspace(-1, 1, 192), torch.linspace(-1, 1, 192), indexing="ij")
    noise = white()
    bent = noise + 30 * y + 20 * x * y - 40 * x**2
    plain, found = (noise_spectrum(each, squares(), VOXEL) for each in (noise, bent))
    assert torch.allclose(found.power, plain.power, rtol=1e-3)


def test_strength_moves_power_and_not_texture():
    noise = white()
    one, double = (noise_spectrum(each, squares(), VOXEL) for each in (noise, 2 * noise))
    far = spectrum_distance(double, one)
    assert far.texture == pytest.approx(0, abs=1e-6)
    assert far.power == pytest.approx(3, rel=1e-6)
    assert far.deviation_ratio == pytest.approx(2, rel=1e-6)
    assert spectrum_distance(one, one).power == 0


def test_more_blur_is_a_larger_distance_and_no_noise_at_all_is_one():
    noise = white()
    plain = noise_spectrum(noise, squares(), VOXEL)
    little, much = (
        spectrum_distance(noise_spectrum(low_passed(noise, mm), squares(), VOXEL), plain).texture for mm in (0.3, 0.9)
    )
    assert 0.05 < little < much
    nothing = spectrum_distance(noise_spectrum(torch.zeros_like(noise), squares(), VOXEL), plain)
    assert (nothing.texture, nothing.power, nothing.deviation_ratio) == pytest.approx((1, 1, 0))


def test_squares_lie_in_uniform_tissue_and_do_not_overlap():
    image = torch.full((2, 192, 192), -1000.0)
    image[0, 32:160, 32:160] = 40.0
    image[0, 90:100, 90:100] = 600.0
    found = uniform_squares(image + white(2, sigma=25.0, seed=3) * (image > -1000))
    assert 4 <= len(found) <= MOST
    for index, y, x in found:
        assert index == 0
        assert bool((image[0, y : y + SIDE, x : x + SIDE] == 40).all())
    for i, (_, y, x) in enumerate(found):
        assert all(max(abs(y - b), abs(x - a)) >= SIDE for _, b, a in found[:i])


def test_images_smaller_than_a_square_have_none():
    assert uniform_squares(torch.zeros(1, SIDE - 1, 64)) == []


def test_recovered_contrast_is_the_slope_inside_the_lesion():
    true = torch.zeros(32, 32)
    true[10:14, 10:14] = 20.0
    inside, without = true != 0, white(1, 32)[0]
    for share in (1.0, 0.4, 0.0):
        assert recovered_contrast(without + share * true, without, true, inside) == pytest.approx(share, abs=1e-5)
    elsewhere = without + true.roll(8, 0)
    assert recovered_contrast(elsewhere, without, true, inside) == 0
    assert recovered_contrast(without, without, torch.zeros_like(true), inside) is None
