"""Every CT method: HU in, HU out, no slice influences another, one line for a network that does not fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ct_networks import cold_file, cold_options, ddpm_file, red_cnn_file
from random_state import random_state_untouched
from skimage.restoration import denoise_tv_chambolle

from medrecon import weights
from medrecon.ct import CT_METHODS, ct_method_class
from medrecon.ct.cold_latent import ColdLatent
from medrecon.ct.cold_pixel import ColdPixel
from medrecon.ct.ddpm import Ddpm
from medrecon.ct.nlm import NonLocalMeans
from medrecon.ct.one_step import OneStep
from medrecon.ct.red_cnn import RedCnnMethod
from medrecon.ct.tv import TotalVariation
from medrecon.ct.units import to_units
from medrecon.errors import InputError
from medrecon.networks.ct.load import load_ct
from medrecon.networks.unet import UNet
from medrecon.progress import Progress

VOXEL = (3.0, 0.8, 0.8)
FILES = {
    "cold-latent": lambda path: cold_file(path, "latent"),
    "cold-pixel": lambda path: cold_file(path, "pixel"),
    "unshuffle": lambda path: cold_file(path, "unshuffle"),
    "one-step": lambda path: cold_file(path, "pixel", "ct-regression"),
    "one-step-latent": lambda path: cold_file(path, "latent", "ct-regression"),
    "ddpm": ddpm_file,
    "red-cnn": red_cnn_file,
}
CHOSEN = {
    "cold-latent": (ColdLatent(steps=3), "cold-latent"),
    "cold-latent, fixed": (ColdLatent(steps=3, end="fixed", grid="cosine"), "cold-latent"),
    "cold-pixel": (ColdPixel(steps=2, integrator="dpmpp2m"), "cold-pixel"),
    "cold-pixel, heun": (ColdPixel(steps=2, integrator="heun", grid="cosine"), "cold-pixel"),
    "cold-pixel, corediff": (ColdPixel(steps=4, grid="corediff"), "cold-pixel"),
    "unshuffle": (ColdPixel(steps=2, integrator="momentum"), "unshuffle"),
    "one-step": (OneStep(), "one-step"),
    "one-step-latent": (OneStep(), "one-step-latent"),
    "ddpm": (Ddpm(steps=3, samples=2), "ddpm"),
    "red-cnn": (RedCnnMethod(), "red-cnn"),
    "nlm": (NonLocalMeans(), None),
    "tv": (TotalVariation(iterations=20), None),
}


@pytest.fixture(scope="module")
def priors(tmp_path_factory):
    loaded = {}

    def of(kind):
        if kind is not None and kind not in loaded:
            loaded[kind] = load_ct(str(FILES[kind](tmp_path_factory.mktemp(kind) / "net.safetensors")))
        return loaded.get(kind)

    return of


def scan(slices=3, height=45, width=50, noise=25.0):
    """Discs of tissue in air, under noise."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    truth = np.where(y**2 + x**2 < 0.8, 40.0, -1000.0)
    truth[(y - 0.2) ** 2 + x**2 < 0.1] = 90.0
    drawn = torch.randn((slices, height, width), generator=torch.Generator().manual_seed(0))
    return torch.from_numpy(truth).float() + noise * drawn, torch.from_numpy(truth).float()


def run(method, prior, low, **given):
    return method.denoise(low, dose=given.pop("dose", 0.25), voxel_mm=VOXEL, prior=prior, **given)


@pytest.mark.parametrize("name", CHOSEN)
def test_slices_come_back_in_hu_the_same_alone_as_together(name, priors):
    method, kind = CHOSEN[name]
    low, _ = scan()
    before, prior = low.clone(), priors(kind)
    with random_state_untouched():
        whole = run(method, prior, low, seed=3, first_slice=7)
    samples = method.samples if isinstance(method, Ddpm) else 1
    assert whole.samples.shape == (samples, *low.shape)
    assert whole.samples.dtype == torch.float32
    assert torch.equal(low, before)
    again = [run(method, prior, low[i : i + 1], seed=3, first_slice=7 + i) for i in range(3)]
    assert torch.equal(whole.samples, torch.cat([each.samples for each in again], 1))
    assert {each.calls for each in again} == {whole.calls}
    if kind != "ddpm":
        assert (whole.values - low).abs().mean() < 300
    assert not torch.equal(whole.values, low)


@pytest.mark.parametrize("batch", [1, 2, 8])
@pytest.mark.parametrize("name", [name for name, (_, kind) in CHOSEN.items() if kind])
def test_batches_of_a_gpu_give_the_same_slices(name, batch, priors, monkeypatch):
    """The arithmetic of batches, on the CPU: the rule that one image goes at a time is switched off."""
    (method, kind), (low, _) = CHOSEN[name], scan(5)
    expected = run(method, priors(kind), low, seed=1)
    for module in ("restoring", "ddpm"):
        monkeypatch.setattr(f"medrecon.ct.{module}.at_once", lambda batch, device: batch)
    found = run(replace(method, batch=batch), priors(kind), low, seed=1)
    assert found.calls == expected.calls
    assert (found.samples - expected.samples).norm() < 1e-3 * (expected.samples - low).norm()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", CHOSEN)
def test_cuda_gives_what_the_cpu_gives_to_half_precision(name, tmp_path, priors):
    (method, kind), (low, _) = CHOSEN[name], scan(5)
    expected = run(method, priors(kind), low, seed=1).values
    prior = None if kind is None else load_ct(str(FILES[kind](tmp_path / "net.safetensors")), "cuda")
    found = run(method, prior, low.cuda(), seed=1).values.cpu()
    assert (found - expected).norm() < 0.05 * (expected - low).norm()


@pytest.mark.parametrize("name", CHOSEN)
def test_progress_rises_to_the_end(name, priors):
    seen: list[Progress] = []
    method, kind = CHOSEN[name]
    run(method, priors(kind), scan(2)[0], on_step=seen.append)
    shares = [p.done / p.total for p in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize(
    ("method", "kind", "calls"),
    [
        (ColdPixel(steps=4), "cold-pixel", 4),
        (ColdPixel(steps=4, integrator="heun"), "cold-pixel", 7),
        (ColdPixel(steps=4, end="fixed"), "cold-pixel", 4),
        (OneStep(), "one-step", 1),
        (RedCnnMethod(), "red-cnn", 1),
        (Ddpm(steps=4, samples=3), "ddpm", 12),
        (TotalVariation(iterations=2), None, 0),
    ],
)
def test_network_calls_are_counted_a_slice(method, kind, calls, priors):
    assert run(method, priors(kind), scan(2)[0]).calls == calls


@pytest.mark.parametrize("end", ["fixed", "estimated"])
@pytest.mark.parametrize("kind", ["cold-pixel", "unshuffle", "cold-latent"])
def test_one_step_of_cold_diffusion_is_one_pass_over_the_network(end, kind, priors):
    prior, (low, _) = priors(kind), scan(1, 48, 48)
    method = (ColdLatent if kind == "cold-latent" else ColdPixel)(steps=1, end=end)
    z = prior.encode(to_units(low)[:, None])
    by_hand = prior.decode(prior.network(z, z, torch.ones(1), torch.full((1,), 0.25)))[:, 0] * 1024
    assert torch.equal(run(method, prior, low).values, by_hand)


@pytest.mark.parametrize("steps", [1, 10])
@pytest.mark.parametrize("end", ["fixed", "estimated"])
def test_an_untrained_network_returns_the_scan(end, steps, tmp_path):
    """Its answer is a residue, zero before training."""
    options = cold_options("pixel")
    settings = {"kind": "ct-cold", "options": options.as_dict()}
    weights.save(tmp_path / "new.safetensors", UNet(options.architecture).state_dict(), settings)
    low = scan(1)[0].clamp(-1024, 3072)
    found = run(ColdPixel(steps=steps, end=end), load_ct(str(tmp_path / "new.safetensors")), low).values
    assert (found - low).abs().max() < 0.01


def test_the_network_is_told_the_dose_and_nothing_is_drawn(priors):
    low, _ = scan(1)
    method, prior = ColdLatent(steps=2), priors("cold-latent")
    first, again, other = (run(method, prior, low, dose=k, seed=s).values for k, s in ((0.25, 0), (0.25, 1), (0.1, 0)))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_both_ends_differ_from_two_steps_on(priors):
    low, _ = scan(1)
    fixed, estimated = (
        run(ColdPixel(steps=2, end=e), priors("cold-pixel"), low).values for e in ("fixed", "estimated")
    )
    assert not torch.equal(fixed, estimated)


def test_ddpm_draws_are_those_of_seed_and_slice_whatever_else_is_drawn(priors):
    low, _ = scan(2)
    prior = priors("ddpm")
    four = run(Ddpm(steps=3, samples=4), prior, low, seed=1, first_slice=4)
    two = run(Ddpm(steps=3, samples=2), prior, low[1:], seed=1, first_slice=5)
    assert torch.equal(four.samples[:2, 1:], two.samples)
    assert not torch.equal(two.samples, run(Ddpm(steps=3, samples=2), prior, low[1:], seed=2, first_slice=5).samples)
    assert two.std is not None
    assert two.std.shape == low[1:].shape
    assert run(Ddpm(steps=3), prior, low).std is None


def test_ddpm_takes_no_more_steps_than_its_network_knows(priors, tmp_path):
    few = load_ct(str(ddpm_file(tmp_path / "few.safetensors", steps=5)))
    assert run(Ddpm(steps=5), few, scan(1)[0]).calls == 5
    with pytest.raises(InputError, match=r"steps is 6; few\.safetensors has 5"):
        run(Ddpm(steps=6), few, scan(1)[0])


@pytest.mark.parametrize("method", [NonLocalMeans(), TotalVariation()])
def test_classical_methods_bring_a_scan_nearer_to_the_truth(method):
    low, truth = scan(1, 96, 96)
    found = run(method, None, low).values
    assert (found - truth).square().mean() < 0.25 * (low - truth).square().mean()


def test_total_variation_is_that_of_scikit_image():
    """Chambolle's algorithm on the same problem; its weight counts |u - b|^2 twice as much."""
    low, _ = scan(1, 40, 40)
    method = TotalVariation(iterations=400)
    weight = torch.tensor(15.0)
    ours = TotalVariation(strength=1.0, iterations=400).smooth(low[0], weight)
    theirs = denoise_tv_chambolle(low[0].double().numpy(), weight=15.0, eps=1e-9, max_num_iter=4000)
    assert method.iterations == 400
    assert np.abs(ours.numpy() - theirs).max() < 0.5


def test_metal_harms_nothing_but_itself():
    low, _ = scan(1)
    low[0, 20, 20] = 30000.0
    for method in (NonLocalMeans(), TotalVariation()):
        assert run(method, None, low).values[0, 22:, 22:].max() < 3000


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ColdLatent(steps=0), "steps is 0"),
        (lambda: ColdLatent(batch=0), "batch is 0"),
        (lambda: ColdPixel(tile=0), "tile is 0"),
        (lambda: ColdPixel(end="open"), "end is 'open'; choose one of estimated, fixed"),
        (lambda: ColdPixel(grid="karras"), "grid is 'karras'"),
        (lambda: ColdPixel(integrator="euler"), "integrator is 'euler'"),
        (lambda: ColdPixel(end="fixed", integrator="heun"), "a fixed end has none"),
        (lambda: ColdPixel(grid="corediff", integrator="heun"), "heun looks ahead"),
        (lambda: Ddpm(samples=0), "samples is 0"),
        (lambda: Ddpm(eta=2.0), "eta is 2"),
        (lambda: NonLocalMeans(strength=0.0), "strength is 0"),
        (lambda: TotalVariation(strength=float("nan")), "strength is nan"),
        (lambda: TotalVariation(iterations=0), "iterations is 0"),
        (lambda: ct_method_class("magic"), "unknown method 'magic'; choose one of cold-latent"),
    ],
)
def test_bad_options_are_one_line(make, words):
    with pytest.raises(InputError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        (ColdLatent(), "cold-pixel"),
        (ColdPixel(), "cold-latent"),
        (ColdPixel(), "one-step"),
        (OneStep(), "red-cnn"),
        (RedCnnMethod(), "one-step"),
        (Ddpm(), "cold-pixel"),
        (OneStep(), None),
    ],
)
def test_a_network_that_does_not_fit_is_one_line(method, kind, priors):
    with pytest.raises(InputError, match=method.name) as caught:
        run(method, priors(kind), scan(1)[0])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["cold-pixel", "ddpm", "red-cnn"])
def test_a_broken_network_is_one_line(kind, priors, tmp_path, monkeypatch):
    prior = load_ct(str(FILES[kind](tmp_path / "broken.safetensors")))
    method = {"cold-pixel": ColdPixel(steps=3), "ddpm": Ddpm(steps=3), "red-cnn": RedCnnMethod()}[kind]
    with torch.no_grad():
        next(prior.network.parameters()).fill_(float("nan"))
    with pytest.raises(InputError, match=r"broken\.safetensors made NaN or infinity of slices 0 to 0"):
        run(method, prior, scan(1)[0])


def test_every_method_has_a_class_of_its_name():
    for name in CT_METHODS:
        kind = ct_method_class(name)
        assert kind.name == name
        assert kind.__doc__
        assert kind.needs_prior == (kind.default_prior is not None)
