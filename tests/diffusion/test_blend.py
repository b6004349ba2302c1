"""What cold diffusion is, whatever the network: facts of its two samplers through the one loop."""

from itertools import pairwise

import pytest
import torch

from medrecon.diffusion.blend import GRIDS, Blend, blend_levels
from medrecon.diffusion.datasteps.unchanged import Unchanged
from medrecon.diffusion.integrators import DDIM, INTEGRATORS, DPMpp2M, Heun
from medrecon.diffusion.integrators.fixed_end import FixedEnd
from medrecon.diffusion.sampler import NonFiniteError, Sampler
from medrecon.errors import InputError

SHAPE = (2, 3, 5, 4)


def drawn(seed, shape=SHAPE, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def walk(restore, end, levels, integrator):
    """The final image and all states that the network saw."""
    seen = []

    def denoise(x, t):
        seen.append((x, t))
        return restore(x, t, len(seen) - 1)

    draw = Sampler(Blend(), levels.to(end), integrator, 0.0)(end, denoise, Unchanged(), lambda _: end)
    return draw.image, seen


def both(end):
    return {"fixed": FixedEnd(end), "estimated": DDIM()}


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("steps", [1, 2, 3, 10, 50])
def test_levels_fall_from_the_scan_to_the_clean_image(grid, steps):
    levels = blend_levels(grid, steps)
    assert levels.shape == (steps + 1,)
    assert (levels[0], levels[-1]) == (1, 0)
    assert all(t > s for t, s in pairwise(levels.tolist()))


def test_the_table_of_corediff():
    table = [0.999, 0.8889, 0.7778, 0.6667, 0.5556, 0.4444, 0.3333, 0.2222, 0.1111, 0]
    assert Blend().a(blend_levels("corediff", 10)[:-1]).flip(0).tolist() == pytest.approx(table, abs=5e-5)


def test_the_path_keeps_both_ends_and_the_mean():
    path, z0, end = Blend(), drawn(0), 3 + drawn(1)
    for t in blend_levels("cosine", 7):
        state = path.a(t) * z0 + path.b(t) * end
        assert state.mean() == pytest.approx(float((1 - t) * z0.mean() + t * end.mean()), abs=1e-6)
    zero, one = torch.tensor(0.0), torch.tensor(1.0)
    assert torch.equal(path.a(zero) * z0 + path.b(zero) * end, z0)
    assert torch.equal(path.a(one) * z0 + path.b(one) * end, end)


def test_level_inverts_sigma_at_both_ends_too():
    t = torch.tensor([0, 1e-6, 0.3, 0.999, 1], dtype=torch.float64)
    assert torch.allclose(Blend().level(Blend().sigma(t)), t, rtol=1e-12, atol=0)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("steps", [1, 2, 10])
@pytest.mark.parametrize("end_point", ["fixed", "estimated"])
def test_a_network_that_knows_the_truth_gives_the_truth(grid, steps, end_point):
    z0, end = drawn(0), drawn(1)
    image, seen = walk(lambda x, t, i: z0, end, blend_levels(grid, steps), both(end)[end_point])
    assert (image - z0).abs().max() < 1e-6
    for x, t in seen:
        assert torch.allclose(x, (1 - t) * z0 + t * end, atol=1e-6)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("steps", [1, 2, 10])
def test_a_fixed_end_gives_the_weighted_mean_of_all_predictions(grid, steps):
    """Whatever they are; for the linear grid the plain mean."""
    end, predictions = drawn(0, dtype=torch.float64), drawn(1, (steps, *SHAPE), torch.float64)
    levels = blend_levels(grid, steps)
    image, _ = walk(lambda x, t, i: predictions[i], end, levels, FixedEnd(end))
    weights = levels[:-1] - levels[1:]
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    assert torch.allclose(image, torch.einsum("i,i...->...", weights, predictions), atol=1e-12)
    if grid == "linear":
        assert torch.allclose(image, predictions.mean(0), atol=1e-12)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_fixed_end_is_algorithm_2_state_by_state(grid):
    end, predictions = drawn(0, dtype=torch.float64), drawn(1, (6, *SHAPE), torch.float64)
    levels = blend_levels(grid, 6)
    _, seen = walk(lambda x, t, i: predictions[i], end, levels, FixedEnd(end))
    x = end
    for i, (t, s) in enumerate(pairwise(levels)):
        assert torch.allclose(seen[i][0], x, atol=1e-12)
        x = x - ((1 - t) * predictions[i] + t * end) + ((1 - s) * predictions[i] + s * end)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("steps", [1, 2, 10])
def test_a_re_estimated_end_gives_the_last_prediction(grid, steps):
    end, predictions = drawn(0, dtype=torch.float64), drawn(1, (steps, *SHAPE), torch.float64)
    image, _ = walk(lambda x, t, i: predictions[i], end, blend_levels(grid, steps), DDIM())
    assert torch.allclose(image, predictions[-1], atol=1e-12)


def test_a_re_estimated_end_on_the_linear_grid_moves_by_one_t_th():
    """x + (x0 - x) / t with t counted in steps: Euler's step along a straight line."""
    end, predictions = drawn(0, dtype=torch.float64), drawn(1, (10, *SHAPE), torch.float64)
    _, seen = walk(lambda x, t, i: predictions[i], end, blend_levels("linear", 10), DDIM())
    x = end
    for i, count in enumerate(range(10, 0, -1)):
        assert torch.allclose(seen[i][0], x, atol=1e-12)
        x = x + (predictions[i] - x) / count


@pytest.mark.parametrize("end_point", ["fixed", "estimated"])
@pytest.mark.parametrize("grid", GRIDS)
def test_one_step_is_one_call_of_the_network(end_point, grid):
    end = drawn(0)
    image, seen = walk(lambda x, t, i: torch.tanh(3 * x), end, blend_levels(grid, 1), both(end)[end_point])
    assert torch.equal(image, torch.tanh(3 * end))
    assert [float(t) for _, t in seen] == [1]


@pytest.mark.parametrize("integrator", ["fixed", *INTEGRATORS])
def test_the_same_bits_twice_and_alone_or_together(integrator):
    end = drawn(0)

    def run(x):
        chosen = FixedEnd(x) if integrator == "fixed" else INTEGRATORS[integrator]()
        levels = blend_levels("linear", 5, looks_ahead=chosen.looks_ahead)
        return walk(lambda x, t, i: torch.sin(x + t), x, levels, chosen)[0]

    whole = run(end)
    assert torch.equal(whole, run(end))
    assert torch.equal(whole, torch.cat([run(each) for each in end.split(1)]))


@pytest.mark.parametrize("name", INTEGRATORS)
@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("steps", [1, 2, 3, 10])
def test_every_integrator_starts_from_nothing_but_the_scan(name, grid, steps):
    """Sigma is infinite there; with the truth told, every state lies on the straight line to it."""
    integrator, z0, end = INTEGRATORS[name](), drawn(0, dtype=torch.float64), drawn(1, dtype=torch.float64)
    levels = blend_levels(grid, steps, looks_ahead=integrator.looks_ahead)
    image, seen = walk(lambda x, t, i: z0, end, levels, integrator)
    assert (image - z0).abs().max() < 1e-9
    # beginning below t = 1, an end point is meant from which the scan is reached there
    meant = (end - (1 - levels[0]) * z0) / levels[0]
    for x, t in seen:
        assert torch.allclose(x, (1 - t) * z0 + t * meant, atol=1e-9)


def test_dpm_solver_is_nearer_to_the_solution_than_ddim():
    """Restoring a part of the way, x0 = x - c t^2, the solution is known: dx / dt = (x - x0) / t = c t."""
    end = torch.ones(1, 1, 1, 1, dtype=torch.float64)

    def error(integrator):
        _, seen = walk(lambda x, t, i: x - 0.8 * t**2, end, blend_levels("linear", 20), integrator)
        x, t = seen[-1]
        return abs(float(x) - (1 - 0.4 * (1 - float(t) ** 2)))

    assert error(DPMpp2M()) < 0.1 * error(DDIM())


def test_from_the_very_end_a_look_ahead_has_no_state_to_look_at():
    """Why `blend_levels` begins lower for it."""
    end = drawn(0)
    with pytest.raises(NonFiniteError):
        walk(lambda x, t, i: 0.5 * x, end, blend_levels("linear", 2), Heun())


@pytest.mark.parametrize(("grid", "steps", "words"), [("karras", 3, "unknown grid"), ("linear", 0, "steps is 0")])
def test_bad_grids_are_one_line(grid, steps, words):
    with pytest.raises(InputError, match=words):
        blend_levels(grid, steps)
