"""The control's recipe: scans as evaluation.md 1 has them, and a loss that falls."""

import dataclasses
import math

import pytest
import torch

from medrecon.datasets.augmentation import Augmentation, AugmentationOptions
from medrecon.datasets.augmentation.acquisition import FootprintOptions
from medrecon.datasets.augmentation.draw import Draw
from medrecon.datasets.bank import slice_bank
from medrecon.datasets.volume import TrainingVolume
from medrecon.errors import InputError
from medrecon.masks.acs import default_acs
from medrecon.networks.unet import UNetOptions
from medrecon.networks.unrolled import KIND, Unrolled, UnrolledOptions, unrolled
from medrecon.training.loop import LoopOptions
from medrecon.training.mri_unrolled import MriUnrolledOptions, train_mri_unrolled, unrolled_loss
from medrecon.training.random_scans import RandomScanOptions, mistaken, random_lines, random_maps, random_scans

TINY = UnrolledOptions(UNetOptions((8, 8), (1, 1), (1, 1), embedding=8), iterations=2, cg=3)
CPU = torch.device("cpu")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(batch=4, n=32):
    return 0.4 * torch.randn(batch, n, n, dtype=torch.complex64, generator=generator(9))


@pytest.mark.parametrize("n", [240, 255])
def test_lines_have_the_acceleration_and_the_centre_of_the_standard_pattern(n):
    accel = torch.tensor([1.0, 3.0, 4.0, 4.1, 6.0, 8.0, 10.0, 12.0]).repeat(100)
    lines = random_lines(n, accel, Draw(len(accel), generator()))
    assert torch.equal(lines.sum(1), (n / accel).round().long())
    for row, r in zip(lines[:8], accel[:8].tolist(), strict=True):
        acs = n if r == 1 else default_acs(r, n)
        start = n // 2 - acs // 2
        assert row[start : start + acs].all()
    sparse = lines[accel == 8].float().mean(0)
    distance = (torch.arange(n) - n // 2).abs() / (n // 2)
    near, far = (sparse[(distance > a) & (distance < b)].mean() for a, b in ((0.15, 0.3), (0.85, 1.0)))
    assert near > 5 * far > 0


def test_maps_are_normalised_and_smooth_and_no_two_alike():
    maps = random_maps(48, 6, Draw(3, generator()))
    torch.testing.assert_close(maps.abs().square().sum(1), torch.ones(3, 48, 48))
    assert (maps.diff(dim=-1).abs().mean() < 0.05) & (maps.diff(dim=-2).abs().mean() < 0.05)
    overlap = (maps[0].conj() * maps[1]).sum(0).abs()
    assert overlap.mean() < 0.95


def test_map_errors_have_their_size_and_leave_the_common_phase():
    draw = Draw(3, generator())
    maps = random_maps(48, 6, draw)
    share = torch.tensor([0.01, 0.03, 0.05])
    wrong = mistaken(maps, share[:, None, None, None], draw)
    torch.testing.assert_close(wrong.abs().square().sum(1), torch.ones(3, 48, 48))
    agreement = (wrong.conj() * maps).sum(1)
    assert agreement.imag.abs().max() < 1e-5
    size = (wrong - maps).abs().square().sum(1).mean((1, 2)).sqrt()
    assert ((size > 0.8 * share) & (size < share)).all()  # length and common phase of the error are gone


def test_without_noise_and_error_the_data_are_those_of_the_image():
    options = RandomScanOptions(coils=4, snr=(1e9, 1e9), map_error=(1e-9, 1e-9))
    scans = random_scans(images(), options, generator())
    torch.testing.assert_close(scans.data, scans.normal(images()), rtol=1e-4, atol=1e-5)
    assert (scans.sigma < 1e-5).all()


def test_sigma_is_the_deviation_of_the_data():
    noise = RandomScanOptions(coils=4, accel=(1.0, 1.0), snr=(5.0, 5.0), map_error=(1e-9, 1e-9))
    scans = random_scans(images(), noise, generator())
    left = torch.view_as_real(scans.data - images())  # all lines and exact maps: combined noise
    torch.testing.assert_close(left.square().mean((1, 2, 3)).sqrt(), scans.sigma, rtol=0.1, atol=0)
    errors = dataclasses.replace(noise, snr=(1e9, 1e9), map_error=(0.05, 0.05))
    wrong = random_scans(images(), errors, generator()).sigma
    expected = 0.05 * images().abs().square().mean((1, 2)).sqrt() / math.sqrt(2 * errors.coils)
    assert ((wrong > 0.7 * expected) & (wrong < expected)).all()


def test_lines_run_along_either_axis_and_follow_from_the_generator_alone():
    before = torch.random.get_rng_state()
    masks = [random_scans(images(1), RandomScanOptions(coils=2), generator(seed)).mask for seed in range(8)]
    again = random_scans(images(1), RandomScanOptions(coils=2), generator(7)).mask
    assert torch.equal(again, masks[-1])
    assert {tuple(mask.shape[2:]) for mask in masks} == {(1, 32), (32, 1)}
    assert torch.equal(torch.random.get_rng_state(), before)


def ball():
    z, y, x = torch.meshgrid(*[torch.linspace(-1, 1, 24)] * 3, indexing="ij")
    values = ((z**2 + y**2 + x**2) < 0.8).float() * (1 + 0.3 * torch.sin(9 * x * y))
    return TrainingVolume(values, (4.0, 4.0, 4.0), "nobody", "ball")


def recipe(**changes):
    footprint = FootprintOptions(finest_mm=4.0, coarsest_mm=6.0, smallest=32)
    options = MriUnrolledOptions(
        network=TINY,
        size=32,
        batch=2,
        scans=RandomScanOptions(coils=4, accel=(3.0, 4.0)),
        augmentation=AugmentationOptions(footprint=footprint),
        loop=LoopOptions(steps=20, learning_rate=6e-3, warm_up=2),
    )
    return dataclasses.replace(options, **changes)


def test_twenty_steps_lower_the_loss_on_new_scans():
    options = recipe()
    trained = train_mri_unrolled([ball()], options, CPU)
    network = unrolled(trained.weights, trained.settings, CPU).float()
    assert trained.settings["kind"] == KIND
    assert trained.run.steps == 20
    truth = Augmentation(slice_bank([ball()]), options.augmentation, options.size)(8, generator(5))
    scans = random_scans(truth, options.scans, generator(6))
    with torch.no_grad():
        before, after = (unrolled_loss(each, truth, scans) for each in (Unrolled(TINY), network))
    assert after < 0.99 * before


def test_a_run_follows_from_its_seed_alone():
    runs = [train_mri_unrolled([ball()], recipe(loop=LoopOptions(steps=2, warm_up=1)), CPU) for _ in range(2)]
    assert all(torch.equal(runs[1].weights[k], v) for k, v in runs[0].weights.items())


@pytest.mark.parametrize(
    ("volumes", "changes", "words"),
    [([], {}, "none of 0 volumes"), ([ball()], {"batch": 0}, "batch is 0"), ([ball()], {"size": 8}, "size 8")],
)
def test_what_cannot_train_is_said(volumes, changes, words):
    with pytest.raises(InputError, match=words):
        train_mri_unrolled(volumes, recipe(**changes), CPU)
