"""The CT recipes: what each loss hears, a toy run of each kind, resuming bit for bit, and what ends in one line."""

import dataclasses
import re

import pytest
import torch
from ct_pairs import SIZE, disc, toy_bank, white

from medrecon import weights
from medrecon.ct.units import to_hu
from medrecon.datasets.augmentation.draw import Draw
from medrecon.datasets.ct.held_out import HeldOutOptions, held_out_pairs
from medrecon.errors import InputError
from medrecon.networks.ct.codec import CodecOptions, CtCodec
from medrecon.networks.ct.cold import ColdNet, ColdOptions
from medrecon.networks.ct.ddpm import CtDdpm, DdpmOptions
from medrecon.networks.ct.load import load_ct, made_ct
from medrecon.networks.ct.red_cnn import RedCnnOptions
from medrecon.networks.ct.space import LatentScale, Space
from medrecon.networks.unet import UNet, UNetOptions
from medrecon.training.ct.codec import codec_images, codec_loss, measured_scale, train_ct_codec
from medrecon.training.ct.cold import cold_loss, times, train_ct_cold
from medrecon.training.ct.ddpm import ddpm_loss
from medrecon.training.ct.options import CtCodecOptions, CtColdOptions, CtDdpmOptions, CtRegressionOptions
from medrecon.training.ct.regression import regression_loss, train_ct_regression
from medrecon.training.ct.train import ddim, held_out_rmse, settings_for, train_ct, trained_prior
from medrecon.training.loop import LoopOptions
from medrecon.training.watch import Watch

TINY = UNetOptions((8, 8), (1, 1), (1, 1), embedding=8)
SMALL = CodecOptions(width=8, encoder_blocks=1, decoder_blocks=1)
LOOP = LoopOptions(steps=4, warm_up=2, learning_rate=2e-3)
SHAPE = {"size": 32, "batch": 2, "loop": LOOP}
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def single_precision(monkeypatch):
    monkeypatch.setattr("medrecon.networks.ready.network_dtype", lambda _: torch.float32)
    monkeypatch.setattr("medrecon.networks.ct.load.network_dtype", lambda _: torch.float32)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def codec_options(**changes):
    return CtCodecOptions(network=SMALL, **{**SHAPE, **changes})


def codec_prior():
    state = CtCodec(SMALL).state_dict()
    settings = {"kind": "ct-codec", "options": SMALL.as_dict(), **LatentScale(torch.zeros(8, 1, 1), 0.5).as_dict()}
    return made_ct(state, settings, CPU, "codec", "abc")


RECIPES = {
    "codec": codec_options(),
    "cold": CtColdOptions(ColdOptions(network=TINY), **SHAPE),
    "cold-pixel": CtColdOptions(ColdOptions("pixel", network=TINY), decoded=0.5, **SHAPE),
    "cold-unshuffle": CtColdOptions(ColdOptions("unshuffle", network=TINY, sees_end=False), **SHAPE),
    "ddpm": CtDdpmOptions(DdpmOptions(network=TINY), **SHAPE),
    "one-step": CtRegressionOptions(network=ColdOptions(network=TINY), decoded=0.1, **SHAPE),
    "red-cnn": CtRegressionOptions("red-cnn", red_cnn=RedCnnOptions(4), **SHAPE),
}


def trained(name, bank=None, recipe=None, **run):
    return train_ct(bank or toy_bank(), recipe or RECIPES[name], codec_prior(), **run)


class Answers(torch.nn.Module):
    """Stands for a network of cold diffusion that says what it is told to, and keeps what it was shown."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.seen = answer, []

    def forward(self, state, end, t, dose):
        self.seen.append((state, end, t, dose))
        return self.answer(state)


def test_times_are_uniform_with_a_share_at_the_end():
    t = times(Draw(4000, generator()), 0.4)
    assert (t == 1).float().mean().item() == pytest.approx(0.4, abs=0.03)
    before = t[t < 1]
    assert 0 < before.min() < 0.01
    assert torch.quantile(before, 0.25).item() == pytest.approx(0.25, abs=0.03)


def test_states_blend_clean_and_low_and_a_perfect_answer_costs_nothing():
    pairs = toy_bank().draw(8, 32, generator())
    options = dataclasses.replace(RECIPES["cold-pixel"], own=0.0)
    network = Answers(lambda state: pairs.full)
    assert cold_loss(network, Space(), pairs, options, generator(1)) == 0
    ((state, end, t, dose),) = network.seen
    share = t[:, None, None, None]
    torch.testing.assert_close(state, (1 - share) * pairs.full + share * pairs.low)
    assert torch.equal(end, pairs.low)
    assert torch.equal(dose, pairs.dose)
    off = cold_loss(Answers(lambda state: pairs.full + 0.2), Space(), pairs, options, generator(1))
    assert off.item() == pytest.approx(0.2 + options.decoded * 0.2, rel=1e-5)


def test_own_states_hold_the_networks_estimate_at_the_end():
    pairs = toy_bank().draw(16, 32, generator())
    options = dataclasses.replace(RECIPES["cold-pixel"], own=1.0, at_end=0.0)
    network = Answers(lambda state: 0.5 * state)
    cold_loss(network, Space(), pairs, options, generator(1))
    (first, _, ones, _), (state, _, t, _) = network.seen
    assert torch.equal(first, pairs.low)
    assert (ones == 1).all()
    share = t[:, None, None, None]
    torch.testing.assert_close(state, (1 - share) * 0.5 * pairs.low + share * pairs.low)


def test_gradients_reach_a_network_that_was_asked_without_them_in_half_precision():
    """Weights that autocast cast for the estimate must not serve the step that learns."""
    network = UNet(RECIPES["cold-pixel"].network.architecture)
    bank = toy_bank()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    found = train_ct_cold(bank, RECIPES["cold-pixel"], bfloat16=True)
    moved = [k for k, v in found.weights.items() if v.ndim == 4 and not torch.equal(v, before[k])]
    assert "head.weight" in moved


def test_the_ddpm_learns_the_noise_of_its_schedule():
    pairs = toy_bank().draw(64, 32, generator())
    options = DdpmOptions(network=TINY)
    signal = options.signal().float()
    untrained = CtDdpm(UNet(options.architecture), options)
    assert ddpm_loss(untrained, signal, pairs, generator()).item() == pytest.approx(1.0, abs=0.03)

    class Knows(torch.nn.Module):
        def forward(self, noisy, low, t):
            kept = signal[t][:, None, None, None]
            return (noisy - kept.sqrt() * pairs.full) / (1 - kept).sqrt()

    assert ddpm_loss(Knows(), signal, pairs, generator()) < 1e-6  # type: ignore[arg-type]


def test_ddim_with_a_perfect_network_gives_the_image_in_any_number_of_steps():
    full = toy_bank().draw(2, 32, generator()).full
    options = DdpmOptions(network=TINY)
    signal = options.signal().float()
    network = CtDdpm(UNet(options.architecture), options)

    def knows(noisy, low, t):
        kept = signal[t][:, None, None, None]
        return (noisy - kept.sqrt() * full) / (1 - kept).sqrt()

    network.forward = knows  # type: ignore[method-assign]
    for steps in (1, 5, 20):
        assert to_hu(ddim(network, full, steps, 0) - full).abs().max() < 0.5
    assert torch.equal(ddim(network, full, 3, 0), ddim(network, full, 3, 0))


def test_regression_is_held_at_the_end():
    pairs = toy_bank().draw(4, 32, generator())
    network = Answers(lambda state: state)
    options = CtRegressionOptions(network=ColdOptions("pixel", network=TINY), **SHAPE)
    loss = regression_loss(network, Space(), pairs, options)
    ((state, end, t, _),) = network.seen
    assert torch.equal(state, pairs.low)
    assert torch.equal(end, pairs.low)
    assert (t == 1).all()
    torch.testing.assert_close(loss, (pairs.low - pairs.full).abs().mean())


def test_the_codec_sees_low_and_full_dose_alike_and_phantoms_in_their_share():
    bank = toy_bank([disc("a"), disc("p", noise_free=True)], lowest=0.05, highest=0.06)
    images = codec_images(bank, codec_options(batch=200, low_share=0.5, phantom_share=0.3), generator())
    rough = (images[:, :, 1:] - images[:, :, :-1]).std((1, 2, 3))
    quiet = rough < 0.5 * (rough.min() + rough.max())
    assert 0.2 < quiet.float().mean() < 0.8
    assert images.shape == (200, 1, 32, 32)


def test_the_codecs_loss_is_distance_and_divergence():
    class Codec(torch.nn.Module):
        def forward(self, images, noise):
            return images + 0.1, torch.full_like(noise, 2.0), torch.zeros_like(noise)

    images = torch.zeros(3, 1, 32, 32)
    for loss, expected in (("rmse", 0.1), ("l1", 0.1), ("mse", 0.01)):
        found = codec_loss(Codec(), images, codec_options(loss=loss, kl=0.5), generator())
        assert found.item() == pytest.approx(expected + 0.5 * 0.5 * 4, rel=1e-5)


def test_scaled_latents_have_zero_mean_and_unit_size():
    """Invariant 7: the standard deviation of full-dose latents lies within 0.9 to 1.1."""
    bank, codec = toy_bank(), CtCodec(SMALL)
    scale = measured_scale(codec, bank, codec_options())
    with torch.no_grad():
        z = scale.scaled(codec.encode(bank.draw(200, 32, generator(9)).full))
    assert 0.9 < z.square().mean().sqrt() < 1.1
    assert z.mean((0, 2, 3)).abs().max() < 0.15
    torch.testing.assert_close(scale.scaled(scale.unscaled(z)), z, atol=1e-5, rtol=1e-5)
    again = LatentScale.from_dict(scale.as_dict())
    assert torch.equal(again.mean, scale.mean)
    assert again.std == scale.std


def test_a_tiny_fit_brings_the_round_trip_down_and_keeps_constants_and_ramps():
    bank = toy_bank()
    options = codec_options(batch=4, loop=LoopOptions(steps=200, warm_up=10, learning_rate=6e-3))
    found = train_ct_codec(bank, options)
    prior = made_ct(found.weights, found.settings, CPU, "codec", None)
    untrained = CtCodec(SMALL)
    u = bank.draw(32, 32, generator(5)).full
    with torch.no_grad():
        before = (untrained.decode(untrained.encode(u)) - u).square().mean().sqrt()
        after = (prior.decode(prior.encode(u)) - u).square().mean().sqrt()
        assert after < 0.93 * before
        y, x = torch.meshgrid(torch.linspace(-0.5, 0.9, 32), torch.linspace(0, 1.5, 32), indexing="ij")
        ramps = torch.stack([y - x, torch.full_like(x, -0.97), torch.full_like(x, 0.04)])[:, None]
        assert to_hu(prior.decode(prior.encode(ramps)) - ramps).abs().max() < 2.0


@pytest.mark.parametrize("name", RECIPES)
def test_it_resumes_bit_for_bit(name, tmp_path):
    straight = trained(name)
    calls, file = [], tmp_path / "run.checkpoint"
    stop = Watch(stop=lambda: calls.append(0) or len(calls) == 2)
    assert trained(name, checkpoint=file, watch=stop).run.interrupted
    resumed = trained(name, checkpoint=file)
    assert all(torch.equal(resumed.weights[k], v) for k, v in straight.weights.items())
    assert resumed.settings == straight.settings
    moved = [k for k, v in straight.weights.items() if not torch.equal(v, torch.zeros_like(v))]
    assert moved
    changed = dataclasses.replace(RECIPES[name], batch=3)
    with pytest.raises(InputError, match=re.escape("batch (was 2, is now 3)")):
        trained(name, recipe=changed, checkpoint=file)
    with pytest.raises(InputError, match="data"):
        trained(name, bank=toy_bank([disc("other")]), checkpoint=file)


@pytest.mark.parametrize("name", RECIPES)
def test_what_was_trained_is_stored_loaded_and_scored(name, tmp_path):
    averages = []
    watch = Watch(snapshot_every=0.0)
    codec = codec_prior()
    found = trained(name, watch=watch, on_average=lambda step, w: averages.append(step))
    assert averages == [1, 2, 3, 4]
    pairs = held_out_pairs([disc("c")], HeldOutOptions(slices=2, canvas=SIZE), CPU, simulate=white)
    prior = trained_prior(found.weights, settings_for(RECIPES[name], codec), CPU, name, codec)
    scores = held_out_rmse(prior, pairs)
    assert all(torch.tensor(list(scores.values())).isfinite())
    file = tmp_path / "n.safetensors"
    settings = {k: v for k, v in found.settings.items() if k != "codec"}
    weights.save(file, found.weights, settings, "fp32")
    if name not in ("cold", "one-step"):
        assert held_out_rmse(load_ct(str(file)), pairs) == pytest.approx(scores, rel=1e-4)
    else:
        assert found.settings["codec"] == {"name": "codec", "sha256": "abc"}


def test_cold_diffusion_and_regression_learn_to_denoise():
    loop = LoopOptions(steps=120, warm_up=10, learning_rate=1e-2)
    options = ColdOptions("pixel", network=TINY)
    bank = toy_bank(lowest=0.1, highest=0.25)
    pairs = held_out_pairs([disc("c")], HeldOutOptions(slices=2, canvas=SIZE), CPU, simulate=white)
    identity = pairs.rmse(lambda low, dose: low)["rmse_hu_0.1"]
    for train, recipe in (
        (train_ct_cold, CtColdOptions(options, size=32, batch=4, loop=loop)),
        (train_ct_regression, CtRegressionOptions(network=options, size=32, batch=4, loop=loop)),
    ):
        found = train(bank, recipe)  # type: ignore[operator]
        prior = made_ct(found.weights, found.settings, CPU, "toy", None)
        assert isinstance(prior.network, ColdNet)
        assert held_out_rmse(prior, pairs)["rmse_hu_0.1"] < 0.85 * identity


def test_a_loss_that_is_not_finite_is_one_line(monkeypatch):
    monkeypatch.setattr(
        "medrecon.training.ct.ddpm.ddpm_loss", lambda ddpm, *_: next(ddpm.parameters()).sum() * torch.nan
    )
    with pytest.raises(InputError, match="loss is not finite between steps 0 and 4"):
        trained("ddpm")


def test_out_of_memory_is_one_line(monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("medrecon.training.ct.cold.cold_loss", full)
    with pytest.raises(InputError, match="out of memory on cpu with a batch of 2"):
        trained("cold")


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("codec", {"size": 30}, "size is 30; give a multiple of 4"),
        ("codec", {"loss": "ssim"}, "loss is 'ssim'; choose l1 or mse"),
        ("codec", {"low_share": 1.5}, "low_share is 1.5; give a share from 0 to 1"),
        ("cold", {"size": 20}, "size is 20; give a multiple of 8"),
        ("cold", {"at_end": -0.1}, "at_end is -0.1"),
        ("cold", {"decoded": -1.0}, "decoded is -1.0"),
        ("cold-pixel", {"size": 30}, "size is 30; give a multiple of 4"),
        ("ddpm", {"batch": 0}, "batch is 0; give a number above 0"),
        ("red-cnn", {"size": 20}, "RED-CNN takes at least 21"),
        ("red-cnn", {"architecture": "unet"}, "architecture is 'unet'; choose one-step or red-cnn"),
        ("cold", {"network": ColdOptions(channels=4, network=TINY)}, "codec has 8 latent channels, the network 4"),
        ("ddpm", {"loop": dataclasses.replace(LOOP, seconds=-1.0)}, "loop.seconds is -1.0"),
        ("cold", {"size": 64}, "size is 64; give at most 48"),
    ],
)
def test_what_cannot_be_trained_is_one_line(name, change, words):
    with pytest.raises(InputError, match=re.escape(words)):
        trained(name, recipe=dataclasses.replace(RECIPES[name], **change))


def test_a_latent_network_without_a_codec_is_one_line():
    with pytest.raises(InputError, match="give --codec"):
        train_ct_cold(toy_bank(), RECIPES["cold"])
    other = made_ct(
        UNet(ColdOptions("pixel", network=TINY).architecture).state_dict(),
        {"kind": "ct-cold", "options": ColdOptions("pixel", network=TINY).as_dict()},
        CPU,
        "cold",
        None,
    )
    with pytest.raises(InputError, match="of kind 'ct-cold'; give a codec's"):
        train_ct_cold(toy_bank(), RECIPES["cold"], codec=other)
