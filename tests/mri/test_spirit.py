import dataclasses

import pytest
import torch

from medrecon.diffusion.path import VE
from medrecon.diffusion.prior import Prior
from medrecon.mri import spirit as spirit_module
from medrecon.mri.dds import DDS
from medrecon.mri.spirit import Spirit
from medrecon.operators import Coils, fft2c, ifft2c
from medrecon.problem import Problem

SHAPE, COILS, V, NOISE = (13, 14), 3, 0.25, 0.02


def prior():
    """N(0, V): the exact denoiser of white images."""
    return Prior(lambda x, t: x * (V / (V + t[..., None, None] ** 2)), VE(), V, (0.002, 50.0))


def scan(wrong=0.0, slices=2):
    """Coil images with maps whose k-space is 3x3 wide, a SPIRiT kernel fitted to them, and maps wrong by a share."""
    generator = torch.Generator().manual_seed(0)
    low = torch.zeros(slices, COILS, *SHAPE, dtype=torch.complex64)
    low[..., 5:8, 6:9] = torch.randn(slices, COILS, 3, 3, dtype=torch.complex64, generator=generator)
    maps = ifft2c(low) + 0.3
    maps /= maps.abs().square().sum(1, keepdim=True).sqrt()
    image = V**0.5 * 2**0.5 * torch.randn(slices, *SHAPE, dtype=torch.complex64, generator=generator)
    full = fft2c(Coils(maps)(image))
    error = torch.randn(slices, COILS, 1, 1, dtype=torch.complex64, generator=generator)
    seen = maps * (1 + wrong * error)
    seen /= seen.abs().square().sum(1, keepdim=True).sqrt()
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[:, [0, 2, 3, 5, 6, 7, 8, 9, 11, 13]] = True
    noise = NOISE * 2**0.5 * torch.randn(full.shape, dtype=full.dtype, generator=generator)
    each, ones = torch.ones(slices), torch.ones(slices, *SHAPE)
    coils = ifft2c(full)
    off = (coils - seen * (seen.conj() * coils).sum(1, keepdim=True)).abs().square().mean((1, 2, 3)) / 2
    problem = Problem(
        (full + noise) * mask, mask, seen, ones.bool(), NOISE * each, (off**0.5), kernel_of(full),
        off.clamp_min(1e-8), 1e-4 * each, ones, 1.0, ("x",), (13, 5), tuple(range(slices)),
    )  # fmt: skip
    return problem, image, full


def kernel_of(full, ridge=1e-3):
    """Least-squares 3x3 SPIRiT kernel on the circular k-space of each slice, own centre excluded."""
    kernels = []
    for k in full:
        taps = [torch.roll(k, (-dy, -dx), (1, 2)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        columns = torch.stack(taps, 1).flatten(0, 1).flatten(1).T
        kernel = torch.zeros(COILS, COILS * 9, dtype=k.dtype)
        for c in range(COILS):
            others = [j for j in range(COILS * 9) if j != c * 9 + 4]
            a = columns[:, others]
            normal = a.mH @ a
            normal = normal + ridge * normal.diagonal().real.mean() * torch.eye(len(normal))
            kernel[c, others] = torch.linalg.solve(normal, a.mH @ k[c].flatten())
        kernels.append(kernel.unflatten(1, (COILS, 3, 3)))
    return torch.stack(kernels)


def relative(x, reference):
    return float((x - reference).norm() / reference.norm())


def test_exact_maps_give_dds():
    problem, _, _ = scan()
    exact = dataclasses.replace(problem, model_error=0 * problem.noise, inconsistency=1e6 * problem.noise)
    images = [m(steps=20, cg=40).solve(exact, prior=prior()).image for m in (Spirit, DDS)]
    assert relative(*images) < 0.02


def test_self_consistency_matters(monkeypatch):
    problem, _, _ = scan(wrong=0.3)
    with_w = Spirit(steps=10).solve(problem, prior=prior()).image
    monkeypatch.setattr(spirit_module, "spirit_matrices", lambda k, shape: torch.zeros(len(k), COILS, COILS, *shape))
    assert relative(Spirit(steps=10).solve(problem, prior=prior()).image, with_w) > 0.01


def test_one_coil_is_dds_to_the_bit():
    problem, _, _ = scan()
    single = dataclasses.replace(
        problem, kspace=problem.kspace[:, :1], maps=torch.ones(2, 1, *SHAPE, dtype=torch.complex64), kernel=None
    )
    solutions = [m(steps=4).solve(single, prior=prior(), seed=1) for m in (Spirit, DDS)]
    assert torch.equal(solutions[0].samples, solutions[1].samples)
    assert solutions[0].coil_kspace is None


def test_wrong_maps_hurt_its_k_space_less_than_that_of_dds():
    """What the method is for: off-range content where the maps are wrong."""
    problem, _, full = scan(wrong=0.3)
    hidden = ~problem.mask
    own = Spirit(steps=20, cg=10).solve(problem, prior=prior()).coil_kspace
    image = DDS(steps=20, cg=10).solve(problem, prior=prior()).image
    assert own is not None
    of_dds = fft2c(Coils(problem.maps)(image))
    assert relative(own * hidden, full * hidden) < 0.9 * relative(of_dds * hidden, full * hidden)


def test_off_range_energy_does_not_grow_with_the_number_of_steps():
    problem, _, _ = scan(wrong=0.1)
    energies = []
    for steps in (5, 20, 80):
        own = Spirit(steps=steps).solve(problem, prior=prior()).coil_kspace
        assert own is not None
        coils = ifft2c(own)
        off = coils - problem.maps * (problem.maps.conj() * coils).sum(1, keepdim=True)
        energies.append(float(off.abs().square().mean()))
    assert max(energies) < 1.3 * min(energies)
    assert max(energies) < 4 * 2 * float(problem.off_range.max())


def test_coil_kspace_is_the_mean_over_samples_and_its_combination_the_image():
    problem, _, _ = scan(wrong=0.1)
    solution = Spirit(steps=3, samples=3, draws="estimate").solve(problem, prior=prior())
    assert solution.coil_kspace is not None
    combined = (problem.maps.conj() * ifft2c(solution.coil_kspace)).sum(1)
    assert relative(combined, solution.image) < 1e-4


@pytest.mark.parametrize("draws", ["estimate", "posterior"])
@pytest.mark.parametrize("samples", [1, 2])
def test_images_do_not_depend_on_what_else_is_drawn(samples, draws):
    problem, _, _ = scan(wrong=0.1)
    both = Spirit(steps=4, samples=2, draws=draws).solve(problem, prior=prior(), seed=5)
    for n in range(2):
        method = Spirit(steps=4, samples=samples, draws=draws)
        one = method.solve(problem.select(slice(n, n + 1)), prior=prior(), seed=5)
        assert torch.equal(one.samples[:, 0], both.samples[:samples, n])
    assert both.calls == 8
