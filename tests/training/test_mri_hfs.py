"""The high-band prior's recipe: a loss that hears the high band alone, and a toy run from volumes to a prior."""

import dataclasses
import re

import pytest
import torch

from medrecon.datasets.augmentation import Augmentation, AugmentationOptions
from medrecon.datasets.augmentation.acquisition import FootprintOptions
from medrecon.datasets.augmentation.draw import Draw
from medrecon.datasets.bank import slice_bank
from medrecon.datasets.volume import TrainingVolume
from medrecon.diffusion.band_denoiser import restricted
from medrecon.errors import InputError
from medrecon.networks import UNet, UNetOptions
from medrecon.networks.band import BandDenoiser, BandScale
from medrecon.networks.load import made_prior
from medrecon.operators import HighPass, fft2c
from medrecon.training import mri_hfs
from medrecon.training.band_loss import BandOptions, band_loss
from medrecon.training.edm_loss import LevelOptions
from medrecon.training.loop import LoopOptions
from medrecon.training.mri_hfs import measured_scale, train_mri_hfs
from medrecon.training.mri_hfs_options import NETWORK, MriHfsOptions
from medrecon.training.watch import Watch

TINY = UNetOptions(widths=(8, 8), encoder_blocks=(1, 1), decoder_blocks=(1, 1), embedding=8)
SCALE = BandScale((0.1, 0.3), (0.25, 0.2), 0.3)
CPU = torch.device("cpu")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(n=4, size=32):
    return 0.3 * torch.randn(n, size, size, dtype=torch.complex64, generator=generator(9)) * 2**0.5


def ball():
    z, y, x = torch.meshgrid(*[torch.linspace(-1, 1, 24)] * 3, indexing="ij")
    values = ((z**2 + y**2 + x**2) < 0.8).float() * (1 + 0.3 * torch.sin(9 * x * y))
    return TrainingVolume(values, (4.0, 4.0, 4.0), "nobody", "ball")


def toy(**changes):
    footprint = FootprintOptions(finest_mm=4.0, coarsest_mm=6.0, smallest=16, periods=(16, 32))
    options = MriHfsOptions(
        TINY, 32, 2, BandOptions(narrowest=0.1), augmentation=AugmentationOptions(footprint=footprint),
        loop=LoopOptions(steps=4, warm_up=5),
    )  # fmt: skip
    return dataclasses.replace(options, **changes)


def denoiser(network=None):
    options = toy().architecture
    return BandDenoiser(network or UNet(options), SCALE, options.multiple)


class Answers(torch.nn.Module):
    """Stands for a band denoiser that returns given images, whatever it is shown."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.scale = answer, SCALE

    def forward(self, high, low, sigma, fractions, deviation):
        self.seen = high, low, fractions
        return self.answer


@pytest.mark.parametrize("size", [32, 33])
def test_bands_are_centred_lines_and_squares_of_every_width(size):
    low = BandOptions(narrowest=0.05, widest=0.5).draw(size, Draw(400, generator()))
    rows, columns = low.any(2).sum(1), low.any(1).sum(1)
    assert torch.equal(low.sum((1, 2)), rows * columns)
    narrow = torch.minimum(rows, columns)
    assert (narrow.min(), narrow.max()) == (max(1, round(0.05 * size)), pytest.approx(size / 2, abs=1.01))
    kinds = [(rows == size).float().mean(), (columns == size).float().mean(), (rows == columns).float().mean()]
    assert all(abs(share - expected) < 0.08 for share, expected in zip(kinds, (0.4, 0.4, 0.2), strict=True))
    for mask in low[:20]:
        n = int(mask.any(0).sum())
        band = HighPass((size, size), n, ("x",))(images(1, size)[0])
        if mask.all(0).any():
            assert fft2c(band).abs()[:, mask.any(0)].max() < 1e-5


def test_the_loss_hears_nothing_of_the_low_band():
    """Specification H5: adding any low-frequency image to the output changes nothing."""
    x0, sigma = images(), torch.tensor([0.01, 0.05, 0.2, 1.0])
    answer = images(4, 32).flip(0)
    plain = band_loss(Answers(answer), x0, sigma, BandOptions(), generator(3))  # type: ignore[arg-type]
    masks = BandOptions().draw(32, Draw(4, generator(3)))
    high = HighPass.outside(masks)
    low = 5 * (answer - high(answer))
    moved = band_loss(Answers(answer + low), x0, sigma, BandOptions(), generator(3))  # type: ignore[arg-type]
    assert moved.item() == pytest.approx(plain.item(), rel=1e-4)
    other = band_loss(Answers(answer + high(images(4).flip(1))), x0, sigma, BandOptions(), generator(3))  # type: ignore[arg-type]
    assert abs(other.item() - plain.item()) > 0.01 * plain.item()
    assert band_loss(Answers(x0 + low), x0, sigma, BandOptions(), generator(3)) < 1e-8 * plain  # type: ignore[arg-type]


def test_the_network_sees_the_low_band_with_a_small_error_and_noise_in_the_high_one_alone():
    perfect = Answers(images())
    sigma = torch.full((4,), 0.5)
    band_loss(perfect, images(), sigma, BandOptions(low_error=0.03), generator(5))  # type: ignore[arg-type]
    noisy, low, fractions = perfect.seen
    high = HighPass.outside(BandOptions().draw(32, Draw(4, generator(5))))
    assert high(low).norm() < 1e-5 * low.norm()
    assert (noisy - high(noisy)).norm() < 1e-5 * noisy.norm()
    true = images() - high(images())
    error = (low - true).flatten(1).norm(dim=1) / true.flatten(1).norm(dim=1)
    assert 1e-4 < error.max() < 0.0301
    assert torch.allclose(fractions, high.fractions)
    added = torch.view_as_real(noisy - high(images())).square().mean((1, 2, 3)).sqrt()
    assert torch.allclose(added, 0.5 * (1 - fractions.prod(-1)).sqrt(), rtol=0.1)


def test_an_untrained_network_loses_one_where_the_scale_is_right():
    """The linear denoiser of white images: lambda makes every level and width count the same."""
    x0, options = images(8, 32), BandOptions(narrowest=0.1, square_share=0.0)
    flat = BandScale((0.1, 0.25), (0.3, 0.3), 0.3)
    sigma = LevelOptions(mean=-2.0, spread=1.0).draw(8, generator(1))
    options_network = toy().architecture
    loss = band_loss(BandDenoiser(UNet(options_network), flat, 4), x0, sigma, options, generator(2))
    assert loss.item() == pytest.approx(1.0, abs=0.08)


def test_the_scale_is_that_of_the_training_images(monkeypatch):
    monkeypatch.setattr(mri_hfs, "MEASURED", 16)
    options = toy(batch=16)
    augmentation = Augmentation(slice_bank([ball()]), options.augmentation, options.size)
    scale = measured_scale(augmentation, options)
    assert list(scale.fractions) == sorted(scale.fractions)
    assert list(scale.deviations) == sorted(scale.deviations, reverse=True)
    shown = augmentation(16, generator(1))
    band = HighPass((32, 32), round(32 * scale.fractions[0]), ("x",))(shown)
    assert (band.abs().square().mean() / 2).sqrt().item() == pytest.approx(scale.deviations[0], rel=0.3)
    assert scale.low > scale.deviations[0]


def test_training_images_are_whole_periods():
    """A matrix of 16 on 32 pixels stands there twice; one of 32 fills them: odd lines tell them apart."""
    options = toy()
    shown = Augmentation(slice_bank([ball()]), options.augmentation, options.size)(16, generator())
    halves = [(shown - shown.roll(16, axis)).flatten(1).norm(dim=1) for axis in (1, 2)]
    size = shown.flatten(1).norm(dim=1)
    twice = torch.stack(halves) < 1e-3 * size
    assert 0 < twice.float().mean() < 1


def test_the_recipe_makes_a_prior_that_denoises_better_than_none(monkeypatch):
    monkeypatch.setattr(mri_hfs, "MEASURED", 8)
    monkeypatch.setattr("medrecon.networks.ready.network_dtype", lambda _: torch.float32)
    options = toy(batch=4, loop=LoopOptions(steps=30, warm_up=5, learning_rate=4e-3))
    trained = train_mri_hfs([ball()], options, CPU)
    assert trained.settings["kind"] == "mri-hfs"
    assert trained.settings["pixel_range"] == [4.0, 6.0]
    assert trained.last is not None
    assert set(trained.last) == set(trained.weights)
    assert not torch.equal(trained.last["head.weight"], trained.weights["head.weight"])
    held = Augmentation(slice_bank([ball()]), options.augmentation, 32)(4, generator(7))
    high = HighPass((32, 32), 6, ("x",))
    untrained = {k: torch.zeros_like(v) for k, v in trained.weights.items()}
    errors = []
    for weights in (trained.weights, untrained):
        prior = made_prior(weights, trained.settings, CPU, "toy", None)
        t = prior.path.level(torch.tensor(0.1))
        a, b = prior.path.a(t), prior.path.b(t)
        noisy = (
            held
            - high(held)
            + high(a * held + b * torch.view_as_complex(torch.randn(4, 32, 32, 2, generator=generator(8))))
        )
        errors.append((restricted(prior, high).denoise(noisy, t) - held).norm())
    assert errors[0] < 0.95 * errors[1]


def test_it_resumes_bit_for_bit(monkeypatch, tmp_path):
    monkeypatch.setattr(mri_hfs, "measured_scale", lambda augmentation, options: SCALE)
    straight = train_mri_hfs([ball()], toy(), CPU)
    calls, file = [], tmp_path / "run.checkpoint"
    stop = Watch(stop=lambda: calls.append(0) or len(calls) == 2)
    assert train_mri_hfs([ball()], toy(), CPU, checkpoint=file, watch=stop).run.interrupted
    resumed = train_mri_hfs([ball()], toy(), CPU, checkpoint=file)
    assert all(torch.equal(resumed.weights[k], v) for k, v in straight.weights.items())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": 33}, "size is 33; give a multiple of 4"),
        ({"size": 40}, "periods are [16, 32]; each must divide size, 40"),
        ({"network": dataclasses.replace(TINY, context=2)}, "leave them at 0"),
        ({"batch": 0}, "batch is 0"),
    ],
)
def test_what_cannot_be_trained_is_one_line(change, words):
    with pytest.raises(InputError, match=re.escape(words)):
        train_mri_hfs([ball()], toy(**change), CPU)


def test_the_network_fits_its_budget():
    with torch.device("meta"):
        network = UNet(MriHfsOptions().architecture)
    assert 7.0e6 < sum(p.numel() for p in network.parameters()) < 8.0e6
    assert MriHfsOptions().network is NETWORK
