"""Two processes on the CPU: gradients are averaged, one of them decides and writes, and a run goes on where it was."""

import multiprocessing
import sys

import pytest
import torch

from medrecon.errors import InputError
from medrecon.training.launch import launch
from medrecon.training.loop import LoopOptions, train
from medrecon.training.watch import Watch

pytestmark = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork")
OPTIONS = LoopOptions(steps=6, warm_up=2, learning_rate=0.02)


def network():
    net = torch.nn.Linear(3, 1)
    with torch.no_grad():
        net.weight.fill_(0.1)
        net.bias.zero_()
    return net


def batch_loss(net, generator):
    x = torch.randn(16, 3, generator=generator)
    return (net(x) - x.sum(1, keepdim=True)).square().mean()


def work(team, device, folder, stop, checkpoint):
    """Train, and leave this process's weights in a file."""
    net = network()
    shared = team.share(net)
    calls = []
    run = train(
        net,
        lambda g: batch_loss(shared, g),
        OPTIONS,
        checkpoint=folder / "run.checkpoint" if checkpoint else None,
        team=team,
        # processes disagree on purpose: process 0 decides
        watch=Watch(stop=lambda: team.rank == 0 and (calls.append(0) or len(calls) == stop)),
    )
    torch.save(run.weights, folder / f"{team.rank}.pt")
    return run.steps, run.interrupted, team.size


def failing(team, device):
    raise InputError("a pack without volumes; give another")


def together(folder, stop=0, checkpoint=False):
    result = launch(work, 2, "cpu", folder, stop, checkpoint, start="fork")
    return result, [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


def by_hand():
    """The same in one process: the mean of the losses of both streams."""
    net = network()
    streams = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
    return train(net, lambda _: sum(batch_loss(net, g) for g in streams) / 2, OPTIONS).weights


def test_two_processes_average_their_gradients_and_resume(tmp_path):
    result, (first, second) = together(tmp_path)
    assert result == (6, False, 2)
    expected = by_hand()
    for name, value in expected.items():
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], value, atol=1e-6, rtol=1e-5)
    result, _ = together(tmp_path, stop=2, checkpoint=True)
    assert result == (2, True, 2)
    result, (resumed, _) = together(tmp_path, checkpoint=True)
    assert result == (6, False, 2)
    assert all(torch.equal(resumed[name], first[name]) for name in first)


def test_bad_input_in_a_process_is_bad_input_here():
    with pytest.raises(InputError, match=r"^a pack without volumes; give another$"):
        launch(failing, 2, "cpu", start="fork")


def test_without_fabric_one_line_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(InputError, match="pip install lightning-fabric, or leave --devices at 1"):
        launch(failing, 2, "cpu")
