"""The lattice in a decoder's errors, and the recipes that weigh it."""

import dataclasses

import pytest
import torch
from test_ct_training import RECIPES, trained
from torch.testing import assert_close

from medrecon import weights
from medrecon.datasets.ct.bank import Pairs
from medrecon.errors import InputError
from medrecon.networks.ct.space import Space
from medrecon.training.ct.cold import check, with_decoded
from medrecon.training.ct.lattice import lattice_power
from medrecon.training.ct.options import CtColdOptions


def pattern(y, x, seed=0):
    one = torch.randn(4, 4, generator=torch.Generator().manual_seed(seed))
    return (one - one.mean()).repeat(y // 4, x // 4)[None, None]


def test_power_of_a_pattern_is_its_variance_whatever_lies_under_it():
    found = pattern(64, 96)
    slow = torch.linspace(-3, 3, 96).expand(64, 96) // 0.5  # steps of whole blocks: no pattern of their own
    slow = torch.repeat_interleave(slow[::4, ::4], 4, 0).repeat_interleave(4, 1)[None, None]
    assert_close(lattice_power(found + slow, 4), found.square().mean())


def test_noise_is_averaged_over_the_neighbourhood():
    noise = torch.randn(8, 1, 128, 128, generator=torch.Generator().manual_seed(1))
    power = float(lattice_power(noise, 4))
    assert power == pytest.approx(15 / 16 / 64, rel=0.1)  # 64 blocks; one of sixteen values is the mean's


def test_images_smaller_than_the_neighbourhood():
    assert_close(lattice_power(pattern(8, 8), 4), pattern(8, 8).square().mean())


def test_gradient_takes_the_pattern_out_of_an_image_of_blocks():
    full = torch.zeros(1, 1, 32, 32)
    pairs = Pairs(full, full, torch.ones(1))
    space = Space("unshuffle", 4)
    found = space.encode(pattern(32, 32) / 100).requires_grad_()
    options = CtColdOptions(lattice=1000.0)
    loss = with_decoded(torch.zeros(()), found, space, pairs, options)
    assert_close(loss.detach(), options.lattice * (pattern(32, 32) / 100).square().mean())
    loss.backward()
    assert found.grad is not None
    assert float((found.grad * found.detach()).sum()) > 0


def test_pixels_have_no_lattice():
    image = torch.rand(1, 1, 32, 32)
    pairs = Pairs(image, torch.zeros_like(image), torch.ones(1))
    loss = torch.tensor(0.25)
    assert with_decoded(loss, image, Space(), pairs, CtColdOptions(lattice=1000.0)) is loss


@pytest.mark.parametrize("weight", [-1.0, float("inf"), float("nan")])
def test_a_weight_that_cannot_be_is_one_line(weight):
    with pytest.raises(InputError, match="lattice is"):
        check(dataclasses.replace(CtColdOptions(), lattice=weight))


@pytest.mark.parametrize("name", ["cold", "one-step"])
def test_vectors_alone_learn_where_int8_has_rounded_the_rest(name, tmp_path):
    begun = stored(trained(name).weights, tmp_path)
    recipe = dataclasses.replace(RECIPES[name], vectors_only=True, lattice=1000.0)
    run = trained(name, recipe=recipe, start=begun)
    for key, value in stored(run.weights, tmp_path).items():
        assert torch.equal(run.weights[key], begun[key]) == (value.ndim > 1), key
        if value.ndim > 1:
            assert_close(value, begun[key], rtol=1e-6, atol=0)  # rounded to the same whole numbers again


def test_vectors_alone_need_a_network_to_begin_with():
    with pytest.raises(InputError, match="vectors_only goes on from a trained network"):
        trained("cold", recipe=dataclasses.replace(RECIPES["cold"], vectors_only=True))


def stored(tensors, folder):
    weights.save(folder / "net.safetensors", tensors, {"kind": "any"}, "int8")
    return weights.load(str(folder / "net.safetensors"))[0]
