"""The centred orthonormal transform, odd sizes included (specification T1)."""

import numpy as np
import pytest
import torch
from properties import noise

from medrecon.operators import Fourier, Identity, fft2c, ifft2c

SIZES = [(8, 8), (7, 9), (6, 5), (1, 7)]


@pytest.mark.parametrize("size", SIZES)
def test_unitary(size):
    x, operator = noise(2, *size), Fourier((2, *size))
    assert abs(operator(x).norm() / x.norm() - 1) < 1e-12
    assert (operator.H(operator(x)) - x).norm() / x.norm() < 1e-12
    assert isinstance(operator.gram, Identity)


@pytest.mark.parametrize("size", SIZES)
def test_equals_two_rolled_transforms_of_one_axis(size):
    x = noise(*size)
    expected = x.numpy()
    for axis, n in enumerate(size):
        rolled = np.fft.fft(np.roll(expected, -(n // 2), axis), axis=axis) / np.sqrt(n)
        expected = np.roll(rolled, n // 2, axis)
    assert np.abs(fft2c(x).numpy() - expected).max() < 1e-12


@pytest.mark.parametrize("size", SIZES)
def test_equals_the_sum_of_the_definition(size):
    ny, nx = size
    y, x = np.arange(ny) - ny // 2, np.arange(nx) - nx // 2
    left = np.exp(-2j * np.pi * np.outer(y, y) / ny) / np.sqrt(ny)
    right = np.exp(-2j * np.pi * np.outer(x, x) / nx) / np.sqrt(nx)
    image = noise(ny, nx, seed=1)
    assert np.abs(fft2c(image).numpy() - left @ image.numpy() @ right).max() < 1e-12


@pytest.mark.parametrize("size", SIZES)
def test_delta_at_the_centre_has_a_flat_real_spectrum(size):
    delta = torch.zeros(size, dtype=torch.complex128)
    delta[size[0] // 2, size[1] // 2] = 1
    flat = torch.full(size, (size[0] * size[1]) ** -0.5, dtype=torch.complex128)
    assert torch.allclose(fft2c(delta), flat, atol=1e-14)
    assert torch.allclose(ifft2c(delta), flat, atol=1e-14)


def test_single_precision_stays_single():
    assert fft2c(noise(5, 4, dtype=torch.complex64)).dtype == torch.complex64
