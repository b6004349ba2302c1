"""How items are dealt to workers and taken in again, with workers that are neither processes nor machines."""

from pathlib import Path

import pytest
from hands import Hands

from medrecon.batch.foreman import TRIES, Foreman
from medrecon.batch.plan import FileItem
from medrecon.errors import InputError


def items(out, *slices):
    return [FileItem(f"{i}", out / "in" / f"{i}", out / f"{i}", n) for i, n in enumerate(slices)]


def outcomes(crew, given, **options):
    return list(Foreman(crew, given, **{"places": 1, "workers": 2, **options}).run(lambda: False))


@pytest.mark.parametrize("options", [{}, {"ahead": 3}, {"slices": 40}, {"workers": 9, "places": 4}])
def test_every_item_has_one_outcome(tmp_path, options) -> None:
    crew, given = Hands({"3": 1, "7": 2}), items(tmp_path, *[2] * 12)
    found = outcomes(crew, given, **options)
    assert sorted(outcome.item.name for outcome in found) == sorted(item.name for item in given)
    assert all(outcome.reason is None for outcome in found)
    assert all(hand.ended for hand in crew.begun)


def test_an_item_that_costs_its_last_worker_fails_and_its_neighbours_do_not(tmp_path) -> None:
    given = items(tmp_path, *[1] * 6)
    found = outcomes(Hands({"2": 9}), given, ahead=5)
    failed = [outcome for outcome in found if outcome.reason]
    assert [outcome.item.name for outcome in failed] == ["2"]
    assert failed[0].reason == (
        f"{TRIES} workers were lost over it (went home); is there memory for it? give fewer --workers"
    )
    assert len(found) == 6


def test_a_lost_worker_is_replaced_where_it_was(tmp_path) -> None:
    crew = Hands({"1": 1})
    outcomes(crew, items(tmp_path, *[1] * 9), places=3, workers=3)
    assert [hand.place for hand in crew.begun] == [0, 1, 2, 1]


def test_what_a_lost_worker_has_left_is_taken_away(tmp_path) -> None:
    crew, given = Hands({"0": 1}), items(tmp_path, 1)
    half = tmp_path / ".0123abcd.0"
    half.touch()
    outcomes(crew, given)
    assert not half.exists()


def test_workers_that_refuse_or_never_begin_end_the_run(tmp_path) -> None:
    with pytest.raises(InputError, match="no work today; come again"):
        outcomes(Hands(refused=True), items(tmp_path, 1))
    crew = Hands(stillborn=True)
    with pytest.raises(InputError, match="end before they begin"):
        outcomes(crew, items(tmp_path, 1, 1))
    assert all(hand.ended for hand in crew.begun)


def test_no_more_workers_than_items_and_no_outcome_after_the_stop(tmp_path) -> None:
    crew = Hands()
    run = Foreman(crew, items(tmp_path, 1, 1), places=1, workers=5).run(lambda: len(crew.begun) > 1)
    assert list(run) == []
    assert len(crew.begun) == 2
    assert all(hand.ended for hand in crew.begun)


@pytest.mark.parametrize(
    ("ahead", "slices", "left", "laden", "expected"),
    [
        (0, 0, [9] * 9, [(), ()], [[9], [9]]),
        (2, 0, [9] * 9, [(), (9, 9)], [[9, 9, 9], [9, 9, 9]]),
        (0, 4, [1] * 20, [(), ()], [[1] * 4, [1] * 4]),
        (1, 4, [8, 1, 1, 1, 1, 1, 1], [(), ()], [[8, 1], [1, 1, 1, 1]]),
        (9, 99, [1, 1, 1], [(), ()], [[1, 1], [1]]),
        (9, 99, [None] * 4, [(), (5,)], [[None] * 3, [5, None]]),
    ],
)
def test_items_are_dealt_by_slices_and_never_beyond_a_fair_share(ahead, slices, left, laden, expected) -> None:
    foreman = Foreman(Hands(), items(Path(), *left), places=1, workers=2, ahead=ahead, slices=slices)
    for slices_of_items in laden:
        hand = foreman.crew.begin(0)
        hand.ready = True
        hand.given.extend(items(Path("other"), *slices_of_items))
        foreman.team.append(hand)
    foreman.deal()
    assert [[item.slices for item in hand.given] for hand in foreman.team] == expected
