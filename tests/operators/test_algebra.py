"""Composition, simplification and the errors of the algebra."""

import pytest
import torch
from properties import noise

from medrecon.operators import Adjoint, Coils, Fourier, Identity, Mask, Zero

IMAGE, STACK = (2, 5, 4), (2, 3, 5, 4)


def test_identity_vanishes():
    coils = Coils(noise(*STACK))
    assert coils @ Identity(IMAGE) is coils
    assert Identity(STACK) @ coils is coils
    assert 1 * coils is coils
    assert isinstance(Fourier(STACK).gram @ Identity(STACK), Identity)
    assert isinstance(Identity(IMAGE) @ Identity(IMAGE), Identity)


def test_zero_absorbs_and_adds_nothing():
    coils, zero = Coils(noise(*STACK)), Zero(IMAGE, STACK)
    assert coils + zero is coils
    assert zero + coils is coils
    for product in (Fourier(STACK) @ zero, zero @ Fourier(IMAGE), coils * 0):
        assert isinstance(product, Zero)
        assert (product.in_shape, product.out_shape) == (IMAGE, STACK)
    assert zero.H.in_shape == STACK
    assert not zero(noise(7, *IMAGE)).any()
    assert zero(noise(7, *IMAGE)).shape == (7, *STACK)


def test_scalars_gather():
    coils = Coils(noise(*STACK))
    x = noise(*IMAGE)
    assert torch.allclose((2j * (3 * coils))(x), 6j * coils(x))
    assert torch.allclose(((2 + 1j) * coils).H(coils(x)), (2 - 1j) * coils.H(coils(x)))
    assert torch.allclose((-coils)(x), -coils(x))
    assert torch.allclose((coils - 0.5 * coils)(x), 0.5 * coils(x))


def test_composition_is_one_after_the_other():
    mask, coils = Mask(noise(5, 4).real > 0), Coils(noise(*STACK))
    scanner, x = mask @ Fourier(STACK) @ coils, noise(*IMAGE)
    assert torch.equal(scanner(x), mask(Fourier(STACK)(coils(x))))
    assert (scanner.in_shape, scanner.out_shape) == (IMAGE, STACK)
    assert isinstance(coils.H, Adjoint)


def test_wrong_input_names_the_whole_chain():
    scanner = Mask(torch.ones(5, 4, dtype=torch.bool)) @ Fourier(STACK) @ Coils(noise(*STACK))
    with pytest.raises(ValueError, match=r"Mask @ Fourier @ Coils takes \(…, 2, 5, 4\), got \(2, 4, 5\)"):
        scanner(noise(2, 4, 5))
    with pytest.raises(ValueError, match="takes"):
        scanner(noise(5, 4))


def test_operators_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"cannot chain Mask \(4, 5\).* after Fourier \(2, 3, 5, 4\)"):
        Mask(torch.ones(4, 5, dtype=torch.bool)) @ Fourier(STACK)
    with pytest.raises(ValueError, match="cannot add"):
        Fourier(STACK) + Coils(noise(*STACK))
