import numpy as np
import pytest
from scipy import ndimage

from medrecon.simulate.acquired import acquired_matrix, fourier_crop


def head(n=160, slices=6, noise=0.01):
    """Magnitude images with sharp edges, texture and Rayleigh background on an n x n grid."""
    generator = np.random.default_rng(0)
    y, x = np.meshgrid(*(np.linspace(-1, 1, n),) * 2, indexing="ij")
    volume = []
    for _ in range(slices):
        brain = (np.hypot(y / 0.85, x / 0.7) < 1) * 1.0
        blobs = ndimage.gaussian_filter(generator.standard_normal((n, n)), 2.5) > 0.02
        image = brain * (0.6 + 0.4 * blobs)
        noisy = image + noise * (generator.standard_normal((n, n)) + 1j * generator.standard_normal((n, n)))
        volume.append(noisy)
    return np.stack(volume)


def zero_fill(image, matrix):
    k = np.fft.fftshift(np.fft.fft2(image), axes=(1, 2))
    keep = np.zeros(image.shape[1:], bool)
    start = [n // 2 - m // 2 for n, m in zip(keep.shape, matrix, strict=True)]
    keep[start[0] : start[0] + matrix[0], start[1] : start[1] + matrix[1]] = True
    return np.abs(np.fft.ifft2(np.fft.ifftshift(k * keep, axes=(1, 2))))


@pytest.mark.parametrize(
    ("stored", "matrix"),
    [(160, (160, 112)), (160, (112, 160)), (160, (128, 100)), (256, (180, 256)), (256, (256, 230)), (192, (134, 150))],
)
def test_zero_filling_is_found_along_each_axis(stored, matrix):
    found = acquired_matrix(zero_fill(head(stored), matrix))
    for axis in (0, 1):
        if matrix[axis] == stored:
            assert found[axis] == stored
        else:
            assert abs(found[axis] - matrix[axis]) <= 4


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.05])
def test_fully_acquired_volumes_are_left_alone(noise):
    assert acquired_matrix(np.abs(head(noise=noise))) == (160, 160)


@pytest.mark.parametrize("pixels", [0.6, 0.8])
def test_slightly_smooth_volumes_are_left_alone(pixels):
    smooth = ndimage.gaussian_filter(np.abs(head()), (0, pixels, pixels))
    assert acquired_matrix(smooth) == (160, 160)


@pytest.mark.parametrize(("shape", "matrix"), [((64, 60), (48, 60)), ((63, 61), (47, 45)), ((64, 64), (64, 64))])
def test_crop_keeps_field_of_view_and_intensity(shape, matrix):
    y, x = (np.arange(n) - n // 2 for n in shape)
    wave = 3 + np.cos(2 * np.pi * 4 * y / shape[0])[:, None] * np.sin(2 * np.pi * 5 * x / shape[1])[None]
    y, x = (np.arange(m) - m // 2 for m in matrix)
    smaller = 3 + np.cos(2 * np.pi * 4 * y / matrix[0])[:, None] * np.sin(2 * np.pi * 5 * x / matrix[1])[None]
    np.testing.assert_allclose(fourier_crop(wave[None], matrix)[0], smaller, atol=1e-12)
