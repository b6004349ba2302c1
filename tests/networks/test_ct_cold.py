"""Networks of cold diffusion, DDPM and RED-CNN: shapes, where they start, what they hear, what they cost."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from medrecon.networks.ct.cold import ColdNet, ColdOptions, dose_label, pixel_network
from medrecon.networks.ct.ddpm import CtDdpm, DdpmOptions
from medrecon.networks.ct.red_cnn import SMALLEST, RedCnn, RedCnnOptions
from medrecon.networks.unet import UNet, UNetOptions
from medrecon.weights.files import encode

TINY = UNetOptions((8, 8), (1, 1), (1, 1), embedding=8)
SPACES = {"pixel": (1, 16), "unshuffle": (16, 8), "latent": (8, 8)}


def cold(space="latent", seed=None, **changes):
    options = ColdOptions(space, network=TINY, **changes)
    network = UNet(options.architecture)
    return ColdNet(randomised(network, seed), options)


def randomised(network, seed):
    if seed is not None:
        generator = torch.Generator().manual_seed(seed)
        for parameter in network.parameters():
            parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    return network.requires_grad_(False)


def states(space, n=2):
    channels, size = SPACES[space]
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(n, channels, size, size, generator=generator) for _ in range(2)]


def tmac(call):
    with torch.device("meta"), FlopCounterMode(display=False) as count, torch.no_grad():
        call()
    return count.get_total_flops() / 2e12


@pytest.mark.parametrize("space", SPACES)
def test_it_starts_as_the_identity_on_the_state(space):
    """Invariant 5: where low and full dose are the same, the untrained network returns the input."""
    state, end = states(space)
    t, dose = torch.tensor([0.3, 1.0]), torch.tensor([0.1, 0.5])
    assert torch.equal(cold(space)(state, end, t, dose), state)
    assert cold(space, seed=1)(state, end, t, dose).shape == state.shape


@pytest.mark.parametrize("space", SPACES)
def test_end_time_and_dose_reach_the_network(space):
    network, (state, end) = cold(space, seed=1), states(space)
    t, dose = torch.full((2,), 0.5), torch.full((2,), 0.25)
    plain = network(state, end, t, dose)
    for other in (
        network(state, end + 0.1, t, dose),
        network(state, end, 0.9 * t, dose),
        network(state, end, t, 0.2 * dose),
    ):
        assert (other - plain).abs().max() > 1e-4
    blind = cold(space, seed=1, sees_end=False)
    assert torch.equal(blind(state, end, t, dose), blind(state, end + 0.1, t, dose))


def test_batches_are_singles():
    network, (state, end) = cold(seed=2), states("latent")
    t, dose = torch.tensor([0.2, 0.9]), torch.tensor([0.05, 0.4])
    together = network(state, end, t, dose)
    alone = torch.cat([network(*(v[i : i + 1] for v in (state, end, t, dose))) for i in (0, 1)])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-5)


def test_the_state_keeps_single_precision_in_half_precision_networks():
    network = cold()
    network.network.to(torch.bfloat16)
    state, end = states("latent")
    assert torch.equal(network(state, end, torch.ones(2), torch.ones(2)), state)


@pytest.mark.parametrize("dose", [0.05, 0.1, 0.25, 0.5, 1.0])
def test_doses_are_told_in_about_unit_size(dose):
    assert abs(dose_label(torch.tensor(dose))) < 1.2


def test_spaces_have_their_channels_and_multiples():
    assert ColdOptions("pixel", network=TINY).multiple == 4
    assert ColdOptions("latent", network=TINY).multiple == 2
    assert ColdOptions("unshuffle", factor=2, network=TINY).state_channels == 4
    assert ColdOptions.from_dict(ColdOptions("unshuffle", sees_end=False).as_dict()) == ColdOptions(
        "unshuffle", sees_end=False
    )
    with pytest.raises(ValueError, match="space is 'wavelet'"):
        ColdOptions("wavelet")
    with pytest.raises(ValueError, match="multiple of 4"):
        ColdOptions("latent", channels=6)


def test_the_latent_network_fits_its_budget():
    options = ColdOptions()
    with torch.device("meta"):
        network = UNet(options.architecture)
        z, one = torch.zeros(1, 8, 128, 128), torch.ones(1)
    state = {k: torch.zeros(v.shape) for k, v in network.state_dict().items()}
    assert len(encode(state, {"kind": "ct-cold", "options": options.as_dict()}, "int8")) < 2.5 * 2**20
    assert tmac(lambda: ColdNet(network, options)(z, z, one, one)) < 0.02


def test_the_ddpm_costs_at_most_its_limit_and_the_pixel_network_as_much():
    """0.15 TMAC for a 512x512 call."""
    options, pixel = DdpmOptions(), ColdOptions("pixel", network=pixel_network())
    with torch.device("meta"):
        ddpm, network = CtDdpm(UNet(options.architecture), options), ColdNet(UNet(pixel.architecture), pixel)
        u, one = torch.zeros(1, 1, 512, 512), torch.ones(1)
    costs = [tmac(lambda: ddpm(u, u, one)), tmac(lambda: network(u, u, one, one))]
    assert all(0.1 < cost <= 0.15 for cost in costs)
    assert costs[0] == pytest.approx(costs[1], rel=0.01)


def test_the_ddpm_has_the_linear_schedule_and_hears_time_and_low_dose():
    options = DdpmOptions(network=TINY)
    signal = options.signal()
    assert len(signal) == 1000
    assert signal[0].item() == pytest.approx(1 - 1e-4)
    assert signal[-1].item() == pytest.approx(4.04e-5, rel=0.01)
    network = CtDdpm(randomised(UNet(options.architecture), 1), options)
    noisy, low = states("pixel")
    plain = network(noisy, low, torch.tensor([10, 500]))
    assert plain.shape == noisy.shape
    assert (network(noisy, low + 0.1, torch.tensor([10, 500])) - plain).abs().max() > 1e-4
    assert (network(noisy, low, torch.tensor([11, 500])) - plain)[1].abs().max() == 0
    assert (network(noisy, low, torch.tensor([200, 500])) - plain)[0].abs().max() > 1e-4
    assert DdpmOptions.from_dict(options.as_dict()) == options


def test_red_cnn_is_five_and_five_and_starts_as_the_identity():
    network = RedCnn(RedCnnOptions(width=6))
    u = torch.randn(2, 1, 33, SMALLEST, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network(u), u)
    randomised(network, 1)
    assert network(u).shape == u.shape
    assert not torch.equal(network(u), u)
    assert sum(p.numel() for p in RedCnn().parameters()) == 1848865
