import dataclasses

import pytest
import torch

from medrecon.datasets.volume import TrainingVolume
from medrecon.networks import EDMDenoiser, UNet, UNetOptions
from medrecon.training.edm_loss import LevelOptions, edm_loss
from medrecon.training.ema import EMA
from medrecon.training.loop import LoopOptions, rate, train
from medrecon.training.mri_image import NETWORKS, MriImageOptions, initialise, train_mri_image

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


def test_rate_warms_up_holds_and_decays_to_zero():
    options = LoopOptions(warm_up=10, decay=0.5)
    assert rate(0, 0.0, options) == pytest.approx(0.1)
    assert rate(100, 0.4, options) == pytest.approx(1.0)
    assert rate(100, 0.75, options) == pytest.approx(0.5)
    assert rate(100, 1.0, options) == pytest.approx(0.0, abs=1e-9)


def quadratic(network):
    def loss_of(g):
        x = torch.randn(16, 3, generator=g)
        return (network(x) - x.sum(1, keepdim=True)).square().mean()

    return loss_of


def test_training_stops_at_its_budget_and_learns():
    network = torch.nn.Linear(3, 1)
    initialise(network, 0)
    run = train(
        network, quadratic(network), LoopOptions(seconds=1.0, learning_rate=0.02, warm_up=10, checkpoint_every=9)
    )
    assert 1.0 <= run.seconds < 3.0
    assert run.history[-1][2] < 0.1 * run.history[0][2]
    torch.testing.assert_close(run.weights["weight"], torch.ones(1, 3), atol=0.1, rtol=0)


def test_a_checkpoint_restores_weights_average_optimiser_and_random_state(tmp_path):
    from medrecon.training.checkpoint import load_checkpoint, save_checkpoint

    def fresh():
        network = torch.nn.Linear(3, 1)
        initialise(network, 0)
        return network, EMA(network), torch.optim.Adam(network.parameters(), lr=0.01), generator(5)

    def advance(network, ema, optimiser, g, first, last):
        for step in range(first, last):
            quadratic(network)(g).backward()
            optimiser.step()
            optimiser.zero_grad()
            ema.update(network, step)

    straight = fresh()
    advance(*straight, 1, 21)
    halves = fresh()
    advance(*halves, 1, 11)
    save_checkpoint(tmp_path / "c.safetensors", *halves, (10, 1.5, [(1.0, 10, 0.5)]))
    resumed = fresh()
    assert load_checkpoint(tmp_path / "c.safetensors", *resumed) == (10, 1.5, [(1.0, 10, 0.5)])
    advance(*resumed, 11, 21)
    assert torch.equal(resumed[0].weight, straight[0].weight)
    assert torch.equal(resumed[1].weights["weight"], straight[1].weights["weight"])


def test_recipe_trains_on_volumes_and_says_how_to_use_the_weights(monkeypatch):
    monkeypatch.setitem(NETWORKS, "small", TINY)
    z, y, x = torch.meshgrid(*[torch.linspace(-1, 1, 24)] * 3, indexing="ij")
    values = ((z**2 + y**2 + x**2) < 0.8).float() * (1 + 0.3 * torch.sin(9 * x * y))
    volume = TrainingVolume(values, (4.0, 4.0, 4.0), "nobody", "ball")
    options = MriImageOptions(network="small", size=32, batch=2, loop=LoopOptions(seconds=1.0, warm_up=5))
    trained = train_mri_image([volume], options, torch.device("cpu"))
    assert trained.run.steps >= 1
    assert set(trained.weights) == set(UNet(TINY).state_dict())
    no_time = dataclasses.replace(options, loop=LoopOptions(seconds=0.0))
    again = train_mri_image([volume], no_time, torch.device("cpu"), start=trained.weights)
    assert all(torch.equal(again.weights[k], v) for k, v in trained.weights.items())
    assert trained.settings["network"] == TINY.as_dict()
    assert 0.05 < trained.settings["sigma_data"] < 1.0
