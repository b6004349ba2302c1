"""The DDGAN's diffusion: its published table, identities of its posterior, and a simulation (A.15, 1 to 4)."""

import pytest
import torch

from medrecon.networks.ddgan import Schedule

TABLE = {
    8: [  # beta, a, c1, c2, s of the step to level k from level k + 1
        (0.156445, 0.843555, 1.00000, 0.00000, 0.00000),
        (0.381493, 0.521745, 0.73263, 0.25726, 0.35326),
        (0.546501, 0.236611, 0.51710, 0.42189, 0.58513),
        (0.667488, 0.078676, 0.35241, 0.47779, 0.74368),
        (0.756197, 0.019181, 0.21626, 0.46381, 0.84281),
        (0.821240, 0.003429, 0.11413, 0.41612, 0.89903),
        (0.868930, 0.000449, 0.05090, 0.36096, 0.93077),
        (0.903898, 0.000043, 0.01916, 0.30988, 0.95054),
    ],
    4: [
        (0.478255, 0.521745, 1.00000, 0.00000, 0.00000),
        (0.849206, 0.078676, 0.66578, 0.20158, 0.66394),
        (0.956418, 0.003429, 0.26919, 0.19300, 0.94032),
        (0.987404, 0.000043, 0.05782, 0.11185, 0.99200),
    ],
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed))


@pytest.mark.parametrize("steps", [8, 4])
def test_invariant_1_the_tables_are_the_published_ones(steps):
    s = Schedule(steps)
    found = torch.stack([s.betas, s.signal, s.c1, s.c2, s.deviation], 1)[1:]
    assert (found - torch.tensor(TABLE[steps])).abs().max() < 1e-5
    assert s.signal[0] == 1
    assert s.signal[-1].item() == pytest.approx(4.3e-5, rel=0.02)


@pytest.mark.parametrize("spacing", ["time", "noise"])
@pytest.mark.parametrize("steps", [8, 4, 1])
def test_invariants_1_and_2_means_and_variances_of_the_posterior_add_up_to_the_marginals(steps, spacing):
    s = Schedule(steps, spacing)
    before, after = s.signal[:-1], s.signal[1:]
    c1, c2, deviation = s.c1[1:], s.c2[1:], s.deviation[1:]
    torch.testing.assert_close(c1 + c2 * after.sqrt(), before.sqrt(), atol=1e-6, rtol=0)
    torch.testing.assert_close(c2**2 * (1 - after) + deviation**2, 1 - before, atol=1e-6, rtol=0)
    torch.testing.assert_close((1 - s.betas[1:]).cumprod(0), after, atol=1e-6, rtol=1e-5)


def test_invariant_2_the_last_step_is_the_estimate_bit_for_bit():
    s, x, x0 = Schedule(8), normal(3, 2, 5, 5), normal(3, 2, 5, 5, seed=1)
    last = torch.ones(3, dtype=torch.int64)
    assert torch.equal(s.previous(x, x0, last, normal(3, 2, 5, 5, seed=2)), x0)
    assert torch.equal(s.previous(x, x0, last[0]), x0)


@pytest.mark.parametrize(("steps", "t"), [(8, 2), (8, 5), (8, 8), (4, 2), (4, 3)])
def test_invariant_3_a_step_forth_and_the_posterior_back_keep_the_marginal(steps, t):
    s, n = Schedule(steps), 200_000
    x0 = torch.full((n,), 0.7)
    at = torch.tensor(t)
    before, after = s.pair(x0, normal(n), normal(n, seed=1), at)
    back = s.previous(after, x0, at, normal(n, seed=2))
    kept = s.signal[t - 1]
    mean, variance = kept.sqrt() * 0.7, 1 - kept
    for drawn in (before, back):
        assert (drawn.mean() - mean).abs() < 3 * (variance / n).sqrt()
        assert (drawn.var() - variance).abs() < 3 * variance * (2 / n) ** 0.5
    there = s.noised(x0, normal(n, seed=3), at)
    for drawn in (after, there):
        assert (drawn.mean() - s.signal[t].sqrt() * 0.7).abs() < 3 / n**0.5
    # and the two go together: covariance sqrt(1 - beta) var(x_t-1)
    covariance = ((before - mean) * (after - after.mean())).mean()
    assert covariance.item() == pytest.approx(((1 - s.betas[t]).sqrt() * variance).item(), abs=3 / n**0.5)


def test_clean_training_images_carry_the_token_noise():
    s = Schedule(8)
    before, after = s.pair(torch.zeros(10_000), normal(10_000), normal(10_000, seed=1), torch.ones(10_000).long())
    assert before.std().item() == pytest.approx(1e-4, rel=0.05)
    assert after.std().item() == pytest.approx((1 - s.signal[1]).sqrt().item(), rel=0.05)


@pytest.mark.parametrize("steps", [8, 4])
def test_invariant_4_the_true_image_in_every_step_is_what_comes_out(steps):
    s, x0, x = Schedule(steps), normal(2, 2, 6, 6), 9 * normal(2, 2, 6, 6, seed=1)
    for t in range(steps, 0, -1):
        x = s.previous(x, x0, torch.tensor(t), normal(2, 2, 6, 6, seed=t))
    assert torch.equal(x, x0)


def test_levels_may_differ_from_image_to_image_and_images_be_complex():
    s = Schedule(8)
    x0, noise = (torch.complex(normal(3, 4, 5, seed=i), normal(3, 4, 5, seed=i + 9)) for i in (0, 1))
    t = torch.tensor([1, 4, 8])
    together = s.noised(x0, noise, t), s.previous(noise, x0, t, noise)
    for i in range(3):
        assert torch.equal(together[0][i], s.noised(x0, noise, t[i])[i])
        assert torch.equal(together[1][i], s.previous(noise, x0, t[i], noise)[i])


def test_no_steps_are_no_schedule():
    with pytest.raises(ValueError, match="at least 1"):
        Schedule(0)


def test_levels_even_in_noise():
    s = Schedule(8, "noise")
    sigma = ((1 - s.signal[1:].double()) / s.signal[1:].double()).sqrt()
    assert sigma[0].item() == pytest.approx(0.015, rel=1e-3)
    assert sigma[-1].item() == pytest.approx(2, rel=1e-3)
    root = sigma ** (1 / 7)
    torch.testing.assert_close(root.diff(), torch.full((7,), float(root.diff().mean())).double(), rtol=1e-2, atol=0)
    alone = Schedule(1, "noise").signal[1]
    assert alone.item() == pytest.approx(1 / 5, rel=1e-4)


def test_an_answer_has_the_size_of_the_images_at_every_level_that_is_even_in_noise():
    """Of white images with the deviation in mind: the share of the state is the best linear estimate."""
    s, n = Schedule(8, "noise"), 100_000
    x0 = 0.2 * normal(n)
    for t in (1, 4, 8):
        at = torch.tensor(t)
        x = s.noised(x0, normal(n, seed=t), at)
        wanted = (x0 - s.skip[t] * x) / s.share[t]  # the answer of which the truth comes
        torch.testing.assert_close(s.estimate(x, wanted, at), x0, atol=1e-5, rtol=0)
        assert wanted.std().item() == pytest.approx(0.2, rel=0.02)
        assert abs((wanted * x).mean().item()) < 0.01 * x.std().item()
        torch.testing.assert_close(s.in_answers(s.estimate(x, wanted + 0.1, at) - x0, at), torch.full((n,), 0.1))


def test_a_published_answer_is_the_estimate_itself():
    s, x, answer, t = Schedule(8), normal(2, 3), normal(2, 3, seed=1), torch.tensor([1, 8])
    assert s.estimate(x, answer, t) is answer
    assert s.in_answers(answer, t) is answer
    assert s.skip.tolist() == [0.0] * 9
    assert s.share.tolist() == [1.0] * 9


def test_levels_spaced_by_what_there_is_not():
    with pytest.raises(ValueError, match="choose time or noise"):
        Schedule(8, "steps")
