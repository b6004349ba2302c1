"""Rows of a campaign do not depend on who makes them, nor on how many."""

import json
from dataclasses import replace

import pytest
from bench_works import begun, mri_bench, processes
from campaigns import CPU, by_identity
from small_priors import image_file

from medrecon.bench.items import by_condition
from medrecon.bench.store import read_rows
from medrecon.errors import InputError

METHODS = ("zero-filled", "sense", "spirit")


@pytest.fixture
def bench(tmp_path):
    prior = image_file(tmp_path / "prior.safetensors")
    return mri_bench(tmp_path, (str(prior),), methods=METHODS, seeds=(0, 1, 2), steps=(2,))


def test_rows_are_equal_for_none_and_two_workers(bench, tmp_path) -> None:
    alone, _ = begun(bench, tmp_path / "alone")
    assert alone.run(CPU).left == 0
    shared, work = begun(bench, tmp_path / "shared")
    said = []
    tally = shared.run_by(processes(2), work, on_row=said.append)
    assert (tally.made, tally.left, tally.failed) == (9, 0, 0)
    assert by_identity(shared) == by_identity(alone)
    assert len(said) == 9
    (path,) = shared.stores
    assert {row["workers"] for row in read_rows(path)} == {2}
    assert json.loads(path.read_text())["workers"] == 2
    (path,) = alone.stores
    assert {row["workers"] for row in read_rows(path)} == {1}


def test_a_worker_that_finds_another_plan_refuses(bench, tmp_path) -> None:
    _, work = begun(bench, tmp_path / "mine")
    other = mri_bench(tmp_path, methods=("sense",))
    _, other = begun(other, tmp_path / "other")
    with pytest.raises(InputError, match="other scans or weights"):
        replace(work, digest=other.digest).on(CPU)
    assert not list(tmp_path.glob("mine*"))


def test_an_item_is_a_condition_and_its_rest_what_is_left_of_it(bench, tmp_path) -> None:
    campaign, _ = begun(bench, tmp_path / "mine")
    items = by_condition((i, unit) for i, unit in enumerate(campaign.plan) if i != 4)
    assert [item.units for item in items] == [(0, 1, 2), (3, 5), (6, 7, 8)]
    rest = items[1].rest
    assert (rest.units, rest.rest, rest.name) == ((5,), None, "row 5")
