"""The loop: budgets, checkpoints that go on bit for bit, and what ends a run."""

import dataclasses
import math

import pytest
import torch
from safetensors.torch import save_file

from medrecon.errors import InputError
from medrecon.training.checkpoint import averaged_weights, load_checkpoint, save_checkpoint
from medrecon.training.loop import LoopOptions, rate, train
from medrecon.training.run import Run
from medrecon.training.watch import Entry, Watch

STEPS = LoopOptions(steps=130, warm_up=10, learning_rate=0.02)


def linear():
    network = torch.nn.Linear(3, 1)
    with torch.no_grad():
        network.weight.fill_(0.1)
        network.bias.zero_()
    return network


def quadratic(network):
    def loss_of(g):
        x = torch.randn(16, 3, generator=g)
        return (network(x) - x.sum(1, keepdim=True)).square().mean()

    return loss_of


def trained(options=STEPS, **others):
    network = linear()
    return train(network, quadratic(network), options, **others)


def stopping_at(step):
    calls = []
    return Watch(stop=lambda: calls.append(0) or len(calls) == step)


def same(a, b):
    return all(torch.equal(a.weights[k], b.weights[k]) for k in a.weights)


def test_rate_warms_up_holds_and_decays_to_zero():
    options = LoopOptions(warm_up=10, decay=0.5)
    assert rate(0, 0.0, options) == pytest.approx(0.1)
    assert rate(100, 0.4, options) == pytest.approx(1.0)
    assert rate(100, 0.75, options) == pytest.approx(0.5)
    assert rate(100, 1.0, options) == pytest.approx(0.0, abs=1e-9)


def test_training_stops_at_its_seconds_and_learns():
    run = trained(LoopOptions(seconds=1.0, learning_rate=0.02, warm_up=10, checkpoint_every=9))
    assert 1.0 <= run.seconds < 3.0
    assert run.history[-1].loss < 0.1 * run.history[0].loss
    torch.testing.assert_close(run.weights["weight"], torch.ones(1, 3), atol=0.1, rtol=0)


def test_a_budget_in_steps_repeats_and_decays_with_the_steps():
    run, again = trained(), trained()
    assert (run.steps, run.interrupted) == (130, False)
    assert same(run, again)
    assert [e.steps for e in run.history] == [50, 100]
    expected = [0.02 * rate(n - 1, (n - 1) / 130, STEPS) for n in (50, 100)]
    assert [e.learning_rate for e in run.history] == pytest.approx(expected)


@pytest.mark.parametrize("step", [1, 37, 50, 77, 129])
def test_interrupted_at_any_step_and_resumed_is_bit_equal(tmp_path, step):
    file = tmp_path / "run.checkpoint"
    first = trained(checkpoint=file, watch=stopping_at(step))
    assert (first.steps, first.interrupted) == (step, True)
    resumed = []
    second = trained(checkpoint=file, watch=Watch(on_resume=resumed.append))
    straight = trained()
    assert resumed == [step]
    assert same(second, straight)
    assert [e[1:] for e in second.history] == [e[1:] for e in straight.history]


def test_killed_between_checkpoints_only_the_steps_after_the_last_one_are_repeated(tmp_path):
    class KilledError(Exception):
        pass

    def killed(step):
        if step >= 90:
            raise KilledError

    file, steps = tmp_path / "run.checkpoint", []
    often = dataclasses.replace(STEPS, checkpoint_every=0.0)
    with pytest.raises(KilledError):
        trained(often, checkpoint=file, on_step=lambda p: killed(p.done))
    second = trained(often, checkpoint=file, watch=Watch(on_resume=steps.append))
    assert steps == [89]
    assert same(second, trained())
    assert [p.name for p in tmp_path.iterdir()] == ["run.checkpoint"]


def test_a_changed_setting_is_named(tmp_path):
    file = tmp_path / "run.checkpoint"
    facts = {"loop": {"learning_rate": 0.1, "clip": 1.0}, "batch": 4}
    trained(checkpoint=file, facts=facts, watch=stopping_at(5))
    before = file.read_bytes()
    changed = {"loop": {"learning_rate": 0.2, "clip": 1.0}, "start": "abc"}
    with pytest.raises(InputError) as error:
        trained(checkpoint=file, facts=changed)
    said = str(error.value)
    assert "loop.learning_rate (was 0.1, is now 0.2)" in said
    assert "start (was not set, is now" in said
    assert "batch (was 4, is now not set)" in said
    assert "clip" not in said
    assert file.read_bytes() == before


@pytest.mark.parametrize("poison", ["loss", "weight"])
def test_a_loss_that_is_not_finite_is_one_line_and_keeps_the_last_good_checkpoint(tmp_path, poison):
    network, file = linear(), tmp_path / "run.checkpoint"
    loss_of = quadratic(network)
    calls = []

    def breaking(g):
        calls.append(0)
        loss = loss_of(g)
        if len(calls) == 60 and poison == "loss":
            return loss * math.nan
        if len(calls) == 60:  # a finite loss with a gradient that is not
            return loss + (network.weight.sum() * 0).sqrt()
        return loss

    options = dataclasses.replace(STEPS, checkpoint_every=0.0)
    with pytest.raises(InputError, match="not finite between steps 50 and 60; the last good state is kept in") as error:
        train(network, breaking, options, checkpoint=file)
    assert "--start" in str(error.value)
    assert "\n" not in str(error.value)
    good = averaged_weights(file)
    assert all(value.isfinite().all() for value in good.values())
    resumed = []
    trained(options, checkpoint=file, watch=Watch(on_resume=resumed.append))
    assert resumed == [59]


def test_without_a_checkpoint_a_bad_loss_says_so():
    network = linear()
    with pytest.raises(InputError, match="no checkpoint had been written: train again with a lower"):
        train(network, lambda g: network.weight.sum() * math.nan, STEPS)


def test_a_checkpoint_restores_everything(tmp_path):
    file = tmp_path / "c.checkpoint"
    one = Run.begin(linear(), 0.05, seed=3)
    for _ in range(7):
        one.advance(quadratic(one.network), 0.01, 1.0)
    one.spent, one.history = 1.5, [Entry(1.0, 5, 0.5, 0.01)]
    save_checkpoint(file, one, {})
    other = Run.begin(linear(), 0.05, seed=4)
    load_checkpoint(file, other, {})
    assert (other.step, other.spent, other.history) == (7, 1.5, one.history)
    assert torch.equal(torch.stack(other.running), torch.stack(one.running))
    for run in (one, other):
        run.advance(quadratic(run.network), 0.01, 1.0)
    assert torch.equal(one.network.weight, other.network.weight)
    assert torch.equal(one.ema.weights["weight"], other.ema.weights["weight"])


@pytest.mark.parametrize("content", ["text", "foreign"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    file = tmp_path / "run.checkpoint"
    if content == "text":
        file.write_text("not tensors")
    else:
        save_file({"a": torch.zeros(1)}, file)
    with pytest.raises(InputError, match="checkpoint"):
        trained(checkpoint=file)


def test_history_is_reported_as_it_grows_and_snapshots_leave_the_stream_alone():
    seen, snapshots = [], []
    watch = Watch(on_history=lambda h: seen.append(len(h)), snapshot_every=0.0)
    run = trained(watch=watch, on_average=lambda step, weights: snapshots.append(step))
    assert seen == [1, 2]
    assert snapshots == list(range(1, 131))
    assert same(run, trained())
