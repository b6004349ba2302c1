"""The generator on complex images of any size, as a prior from its file, and the DDPM beside it."""

import pytest
import torch
from test_ddgan_networks import TINY, stirred

from medrecon import weights
from medrecon.errors import InputError
from medrecon.networks import band_prior, load_prior
from medrecon.networks.ddgan import DdganDenoiser, Schedule
from medrecon.networks.ddgan import ddpm as ddpm_kind
from medrecon.networks.ddgan import load as ddgan_kind
from medrecon.networks.ddgan.ddpm import LIMIT, MriDdpm, Process
from medrecon.networks.ddgan.generator import generator_from_seed
from medrecon.networks.load import KIND, MAKERS, made_prior
from medrecon.networks.unet import UNet, UNetOptions

CPU = torch.device("cpu")
SETTINGS = {"kind": "mri-ddgan", "generator": TINY.as_dict(), "steps": 8, "scale": 1.5, "deviation": 0.3}
UNET = UNetOptions(widths=(8, 8), encoder_blocks=(1, 1), decoder_blocks=(1, 1), embedding=8)
DDPM = {"kind": "mri-ddpm", "network": UNET.as_dict(), "process": Process().as_dict(), "deviation": 0.3}


@pytest.fixture(autouse=True)
def single_precision(monkeypatch):
    for module in ("ready", "ddgan.load"):
        monkeypatch.setattr(f"medrecon.networks.{module}.network_dtype", lambda _: torch.float32)


def denoiser(scale=1.5):
    return DdganDenoiser(stirred(generator_from_seed(TINY, 0)), Schedule(8), scale)


def complex_normal(*shape, seed=1):
    return torch.view_as_complex(torch.randn((*shape, 2), generator=torch.Generator().manual_seed(seed)))


def latents(n, seed=2):
    return torch.randn(n, TINY.latent, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(16, 16), (17, 23), (5, 40), (33, 3)])
def test_any_matrix_keeps_its_shape_and_units(shape):
    x = complex_normal(2, *shape)
    out = denoiser()(x, torch.tensor(3), latents(2))
    assert (out.shape, out.dtype) == (x.shape, torch.complex64)
    assert torch.view_as_real(out).abs().max() <= 1.5 * TINY.limit


def test_its_units_are_those_of_the_scale():
    x, z = complex_normal(1, 32, 32), latents(1)
    out = denoiser()(x, torch.tensor(3), z)
    torch.testing.assert_close(denoiser(3.0)(2 * x, torch.tensor(3), z), 2 * out, atol=1e-5, rtol=1e-4)


def test_one_slice_or_many_is_the_same():
    x, z, t = complex_normal(3, 17, 16), latents(3), torch.tensor([1, 4, 8])
    together = denoiser()(x, t, z)
    for i in range(3):
        alone = denoiser()(x[i : i + 1], t[i], z[i : i + 1])
        torch.testing.assert_close(alone[0], together[i], atol=1e-5, rtol=1e-4)


def test_without_a_latent_it_is_always_the_same_one():
    x, t = complex_normal(2, 16, 16), torch.tensor(2.0)
    assert torch.equal(denoiser()(x, t), denoiser()(x, t))
    assert torch.equal(denoiser()(x, t), denoiser()(x, t, denoiser().latent.expand(2, -1)))


def test_a_modulation_of_each_slice_is_an_input():
    d, x, z = denoiser(), complex_normal(2, 16, 16), latents(2)
    names = dict(d.generator.named_parameters())
    assert set(d.modulation()) <= set(names)
    modulation = d.generator.modulation(z)
    assert modulation.shape == (2, names["affine.bias"].numel())
    assert torch.equal(d.modulated(x, torch.tensor(1), modulation), d(x, torch.tensor(1), z))


def test_noise_is_of_the_networks_units():
    d, x0, zero = denoiser(), complex_normal(1, 64, 64), torch.zeros(1, 64, 64, dtype=torch.complex64)
    t = torch.tensor(4)
    noise = complex_normal(1, 64, 64, seed=5)
    kept = d.schedule.signal[4]
    torch.testing.assert_close(d.noised(x0, noise, t), kept.sqrt() * x0 + 1.5 * (1 - kept).sqrt() * noise)
    torch.testing.assert_close(d.previous(zero, zero, t, noise), 1.5 * d.schedule.deviation[4] * noise)
    assert torch.equal(d.previous(noise, x0, torch.tensor(1), noise), x0)


def test_invariant_4_a_generator_that_knows_the_image_gives_it_back_from_any_start():
    d, x0, x = denoiser(), complex_normal(2, 8, 8), 50 * complex_normal(2, 8, 8, seed=3)
    for t in range(8, 0, -1):
        x = d.previous(x, x0, torch.tensor(t), complex_normal(2, 8, 8, seed=t))
    assert torch.equal(x, x0)


def test_bfloat16_computes_the_same_within_its_precision():
    d, x, z = denoiser(), complex_normal(2, 16, 16), latents(2)
    exact = d(x, torch.tensor(2), z)
    d.dtype = torch.bfloat16
    rough = d(x, torch.tensor(2), z)
    assert rough.dtype == torch.complex64
    assert 1e-5 < (rough - exact).norm() / exact.norm() < 0.05
    assert d.generator.stem.weight.dtype == torch.float32  # adapted in single precision


def test_it_is_a_prior_on_its_levels_from_a_file(tmp_path):
    path = tmp_path / "g.safetensors"
    network = denoiser().generator
    sha256 = weights.save(path, network.state_dict(), SETTINGS, "fp32")
    prior = load_prior(str(path))
    assert isinstance(prior.denoise, DdganDenoiser)
    assert (prior.sha256, prior.denoise.scale, prior.denoise.schedule.steps) == (sha256, 1.5, 8)
    assert prior.variance == pytest.approx(0.09)
    assert not any(p.requires_grad for p in prior.denoise.parameters())
    x, t = complex_normal(1, 16, 16), torch.tensor([2.0])
    assert torch.equal(prior.denoise(x, t), DdganDenoiser(network, Schedule(8), 1.5)(x, t))
    path_, levels = prior.path, torch.arange(9.0)
    noise = complex_normal(1, 16, 16, seed=4)
    for level in (1.0, 5.0, 8.0):
        at = torch.tensor(level)
        state = path_.a(at) * x + path_.b(at) * noise
        torch.testing.assert_close(state, prior.denoise.noised(x, noise, at.long()))
    assert torch.equal(path_.level(path_.sigma(levels)), levels)
    assert prior.levels == pytest.approx((path_.sigma(levels[1]).item(), path_.sigma(levels[8]).item()))


@pytest.mark.parametrize("missing", ["scale", "generator", "stem.weight"])
def test_what_does_not_fit_is_one_line(missing):
    state = {k: v for k, v in denoiser().generator.state_dict().items() if k != missing}
    settings = {k: v for k, v in SETTINGS.items() if k != missing}
    with pytest.raises(InputError, match="make no DDGAN prior") as error:
        made_prior(state, settings, CPU, "g", None)
    assert "\n" not in str(error.value)


def test_the_ddpm_turns_its_epsilon_into_the_image():
    class Knows(torch.nn.Module):
        """Stands for a network that returns the noise."""

        def __init__(self, noise):
            super().__init__()
            self.noise = torch.nn.Parameter(noise)

        def forward(self, channels, labels):
            return self.noise.expand(len(channels), -1, *channels.shape[2:])

    noise = torch.ones(1, 2, 1, 1) * torch.tensor([0.5, -1.0])[:, None, None]
    ddpm = MriDdpm(Knows(noise), Process(), 4)
    x0, e = complex_normal(2, 9, 8), torch.complex(torch.tensor(0.5), torch.tensor(-1.0))
    for t in (1, 300, 700):
        kept = ddpm.signal[t]
        found = ddpm(kept.sqrt() * x0 + (1 - kept).sqrt() * e, torch.tensor(t))
        torch.testing.assert_close(found, x0, atol=2e-3, rtol=1e-3)
    far = torch.full((1, 8, 8), 1e6 + 0j)
    assert torch.view_as_real(ddpm(far, torch.tensor(1000))).abs().max() <= LIMIT


def test_the_ddpm_is_a_prior_of_a_thousand_steps():
    prior = made_prior(UNet(UNET).state_dict(), DDPM, CPU, "ddpm", None)
    assert prior.path.sigma(torch.tensor(1.0)).item() == pytest.approx(0.01, rel=0.01)
    assert prior.levels[1] == pytest.approx((1 / Process().signal()[-1].item() - 1) ** 0.5, rel=1e-4)
    x = complex_normal(2, 11, 14)
    assert prior.denoise(x, torch.tensor(500.0)).shape == x.shape
    assert prior.denoise(x, torch.tensor([3.0, 900.0])).dtype == torch.complex64


def test_kinds_are_made_where_they_are_at_home():
    assert list(MAKERS) == [KIND, band_prior.KIND, ddgan_kind.KIND, ddpm_kind.KIND]
    for kind, home in zip(list(MAKERS)[1:], (band_prior, ddgan_kind, ddpm_kind), strict=True):
        module, name = MAKERS[kind].split(":")
        assert (module, callable(getattr(home, name))) == (home.__name__, True)
