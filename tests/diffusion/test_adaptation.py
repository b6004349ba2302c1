"""Stage 2: what adapts, to what, and that slices neither see one another nor leave traces."""

import dataclasses
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from properties import noise
from tiny_ddgan import tiny_prior
from torch import nn

from medrecon.diffusion.adaptation.adam import Adam
from medrecon.diffusion.adaptation.adapt import Adaptation
from medrecon.diffusion.adaptation.misfit import Misfit
from medrecon.diffusion.adaptation.modulation import Modulation
from medrecon.diffusion.adaptation.stopping import Count, HoldOut
from medrecon.diffusion.adaptation.weights import Weights
from medrecon.mri.fdmr.adapters import adapter_of
from medrecon.mri.fdmr.holdout import level_of, withheld_samples
from medrecon.problem import Problem

SHAPE, COILS, N = (12, 14), 2, 3
KINDS = ("modulation", "low-rank", "all")


@pytest.fixture
def problem():
    maps = noise(N, COILS, *SHAPE, dtype=torch.complex64)
    maps = maps / maps.abs().square().sum(1, keepdim=True).sqrt()
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[:, [0, 2, 4, 5, 6, 7, 8, 9, 11]] = True
    kspace = 0.3 * noise(N, COILS, *SHAPE, seed=3, dtype=torch.complex64) * mask
    ones, each = torch.ones(N, *SHAPE), torch.ones(N)
    return Problem(
        kspace, mask, maps, ones.bool(), 0.03 * each, 0.04 * each, None, 0.01 * each, 0.01 * each, ones, 1.0, ("x",),
        (12, 4), (5, 6, 7),
    )  # fmt: skip


def inputs(problem):
    z = torch.randn(problem.n_slices, 6, generator=torch.Generator().manual_seed(2))
    return problem.forward.H(problem.kspace), torch.tensor(1), z


def adapted(problem, kind, rate=1e-2, iterations=6, rule=None, held=None, denoiser=None, **watched):
    denoiser = denoiser or tiny_prior().denoise
    adapter, misfit = adapter_of(denoiser, kind, 2), Misfit(problem.mask)
    run = Adaptation(adapter, misfit, rule or Count(), Adam(rate), iterations)
    seen = inputs(problem)
    return run(seen, misfit.samples(problem, held), adapter.start(problem.n_slices), **watched)


@pytest.mark.parametrize("kind", KINDS)
def test_the_start_is_the_prior_itself(problem, kind):
    """And of every kind at once the network is untouched by a call, hooks and all."""
    denoiser = tiny_prior().denoise
    adapter, one = adapter_of(denoiser, kind, 2), problem.select(slice(1, 2))
    before = denoiser(*inputs(one))
    assert torch.allclose(adapter(adapter.start(1), *inputs(one)), before, atol=1e-6)
    assert not torch.allclose(adapter(adapter.start(1) + 0.1, *inputs(one)), before, atol=1e-3)
    assert torch.equal(denoiser(*inputs(one)), before)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_bit_for_bit_the_same_after_an_adaptation(problem, kind):
    denoiser = tiny_prior().denoise
    assert isinstance(denoiser, nn.Module)
    before = {k: v.clone() for k, v in denoiser.state_dict().items()}
    one = problem.select(slice(0, 1))
    first = adapted(one, kind, denoiser=denoiser)
    adapted(problem.select(slice(2, 3)), kind, denoiser=denoiser)
    again = adapted(one, kind, denoiser=denoiser)
    assert all(torch.equal(v, before[k]) for k, v in denoiser.state_dict().items())
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.values, again.values)
    assert not any(layer._forward_hooks for layer in denoiser.modules())


def test_hooks_are_gone_after_a_failure(problem):
    denoiser = tiny_prior().denoise
    adapter = adapter_of(denoiser, "low-rank", 2)
    with pytest.raises(RuntimeError):
        adapter(adapter.start(1), torch.zeros(1, 12, 14), torch.tensor(1), torch.zeros(1, 99))
    assert not any(layer._forward_hooks for layer in denoiser.modules())


@pytest.mark.parametrize("kind", ["modulation", "low-rank"])
def test_a_batch_equals_runs_of_its_slices(problem, kind):
    """Invariant 12, stop rule and all: the slices stop at iterates of their own."""
    held = withheld_samples(problem, 0.3, 0)
    both = adapted(problem, kind, 0.02, 20, HoldOut(patience=4), held)
    for n in range(N):
        part = slice(n, n + 1)
        denoiser = tiny_prior().denoise
        adapter, misfit = adapter_of(denoiser, kind, 2), Misfit(problem.mask)
        run = Adaptation(adapter, misfit, HoldOut(patience=4), Adam(0.02), 20)
        samples = misfit.samples(problem.select(part), held[part])
        state, t, z = inputs(problem)
        alone = run((state[part], t, z[part]), samples, adapter.start(1))
        assert alone.kept.tolist() == both.kept[part].tolist()
        assert torch.allclose(alone.image, both.image[part], atol=1e-3)
        assert torch.allclose(alone.held_power, both.held_power[part], rtol=1e-3)


def test_all_weights_take_one_slice(problem):
    with pytest.raises(ValueError, match="one slice"):
        adapted(problem, "all")


@pytest.mark.parametrize("kind", KINDS)
def test_small_steps_lower_the_loss_every_time(problem, kind):
    """Invariant 9."""
    curve = []
    one = problem.select(slice(0, 1))
    adapted(one, kind, 1e-5, 8, on_iterate=lambda j, image, losses: curve.append(losses.fit.item()))
    assert len(curve) == 9
    assert all(b < a for a, b in pairwise(curve))


def test_one_step_of_adam_is_torchs(problem):
    """Against `torch.optim.Adam`, over steps whose bias corrections differ."""
    values = torch.randn(2, 5, generator=torch.Generator().manual_seed(1))
    theirs = nn.Parameter(values.clone())
    optimiser = torch.optim.Adam([theirs], lr=0.02, betas=(0.5, 0.9))
    mean = square = torch.zeros_like(values)
    for j in range(4):
        gradient = torch.sin(3 * values + j)
        theirs.grad = gradient.clone()
        optimiser.step()
        values, mean, square = Adam(0.02)(values, gradient, mean, square, torch.tensor(j))
        assert torch.allclose(values, theirs.detach(), atol=1e-6)


def test_misfit_is_the_mean_over_samples_in_units_of_the_data(problem):
    x = noise(N, *SHAPE, seed=8, dtype=torch.complex64)
    held = withheld_samples(problem, 0.3, 0)
    misfit = Misfit(problem.mask)
    found = misfit(x, misfit.samples(problem, held))
    error = (problem.forward(x) - problem.kspace).abs()
    for n in range(N):
        for loss, power, points in (
            (found.fit, found.fit_power, problem.mask & ~held[n]),
            (found.held, found.held_power, held[n]),
        ):
            here, level = error[n][:, points], problem.kspace[n][:, points].abs().mean()
            assert loss[n].item() == pytest.approx((here.mean() / level).item(), rel=1e-4)
            assert power[n].item() == pytest.approx(here.square().mean().item(), rel=1e-4)
    assert found.noise_power.tolist() == pytest.approx([2 * 0.05**2] * N)
    whole = misfit(x, misfit.samples(problem))
    assert whole.held.tolist() == whole.held_power.tolist() == [0.0] * N


def test_misfit_of_a_mask_with_two_phase_axes(problem):
    mask = torch.rand(SHAPE, generator=torch.Generator().manual_seed(0)) < 0.2
    mask[3] = False
    other = problem.with_kspace(noise(N, COILS, *SHAPE, dtype=torch.complex64) * mask, mask)
    x = noise(N, *SHAPE, seed=8, dtype=torch.complex64)
    misfit = Misfit(mask)
    error = (other.forward(x) - other.kspace).abs()
    power = misfit(x, misfit.samples(other)).fit_power
    assert torch.allclose(power, error.square().sum((1, 2, 3)) / (mask.sum() * COILS), rtol=1e-4)


def test_whole_lines_are_withheld_and_never_of_the_centre(problem):
    held = withheld_samples(problem, 0.4, 0)
    lines = held.any(1)
    assert torch.equal(held, lines[:, None] & problem.mask)
    assert lines.sum(1).tolist() == [2] * N
    assert not lines[:, 5:9].any()
    assert not lines[:, ~problem.mask[0]].any()
    assert torch.equal(held, withheld_samples(problem, 0.4, 0))
    assert torch.equal(held[1:2], withheld_samples(problem.select(slice(1, 2)), 0.4, 0))
    assert any(not torch.equal(held, withheld_samples(problem, 0.4, seed)) for seed in range(1, 5))


def test_of_few_lines_a_share_is_not_enough(problem):
    """Three lines then, but not more than half of the five that lie beside the centre."""
    few = withheld_samples(problem, 0.05, 0).any(1).sum(1)
    assert few.tolist() == [2] * N
    wide = dataclasses.replace(problem, acs=(12, 1))
    assert withheld_samples(wide, 0.05, 0).any(1).sum(1).tolist() == [3] * N


def test_blocks_of_the_kernel_are_withheld_of_two_phase_axes(problem):
    mask = torch.rand(24, 24, generator=torch.Generator().manual_seed(0)) < 0.6
    mask[9:15, 9:15] = True
    kernel = torch.zeros(N, COILS, COILS, 3, 3, dtype=torch.complex64)
    other = Problem(**{
        **vars(problem), "mask": mask, "kspace": torch.zeros(N, COILS, 24, 24, dtype=torch.complex64),
        "phase_axes": ("y", "x"), "acs": (6, 6), "kernel": kernel,
    })  # fmt: skip
    held = withheld_samples(other, 0.1, 0)
    assert not held[:, 9:15, 9:15].any()
    assert not held[:, ~mask].any()
    share = held.sum((1, 2)) / (mask.sum() - 36)
    assert ((share > 0.09) & (share < 0.14)).all()
    # a block is withheld whole: most of its samples have a neighbour in it
    padded = nn.functional.pad(held.float(), (1, 1, 1, 1))
    near = sum(padded[:, i : i + 24, j : j + 24] for i in range(3) for j in range(3))
    assert (near[held] > 1).float().mean() > 0.9


def test_the_error_of_withheld_samples_becomes_the_trust_of_the_data_step(problem):
    """An image off by white noise of deviation 0.2 a component, seen through coils and noise."""
    power = 2 * (0.2**2 / COILS + 0.05**2) * torch.ones(N)
    sigma = level_of(power, problem, 0.5)
    trust = sigma**2 * 0.5 / (sigma**2 + 0.5)
    assert trust.flatten().tolist() == pytest.approx([0.2**2] * N, rel=1e-4)
    quiet = level_of(0 * power, problem, 0.5)
    assert (quiet**2 * 0.5 / (quiet**2 + 0.5)).flatten().tolist() == pytest.approx([0.05**2] * N, rel=1e-4)
    assert level_of(1e6 * power, problem, 0.5).isfinite().all()


def test_the_best_iterate_is_restored(problem):
    """Steps far too large: what is given back foretold the withheld samples best of all that were seen."""
    curve, images = [], []

    def watch(j, image, losses):
        curve.append(losses.held.clone())
        images.append(image.clone())

    held = withheld_samples(problem, 0.3, 0)
    found = adapted(problem, "modulation", 0.3, 30, HoldOut(patience=8, gain=1e-6), held, on_iterate=watch)
    curves = torch.stack(curve)
    for n in range(N):
        j = int(found.kept[n])
        assert torch.equal(found.image[n], images[j][n])
        assert curves[j, n] <= curves[: j + 9, n].min() * (1 + 1e-5)
    assert found.iterations == len(curve) - 1
    assert found.calls == len(curve)


@pytest.mark.parametrize(("cuda", "looks"), [(True, [3, 6, 9]), (False, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])])
def test_a_gpu_is_waited_for_at_every_third_iteration_and_never_before_the_first(problem, cuda, looks):
    """On a CPU, where a look is free, after every one."""
    misfit = Misfit(problem.mask)
    run = Adaptation(adapter_of(tiny_prior().denoise, "modulation", 2), misfit, HoldOut(), Adam(0.02), 20)
    running, asked = torch.ones(N, dtype=torch.bool), []

    def looked():
        asked.append(True)
        return running.any()

    state = SimpleNamespace(values=SimpleNamespace(is_cuda=cuda), running=SimpleNamespace(any=looked))
    found = []
    for done in range(11):
        asked.clear()
        assert run._goes_on(state, done)
        found += [done] * len(asked)
    assert found == looks
    running[:] = False
    assert not run._goes_on(state, 9)


def test_values_of_all_weights_are_those_of_the_network_with_channels_last():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 2)).requires_grad_(False)
    adapter = Weights(network)
    x = noise(1, 3, 3, 3, dtype=torch.float32)
    start = adapter.start(1)
    assert start.shape == (1, adapter.size) == (1, sum(p.numel() for p in network.parameters()))
    assert torch.allclose(adapter(start, x), network(x), atol=1e-6)
    assert torch.equal(start[0, :3], network[0].weight[0, :, 0, 0])


def test_offsets_of_several_layers_lie_one_after_the_other():
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).requires_grad_(False)
    adapter = Modulation(network, [network[0], network[2]])  # type: ignore[list-item]
    x = noise(2, 3, dtype=torch.float32)
    values = noise(2, 6, seed=4, dtype=torch.float32)
    expected = network[2](torch.tanh(network[0](x) + values[:, :4])) + values[:, 4:]
    assert torch.allclose(adapter(values, x), expected)
