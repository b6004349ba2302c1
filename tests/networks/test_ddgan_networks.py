"""Generator and discriminator: their published sizes, and what each hears (A.15, 10 and 11)."""

import pytest
import torch
from torch.nn import functional as F

from medrecon.networks.ddgan import Discriminator, DiscriminatorOptions, Generator, GeneratorOptions
from medrecon.networks.ddgan.discriminator import PAPER, batch_spread, discriminator_from_seed
from medrecon.networks.ddgan.generator import generator_from_seed
from medrecon.networks.ddgan.norm import adaptive_norm_silu
from medrecon.networks.ddgan.options import PAPER_MULTI_COIL, PAPER_SINGLE_COIL
from medrecon.networks.ddgan.resample import Resample
from medrecon.weights.quantise import pack

TINY = GeneratorOptions(8, (1, 2), (1, 1), (1,), embedding=8, latent=6, style=8, mapping=2, limit=1.0)
SMALL = DiscriminatorOptions((8, 8, 12), embedding=8)


def normal(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def stirred(network, seed=3, size=0.2):
    """The network with other weights, so that what starts at zero is heard."""
    generator = torch.Generator().manual_seed(seed)
    for p in network.parameters():
        p.data += size * torch.randn(p.shape, generator=generator)
    return network.eval().requires_grad_(False)


def count(make, options):
    with torch.device("meta"):
        return sum(p.numel() for p in make(options).parameters())


@pytest.mark.parametrize(
    ("options", "millions", "modulated"), [(PAPER_MULTI_COIL, 12.85, 15_360), (PAPER_SINGLE_COIL, 39.72, 30_848)]
)
def test_invariant_10_the_published_generators_have_their_parameters(options, millions, modulated):
    assert count(Generator, options) / 1e6 == pytest.approx(millions, abs=0.005)
    with torch.device("meta"):
        assert Generator(options).affine.out_features == modulated
    assert options.multiple == {5: 16, 6: 32}[len(options.multipliers)]


def test_the_published_discriminator_has_its_parameters_and_ours_fit_their_budgets():
    assert count(Discriminator, PAPER) / 1e6 == pytest.approx(27.7, abs=0.05)
    assert count(Discriminator, DiscriminatorOptions()) < 6e6
    assert 6.5e6 < count(Generator, GeneratorOptions()) < 8e6
    stored = pack(generator_from_seed(GeneratorOptions(), 0).state_dict(), "int8")
    assert sum(value.nbytes for value in stored.values()) < 8 * 2**20


def test_invariant_10_an_untrained_generator_says_nothing_and_does_not_pass_its_input_on():
    network = generator_from_seed(TINY, 0)
    assert torch.equal(network(normal(2, 2, 16, 16), torch.tensor([1, 8]), normal(2, 6)), torch.zeros(2, 2, 16, 16))


def test_invariant_10_the_latent_and_the_step_change_the_output_which_stays_within_its_limit():
    network, x, t, z = (
        stirred(generator_from_seed(TINY, 0), size=1.0),
        normal(2, 2, 16, 24),
        torch.tensor([1, 5]),
        normal(2, 6),
    )
    first = network(x, t, z)
    assert first.shape == x.shape
    assert first.abs().max() <= 1
    assert first.abs().max() > 0.9
    assert (network(x, t, normal(2, 6, seed=2)) - first).abs().max() > 1e-3
    assert (network(x, t + 1, z) - first).abs().max() > 1e-3
    assert torch.allclose(network(x, t, 7 * z), first, atol=1e-2)  # only the direction of z is heard
    wide = stirred(generator_from_seed(GeneratorOptions(**{**vars(TINY), "limit": 3.0}), 0), size=1.0)
    assert 1 < wide(x, t, z).abs().max() <= 3


def test_images_of_a_batch_do_not_hear_each_other():
    """What invariant 12, one slice or many, rests on."""
    network, x, t, z = (
        stirred(generator_from_seed(TINY, 0)),
        normal(3, 2, 16, 16),
        torch.tensor([1, 5, 8]),
        normal(3, 6),
    )
    together = network(x, t, z)
    for i in range(3):
        torch.testing.assert_close(
            network(x[i : i + 1], t[i : i + 1], z[i : i + 1])[0], together[i], atol=1e-5, rtol=1e-4
        )


def test_a_modulation_of_its_own_stands_for_the_latent():
    network, x, t, z = stirred(generator_from_seed(TINY, 0)), normal(2, 2, 16, 16), torch.tensor([3, 3]), normal(2, 6)
    modulation = network.modulation(z)
    assert torch.equal(network.modulated(x, t, modulation), network(x, t, z))
    free = modulation.clone().requires_grad_()
    network.modulated(x, t, free)[0].square().sum().backward()
    assert free.grad is not None
    assert (free.grad[0] != 0).float().mean() > 0.9
    assert not free.grad[1].any()


def test_weights_come_from_the_seed_alone_and_the_global_stream_rests():
    state = torch.random.get_rng_state()
    one, same, other = (generator_from_seed(TINY, seed).state_dict() for seed in (0, 0, 1))
    critics = [discriminator_from_seed(SMALL, seed).state_dict() for seed in (0, 0)]
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(one[k], same[k]) for k in one)
    assert all(torch.equal(critics[0][k], critics[1][k]) for k in critics[0])
    assert not torch.equal(one["stem.weight"], other["stem.weight"])
    weight = generator_from_seed(GeneratorOptions(), 0).middle[0].first.weight  # type: ignore[union-attr]
    assert weight.var().item() == pytest.approx(1 / (9 * 96), rel=0.02)  # type: ignore[operator]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("channels", [8, 12, 256])
def test_the_norm_is_torchs_group_norm_modulated(layout, channels):
    x = (3 + 2 * normal(2, channels, 5, 7)).contiguous(memory_format=layout)
    scale, shift = normal(2, channels), normal(2, channels, seed=5)
    expected = F.group_norm(x, min(channels // 4, 32), eps=1e-6) * scale[..., None, None] + shift[..., None, None]
    torch.testing.assert_close(adaptive_norm_silu(x, scale, shift), F.silu(expected), atol=1e-4, rtol=1e-4)
    assert adaptive_norm_silu(x, scale, shift).is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_norms_own_derivative_is_that_of_its_parts(layout):
    x = (3 + 2 * normal(2, 12, 5, 7)).contiguous(memory_format=layout)
    given = [value.requires_grad_() for value in (x, normal(2, 12), normal(2, 12, seed=5))]
    weight = normal(2, 12, 5, 7, seed=6)

    def parts(x, scale, shift):
        return F.silu(F.group_norm(x, 3, eps=1e-6) * scale[..., None, None] + shift[..., None, None])

    found, expected = (torch.autograd.grad((f(*given) * weight).sum(), given) for f in (adaptive_norm_silu, parts))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=2e-4, rtol=1e-4)


def test_resampling_is_binomial_keeps_constants_and_centres():
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 3, 3] = 1
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    rows = F.conv2d(F.pad(x, (1, 1, 1, 1)), taps[None, None, :, None] * taps, stride=2)
    torch.testing.assert_close(Resample(up=False)(x), rows)
    flat = torch.ones(1, 3, 8, 8)
    torch.testing.assert_close(Resample(up=False)(flat)[..., 1:-1, 1:-1], torch.ones(1, 3, 2, 2))
    torch.testing.assert_close(Resample(up=True)(flat)[..., 2:-2, 2:-2], torch.ones(1, 3, 12, 12))
    y = normal(1, 1, 4, 4)  # each is the other's transpose, but for the gain
    torch.testing.assert_close((Resample(up=True)(y) * x).sum(), 4 * (y * Resample(up=False)(x)).sum())


def test_invariant_11_the_order_within_a_group_is_not_heard():
    network = stirred(discriminator_from_seed(SMALL, 0))
    before, after, t = normal(8, 2, 16, 16), normal(8, 2, 16, 16, seed=2), torch.arange(1, 9)
    first = network(before, after, t)
    order = torch.tensor([2, 1, 4, 3, 6, 5, 0, 7])  # groups are {0, 2, 4, 6} and {1, 3, 5, 7}
    torch.testing.assert_close(network(before[order], after[order], t[order]), first[order], atol=1e-5, rtol=1e-4)
    mixed = torch.tensor([1, 0, 2, 3, 4, 5, 6, 7])
    assert (network(before[mixed], after[mixed], t[mixed]) - first[mixed]).abs().max() > 1e-4


def test_the_discriminator_hears_both_images_the_step_and_the_spread_of_a_batch():
    network = stirred(discriminator_from_seed(SMALL, 0))
    before, after, t = normal(4, 2, 16, 16), normal(4, 2, 16, 16, seed=2), torch.tensor([1, 3, 5, 8])
    first = network(before, after, t)
    assert first.shape == (4,)
    for changed in ((before.flip(2), after, t), (before, after.flip(2), t), (before, after, 9 - t)):
        assert (network(*changed) - first).abs().min() > 1e-5
    x = normal(4, 3, 2, 2)
    assert batch_spread(x, 4).mean().item() == pytest.approx(x.std(0, correction=0).mean().item(), rel=1e-5)
    assert batch_spread(x[:1].expand(4, -1, -1, -1), 4).max() < 1e-3
    with pytest.raises(ValueError, match="no multiple of 4"):
        batch_spread(normal(6, 3, 2, 2), 4)


def test_channels_that_make_no_groups_are_refused():
    with pytest.raises(ValueError, match="make no 32 groups"):
        Generator(GeneratorOptions(width=132))


def test_they_compile_as_one_graph():
    """Traced, not compiled: what a compiler cannot follow would cost its speed unseen."""
    x, t, z = normal(4, 2, 16, 16), torch.tensor([1, 2, 3, 4]), normal(4, 6)
    network, critic = stirred(generator_from_seed(TINY, 0)), stirred(discriminator_from_seed(SMALL, 0))
    torch.testing.assert_close(torch.compile(network, backend="eager", fullgraph=True)(x, t, z), network(x, t, z))
    torch.testing.assert_close(torch.compile(critic, backend="eager", fullgraph=True)(x, x, t), critic(x, x, t))
