"""Every operator, on odd and even grids, against the properties that define it (specification T1, T3)."""

import pytest
import torch
from properties import DEVICES, adjointness, noise, nonlinearity

from medrecon.operators import Coils, Fourier, HighPass, Identity, LinearOperator, Mask, Zero

GRIDS = [(8, 6), (7, 5), (8, 5), (1, 9)]
COILS, SLICES = 3, 2


def table(ny: int, nx: int, device: str = "cpu", dtype: torch.dtype = torch.complex128) -> dict[str, LinearOperator]:
    image, stack = (SLICES, ny, nx), (SLICES, COILS, ny, nx)
    samples = (noise(ny, nx, seed=5).real > 0).to(device)
    maps = noise(*stack, seed=6, dtype=dtype, device=device)
    fourier, coils, mask = Fourier(stack), Coils(maps), Mask(samples)
    band = min(3, ny, nx)
    return {
        "fourier": fourier,
        "mask": mask,
        "coils": coils,
        "highpass": HighPass(image, band, ("y",)),
        "highpass square": HighPass(image, band, ("y", "x")),
        "identity": Identity(image),
        "zero": Zero(image, stack),
        "adjoint": coils.H,
        "scanner": mask @ fourier @ coils,
        "sum": Fourier(image) + Identity(image),
        "difference": Fourier(image) - HighPass(image, band, ("x",)),
        "scaled": (0.5 - 2j) * coils,
        "negative": -(mask @ fourier),
        "normal": coils.H @ fourier.H @ mask @ fourier @ coils + 0.1 * Identity(image),
    }


NAMES = list(table(4, 4))
each_on_each_grid = pytest.mark.parametrize(("name", "grid"), [(n, g) for n in NAMES for g in GRIDS])


@each_on_each_grid
def test_adjoint(name, grid):
    assert adjointness(table(*grid)[name]) < 1e-12


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", NAMES)
def test_adjoint_in_production_precision(name, device):
    operator = table(7, 6, device, torch.complex64)[name]
    assert adjointness(operator, torch.complex64, device=device) < 1e-5


@each_on_each_grid
def test_linear(name, grid):
    assert nonlinearity(table(*grid)[name]) < 1e-13


@each_on_each_grid
def test_gram_is_adjoint_after_forward(name, grid):
    operator = table(*grid)[name]
    x = noise(*operator.in_shape, seed=8)
    expected = operator.H(operator(x))
    assert operator.gram(x).shape == x.shape
    assert torch.allclose(operator.gram(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_adjoint_of_adjoint_acts_as_the_operator(name):
    operator = table(7, 5)[name]
    x = noise(*operator.in_shape, seed=9)
    assert torch.allclose(operator.H.H(x), operator(x), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", ["fourier", "mask", "coils", "highpass", "identity"])
def test_adjoint_of_adjoint_is_the_same_object(name):
    operator = table(7, 5)[name]
    assert operator.H.H is operator


@pytest.mark.parametrize("name", NAMES)
def test_leading_axes_pass_through(name):
    operator = table(5, 6)[name]
    assert adjointness(operator, lead=(2, 3)) < 1e-12
    x = noise(2, 3, *operator.in_shape, seed=10)
    assert torch.allclose(operator(x)[1, 2], operator(x[1, 2]), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_backward_is_the_adjoint(name):
    operator = table(4, 3)[name]
    x = noise(*operator.in_shape, seed=11).requires_grad_()
    v = noise(*operator.out_shape, seed=12)
    (grad,) = torch.autograd.grad(operator(x), x, v)
    assert torch.allclose(grad, operator.H(v), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", ["scanner", "highpass", "scaled", "sum"])
def test_gradcheck(name):
    operator = table(3, 4)[name]
    x = noise(*operator.in_shape, seed=13).requires_grad_()
    assert torch.autograd.gradcheck(operator, (x,))


@pytest.mark.parametrize("name", ["fourier", "coils", "scanner", "highpass", "sum"])
def test_gradient_of_a_real_image_is_real(name):
    operator = table(5, 4)[name]
    x = noise(*operator.in_shape, seed=14).real.clone().requires_grad_()
    v = noise(*operator.out_shape, seed=15)
    (grad,) = torch.autograd.grad((operator(x) * v.conj()).real.sum(), x)
    assert not grad.is_complex()
    assert torch.allclose(grad, operator.H(v).real, rtol=1e-13, atol=1e-13)


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # of torch, when it loads forward mode
@pytest.mark.parametrize("name", ["scanner", "highpass", "normal"])
def test_forward_derivative_is_the_operator(name):
    operator = table(5, 4)[name]
    x, tangent = noise(*operator.in_shape, seed=16), noise(*operator.in_shape, seed=17)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x.requires_grad_(), tangent)
        derivative = torch.autograd.forward_ad.unpack_dual(operator(dual)).tangent
    assert derivative is not None
    assert torch.allclose(derivative, operator(tangent), rtol=1e-13, atol=1e-13)
