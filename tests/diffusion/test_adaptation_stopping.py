"""Stop rules on curves that are known."""

import pytest
import torch

from medrecon.diffusion.adaptation.misfit import Losses
from medrecon.diffusion.adaptation.stopping import Count, Discrepancy, HoldOut, Watch


def run(rule, held, fit_power=None, noise_power=1.0):
    """The watch after curves `(iterate, slice)`, and how many iterates each slice ran."""
    held = torch.tensor(held)
    power = torch.zeros_like(held) if fit_power is None else torch.tensor(fit_power)
    watch, ran = Watch.begin(held.shape[1], held.device), torch.zeros(held.shape[1], dtype=torch.int32)
    kept = []
    for number, (h, p) in enumerate(zip(held, power, strict=True)):
        ran += watch.running
        watch, keeps = rule.after(Losses(h, h, p, h, torch.full_like(h, noise_power)), torch.tensor(number), watch)
        kept.append(keeps)
    return watch, ran.tolist()


def test_hold_out_keeps_the_minimum_and_stops_a_while_after_it():
    curve = [[1.0 - 0.1 * i] if i < 6 else [0.5 + 0.05 * (i - 5)] for i in range(30)]
    watch, ran = run(HoldOut(patience=7), curve)
    assert watch.kept.tolist() == [5]
    assert ran == [5 + 1 + 7]
    assert not watch.running.any()
    assert watch.score.item() == pytest.approx(0.5)


def test_hold_out_forgives_a_bump_that_is_shorter_than_its_patience():
    curve = [1.0, 0.8, 0.9, 0.95, 0.9, 0.6, 0.7, 0.7, 0.7, 0.7, 0.7, 0.5]
    watch, _ = run(HoldOut(patience=5), [[v] for v in curve])
    assert watch.kept.tolist() == [5]
    watch, _ = run(HoldOut(patience=3), [[v] for v in curve])
    assert watch.kept.tolist() == [1]


def test_gains_below_the_share_do_not_count_one_by_one_but_add_up():
    """A tenth of a percent at a time, every second iterate passes 0.15 percent."""
    watch, ran = run(HoldOut(patience=5, gain=1.5e-3), [[0.999**i] for i in range(40)])
    assert watch.running.all()
    assert watch.kept.tolist() == [38]
    watch, ran = run(HoldOut(patience=5, gain=1.5e-3), [[1.0 - 1e-5 * i] for i in range(40)])
    assert ran == [6]
    assert watch.kept.tolist() == [0]


def test_slices_stop_each_by_itself():
    down, up = [1.0 - 0.01 * i for i in range(30)], [1.0 + 0.01 * i for i in range(30)]
    watch, ran = run(HoldOut(patience=4), list(zip(down, up, strict=True)))
    assert watch.running.tolist() == [True, False]
    assert watch.kept.tolist() == [29, 0]
    assert ran == [30, 5]


def test_nothing_is_kept_after_a_stop():
    watch, _ = run(HoldOut(patience=2), [[v] for v in (1.0, 1.1, 1.1, 0.1)])
    assert watch.kept.tolist() == [0]


def test_a_curve_that_is_not_a_number_is_never_kept():
    watch, _ = run(HoldOut(patience=3), [[v] for v in (1.0, float("nan"), float("nan"), float("nan"))])
    assert watch.kept.tolist() == [0]
    assert not watch.running.any()


def test_count_keeps_the_last():
    watch, _ = run(Count(), [[1.0], [3.0], [2.0]])
    assert watch.kept.tolist() == [2]
    assert watch.running.all()


def test_discrepancy_stops_where_the_noise_is_reached_and_keeps_that_iterate():
    powers = [[4.0], [2.0], [1.2], [1.04], [0.8], [0.5]]
    watch, ran = run(Discrepancy(), [[1.0]] * 6, powers)
    assert watch.kept.tolist() == [3]
    assert ran == [4]
    watch, _ = run(Discrepancy(excess=2.5), [[1.0]] * 6, powers)
    assert watch.kept.tolist() == [1]
