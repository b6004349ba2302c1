"""Items that go on: the worker that has one has its rest, a failure costs one link, and nothing is begun any more."""

import sys

import pytest
import torch
from chains import Spell, chains
from fake_ray import FakeRay
from hands import Hands

from medrecon.batch.foreman import TRIES, Foreman
from medrecon.batch.here import HereEngine
from medrecon.batch.local import LocalEngine
from medrecon.batch.ray_engine import RayEngine

CPU = torch.device("cpu")
WORDS = ("abcd", "efgh", "ijkl", "mnop")


def dealt(crew, *words, enough=lambda: False, workers=2, **options):
    return list(Foreman(crew, chains(*words), places=1, workers=workers, enough=enough, **options).run(lambda: False))


def names(outcomes):
    return [outcome.item.name for outcome in outcomes]


@pytest.mark.parametrize("ahead", [0, 2])
def test_a_chain_stays_with_its_worker(ahead) -> None:
    crew = Hands()
    found = dealt(crew, *WORDS, ahead=ahead)
    assert sorted(names(found)) == list("abcdefghijklmnop")
    assert len(crew.begun) == 2
    for word in WORDS:
        assert sum(bool(set(word) & set(hand.seen)) for hand in crew.begun) == 1


def test_a_lost_worker_costs_no_link_that_was_done() -> None:
    crew = Hands({"c": 1})
    found = dealt(crew, *WORDS)
    assert sorted(names(found)) == list("abcdefghijklmnop")
    assert len(crew.begun) == 3
    assert not any(outcome.reason for outcome in found)


def test_a_link_that_costs_its_last_worker_fails_alone() -> None:
    found = dealt(Hands({"c": 9}), *WORDS)
    assert sorted(names(found)) == list("abcdefghijklmnop")
    (failed,) = [outcome for outcome in found if outcome.reason]
    assert failed.item.name == "c"
    assert failed.reason.startswith(f"{TRIES} workers were lost over it")


def test_what_has_begun_is_finished_and_nothing_more_is_begun() -> None:
    crew = Hands()

    def enough():
        return bool(crew.begun and crew.begun[0].seen)

    found = dealt(crew, *WORDS, enough=enough)
    assert 1 <= len(found) <= 2  # a link for each worker
    assert all(hand.ended for hand in crew.begun)
    assert dealt(Hands(), *WORDS, enough=lambda: True) == []


def test_in_this_process_in_order_with_failures_named() -> None:
    found = list(HereEngine(CPU).run(Spell(), chains("ax", "?bc"), lambda: False))
    assert [outcome.found for outcome in found] == [97, None, None, 98, 99]
    assert found[1].reason == "x is no letter; leave it out"
    assert found[2].reason.startswith("ValueError in chains.py, line")
    assert "secret" not in found[2].reason
    left = [0]

    def stop():
        left[0] += 1
        return left[0] > 2

    assert names(HereEngine(CPU).run(Spell(), chains("abcd"), stop)) == ["a", "b"]
    assert names(HereEngine(CPU).run(Spell(), chains("abcd"), lambda: False, stop)) == []


def test_processes_that_write_nothing_need_no_manifest() -> None:
    found = list(LocalEngine(None, workers=2).run(Spell(), chains("ab", "xc"), lambda: False))
    assert {outcome.item.name: outcome.found for outcome in found} == {"a": 97, "b": 98, "x": None, "c": 99}


def test_a_lost_actor_costs_no_link_that_was_done(monkeypatch) -> None:
    fake = FakeRay(patience=(2,))
    monkeypatch.setitem(sys.modules, "ray", fake)
    found = list(RayEngine(None, workers=1).run(Spell(), chains("abc", "xd"), lambda: False))
    assert {outcome.item.name: outcome.found for outcome in found} == {"a": 97, "b": 98, "c": 99, "x": None, "d": 100}
    assert len(found) == 5
    assert len(fake.actors) == 2
