"""The high-band prior: its network beside the image prior's, its scale, and what comes of its weights."""

import pytest
import torch
from phantom import gaussian

from medrecon.diffusion.band_denoiser import BandDenoiser, restricted
from medrecon.diffusion.path import VP
from medrecon.errors import InputError
from medrecon.networks import UNet, UNetOptions
from medrecon.networks.band import BandScale
from medrecon.networks.band_prior import band_prior
from medrecon.networks.inference import InferenceUNet
from medrecon.operators import HighPass

PLAIN = UNetOptions(widths=(8, 12), encoder_blocks=(1, 1), decoder_blocks=(1, 2), embedding=16)
BAND = UNetOptions(**{**PLAIN.as_dict(), "context": 2, "conditions": 2})
SCALE = BandScale((0.02, 0.08, 0.32), (0.2, 0.1, 0.05), 0.3)
CPU = torch.device("cpu")


def weights(options, seed=0):
    generator, network = torch.Generator().manual_seed(seed), UNet(options)
    return {k: 0.3 * torch.randn(v.shape, generator=generator) for k, v in network.state_dict().items()}


def settings():
    scale = {"fractions": list(SCALE.fractions), "deviations": list(SCALE.deviations), "low": SCALE.low}
    return {"kind": "mri-hfs", "network": BAND.as_dict(), "scale": scale, "levels": [0.001, 5.0]}


def made(monkeypatch):
    monkeypatch.setattr("medrecon.networks.ready.network_dtype", lambda _: torch.float32)
    return band_prior(weights(BAND), settings(), CPU, "tiny", None)


def test_its_record_says_how_far_it_errs_and_how_wide_its_draws_are_to_be():
    calibration = {"levels": [0.01, 0.1], "errors": [0.004, 0.02], "temperature": 1.4}
    prior = band_prior(weights(BAND), {**settings(), "calibration": calibration}, CPU, "tiny", None)
    local = restricted(prior, HighPass((1, 16, 16), 4, ("x",)))
    assert (prior.temperature, local.temperature) == (1.4, 1.4)
    assert local.spread(torch.tensor([0.01, 0.1])).tolist() == pytest.approx([0.004, 0.02])


def images(*shape, seed=1):
    return torch.randn(*shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


def test_a_network_without_conditions_has_the_weights_that_it_always_had():
    assert not any("condition" in name for name in UNet(PLAIN).state_dict())
    old = {k: v for k, v in PLAIN.as_dict().items() if k not in ("context", "conditions")}
    assert UNetOptions.from_dict(old) == PLAIN
    assert set(UNet(BAND).state_dict()) - set(UNet(PLAIN).state_dict()) == {
        "embed.condition.weight",
        "embed.condition.bias",
    }


def test_inference_computes_the_conditioned_network_too():
    network = UNet(BAND).double().requires_grad_(False)
    network.load_state_dict({k: v.double() for k, v in weights(BAND).items()})
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(3, 4, 8, 12, dtype=torch.float64, generator=generator)
    label, condition = torch.tensor([-1.0, 0.0, 0.4]).double(), torch.randn(3, 2, generator=generator).double()
    expected = network(x, label, condition)
    torch.testing.assert_close(InferenceUNet(network)(x, label, condition), expected, rtol=1e-10, atol=1e-10)
    assert (network(x, label, condition + 0.1) - expected).abs().max() > 1e-4


def test_the_scale_goes_through_what_was_measured_and_adds_the_axes():
    lines = torch.tensor([[1.0, 0.02], [0.08, 1.0], [1.0, 0.32], [1.0, 0.04]])
    assert torch.allclose(SCALE(lines), torch.tensor([0.2, 0.1, 0.05, 0.2 / 2**0.5]), rtol=1e-5)
    assert SCALE(torch.tensor([0.08, 0.08])).item() == pytest.approx(0.1 * 2**0.5, rel=1e-5)
    assert SCALE(torch.tensor([1.0, 0.01])).item() == pytest.approx(0.2 * 2**0.5, rel=1e-5)
    with pytest.raises(ValueError, match="two or more"):
        BandScale((0.1,), (0.1,), 0.3)


@pytest.mark.parametrize(
    ("size", "band", "axes"), [((32, 24), 4, ("x",)), ((17, 23), 5, ("y",)), ((20, 21), 4, ("y", "x"))]
)
def test_the_low_band_passes_through_bit_for_bit_whatever_the_network(size, band, axes, monkeypatch):
    prior, high, x = made(monkeypatch), HighPass(size, band, axes), images(2, *size)
    local = restricted(prior, high)
    t = prior.path.level(torch.tensor(0.1))
    x0 = local.denoise(x, t)
    assert (x0 - high(x0) - (x - high(x))).abs().max() < 1e-5
    assert isinstance(local.denoise, BandDenoiser)
    leak = local.denoise.unprojected(x, t)
    assert (leak - high(leak)).norm() > 0.01 * leak.norm()
    assert local.variance == pytest.approx(SCALE(high.fractions).item() ** 2)
    known = images(2, *size, seed=4)
    known = known - high(known)
    assert (restricted(prior, high, known).denoise(x, t) - known).norm() > 0
    assert high(restricted(prior, high, known).denoise(x, t) - x0).norm() > 1e-3 * x0.norm()


def test_width_and_level_reach_the_network(monkeypatch):
    prior, x = made(monkeypatch), images(1, 32, 32)
    wide, narrow = (HighPass((32, 32), band, ("x",)) for band in (4, 2))
    t = prior.path.level(torch.tensor([0.1, 0.2]))
    inside = wide(x)
    at = [restricted(prior, band, 0 * x).denoise(inside, t[0]) for band in (wide, narrow)]
    assert wide(at[0] - at[1]).norm() > 1e-3 * x.norm()
    assert (restricted(prior, wide, 0 * x).denoise(inside, t[1]) - at[0]).norm() > 1e-3 * x.norm()


def test_it_is_no_prior_of_whole_images_and_wrong_settings_are_one_line(monkeypatch):
    with pytest.raises(InputError, match="tiny knows the high band of images alone"):
        made(monkeypatch).denoise(images(1, 8, 8), torch.tensor(0.1))
    with pytest.raises(InputError, match="weights and settings make no high-band prior"):
        band_prior(weights(PLAIN), settings(), CPU, "other", None)


def test_a_prior_of_whole_images_sees_the_low_band_clean():
    prior, high, x = gaussian(0.1), HighPass((16, 18), 4, ("x",)), images(2, 16, 18)
    t = torch.tensor(0.2)
    expected = (x - high(x)) + high(prior.denoise(x, t))
    assert torch.allclose(restricted(prior, high).denoise(x, t), expected, atol=1e-6)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_runs_the_network_in_fewer_passes_with_its_conditions():
    """Triton kernels or none: the prior on a card says what it says on the CPU, to bfloat16."""
    high, x = HighPass((40, 48), 6, ("x",)), images(2, 40, 48)
    t = VP().level(torch.tensor(0.1))
    said = []
    for device in ("cpu", "cuda"):
        prior = band_prior(weights(BAND), settings(), torch.device(device), "tiny", None)
        said.append(restricted(prior, high).denoise(x.to(device), t.to(device)).cpu())
    assert (said[0] - said[1]).norm() < 0.05 * high(said[0]).norm()
