"""The engine of one machine: every item has one outcome, whatever becomes of its workers."""

import pytest
from batch_works import Shout, items

from medrecon.batch.foreman import TRIES
from medrecon.batch.local import LocalEngine
from medrecon.batch.manifest import Head, Manifest, read_manifest
from medrecon.batch.run import left_of, work_through
from medrecon.errors import InputError


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def tally_of(out, work, given, stop=lambda: False, **engine):
    manifest = Manifest(out / "manifest.jsonl", Head("1", work.command, work.options, None, "0/1", len(given), ""))
    heard = []
    try:
        tally = work_through(
            LocalEngine(manifest.path, **engine), work, given, left_of(out, given), manifest,
            on_outcome=lambda outcome, _: heard.append(outcome), stop=stop,
        )  # fmt: skip
    finally:
        manifest.close()
    return tally, heard


def test_lost_workers_are_replaced_and_failures_passed_over(tmp_path, out):
    given = items(tmp_path / "in", out, "a", "kill", "bad", "once", "odd", "f", "g")
    tally, heard = tally_of(out, Shout(), given, workers=2, ahead=1)
    assert (tally.done, tally.failed, tally.left) == (4, 3, 0)
    assert sorted(outcome.item.name for outcome in heard) == [item.name for item in given]
    assert [(out / f"{i}.txt").read_text() for i in (0, 3, 5, 6)] == ["A", "ONCE", "F", "G"]
    _, entries, _ = read_manifest(out / "manifest.jsonl")
    reasons = {name: entry.reason for name, entry in entries.items() if entry.status == "failed"}
    assert reasons["1.txt"].startswith(f"{TRIES} workers were lost over it (SIGKILL)")
    assert reasons["2.txt"] == "is bad, ***; write it again"
    assert reasons["4.txt"].startswith("ValueError in batch_works.py, line")
    assert "Roe" not in (out / "manifest.jsonl").read_text()
    assert len(list(out.iterdir())) == 5


def test_a_run_that_is_stopped_goes_on_where_it_was(tmp_path, out):
    given = items(tmp_path / "in", out, *"abcd")
    manifest = out / "manifest.jsonl"
    tally, heard = tally_of(out, Shout(), given, stop=lambda: len(read_manifest(manifest)[1]) > 0)
    assert (tally.done, tally.left) == (1, 3)
    tally, more = tally_of(out, Shout(), given)
    assert (tally.before, tally.done, tally.left) == (1, 3, 0)
    assert [outcome.item.name for outcome in (*heard, *more)] == [item.name for item in given]


def test_workers_that_cannot_begin_end_the_run(tmp_path, out):
    with pytest.raises(InputError, match="no voice; give one"):
        tally_of(out, Shout(refused=True), items(tmp_path / "in", out, "a"))


def test_files_are_worked_on_together_and_each_bears_its_own_failure(tmp_path, out):
    given = items(tmp_path / "in", out, "first", "ab", "hoarse", "bad", "cd", "longer")
    tally, heard = tally_of(out, Shout(together=6), given, ahead=9)
    assert [outcome.item.name for outcome in heard] == [item.name for item in given]
    assert (tally.done, tally.failed) == (4, 2)
    assert heard[2].reason == "no voice is left; rest it"
    shouts = [(out / f"{i}.txt").read_text() for i in (0, 1, 4, 5)]
    assert [shout.split(" of ")[0] for shout in shouts] == ["FIRST", "AB", "CD", "LONGER"]
    assert shouts[3] == "LONGER of 1"
