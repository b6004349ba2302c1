"""The network of inference is the network of training, in fewer passes."""

import pytest
import torch
from torch.nn import functional as F

from medrecon.networks import fused
from medrecon.networks.inference import InferenceUNet
from medrecon.networks.unet import UNet, UNetOptions

OPTIONS = UNetOptions(widths=(8, 12, 20), encoder_blocks=(2, 1, 1), decoder_blocks=(1, 3, 2), embedding=16)


def trained(options: UNetOptions = OPTIONS, dtype: torch.dtype = torch.float64) -> UNet:
    """No weight is zero, so that nothing is left out unseen."""
    generator = torch.Generator().manual_seed(0)
    network = UNet(options).to(dtype)
    for p in network.parameters():
        p.data.copy_(0.2 * torch.randn(p.shape, generator=generator, dtype=dtype))
    return network.to(memory_format=torch.channels_last).requires_grad_(False)


@pytest.mark.parametrize("size", [(8, 8), (24, 40)])
def test_same_function_as_the_network_of_training(size: tuple[int, int]) -> None:
    network = trained()
    x = torch.randn(3, 2, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    label = torch.tensor([-1.5, 0.0, 0.4], dtype=torch.float64)
    torch.testing.assert_close(InferenceUNet(network)(x, label), network(x, label), rtol=1e-10, atol=1e-10)


def test_every_weight_matters() -> None:
    x = torch.randn(1, 2, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    label = torch.zeros(1, dtype=torch.float64)
    network = trained()
    before = InferenceUNet(network)(x, label)
    for name, p in network.named_parameters():
        kept = p.data.clone()
        p.data.mul_(1.1)
        assert not torch.equal(InferenceUNet(network)(x, label), before), name
        p.data.copy_(kept)


def test_holds_no_weight_twice_in_its_state() -> None:
    assert {n.removeprefix("unet.") for n in InferenceUNet(trained()).state_dict()} == set(trained().state_dict())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="the Triton kernels need a card")
@pytest.mark.parametrize("channels", [8, 96, 128, 192, 256])
def test_kernels_agree_with_plain_torch(channels: int) -> None:
    generator = torch.Generator("cuda").manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, device="cuda", dtype=torch.bfloat16, generator=generator)

    x, delta = (draw(3, channels, 17, 23).contiguous(memory_format=torch.channels_last) for _ in range(2))
    bias, scale, shift = draw(channels), draw(3, channels), draw(3, channels)
    kernels = (
        fused.norm_silu(x), *fused.add_norm_silu(x, delta, bias), fused.norm_modulate_silu(x, bias, scale, shift)
    )  # fmt: skip
    x, delta, bias, scale, shift = (v.double() for v in (x, delta, bias, scale, shift))
    total = x + delta + bias[:, None, None]
    modulated = shift[..., None, None] + (1 + scale[..., None, None]) * fused._norm(x + bias[:, None, None])
    plain = (F.silu(fused._norm(x)), total, F.silu(fused._norm(total)), F.silu(modulated))
    for kernel, exact in zip(kernels, plain, strict=True):
        assert (kernel.double() - exact).norm() / exact.norm() < 6e-3
