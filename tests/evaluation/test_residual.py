"""The residual is 1 where noise alone separates image and data."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from medrecon.evaluation.residual import residual_warning, residuals
from medrecon.operators import Coils, Fourier, Mask


def problem(sigma: float) -> Any:
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 4, 33, 40, dtype=torch.complex64, generator=generator)
    maps = maps / maps.norm(dim=1, keepdim=True)
    image = torch.randn(2, 33, 40, dtype=torch.complex64, generator=generator)
    mask = torch.rand(33, 40, generator=generator) < 0.4
    forward = Mask(mask) @ Fourier((2, 4, 33, 40)) @ Coils(maps)
    noise = sigma * torch.view_as_complex(torch.randn(2, 4, 33, 40, 2, generator=generator)) * mask
    kspace = forward(image) + noise
    return SimpleNamespace(mask=mask, kspace=kspace, forward=forward, noise=torch.full((2,), sigma)), image


def test_truth_leaves_a_residual_of_one() -> None:
    made, image = problem(0.05)
    assert residuals(made, image).tolist() == pytest.approx([1, 1], abs=0.04)


def test_other_image_leaves_more() -> None:
    made, image = problem(0.05)
    assert (residuals(made, 0.9 * image) > 1.2).all()


def test_slices_are_apart() -> None:
    made, image = problem(0.05)
    image = image.clone()
    image[1] = 0
    first, second = residuals(made, image)
    assert first == pytest.approx(1, abs=0.04)
    assert second > 5


def test_unknown_noise_is_nan() -> None:
    made, image = problem(0.0)
    assert residuals(made, image).isnan().all()


@pytest.mark.parametrize(
    ("values", "drawn", "word"),
    [([1.0, 1.3], True, "above"), ([1.3], False, "above"), ([0.7, 1.0], True, "below")],
)
def test_warning_names_the_side(values: list[float], drawn: bool, word: str) -> None:
    warning = residual_warning(values, drawn)
    assert warning is not None
    assert word in warning


@pytest.mark.parametrize(("values", "drawn"), [([0.9, 1.1], True), ([0.3], False), ([], True)])
def test_healthy_is_silent(values: list[float], drawn: bool) -> None:
    assert residual_warning(values, drawn) is None
