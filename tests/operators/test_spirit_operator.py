"""SPIRiT in k-space and pixel by pixel (specification S3, S4)."""

import pytest
import torch

from medrecon.operators import SelfConsistency, Spirit, fft2c, ifft2c, spirit_matrices

MATRIX = (15, 18)


def complex_normal(shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.view_as_complex(torch.randn((*shape, 2), generator=generator, dtype=torch.float64))


@pytest.fixture
def kernel():
    return complex_normal((2, 3, 3, 5, 3), 0) / 15


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize("matrix", [(15, 18), (9, 11)])
def test_adjoint(kernel, circular, matrix):
    g = Spirit(kernel, matrix, circular=circular)
    a, b = complex_normal((2, 3, *matrix), 1), complex_normal((2, 3, *matrix), 2)
    left, right = torch.vdot(g(a).flatten(), b.flatten()), torch.vdot(a.flatten(), g.H(b).flatten())
    assert abs(left - right) < 1e-12 * abs(left)


@pytest.mark.parametrize("circular", [False, True])
def test_correlation_sum_written_out(kernel, circular):
    k = complex_normal((2, 3, *MATRIX), 3)
    result = Spirit(kernel, MATRIX, circular=circular)(k)
    for s, co, y, x in ((0, 0, 7, 9), (1, 2, 0, 17), (0, 1, 14, 1)):
        total = 0
        for dy in range(-2, 3):
            for dx in range(-1, 2):
                if circular or (0 <= y + dy < MATRIX[0] and 0 <= x + dx < MATRIX[1]):
                    point = k[s, :, (y + dy) % MATRIX[0], (x + dx) % MATRIX[1]]
                    total = total + (kernel[s, co, :, dy + 2, dx + 1] * point).sum()
        assert abs(result[s, co, y, x] - total) < 1e-12


def test_leading_axes_pass_through(kernel):
    k = complex_normal((4, 2, 3, *MATRIX), 4)
    g = Spirit(kernel, MATRIX)
    torch.testing.assert_close(g(k)[2], g(k[2]))


@pytest.mark.parametrize("matrix", [(15, 18), (16, 13)])
def test_pixelwise_matrices_equal_circular_convolution(kernel, matrix):
    x = complex_normal((2, 3, *matrix), 5)
    g = Spirit(kernel, matrix, circular=True)
    d = g(fft2c(x)) - fft2c(x)
    expected = ifft2c(g.H(d) - d)
    psi = SelfConsistency(spirit_matrices(kernel, matrix))
    torch.testing.assert_close(psi(x), expected, rtol=0, atol=1e-12)


def test_two_and_four_convolution_forms_agree_in_single_precision(kernel):
    k = complex_normal((2, 3, *MATRIX), 6).to(torch.complex64)
    g = Spirit(kernel.to(torch.complex64), MATRIX)
    d = g(k) - k
    four = k - g(k) - g.H(k) + g.H(g(k))
    assert torch.linalg.norm(g.H(d) - d - four) < 1e-6 * torch.linalg.norm(four)


def test_self_consistency_is_hermitian_and_positive(kernel):
    w = spirit_matrices(kernel, MATRIX).permute(0, 3, 4, 1, 2)
    torch.testing.assert_close(w, w.mH)
    assert float(torch.linalg.eigvalsh(w).min()) > -1e-12
    psi = SelfConsistency(spirit_matrices(kernel, MATRIX))
    a, b = complex_normal((2, 3, *MATRIX), 7), complex_normal((2, 3, *MATRIX), 8)
    assert abs(torch.vdot(psi(a).flatten(), b.flatten()) - torch.vdot(a.flatten(), psi.H(b).flatten())) < 1e-10
    assert psi.H is psi


def test_gradient_is_the_adjoint(kernel):
    psi = SelfConsistency(spirit_matrices(kernel, MATRIX))
    x = complex_normal((2, 3, *MATRIX), 9).requires_grad_()
    energy = torch.vdot(x.flatten(), psi(x).flatten()).real
    energy.backward()
    torch.testing.assert_close(x.grad, 2 * psi(x.detach()))
