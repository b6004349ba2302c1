"""What the DDGAN's layers do on a card in one pass is what plain torch says, derivatives as well."""

from types import SimpleNamespace
from typing import cast

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from medrecon.networks.ddgan import layers, norm, resample
from medrecon.networks.ddgan.generator import generator_from_seed
from medrecon.networks.ddgan.layers import Conv, half_power_sum
from medrecon.networks.ddgan.options import GeneratorOptions
from medrecon.networks.fused import has_triton

on_a_card = pytest.mark.skipif(
    not (torch.cuda.is_available() and has_triton()), reason="the Triton kernels need a card"
)
CHANNELS = [8, 96, 192]
SMALL = GeneratorOptions(16, (1, 2), (1, 1), (), embedding=8, latent=6, style=8, mapping=2)


def drawn(*shape, seed=1, device="cpu"):
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(device)
    return values.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else values


def close(found, expected, tolerance):
    assert (found.double() - expected.double()).norm() <= tolerance * expected.double().norm()


def whole_norm(x, scale, shift, added):
    u = F.group_norm(x + added[..., None, None], norm.groups_of(x.shape[1]), eps=norm.EPS)
    return F.silu(u * scale[..., None, None] + shift[..., None, None])


def test_what_is_added_before_the_norm_takes_part_in_it():
    x, parts = 2 + drawn(2, 8, 6, 10), [drawn(2, 8, seed=n) for n in (2, 3, 4)]
    torch.testing.assert_close(norm.adaptive_norm_silu(x, *parts), whole_norm(x, *parts), atol=1e-5, rtol=1e-5)
    assert (norm.adaptive_norm_silu(x, *parts) - norm.adaptive_norm_silu(x, *parts[:2])).abs().max() > 0.1


def test_a_convolution_leaves_its_bias_to_the_sum_behind_it():
    conv, x = Conv(8, 8, 3, padding=1), drawn(2, 8, 6, 10)
    plain = F.conv2d(x, conv.weight, conv.bias, padding=1)
    torch.testing.assert_close(conv(x) + conv.offset[:, None, None], plain)
    torch.testing.assert_close(half_power_sum(x, conv(x), conv.offset), (x + plain) * 0.5**0.5)


def test_a_compiler_is_spared_the_search_for_triton(monkeypatch):
    def untraceable():
        raise AssertionError("the graph would break here, in every block")

    monkeypatch.setattr(norm, "has_triton", untraceable)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert not norm.in_one_pass(cast(Tensor, SimpleNamespace(is_cuda=True)))


@pytest.mark.cuda
@on_a_card
def test_they_compile_as_one_graph_on_a_card():
    network = generator_from_seed(SMALL, 0, "cuda").requires_grad_(False)
    for n, weight in enumerate(network.parameters()):  # an untrained one answers nothing
        weight += 0.1 * drawn(*weight.shape, seed=n, device="cuda")
    given = drawn(4, 2, 16, 16, device="cuda"), torch.tensor([1, 2, 3, 4]).cuda(), drawn(4, 6).cuda()
    with torch.backends.cudnn.flags(allow_tf32=False):
        close(torch.compile(network, backend="eager", fullgraph=True)(*given), network(*given), 1e-4)


@pytest.mark.cuda
@on_a_card
@pytest.mark.parametrize("channels", CHANNELS)
def test_the_norm_in_one_pass(channels):
    whole = drawn(3, 3 * channels, seed=2, device="cuda")  # rows as they lie in a modulation
    given = [1 + 2 * drawn(3, channels, 38, 26, device="cuda"), *whole.split(channels, 1)]
    given = [value.detach().requires_grad_() for value in given]
    weight = drawn(3, channels, 38, 26, seed=5, device="cuda")
    found, expected = norm.adaptive_norm_silu(*given), whole_norm(*(v.double() for v in given))
    close(found, expected, 1e-5)
    ours, theirs = (torch.autograd.grad((out * weight).sum(), given) for out in (found, expected))
    for one, other in zip(ours, theirs, strict=True):
        close(one, other, 1e-4)
    half = norm.adaptive_norm_silu(given[0].detach().bfloat16(), *(v.detach() for v in given[1:]))
    assert half.dtype == torch.bfloat16
    close(half, expected.detach(), 6e-3)


@pytest.mark.cuda
@on_a_card
def test_images_of_any_batch_get_the_same_bits_from_the_norm():
    x = drawn(5, 96, 40, 24, device="cuda").bfloat16()
    scale, shift = drawn(5, 96, seed=2, device="cuda"), drawn(5, 96, seed=3, device="cuda")
    together = norm.adaptive_norm_silu(x, scale, shift)
    assert torch.equal(norm.adaptive_norm_silu(x[3:4], scale[3:4], shift[3:4]), together[3:4])


def derivatives(out, weight, x):
    """Of what is no linear function of `out`, and of the square of that, as a penalty on a gradient wants it."""
    first = torch.autograd.grad((out.square() * weight).sum(), x, create_graph=True)[0]
    return first, torch.autograd.grad(first.square().sum(), x)[0]


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=[pytest.mark.cuda, on_a_card])])
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("up", [False, True])
def test_resampling_derives_itself(device, channels, up):
    x = drawn(3, channels, 12, 20, device=device).requires_grad_()
    plain = x.detach().cpu().double().contiguous().requires_grad_()
    found, expected = resample.Resample(up)(x), (resample._doubled if up else resample._halved)(plain)
    close(found.cpu(), expected, 1e-6)
    weight = drawn(*expected.shape, seed=2)
    pairs = zip(derivatives(found, weight.to(device), x), derivatives(expected, weight, plain), strict=True)
    for ours, theirs in pairs:
        close(ours.cpu(), theirs, 1e-5)


@pytest.mark.cuda
@on_a_card
def test_the_sum_in_one_pass():
    given = [drawn(3, 96, 12, 20, seed=n, device="cuda").requires_grad_() for n in (1, 2)]
    given.append(drawn(96, seed=3, device="cuda").requires_grad_())
    found = half_power_sum(*given)
    expected = (given[0] + given[1] + given[2][:, None, None]) * layers.HALF_POWER
    close(found, expected, 1e-6)
    weight = torch.randn_like(expected)
    ours, theirs = (torch.autograd.grad((out * weight).sum(), given) for out in (found, expected))
    for one, other in zip(ours, theirs, strict=True):
        close(one, other, 1e-5)


@pytest.mark.cuda
@on_a_card
def test_a_generator_of_few_passes_is_the_plain_one(monkeypatch):
    network = generator_from_seed(SMALL, 0, "cuda")
    for n, p in enumerate(network.parameters()):
        p.data += 0.2 * drawn(*p.shape, seed=n, device="cuda")
    network.requires_grad_(False)
    x, t = drawn(2, 2, 24, 40, device="cuda"), torch.tensor([1, 5], device="cuda")
    modulation = network.modulation(drawn(2, 6, device="cuda")).requires_grad_()

    def both():
        out = network.modulated(x, t, modulation)
        return out.detach(), torch.autograd.grad(out.square().sum(), modulation)[0]

    def disabled(_):
        return False

    with torch.backends.cudnn.flags(allow_tf32=False):
        found = both()
        for module in (norm, resample, layers):
            monkeypatch.setattr(module, "in_one_pass", disabled)
        for one, other in zip(found, both(), strict=True):
            close(one, other, 1e-4)
