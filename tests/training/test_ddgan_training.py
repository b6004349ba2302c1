"""The recipes of the DDGAN and its controls: from volumes to a prior, bit for bit on, and what ends in one line."""

import dataclasses
import math
import re

import pytest
import torch

from medrecon.datasets.augmentation import Augmentation, AugmentationOptions
from medrecon.datasets.augmentation.acquisition import FootprintOptions
from medrecon.datasets.bank import slice_bank
from medrecon.datasets.volume import TrainingVolume
from medrecon.errors import InputError
from medrecon.networks.ddgan import DdganDenoiser, DiscriminatorOptions, GeneratorOptions
from medrecon.networks.ddgan.schedule import FINEST
from medrecon.networks.load import made_prior
from medrecon.networks.unet import UNetOptions
from medrecon.training import loop
from medrecon.training.checkpoint import averaged_weights
from medrecon.training.ddgan import ddpm, images, recipe
from medrecon.training.ddgan.ddpm import train_mri_ddpm
from medrecon.training.ddgan.images import Units, channels_of, measured_units
from medrecon.training.ddgan.options import DiffusionOptions, MriDdganOptions, MriDdpmOptions, ObjectiveOptions
from medrecon.training.ddgan.recipe import train_mri_ddgan
from medrecon.training.ddgan.validation import EstimateOptions, estimate_errors
from medrecon.training.loop import LoopOptions
from medrecon.training.watch import Watch

CPU = torch.device("cpu")
TINY = GeneratorOptions(8, (1, 1), (1, 1), embedding=8, latent=4, style=8, mapping=1)
SMALL = DiscriminatorOptions((8, 8), embedding=8)
UNET = UNetOptions(widths=(8, 8), encoder_blocks=(1, 1), decoder_blocks=(1, 1), embedding=8)
COARSE = AugmentationOptions(footprint=FootprintOptions(finest_mm=4.0, coarsest_mm=6.0, smallest=16))


class Blobs:
    """Stands for the augmentation, which is most of a toy's time: a soft ball in the middle, with some phase."""

    def __init__(self, bank, options, size):
        self.bank, self.size = bank, size

    def __call__(self, batch, random):
        y, x = torch.meshgrid(*[torch.linspace(-1, 1, self.size)] * 2, indexing="ij")
        width, turn = torch.rand(2, batch, 1, 1, generator=random)
        return torch.polar(torch.exp(-(y**2 + x**2) / (0.1 + 0.3 * width)), turn * (1 + y))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(images, "MEASURED", 8)
    for module in (recipe, ddpm):
        monkeypatch.setattr(module, "Augmentation", Blobs)
    for module in ("ready", "ddgan.load"):
        monkeypatch.setattr(f"medrecon.networks.{module}.network_dtype", lambda _: torch.float32)


L1 = ObjectiveOptions("l1", rate=1e-3, interval=3)


def ball():
    z, y, x = torch.meshgrid(*[torch.linspace(-1, 1, 24)] * 3, indexing="ij")
    values = ((z**2 + y**2 + x**2) < 0.8).float() * (1 + 0.3 * torch.sin(9 * x * y))
    return TrainingVolume(values, (4.0, 4.0, 4.0), "nobody", "ball")


def toy(length=7, rate=1e-3, **changes):
    """As published: levels even in time, and the adversary alone."""
    options = MriDdganOptions(
        TINY, SMALL, size=32, batch=4, diffusion=DiffusionOptions(spacing="time"),
        objective=ObjectiveOptions(rate=rate, interval=3, l1=0.0), augmentation=COARSE,
        loop=LoopOptions(steps=length, warm_up=2, learning_rate=rate, clip=100.0),
    )  # fmt: skip
    return dataclasses.replace(options, **changes)


def toy_ddpm(steps=4, **changes):
    options = MriDdpmOptions(UNET, size=32, batch=4, augmentation=COARSE, loop=LoopOptions(steps=steps, warm_up=2))
    return dataclasses.replace(options, **changes)


def stopping_at(step):
    calls = []
    return Watch(stop=lambda: calls.append(0) or len(calls) == step)


def held_out():
    """Images, and noise to make states of them."""
    shown = Blobs(None, None, 32)(4, torch.Generator().manual_seed(7))
    return shown, torch.view_as_complex(torch.randn(4, 32, 32, 2, generator=torch.Generator().manual_seed(8)))


@pytest.mark.parametrize("step", [1, 3, 4])
def test_a_gan_interrupted_at_any_step_goes_on_bit_for_bit(tmp_path, monkeypatch, step):
    monkeypatch.setattr(loop, "WINDOW", 2)
    straight, file, resumed = train_mri_ddgan([ball()], toy(), CPU), tmp_path / "run.checkpoint", []
    assert train_mri_ddgan([ball()], toy(), CPU, checkpoint=file, watch=stopping_at(step)).run.interrupted
    second = train_mri_ddgan([ball()], toy(), CPU, checkpoint=file, watch=Watch(on_resume=resumed.append))
    assert resumed == [step]
    assert second.last is not None
    assert straight.last is not None
    for k in straight.weights:
        assert torch.equal(second.weights[k], straight.weights[k])
        assert torch.equal(second.last[k], straight.last[k])
    assert [entry[1:] for entry in second.run.history] == [entry[1:] for entry in straight.run.history]


def test_both_losses_are_in_the_history_and_the_discriminator_learns_first(monkeypatch):
    monkeypatch.setattr(loop, "WINDOW", 6)
    objective = ObjectiveOptions(rate=3e-3, head_start=100, l1=0.0)
    trained = train_mri_ddgan([ball()], toy(18, 3e-3, objective=objective), CPU)
    told = [entry.discriminator for entry in trained.run.history]
    assert len(told) == 3
    assert told[0] is not None
    assert told[-1] is not None
    assert told[-1] < told[0]
    assert trained.last is not None
    assert not trained.last["head.weight"].any()  # a head start longer than the run
    assert [entry.learning_rate for entry in trained.run.history] == [0, 0, 0]


def test_the_generator_comes_nearer_to_images_than_saying_nothing():
    """Adversarial training alone, no pixel loss. Of a toy's seeds some are slow; this one is far from the bounds."""
    options = toy(80, 4e-3)
    trained = train_mri_ddgan(
        [ball()], dataclasses.replace(options, loop=dataclasses.replace(options.loop, seed=1)), CPU
    )
    assert trained.settings["objective"] == "gan"
    prior = made_prior(trained.weights, trained.settings, CPU, "toy", None)
    assert isinstance(prior.denoise, DdganDenoiser)
    held, noise = held_out()
    found = prior.denoise(prior.denoise.noised(held, noise, torch.tensor(1)), torch.tensor(1))
    correlation = (found.conj() * held).sum().abs() / (found.norm() * held.norm())
    assert found.norm() > 0.02 * held.norm()
    assert correlation > 0.3


def test_by_l1_it_estimates_better_than_saying_nothing():
    options = toy(80, 4e-3, objective=L1)
    trained = train_mri_ddgan([ball()], options, CPU)
    assert (trained.settings["objective"], trained.settings["kind"]) == ("l1", "mri-ddgan")
    prior = made_prior(trained.weights, trained.settings, CPU, "toy", None)
    assert isinstance(prior.denoise, DdganDenoiser)
    held, noise = held_out()
    found = prior.denoise(prior.denoise.noised(held, noise, torch.tensor(1)), torch.tensor(1))
    inside = (slice(None), slice(8, -8), slice(8, -8))  # the loss leaves the margin out, as inference does
    assert (found - held)[inside].abs().mean() < 0.8 * held[inside].abs().mean()


@pytest.mark.parametrize("t", [4, 5])
def test_levels_even_in_noise_are_learnt_and_known_to_the_prior(t):
    """Better than the share of the state that the estimate begins with, which is what saying nothing comes to."""
    trained = train_mri_ddgan([ball()], toy(80, 4e-3, objective=L1, diffusion=DiffusionOptions(spacing="noise")), CPU)
    prior = made_prior(trained.weights, trained.settings, CPU, "toy", None)
    assert isinstance(prior.denoise, DdganDenoiser)
    assert prior.levels[0] == pytest.approx(FINEST * prior.denoise.scale, rel=1e-3)
    (held, noise), at = held_out(), torch.tensor(t)
    state = prior.denoise.noised(held, noise, at)
    silent = prior.denoise.schedule.skip[t] * state
    assert (prior.denoise(state, at) - held).abs().mean() < 0.95 * (silent - held).abs().mean()


def test_by_l1_it_goes_on_bit_for_bit(tmp_path):
    options, file = toy(4, objective=L1), tmp_path / "run.checkpoint"
    straight = train_mri_ddgan([ball()], options, CPU)
    assert train_mri_ddgan([ball()], options, CPU, checkpoint=file, watch=stopping_at(2)).run.interrupted
    second = train_mri_ddgan([ball()], options, CPU, checkpoint=file)
    assert all(torch.equal(second.weights[k], v) for k, v in straight.weights.items())


def test_a_gan_starts_from_the_generator_of_the_l1_control():
    first = train_mri_ddgan([ball()], toy(6, objective=L1), CPU)
    then = train_mri_ddgan([ball()], toy(1, 1e-9), CPU, start=first.weights)
    assert all(torch.allclose(then.weights[k], first.weights[k], atol=1e-6) for k in first.weights)
    with pytest.raises(InputError, match="belong to another network"):
        train_mri_ddgan([ball()], toy(network=dataclasses.replace(TINY, width=16)), CPU, start=first.weights)


def test_the_ddpm_learns_its_epsilon_and_goes_on_bit_for_bit(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "WINDOW", 10)
    options = toy_ddpm(40, loop=LoopOptions(steps=40, warm_up=2, learning_rate=4e-3))
    trained = train_mri_ddpm([ball()], options, CPU)
    assert trained.run.history[-1].loss < 0.9 * trained.run.history[0].loss
    assert trained.run.history[-1].discriminator is None
    prior = made_prior(trained.weights, trained.settings, CPU, "toy", None)
    held, noise = held_out()
    t = torch.tensor(100.0)
    noisy = prior.path.a(t) * held + prior.path.b(t) * noise
    assert (prior.denoise(noisy, t) - held).norm() < (noisy / prior.path.a(t) - held).norm()
    file = tmp_path / "run.checkpoint"
    straight = train_mri_ddpm([ball()], toy_ddpm(), CPU)
    assert train_mri_ddpm([ball()], toy_ddpm(), CPU, checkpoint=file, watch=stopping_at(2)).run.interrupted
    second = train_mri_ddpm([ball()], toy_ddpm(), CPU, checkpoint=file)
    assert all(torch.equal(second.weights[k], v) for k, v in straight.weights.items())


def real(options):
    return Augmentation(slice_bank([ball()]), options.augmentation, options.size)


@pytest.mark.parametrize("objective", [ObjectiveOptions(), L1])
def test_the_images_are_those_of_the_image_priors_augmentation(monkeypatch, objective):
    """Complex, scaled and phase-referenced as a reconstruction sees them; nothing but the unit is changed."""
    monkeypatch.setattr(recipe, "Augmentation", Augmentation)
    seen, options = [], toy(1, objective=objective)
    monkeypatch.setattr(recipe, "channels_of", lambda *given: seen.append(given) or channels_of(*given))
    settings = train_mri_ddgan([ball()], options, CPU).settings
    expected = real(options)(4, torch.Generator().manual_seed(0))
    assert torch.equal(seen[0][0], expected)
    assert seen[0][1:] == (settings["scale"], TINY.limit)


def test_units_are_the_percentile_and_the_deviation_of_the_training_images():
    units = measured_units(real(toy()), 8, 1)
    shown = real(toy())(8, torch.Generator().manual_seed(1))
    assert units.scale == pytest.approx(shown.abs().flatten(1).kthvalue(1023, 1).values.mean().item(), rel=1e-5)
    assert units.deviation == pytest.approx((shown.abs().square().mean() / 2).sqrt().item(), rel=1e-5)
    channels = channels_of(shown, units.scale, 0.5)
    assert channels.abs().max() == 0.5
    torch.testing.assert_close(
        torch.view_as_complex(channels_of(shown, 2.0, 9.0).movedim(1, -1).contiguous()), shown / 2
    )


def test_a_loss_that_is_not_finite_is_one_line_and_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(recipe, "measured_units", lambda *_: Units(1.3, 0.3))
    monkeypatch.setattr(loop, "WINDOW", 3)
    real, calls, file = recipe.Adversarial.fooling, [], tmp_path / "run.checkpoint"

    def breaking(self, x0, random):
        calls.append(0)
        loss, beside = real(self, x0, random)
        return (loss * math.nan if len(calls) == 5 else loss), beside

    monkeypatch.setattr(recipe.Adversarial, "fooling", breaking)
    often = LoopOptions(steps=12, warm_up=2, checkpoint_every=0.0, clip=100.0)
    with pytest.raises(InputError, match="not finite between steps 3 and 5; the last good state is kept in") as error:
        train_mri_ddgan([ball()], toy(loop=often), CPU, checkpoint=file)
    assert "\n" not in str(error.value)
    assert all(value.isfinite().all() for value in averaged_weights(file).values())


def test_another_config_is_no_way_to_go_on(tmp_path):
    file = tmp_path / "run.checkpoint"
    train_mri_ddgan([ball()], toy(), CPU, checkpoint=file, watch=stopping_at(1))
    changed = toy(objective=ObjectiveOptions(rate=1e-3, interval=3, r1=2.0, l1=0.0))
    with pytest.raises(InputError, match=re.escape("objective.r1 (was 1.0, is now 2.0)")):
        train_mri_ddgan([ball()], changed, CPU, checkpoint=file)
    with pytest.raises(InputError, match=re.escape('objective.kind (was "gan", is now "l1")')):
        train_mri_ddgan([ball()], toy(objective=L1), CPU, checkpoint=file)


@pytest.mark.parametrize("objective", [ObjectiveOptions(), L1])
def test_too_little_memory_is_one_line(monkeypatch, objective):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(recipe.Generator, "forward", full)
    with pytest.raises(InputError, match="out of memory on cpu with a batch of 4 images of 32 x 32"):
        train_mri_ddgan([ball()], toy(objective=objective), CPU)


def test_a_gan_on_several_devices_is_one_line():
    class Pair:
        rank, size = 0, 2

    with pytest.raises(InputError, match="leave --devices at 1"):
        train_mri_ddgan([ball()], toy(), CPU, team=Pair())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": 34}, "size is 34; give a multiple of 4 above 16"),
        ({"size": 16}, "size is 16; give a multiple of 4 above 16"),
        ({"batch": 6}, "batch is 6; give a multiple of discriminator.group, 4"),
        ({"batch": 0}, "batch is 0"),
        ({"objective": ObjectiveOptions("l2")}, "objective.kind is 'l2'; choose gan or l1"),
        ({"diffusion": DiffusionOptions(0)}, "diffusion.steps is 0"),
        ({"diffusion": DiffusionOptions(spacing="even")}, "diffusion.spacing is 'even'; choose time or noise"),
        ({"objective": ObjectiveOptions(interval=0)}, "objective.interval is 0"),
        ({"objective": ObjectiveOptions(r1=-1)}, "objective.r1 is -1"),
        ({"network": dataclasses.replace(TINY, width=132)}, "the network cannot be built"),
        ({"network": dataclasses.replace(TINY, blocks=(1,))}, "give each one number of at least 1 a level"),
        ({"network": dataclasses.replace(TINY, attention=(2,))}, "give levels from 0 to 1"),
        ({"network": dataclasses.replace(TINY, embedding=7)}, "network.embedding is 7"),
        ({"network": dataclasses.replace(TINY, channels=1)}, "a complex image has 2"),
        ({"augmentation": AugmentationOptions(footprint=FootprintOptions(periods=(24,)))}, "each must divide size, 32"),
        ({"loop": LoopOptions(learning_rate=0.0)}, "loop.learning_rate is 0.0"),
    ],
)
def test_what_cannot_be_trained_is_one_line(change, words):
    with pytest.raises(InputError, match=re.escape(words)):
        train_mri_ddgan([ball()], toy(**change), CPU)


def test_validation_says_how_far_estimates_are_and_how_much_a_latent_moves_them():
    untrained = train_mri_ddgan([ball()], toy(1, 1e-9), CPU)
    found = estimate_errors(
        made_prior(untrained.weights, untrained.settings, CPU, "toy", None), [ball()], 32, EstimateOptions(1, 4)
    )
    assert set(found) == {f"{name}_{t}" for name in ("estimate", "spread") for t in range(1, 9)}
    assert found["estimate_1"] == pytest.approx(1.0, abs=1e-3)  # it says nothing yet
    assert found["spread_1"] < 1e-3


def test_the_controls_are_of_the_generators_size():
    from medrecon.networks.ddgan import Discriminator, Generator
    from medrecon.networks.unet import UNet

    options = MriDdganOptions()
    with torch.device("meta"):
        sizes = [
            sum(p.numel() for p in network.parameters())
            for network in (
                Generator(options.network),
                UNet(MriDdpmOptions().network),
                Discriminator(options.discriminator),
            )
        ]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.05)
    assert sizes[2] <= 6e6
