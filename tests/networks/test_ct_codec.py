"""The codec: what passes whatever its weights, its start, its budget, and that training spreads from there."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from medrecon.ct.units import to_hu, to_units
from medrecon.networks.ct.codec import CodecOptions, CtCodec, polynomials, without_ramps
from medrecon.weights.files import encode

SMALL = CodecOptions(width=8, encoder_blocks=1, decoder_blocks=2)


def codec(options=SMALL, scale=0.2, seed=0):
    """With random weights everywhere."""
    network, generator = CtCodec(options), torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.data = scale * torch.randn(parameter.shape, generator=generator)
    return network.requires_grad_(False)


def image(seed=1, size=(32, 48)):
    return to_units(200 * torch.randn(2, 1, *size, generator=torch.Generator().manual_seed(seed)))


def test_units_are_exact_both_ways_and_water_is_zero():
    hu = torch.linspace(-1024, 3072, 4097 * 8)
    assert (to_hu(to_units(hu)) - hu).abs().max() < 1e-3
    assert to_units(torch.tensor(0.0)) == 0
    assert to_hu(to_units(torch.tensor([-3000.0, 1e5]))).tolist() == [-1024, 3072]


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_polynomials_are_orthonormal_and_begin_with_what_a_ramp_has(factor):
    rows = polynomials(factor)
    torch.testing.assert_close(rows @ rows.T, torch.eye(factor**2).double(), atol=1e-12, rtol=0)
    y, x = torch.meshgrid(*[torch.arange(factor).double()] * 2, indexing="ij")
    ramp = (3 * y - 2 * x + 7).flatten()
    assert (rows[3:] @ ramp).abs().max() < 1e-10
    assert (rows[:3] @ ramp).abs().min() > 0.1


@pytest.mark.parametrize("hu", [(-1000.0, 0.0, 0.0), (40.0, 0.0, 0.0), (1500.0, 0.0, 0.0), (0.0, 12.0, -7.0)])
def test_constants_and_ramps_pass_with_any_weights(hu):
    """Invariant 7, structurally: no training can spoil them, nor can the edges of the image."""
    level, along_y, along_x = hu
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(48.0), indexing="ij")
    u = to_units(level + along_y * (y - 32) + along_x * (x - 24))[None, None]
    network = codec()
    assert to_hu(network.decode(network.encode(u)) - u).abs().max() < 2.0
    rough = u + 0.05 * image(size=(64, 48))[:1]
    assert to_hu(network.decode(network.encode(rough)) - rough).abs().max() > 2.0


def test_faint_and_strong_structures_come_through_alike():
    """Homogeneous of degree one: a 10 HU insert loses the share that a 1000 HU edge of its shape loses."""
    network, u = codec(), image()
    whole = network.decode(network.encode(u))
    torch.testing.assert_close(network.decode(network.encode(0.01 * u)), 0.01 * whole, atol=1e-6, rtol=1e-3)


def test_before_training_it_is_the_orthogonal_projection():
    network, u = CtCodec(SMALL).requires_grad_(False), image()
    z = network.encode(u)
    assert z.shape == (2, 8, 8, 12)
    once = network.decode(z)
    torch.testing.assert_close(network.encode(once), z, atol=1e-5, rtol=1e-4)
    assert abs(float(((u - once) * once).sum())) < 1e-3 * float(once.square().sum())


def test_the_high_pass_is_blind_to_ramps_at_the_edges_too():
    y, x = torch.meshgrid(torch.arange(5.0), torch.arange(6.0), indexing="ij")
    z = torch.stack([2 * y - x + 3, torch.full_like(x, 4.0), torch.full_like(x, -2.0), x * y])[None]
    seen = without_ramps(z)
    assert seen[:, :3].abs().max() < 1e-5
    assert torch.equal(seen[:, 3], z[:, 3])
    assert without_ramps(torch.ones(1, 4, 1, 1)).shape == (1, 4, 1, 1)


def test_training_draws_around_the_mean_with_the_width_that_it_learns():
    network, u = codec(), image()
    mean, logvar = network.moments(u)
    assert torch.equal(mean, network.encode(u))
    network.spread.weight.zero_()
    network.spread.bias.fill_(-4.0)
    found, mean, logvar = network(u, torch.zeros_like(mean))
    assert torch.equal(found, network.decode(mean))
    assert torch.equal(logvar, torch.full_like(logvar, -4.0))
    other, *_ = network(u, torch.ones_like(mean))
    torch.testing.assert_close(other, network.decode(mean + torch.tensor(-2.0).exp()))


def test_the_linear_path_keeps_single_precision_under_autocast():
    network, u = CtCodec(SMALL).requires_grad_(False), torch.full((1, 1, 16, 16), 1.2345)
    with torch.autocast("cpu", torch.bfloat16):
        found = network.decode(network.encode(u))
    assert found.dtype == torch.float32
    assert to_hu(found - u).abs().max() < 1e-3


def test_batches_are_singles_and_runs_repeat():
    network, u = codec(), image()
    together = network.decode(network.encode(u))
    alone = torch.cat([network.decode(network.encode(one[None])) for one in u])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-5)
    assert torch.equal(together, network.decode(network.encode(u)))


def test_the_default_keeps_half_the_values_in_its_budget():
    options = CodecOptions()
    assert options.channels / options.factor**2 <= 0.5
    with torch.device("meta"):
        network = CtCodec(options)
        with FlopCounterMode(display=False) as count, torch.no_grad():
            network.decode(network.encode(torch.zeros(1, 1, 512, 512)))
    assert count.get_total_flops() / 2 < 0.03e12
    state = {k: torch.zeros(v.shape) for k, v in network.state_dict().items()}
    assert len(encode(state, {"kind": "ct-codec", "options": options.as_dict()}, "int8")) < 1.5 * 2**20


@pytest.mark.parametrize("wrong", [{"channels": 9}, {"channels": 2}, {"factor": 2, "channels": 3}])
def test_a_codec_that_keeps_too_much_or_too_little_is_none(wrong):
    with pytest.raises(ValueError, match="keeps from 3 to"):
        CodecOptions(**wrong)
