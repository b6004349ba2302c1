"""Killed and resumed, cut in shards and joined: the rows are those of one run; stale rows are never passed over."""

import json

import pytest
from campaigns import CPU, campaign, rows, volume
from phantom import gaussian

from medrecon.bench.columns import unpacked
from medrecon.bench.plan import Shard
from medrecon.bench.runners import Runner, methods
from medrecon.bench.stale import code_digest, commit
from medrecon.bench.store import Store, head, join, read_rows
from medrecon.errors import InputError
from medrecon.mri.zero_filled import ZeroFilled

SEEDS = (0, 1, 2)
FAST = {"methods": ("zero-filled", "spirit"), "seeds": SEEDS}


class KilledError(BaseException):
    """No failure that is passed over."""


def killed_after(count):
    """A callback that stands for a process that ends when `count` rows are made."""
    left = [count]

    def on_row(row):
        left[0] -= 1
        if not left[0]:
            raise KilledError

    return on_row


def test_killed_and_resumed_equals_uninterrupted(tmp_path) -> None:
    whole = campaign(tmp_path / "whole", **FAST)
    assert whole.run(CPU).left == 0
    for count in (1, 3):
        with pytest.raises(KilledError):
            campaign(tmp_path / "cut", **FAST).run(CPU, on_row=killed_after(count))
    resumed = campaign(tmp_path / "cut", **FAST)
    tally = resumed.run(CPU)
    assert (tally.before, tally.made, tally.planned, tally.left) == (4, 2, 6, 0)
    assert rows(resumed) == rows(whole)
    assert campaign(tmp_path / "cut", **FAST).run(CPU).made == 0


def test_a_unit_that_dies_leaves_the_rows_before_it(tmp_path) -> None:
    def dies(problem, seed):
        raise KilledError

    registry = {**methods([gaussian()]), "control": lambda options: [Runner("control", options, None, dies)]}
    made = campaign(tmp_path / "b", methods=("zero-filled", "sense", "control"), registry=registry)
    with pytest.raises(KilledError):
        made.run(CPU)
    (path,) = made.stores
    assert [row["method"] for row in read_rows(path)] == ["zero-filled", "sense"]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_shards_join_to_the_whole(tmp_path) -> None:
    whole = campaign(tmp_path / "whole", **FAST)
    whole.run(CPU)
    paths = []
    for i in (1, 2):
        shard = campaign(tmp_path / "part", shard=Shard(i, 2), **FAST)
        shard.run(CPU)
        paths += shard.stores
    assert all("shard" in path.name for path in paths)
    out = tmp_path / "joined.json"
    assert join([*paths, paths[0]], out) == (6, read_rows(paths[0]))
    (store,) = whole.stores.values()
    ours, theirs = (sorted(map(_essence, found)) for found in (read_rows(out), store.rows))
    assert ours == theirs


def test_time_that_is_up_stops_between_units(tmp_path) -> None:
    tally = campaign(tmp_path / "b", **FAST).run(CPU, seconds=1e-9)
    assert (tally.made, tally.left) == (0, 6)


def test_a_condition_that_cannot_be_had_is_named_and_passed_over(tmp_path) -> None:
    made = campaign(tmp_path / "b", accel=(2.0, 40.0), methods=("zero-filled",))
    tally = made.run(CPU)
    assert (tally.made, tally.left) == (1, 0)
    ((reason, count),) = tally.impossible.items()
    assert "acceleration 40" in reason
    assert count == 1


def test_rows_say_what_made_them(tmp_path) -> None:
    made = campaign(tmp_path / "b", methods=("spirit",))
    made.run(CPU)
    (row,) = next(iter(made.stores.values())).rows
    assert row["commit"] == commit()
    assert row["code"] == code_digest("spirit", mask="random")
    assert row["weights"] == {"name": "gaussian", "sha256": None}
    assert row["versions"]["torch"]
    assert row["device"] == "cpu"
    assert (row["protocol"], row["reference"]) == ("full-range", "simulated")
    assert (row["network_calls"], row["seed"], row["scored"]) == (3, 0, 2)


def test_rows_of_other_code_stop_the_run_unless_told_otherwise(tmp_path, monkeypatch) -> None:
    first = campaign(tmp_path / "b", **FAST)
    first.run(CPU)
    for user in ("campaign", "stale"):
        monkeypatch.setattr(f"medrecon.bench.{user}.code_digest", lambda method, science, mask: "another")
    with pytest.raises(InputError, match=r"6 rows are stale.*other code") as caught:
        campaign(tmp_path / "b", **FAST).run(CPU)
    assert "\n" not in str(caught.value)
    assert campaign(tmp_path / "b", policy="keep", **FAST).run(CPU).made == 0
    again = campaign(tmp_path / "b", policy="redo", **FAST)
    assert again.run(CPU).made == 6
    assert {row["code"] for row in next(iter(again.stores.values())).rows} == {"another"}


def test_rows_of_earlier_weights_are_told_by_their_hash(tmp_path) -> None:
    def prior(sha256):
        return methods([_named(gaussian(), sha256)])

    one = {"methods": ("spirit", "zero-filled")}
    campaign(tmp_path / "b", registry=prior("1" * 64), **one).run(CPU)
    with pytest.raises(InputError, match=r"1 rows are stale.*earlier weights"):
        campaign(tmp_path / "b", registry=prior("2" * 64), **one).run(CPU)
    kept = campaign(tmp_path / "b", registry=prior("2" * 64), policy="keep", **one)
    assert kept.run(CPU).made == 1
    assert [row["method"] for row in next(iter(kept.stores.values())).rows].count("spirit") == 2
    redone = campaign(tmp_path / "b", registry=prior("3" * 64), policy="redo", **one)
    assert redone.run(CPU).made == 1
    hashes = [row["weights"]["sha256"] for row in next(iter(redone.stores.values())).rows if row["weights"]]
    assert hashes == ["3" * 64]


def test_head_names_every_machine(tmp_path) -> None:
    made = campaign(tmp_path / "b", methods=("zero-filled",), seeds=(0, 1))
    made.run(CPU)
    one, two = next(iter(made.stores.values())).rows
    assert head([one, two])["device"] == "cpu"
    two = {**two, "device": "cuda", "versions": {**two["versions"], "torch": "9.9"}}
    found = head([one, two])
    assert found["device"] == "cpu, cuda"
    assert found["versions"]["torch"].endswith(", 9.9")


def test_foreign_files_are_refused(tmp_path) -> None:
    path = tmp_path / "b_standard_4coils_snr40.json"
    for text in ("not json", '{"rows": [{"method": "tv"}]}', "[]"):
        path.write_text(text)
        with pytest.raises(InputError, match="holds no rows of medrecon bench"):
            campaign(tmp_path / "b")
    with pytest.raises(InputError, match="no such file"):
        join([tmp_path / "none.json"], tmp_path / "out.json")


def test_files_are_one_row_a_line_and_plain_json(tmp_path) -> None:
    made = campaign(tmp_path / "b", methods=("zero-filled",), seeds=SEEDS)
    made.run(CPU)
    ((path, store),) = made.stores.items()
    text = path.read_text()
    assert list(map(unpacked, json.loads(text)["rows"])) == store.rows == Store(path).rows
    assert sum(line.startswith('{"suite"') for line in text.splitlines()) == 3


def test_controls_join_by_one_entry(tmp_path) -> None:
    def solve(problem, seed):
        return ZeroFilled().solve(problem)

    weights = {"name": "net", "sha256": "f" * 64}
    registry = {
        **methods([gaussian()]), "control": lambda options: [Runner("control", options, weights, solve)]
    }  # fmt: skip
    made = campaign(tmp_path / "b", methods=("zero-filled", "control"), registry=registry, sources=[volume()])
    made.run(CPU)
    plain, control = next(iter(made.stores.values())).rows
    assert control["method"] == "control"
    assert control["weights"] == weights
    assert control["slices"] == plain["slices"]


def _essence(row):
    return json.dumps({k: v for k, v in row.items() if "seconds" not in k and "memory" not in k}, sort_keys=True)


def _named(prior, sha256):
    from dataclasses import replace

    return replace(prior, sha256=sha256)
