"""Invariants S1, S2, S4, S5, S7, S8 of the specification."""

from itertools import pairwise

import pytest
import torch

from medrecon.calibration import spirit_kernel
from medrecon.calibration.model_error import inconsistency
from medrecon.calibration.spirit_kernel import kernel_width, withheld_error
from medrecon.crop import centre_crop
from medrecon.errors import InputError
from medrecon.operators import SelfConsistency, Spirit, fft2c, ifft2c, spirit_matrices


def residual(kernel, kspace):
    g = Spirit(kernel, kspace.shape[-2:])
    return float(torch.linalg.norm(g(kspace) - kspace) / torch.linalg.norm(kspace))


def test_data_that_obey_a_linear_kernel_are_predicted_ever_better():
    """S1: two coils through maps of 3x3 taps obey S_2 x_1 = S_1 x_2, a linear relation of neighbours."""
    generator = torch.Generator().manual_seed(0)
    taps = torch.view_as_complex(torch.randn((2, 3, 3, 2), generator=generator, dtype=torch.float64))
    source = torch.view_as_complex(torch.randn((1, 1, 34, 31, 2), generator=generator, dtype=torch.float64))
    kspace = torch.nn.functional.conv2d(source, taps[:, None])
    errors = []
    for tikhonov in (1e-2, 1e-4, 1e-6, 1e-8):
        kernel = spirit_kernel(kspace, (32, 29), width=5, tikhonov=tikhonov)
        inner = (Spirit(kernel, (32, 29))(kspace) - kspace)[..., 2:-2, 2:-2]
        errors.append(float(torch.linalg.norm(inner) / torch.linalg.norm(kspace)))
        assert torch.all(kernel[:, [0, 1], [0, 1], 2, 2] == 0)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-6


@pytest.mark.parametrize("coils", [8, 18])
def test_prediction_residual_and_what_a_square_patch_of_12_costs(simulate, coils):
    """S2."""
    scan, *_ = simulate(matrix=(64, 64), coils=coils, dtype=torch.complex128)
    assert residual(spirit_kernel(scan.kspace, (24, 24)), scan.kspace) < 0.02
    assert residual(spirit_kernel(scan.kspace, (12, 12), width=7, tikhonov=0.16), scan.kspace) > 0.1


def test_width_follows_the_acs(simulate):
    assert [kernel_width((n, 256)) for n in (6, 12, 19, 20, 32)] == [3, 5, 5, 7, 7]
    scan, *_ = simulate(matrix=(64, 64), coils=4)
    assert spirit_kernel(scan.kspace, (12, 64)).shape == (1, 4, 4, 5, 5)
    with pytest.raises(InputError, match="6x64"):
        spirit_kernel(scan.kspace, (6, 64), width=7)


def test_one_inverse_equals_a_least_squares_fit_coil_by_coil(simulate):
    scan, *_ = simulate(matrix=(32, 33), coils=3, snr=20, dtype=torch.complex128)
    acs, lam = (14, 33), 1e-3
    block = scan.kspace[0, :, 16 - 7 : 16 + 7]
    windows = block.unfold(-2, 5, 1).unfold(-2, 5, 1).permute(1, 2, 0, 3, 4).reshape(-1, 75)
    ridge = lam * torch.linalg.norm(windows.mH @ windows) / 75
    kernel = spirit_kernel(scan.kspace, acs)[0].reshape(3, 75)
    for c in range(3):
        others = [j for j in range(75) if j != c * 25 + 12]
        a, b = windows[:, others], windows[:, c * 25 + 12]
        fit = torch.linalg.solve(a.mH @ a + ridge * torch.eye(74), a.mH @ b)
        torch.testing.assert_close(kernel[c, others], fit, rtol=1e-8, atol=1e-10)


def test_circular_and_zero_padded_forms_differ_little_on_an_object(simulate):
    """S4: about 1 % of k at 64 pixels."""
    scan, *_ = simulate(matrix=(64, 64), dtype=torch.complex128)
    kernel = spirit_kernel(scan.kspace, (24, 64))
    circular = Spirit(kernel, (64, 64), circular=True)(scan.kspace)
    padded = Spirit(kernel, (64, 64))(scan.kspace)
    assert torch.linalg.norm(circular - padded) < 0.02 * torch.linalg.norm(scan.kspace)


def test_self_consistency_knows_the_maps_inside_the_object(simulate):
    """S5 and S8, with the 12 coils that they were measured with."""
    scan, image, maps, _ = simulate(matrix=(64, 64), coils=12, dtype=torch.complex128)
    w = spirit_matrices(spirit_kernel(scan.kspace, (24, 64)), (64, 64))
    inside = image[0].abs() > 0.2
    values, vectors = torch.linalg.eigh(w.permute(0, 3, 4, 1, 2)[0][inside])
    true = maps[0].permute(1, 2, 0)[inside]
    assert float(values[:, 0].quantile(0.95)) < 1e-4
    assert float((vectors[..., 0].conj() * true).sum(-1).abs().median()) > 0.999
    assert 0.8 < float(values[:, 1].median()) < 1.1

    noise = torch.view_as_complex(
        torch.randn((64, 64, 2), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    )
    psi = SelfConsistency(w)

    def drift(region):
        x = maps * (noise * region)
        return float(torch.linalg.norm(psi(x)) / torch.linalg.norm(x))

    assert drift(inside) < 0.1
    assert drift(image[0].abs() == 0) > 2 * drift(inside)


def test_projection_and_its_noise(simulate):
    """S7: P = S S^H is idempotent, and noise P z has variance |S_c|^2 per real component."""
    *_, maps, _ = simulate(matrix=(20, 21), coils=4)
    generator = torch.Generator().manual_seed(2)
    z = torch.view_as_complex(torch.randn((600, 4, 20, 21, 2), generator=generator, dtype=torch.float64))
    once = maps * (maps.conj() * z).sum(1, keepdim=True)
    twice = maps * (maps.conj() * once).sum(1, keepdim=True)
    torch.testing.assert_close(once, twice, rtol=0, atol=1e-12)
    ratio = once.real.square().mean((0, 2, 3)) / maps[0].abs().square().mean((1, 2))
    torch.testing.assert_close(ratio, torch.ones_like(ratio), rtol=0, atol=0.01)


def test_image_space_form_is_the_fourier_twin(simulate):
    scan, *_ = simulate(matrix=(33, 30), coils=3, dtype=torch.complex128)
    kernel = spirit_kernel(scan.kspace, (16, 30))
    g = Spirit(kernel, (33, 30), circular=True)
    d = g(scan.kspace) - scan.kspace
    psi = SelfConsistency(spirit_matrices(kernel, (33, 30)))
    torch.testing.assert_close(fft2c(psi(ifft2c(scan.kspace))), g.H(d) - d, rtol=0, atol=1e-9)


@pytest.mark.parametrize("acs", [(9, 20), (20, 7), (24, 24)])
def test_withheld_error_is_that_of_kernels_fitted_elsewhere(simulate, acs):
    """Fold by fold from the windows themselves, along the axis with fewer of them."""
    scan, *_ = simulate(matrix=(32, 33), coils=3, snr=20, dtype=torch.complex128)
    block = centre_crop(scan.kspace, acs)[0]
    windows = block.unfold(-2, 5, 1).unfold(-2, 5, 1).permute(1, 2, 0, 3, 4).reshape(acs[0] - 4, acs[1] - 4, 75)
    windows = windows if acs[0] <= acs[1] else windows.movedim(0, 1)
    edges = [i * len(windows) // min(8, len(windows)) for i in range(min(8, len(windows)) + 1)]
    energy = 0.0
    for first, last in pairwise(edges):
        away = torch.cat([windows[:first], windows[last:]]).reshape(-1, 75)
        gram = away.mH @ away
        ridge = 1e-3 * torch.linalg.norm(gram) / 75
        for c in range(3):
            others = [j for j in range(75) if j != c * 25 + 12]
            a = gram[others][:, others] + ridge * torch.eye(74)
            fit = torch.linalg.solve(a, gram[others][:, c * 25 + 12])
            here = windows[first:last].reshape(-1, 75)
            energy += float((here[:, others] @ fit - here[:, c * 25 + 12]).abs().square().sum())
    expected = energy / (2 * 3 * (acs[0] - 4) * (acs[1] - 4))
    found = float(withheld_error(scan.kspace, acs, width=5))
    assert found == pytest.approx(expected, rel=1e-8)
    assert found > float(inconsistency(scan.kspace, spirit_kernel(scan.kspace, acs, width=5), acs))


def test_a_kernel_that_learnt_its_few_lines_by_heart_is_found_out(simulate):
    """12 coils, 8 lines: 300 unknowns, 120 windows. What is left on them is far below what it does elsewhere."""
    scan, *_ = simulate(matrix=(64, 34), coils=12, snr=400, dtype=torch.complex128)
    acs = (8, 34)
    kernel = spirit_kernel(scan.kspace, acs)
    elsewhere = inconsistency(scan.kspace, kernel, (64, 34))
    assert float(inconsistency(scan.kspace, kernel, acs)) < 0.3 * float(elsewhere)
    assert float(withheld_error(scan.kspace, acs)) > 0.5 * float(elsewhere)
