"""Networks look no further than is said, and nearly as far."""

import pytest
import torch
from ct_networks import CODEC, UNET, cold_network, restless

from medrecon.ct.reach import decoder_reach, encoder_reach, network_reach
from medrecon.networks.ct.codec import CtCodec
from medrecon.networks.ct.ddpm import CtDdpm, DdpmOptions
from medrecon.networks.ct.red_cnn import RedCnn, RedCnnOptions
from medrecon.networks.unet import UNet

SIDE = 96


def far(function, channels, side=SIDE, dtype=torch.float64):
    """Pixels of the input between a pixel of the output and the furthest that changes it."""
    x = torch.randn(1, channels, side, side, dtype=dtype, generator=torch.Generator().manual_seed(1))
    found = []
    for at in range(side // 2, side // 2 + 8):
        line = x.clone().requires_grad_()
        out = function(line)
        scale = out.shape[-1] / side
        (gradient,) = torch.autograd.grad(out[..., int(at * scale), int(at * scale)].sum(), line)
        touched = gradient.abs().sum((0, 1, 2)).nonzero().flatten()
        cell = max(int(1 / scale), 1)
        first = at // cell * cell
        found += [first - int(touched.min()), int(touched.max()) - (first + cell - 1)]
    return max(found)


def networks():
    one, dose = torch.ones(1, dtype=torch.float64), torch.full((1,), 0.25, dtype=torch.float64)
    for space, channels in (("pixel", 1), ("unshuffle", 4), ("latent", CODEC.channels)):
        cold = cold_network(space).double()
        yield space, cold, (lambda x, n=cold: n(x, x, one, dose)), channels
    options = DdpmOptions(UNET)
    ddpm = CtDdpm(restless(UNet(options.architecture)), options).double()
    yield "ddpm", ddpm, (lambda x: ddpm(x, x, one)), 1
    red = restless(RedCnn(RedCnnOptions(4)), 0.2).double()
    yield "red-cnn", red, red, 1


@pytest.mark.parametrize(("name", "network", "function", "channels"), [pytest.param(*n, id=n[0]) for n in networks()])
def test_networks(name, network, function, channels):
    reach = network_reach(network)
    assert 0.6 * reach <= far(function, channels) <= reach


def test_codec():
    codec = restless(CtCodec(CODEC), 0.2)  # in single precision whatever it is given
    assert 0.6 * encoder_reach(CODEC) <= far(codec.encode, 1, 128, torch.float32) <= encoder_reach(CODEC)
    assert 0.6 * decoder_reach(CODEC) <= far(codec.decode, CODEC.channels, 32, torch.float32) <= decoder_reach(CODEC)


def test_unknown_networks_have_no_reach():
    with pytest.raises(ValueError, match="not known"):
        network_reach(torch.nn.Identity())
