import dataclasses
import re

import pytest
import torch

from medrecon.datasets.volume import TrainingVolume
from medrecon.errors import InputError
from medrecon.networks import EDMDenoiser, UNet, UNetOptions, image_prior
from medrecon.training import mri_image
from medrecon.training.edm_loss import LevelOptions, edm_loss
from medrecon.training.ema import EMA
from medrecon.training.loop import LoopOptions
from medrecon.training.mri_image import train_mri_image
from medrecon.training.mri_image_options import MriImageOptions
from medrecon.training.watch import Watch

TINY = UNetOptions(widths=(8, 8), encoder_blocks=(1, 1), decoder_blocks=(1, 1), embedding=8)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Perfect(torch.nn.Module):
    """Pretends to be a network for which the denoiser returns exactly the given images."""

    def __init__(self, images, sigma_data):
        super().__init__()
        self.images, self.sigma_data = images, sigma_data
        self.anchor = torch.nn.Parameter(torch.zeros(()))

    def forward(self, scaled, label):
        sigma = (4 * label).exp()[:, None, None]
        total = sigma**2 + self.sigma_data**2
        x = torch.view_as_complex(scaled.movedim(1, -1).contiguous()) * total.sqrt()
        out = (self.images - x * self.sigma_data**2 / total) * total.sqrt() / (sigma * self.sigma_data)
        return torch.view_as_real(out).movedim(-1, 1)


def test_loss_vanishes_for_the_perfect_denoiser_and_is_one_for_the_linear_one():
    images = 0.3 * torch.randn(8, 48, 48, dtype=torch.complex64, generator=generator()) * 2**0.5
    sigma = LevelOptions(highest=3.0).draw(8, generator(1))
    perfect = EDMDenoiser(Perfect(images, 0.3), 0.3, 4)
    assert edm_loss(perfect, images, sigma, generator(2)) < 1e-4
    linear = EDMDenoiser(UNet(TINY), 0.3, 4)  # an untrained network adds nothing
    assert edm_loss(linear, images, sigma, generator(2)).item() == pytest.approx(1.0, abs=0.05)


def test_the_loss_of_a_student_is_its_distance_from_the_teacher():
    """Zero for the teacher itself, whatever the images, where the loss on images is not."""
    images = 0.3 * torch.randn(4, 48, 48, dtype=torch.complex64, generator=generator())
    sigma = LevelOptions(highest=3.0).draw(4, generator(1))
    teacher = EDMDenoiser(UNet(TINY), 0.3, 4)
    assert edm_loss(teacher, images, sigma, generator(2), teacher) == 0
    assert edm_loss(teacher, images, sigma, generator(2)) > 0.1
    other = EDMDenoiser(UNet(TINY), 0.4, 4)
    loss = edm_loss(other, images, sigma, generator(2), teacher)
    loss.backward()
    assert loss > 1e-4
    assert all(p.grad is None for p in teacher.parameters())


def test_levels_follow_their_distribution_in_every_batch():
    options = LevelOptions(mean=-2.0, spread=1.0, lowest=1e-4, highest=1e4)
    log = options.draw(512, generator()).log()
    assert log.mean().item() == pytest.approx(-2.0, abs=0.02)
    assert log.std().item() == pytest.approx(1.0, abs=0.03)
    cut = dataclasses.replace(options, lowest=0.1, highest=0.2).draw(64, generator())
    assert cut.min() >= 0.1
    assert cut.max() <= 0.2


def test_ema_is_the_power_average():
    network = torch.nn.Linear(1, 1, bias=False)
    ema, expected = EMA(network, horizon=0.5), network.weight.item()
    for step in range(1, 20):
        network.weight.data.fill_(float(step))
        ema.update(network, step)
        expected += (step - expected) / (1 + 0.5 * step)
    assert ema.weights["weight"].item() == pytest.approx(expected, rel=1e-5)


def ball(scale=1.0):
    z, y, x = torch.meshgrid(*[torch.linspace(-1, 1, 24)] * 3, indexing="ij")
    values = ((z**2 + y**2 + x**2) < 0.8).float() * (1 + 0.3 * torch.sin(9 * x * y))
    return TrainingVolume(scale * values, (4.0, 4.0, 4.0), "nobody", "ball")


@pytest.fixture
def quick(monkeypatch):
    """The recipe at toy size, without the seconds that measuring sigma_data takes."""
    monkeypatch.setattr(mri_image, "measured_deviation", lambda augmentation, options: 0.3)
    return MriImageOptions(network=TINY, size=32, batch=2, loop=LoopOptions(steps=4, warm_up=5))


CPU = torch.device("cpu")


def test_recipe_trains_on_volumes_and_says_how_to_use_the_weights(monkeypatch):
    monkeypatch.setattr(mri_image, "MEASURED", 8)  # images for sigma_data: 128 take seconds
    options = MriImageOptions(network=TINY, size=32, batch=2, loop=LoopOptions(seconds=1.0, warm_up=5))
    trained = train_mri_image([ball()], options, CPU)
    assert trained.run.steps >= 1
    assert set(trained.weights) == set(UNet(TINY).state_dict())
    no_time = dataclasses.replace(options, loop=LoopOptions(seconds=0.0))
    again = train_mri_image([ball()], no_time, CPU, start=trained.weights)
    assert all(torch.equal(again.weights[k], v) for k, v in trained.weights.items())
    assert trained.settings["network"] == TINY.as_dict()
    assert trained.settings["pixel_range"] == [0.55, 2.5]
    assert 0.05 < trained.settings["sigma_data"] < 1.0


def test_the_whole_recipe_resumes_bit_for_bit(quick, tmp_path):
    straight = train_mri_image([ball()], quick, CPU)
    for checkpoint_steps in (1, 2):
        calls, file = [], tmp_path / f"{checkpoint_steps}.checkpoint"
        stop = Watch(stop=lambda calls=calls, n=checkpoint_steps: calls.append(0) or len(calls) == n)
        assert train_mri_image([ball()], quick, CPU, checkpoint=file, watch=stop).run.interrupted
        resumed = train_mri_image([ball()], quick, CPU, checkpoint=file)
        assert all(torch.equal(resumed.weights[k], v) for k, v in straight.weights.items())


def test_a_student_comes_nearer_to_its_teacher(quick):
    network = UNet(TINY)
    torch.nn.init.normal_(network.head.weight, std=0.2, generator=generator(3))
    teacher = image_prior(network.state_dict(), mri_image.settings_of(quick, 0.3), CPU, "teacher", None)
    thirty = dataclasses.replace(quick, loop=LoopOptions(steps=30, warm_up=5, learning_rate=3e-3))
    student = train_mri_image([ball()], thirty, CPU, teacher=teacher)
    images = 0.3 * torch.randn(4, 32, 32, dtype=torch.complex64, generator=generator())
    sigma = LevelOptions(highest=3.0).draw(4, generator(1))
    learnt = image_prior(student.weights, student.settings, CPU, "student", None).denoise
    untaught = EDMDenoiser(UNet(TINY), 0.3, 4)  # adds nothing: where the student began
    after, before = (edm_loss(d, images, sigma, generator(2), teacher.denoise).item() for d in (learnt, untaught))
    assert after < 0.9 * before


def test_a_teacher_of_other_matrices_is_refused(quick):
    deep = UNetOptions(widths=(8, 8, 8), encoder_blocks=(1, 1, 1), decoder_blocks=(1, 1, 1), embedding=8)
    settings = mri_image.prior_settings(deep, 0.3, (0.001, 10.0))
    tall = image_prior(dict(UNet(deep).state_dict()), settings, CPU, "tall", None)
    with pytest.raises(InputError, match="tall cannot teach"):
        train_mri_image([ball()], quick, CPU, teacher=tall)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch": 3}, "batch (was 2, is now 3)"),
        ({"network": dataclasses.replace(TINY, widths=(8, 12))}, "network.widths (was [8, 8], is now [8, 12])"),
        ({"loop": LoopOptions(steps=9, warm_up=5)}, "loop.steps (was 4, is now 9)"),
    ],
)
def test_a_changed_recipe_on_resume_is_named(quick, tmp_path, change, words):
    file = tmp_path / "run.checkpoint"
    train_mri_image([ball()], quick, CPU, checkpoint=file, watch=Watch(stop=lambda: True))
    with pytest.raises(InputError) as error:
        train_mri_image([ball()], dataclasses.replace(quick, **change), CPU, checkpoint=file)
    assert words in str(error.value)
    often = dataclasses.replace(quick, loop=dataclasses.replace(quick.loop, checkpoint_every=1.0))
    assert train_mri_image([ball()], often, CPU, checkpoint=file).run.steps == 4


def test_snapshots_hold_what_a_sheet_needs(quick):
    taken = []
    train_mri_image([ball()], quick, CPU, watch=Watch(on_snapshot=taken.append))
    (last,) = taken
    prior = image_prior(last.weights, last.settings, CPU, "tiny", None)
    image = last.images(1, generator())
    assert prior.denoise(image, torch.ones(1)).shape == image.shape


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory")])
def test_out_of_memory_is_one_line_with_the_batch(quick, monkeypatch, error):
    def full(*_):
        raise error

    monkeypatch.setattr(mri_image, "edm_loss", full)
    with pytest.raises(InputError, match="out of memory on cpu with a batch of 2 images of 32 x 32; try a batch of 1"):
        train_mri_image([ball()], quick, CPU)


def test_other_failures_stay_what_they_are(quick, monkeypatch):
    def broken(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(mri_image, "edm_loss", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        train_mri_image([ball()], quick, CPU)


@pytest.mark.parametrize(
    ("volumes", "change", "words"),
    [
        ([], {}, "there are no volumes"),
        ([ball(0.0)], {}, "none of 1 volumes shows anything"),
        ([ball()], {"size": 33}, "size is 33; give a multiple of 4"),
        ([ball()], {"batch": 0}, "batch is 0"),
        ([ball()], {"network": "huge"}, "unknown network 'huge'; choose large or small"),
        ([ball()], {"network": dataclasses.replace(TINY, decoder_blocks=(1,))}, "decoder_blocks"),
        ([ball()], {"loop": LoopOptions(seconds=-1.0)}, "loop.seconds is -1"),
    ],
)
def test_what_cannot_be_trained_is_one_line(quick, volumes, change, words):
    with pytest.raises(InputError, match=re.escape(words)):
        train_mri_image(volumes, dataclasses.replace(quick, **change), CPU)


def test_weights_of_another_network_are_no_start(quick):
    other = UNet(dataclasses.replace(TINY, widths=(8, 12))).state_dict()
    with pytest.raises(InputError, match="belong to another network"):
        train_mri_image([ball()], quick, CPU, start=other)
