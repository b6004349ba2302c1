import numpy as np
import pytest
import torch
from skimage.restoration import denoise_tv_chambolle

from medrecon.optimisation.total_variation import (
    TotalVariationProx,
    differences,
    differences_adjoint,
    total_variation,
)


def noisy_step(dtype=torch.complex128):
    g = torch.Generator().manual_seed(0)
    image = torch.zeros(2, 16, 19, dtype=torch.float64)
    image[0, 4:11, 5:14] = 1
    image[1, :, 9:] = 1
    return (image + 0.2 * torch.randn(image.shape, generator=g, dtype=torch.complex128)).to(dtype)


def test_differences_adjoint():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(3, 7, 8, dtype=torch.complex128, generator=g)
    p = torch.randn(2, 3, 7, 8, dtype=torch.complex128, generator=g)
    torch.testing.assert_close((differences(x).conj() * p).sum(), (x.conj() * differences_adjoint(p)).sum())


def test_total_variation_of_a_half_plane_is_the_length_of_its_edge():
    x = torch.zeros(9, 12, dtype=torch.complex128)
    x[:, 5:] = 2j
    assert total_variation(x).item() == pytest.approx(18)


def test_denoising_equals_scikit_image_on_real_images():
    b, weight = noisy_step().real, 0.15
    ours, _ = TotalVariationProx(torch.tensor(weight, dtype=torch.float64), 600)(b.to(torch.complex128))
    for mine, noisy in zip(ours, b, strict=True):
        reference = denoise_tv_chambolle(noisy.numpy(), weight=weight, eps=1e-12, max_num_iter=20000)
        np.testing.assert_allclose(mine.real.numpy(), reference, atol=2e-3)
    assert ours.imag.abs().max() == 0


def test_duality_gap_closes_on_complex_images():
    b, weight = noisy_step(), torch.tensor(0.15, dtype=torch.float64)
    prox = TotalVariationProx(weight, 1500)
    x, field = prox(b)
    primal = (x - b).abs().square().sum() / 2 + weight * total_variation(x).sum()
    assert field.abs().square().sum(0).sqrt().max() <= weight + 1e-12
    dual = b.abs().square().sum() / 2 - (b - differences_adjoint(field)).abs().square().sum() / 2
    assert 0 <= (primal - dual) / primal < 1e-6


def test_turning_the_phase_turns_the_result():
    b, weight = noisy_step(), torch.tensor(0.15, dtype=torch.float64)
    turn = torch.exp(torch.tensor(0.8j, dtype=torch.complex128))
    prox = TotalVariationProx(weight, 20)
    torch.testing.assert_close(prox(b * turn)[0], prox(b)[0] * turn)


def test_warm_start_continues_where_it_stopped():
    b, weight = noisy_step(), torch.tensor(0.15, dtype=torch.float64)
    limit, _ = TotalVariationProx(weight, 1500)(b)
    prox, errors, dual = TotalVariationProx(weight, 5), [], None
    for _ in range(20):
        x, dual = prox(b, dual)
        errors.append((x - limit).norm().item())
    assert errors[-1] < 0.1 * errors[0]


def test_weights_are_per_slice_and_zero_changes_nothing():
    b = noisy_step()
    out, _ = TotalVariationProx(torch.tensor([0.0, 0.15], dtype=torch.float64)[:, None, None], 30)(b)
    assert torch.equal(out[0], b[0])
    torch.testing.assert_close(out[1], TotalVariationProx(torch.tensor(0.15, dtype=torch.float64), 30)(b[1])[0])


def test_a_call_looks_at_no_values():
    """As recording asks: on the meta device tensors have none."""
    b = torch.zeros(2, 9, 12, dtype=torch.complex64, device="meta")
    image, dual = TotalVariationProx(torch.ones(2, 1, 1, device="meta"), 3)(b)
    assert (image.shape, dual.shape) == (b.shape, (2, *b.shape))
