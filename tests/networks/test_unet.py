import pytest
import torch

from medrecon.networks import EDMDenoiser, UNet, UNetOptions, image_denoiser, ready
from medrecon.networks.wrap import wrap_pad
from medrecon.training.mri_image import initialise
from medrecon.training.mri_image_options import NETWORKS

TINY = UNetOptions(widths=(8, 12), encoder_blocks=(1, 1), decoder_blocks=(1, 1), embedding=16)


def tiny_denoiser(seed=0, sigma_data=0.3):
    network = UNet(TINY)
    initialise(network, seed)
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=generator)
    return EDMDenoiser(network.eval().requires_grad_(False), sigma_data, TINY.multiple)


def complex_noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.complex64)


@pytest.mark.parametrize("shape", [(16, 16), (17, 23), (5, 40), (33, 3)])
def test_any_matrix_keeps_its_shape(shape):
    x = complex_noise(2, *shape)
    assert tiny_denoiser()(x, torch.tensor(0.2)).shape == x.shape


def test_wrap_pad_is_periodic_and_cuts_back():
    x = complex_noise(1, 5, 7)
    padded, crop = wrap_pad(x, 4, 3)
    assert padded.shape == (1, 12, 16)
    assert torch.equal(padded[crop], x)
    tiled = x.repeat(1, 5, 5)
    before = crop[1].start, crop[2].start
    start = (-before[0]) % 5, (-before[1]) % 7
    assert torch.equal(padded, tiled[:, start[0] : start[0] + 12, start[1] : start[1] + 16])


def test_untrained_network_is_the_optimal_linear_denoiser():
    denoiser = EDMDenoiser(UNet(TINY), 0.3, TINY.multiple)
    x, sigma = complex_noise(1, 16, 16), torch.tensor(0.4)
    torch.testing.assert_close(denoiser(x, sigma), x * (0.3**2 / (0.3**2 + 0.4**2)))


def test_a_slice_does_not_depend_on_its_neighbours():
    denoiser, x = tiny_denoiser(), complex_noise(3, 16, 20)
    sigma = torch.tensor([0.1, 0.5, 2.0])
    together = denoiser(x, sigma)
    alone = torch.cat([denoiser(x[i : i + 1], sigma[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)


def test_background_far_away_changes_nothing():
    """The norm acts on single pixels: more empty space around the head leaves the answer as it was."""
    denoiser = tiny_denoiser()
    x = torch.zeros(1, 64, 64, dtype=torch.complex64)
    x[:, 24:40, 24:40] = complex_noise(1, 16, 16)
    larger = torch.zeros(1, 96, 96, dtype=torch.complex64)
    larger[:, 16:80, 16:80] = x
    level = torch.tensor(0.3)
    torch.testing.assert_close(denoiser(larger, level)[:, 40:56, 40:56], denoiser(x, level)[:, 24:40, 24:40])


def test_noise_level_matters_and_is_given_per_image():
    denoiser, x = tiny_denoiser(), complex_noise(1, 16, 16)
    assert (denoiser(x, torch.tensor(0.1)) - denoiser(x, torch.tensor(1.0))).abs().max() > 0.1


@pytest.mark.parametrize(("name", "mib"), [("large", 12), ("small", 4)])
def test_shipped_sizes_fit_their_budget_at_one_byte_a_weight(name, mib):
    count = sum(p.numel() for p in UNet(NETWORKS[name]).parameters())
    assert 0.7 * mib * 2**20 < count < 0.99 * mib * 2**20


def test_options_survive_json():
    assert UNetOptions.from_dict(NETWORKS["small"].as_dict()) == NETWORKS["small"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_image_denoiser_restores_the_network(dtype, monkeypatch):
    monkeypatch.setattr(ready, "network_dtype", lambda _: dtype)
    denoiser = tiny_denoiser().to(dtype)
    settings = {"network": TINY.as_dict(), "sigma_data": 0.3}
    again = image_denoiser(denoiser.network.state_dict(), settings, torch.device("cpu"))
    x, level = complex_noise(1, 12, 20), torch.tensor(0.2)
    assert torch.equal(again(x, level), denoiser(x, level))


def test_networks_compute_in_bfloat16_where_the_processor_does(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    assert ready.network_dtype(torch.device("cpu")) == torch.bfloat16
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False, raising=False)
    assert ready.network_dtype(torch.device("cpu")) == torch.float32
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert ready.network_dtype(torch.device("cpu")) == torch.float32
    assert ready.network_dtype(torch.device("cuda")) == torch.bfloat16


def test_too_few_steps_of_two_need_whole_multiples():
    with pytest.raises(RuntimeError):
        UNet(TINY)(torch.zeros(1, 2, 15, 16), torch.zeros(1))
