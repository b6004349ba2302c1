"""Losses of the GAN against closed forms and finite differences (A.15, 11), and who learns from which."""

import contextlib
import math

import pytest
import torch
from torch import nn

from medrecon.networks.ddgan import DiscriminatorOptions, GeneratorOptions, Schedule
from medrecon.networks.ddgan.discriminator import discriminator_from_seed
from medrecon.networks.ddgan.generator import generator_from_seed
from medrecon.training.ddgan.adversarial import Adversarial, levels
from medrecon.training.ddgan.duel import Duel
from medrecon.training.ddgan.losses import fooling_loss, r1_penalty, telling_loss
from medrecon.training.ddgan.options import ObjectiveOptions

TINY = GeneratorOptions(8, (1, 1), (1, 1), embedding=8, latent=4, style=8, mapping=1)
SMALL = DiscriminatorOptions((8, 8), embedding=8)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed))


class Toy(nn.Module):
    """A discriminator small enough for finite differences."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(normal(6, 3, seed=4).double())

    def forward(self, before, after, t):
        return (torch.cat([before.flatten(1), after.flatten(1)], 1) @ self.weight).tanh().square().sum(1) * t


def test_losses_are_their_closed_forms():
    logits = torch.tensor([-2.0, 0.0, 3.0])
    assert fooling_loss(logits).item() == pytest.approx(sum(math.log1p(math.exp(-v)) for v in logits.tolist()) / 3)
    assert telling_loss(torch.zeros(4), torch.zeros(4)).item() == pytest.approx(2 * math.log(2))
    assert telling_loss(torch.full((2,), 9.0), torch.full((2,), -9.0)) < 1e-3
    # non-saturating: where the discriminator is sure, the generator's gradient does not vanish
    sure = torch.tensor([-20.0], requires_grad=True)
    fooling_loss(sure).backward()
    assert sure.grad is not None
    assert sure.grad.item() == pytest.approx(-1.0, abs=1e-4)


def test_invariant_11_r1_is_that_of_finite_differences():
    toy, step = Toy(), 1e-5
    before, after, t = normal(2, 3).double(), normal(2, 3, seed=1).double(), torch.tensor([1.0, 2.0])
    expected = 0.0
    for i in range(2):
        for j in range(3):
            shift = torch.zeros_like(before)
            shift[i, j] = step
            slope = (toy(before + shift, after, t) - toy(before - shift, after, t))[i] / (2 * step)
            expected += float(slope.detach()) ** 2
    penalty = r1_penalty(toy, before, after, t)
    assert penalty.item() == pytest.approx(0.5 * expected / 2, rel=1e-5)
    penalty.backward()
    at = toy.weight.detach().clone()
    shift = torch.zeros_like(at)
    shift[1, 2] = step
    values = []
    for sign in (1, -1):
        toy.weight.data = at + sign * shift
        values.append(r1_penalty(toy, before, after, t).item())
    assert toy.weight.grad is not None
    assert toy.weight.grad[1, 2].item() == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-4)


def adversarial(**changes):
    network, critic = generator_from_seed(TINY, 0), discriminator_from_seed(SMALL, 1)
    options = ObjectiveOptions(**{"interval": 3, "l1": 0.0, **changes})
    return network, critic, Adversarial(network, critic, critic, Schedule(8), 4, options, contextlib.nullcontext)


def test_r1_is_lazy_and_not_made_up_for():
    """The effective weight is r1 / interval."""
    _, _, made = adversarial()
    beside = [made.telling(normal(4, 2, 16, 16), step, generator())[1].item() for step in range(7)]
    assert [value > 0 for value in beside] == [True, False, False, True, False, False, True]
    _, _, double = adversarial(r1=2.0)
    assert double.telling(normal(4, 2, 16, 16), 0, generator())[1].item() == pytest.approx(2 * beside[0])
    _, _, none = adversarial(r1=0.0)
    assert none.telling(normal(4, 2, 16, 16), 0, generator())[1] == 0


def test_each_network_learns_from_its_own_loss_alone():
    network, critic, made = adversarial()
    x0 = normal(4, 2, 16, 16)
    sum(made.telling(x0, 0, generator())).backward()  # type: ignore[union-attr]
    assert all(p.grad is None for p in network.parameters())
    assert any(p.grad is not None and p.grad.any() for p in critic.parameters())
    critic.zero_grad()
    critic.requires_grad_(False)
    sum(made.fooling(x0, generator())).backward()  # type: ignore[union-attr]
    assert network.head.weight.grad is not None
    assert network.head.weight.grad.any()
    assert all(p.grad is None for p in critic.parameters())


def test_l1_beside_the_adversary_is_a_weight():
    _, _, made = adversarial(l1=3.0)
    x0 = normal(4, 2, 16, 16)
    assert made.fooling(x0, generator())[1].item() == pytest.approx(3 * x0.abs().mean().item(), rel=1e-5)
    assert adversarial()[2].fooling(x0, generator())[1] == 0


def test_levels_are_uniform_from_one_to_the_last():
    counts = levels(Schedule(4), 8000, generator()).bincount(minlength=5)
    assert counts[0] == 0
    assert (counts[1:] - 2000).abs().max() < 200


def test_a_step_moves_both_networks_at_their_rates_and_keeps_both_losses():
    network, critic, made = adversarial()
    duel = Duel.begin(network, critic, 0.05, 0)
    x0 = normal(4, 2, 16, 16)
    before = [p.detach().clone() for p in (network.head.weight, critic.stem.weight)]
    random = generator()
    for rates in ((0.0, 1e-3), (1e-3, 1e-3)):
        duel.advance(lambda: made.telling(x0, 0, random), lambda: made.fooling(x0, random), rates, 10.0)
        moved = [not torch.equal(a, b) for a, b in zip(before, (network.head.weight, critic.stem.weight), strict=True)]
        assert moved == [rates[0] > 0, True]
    assert duel.step == 2
    assert duel.mean_loss.shape == (2,)
    assert duel.running[0][1].item() == pytest.approx(2 * math.log(2), abs=0.3)
    assert all(p.requires_grad and p.grad is None for p in critic.parameters())
    critic.stem.weight.data[0, 0] = math.nan
    assert duel.mean_loss.isnan().all()
