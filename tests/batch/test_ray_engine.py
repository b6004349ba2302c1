"""`RayEngine`: with a Ray of this process always, with Ray itself where it is installed."""

import socket
import sys

import pytest
from batch_works import Shout, items
from fake_ray import FakeRay

from medrecon.batch.cluster import joined, ray_layout
from medrecon.batch.manifest import Head, Manifest
from medrecon.batch.ray_engine import RayEngine
from medrecon.errors import InputError


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def outcomes(out, given, **options):
    work = Shout()
    manifest = Manifest(out / "manifest.jsonl", Head("1", work.command, work.options, None, "0/1", len(given), ""))
    try:
        return list(RayEngine(manifest.path, **options).run(work, given, lambda: False))
    finally:
        manifest.close()


def test_actors_do_every_item_and_lost_ones_are_replaced(tmp_path, out, monkeypatch) -> None:
    fake = FakeRay(patience=(2, 1))
    monkeypatch.setitem(sys.modules, "ray", fake)
    given = items(tmp_path / "in", out, "a", "b", "bad", "c", "d", "e", "f")
    found = outcomes(out, given, workers=2, ahead=1, gpus=0.5, device="cpu", threads=1)
    assert sorted(outcome.item.name for outcome in found) == [item.name for item in given]
    assert [outcome.item.name for outcome in found if outcome.reason] == ["2.txt"]
    assert [(out / f"{i}.txt").read_text() for i in (0, 1, 3, 4, 5, 6)] == list("ABCDEF")
    assert len(fake.actors) == 4
    assert all(actor.lost for actor in fake.actors)
    asked = fake.actors[0].options
    assert (asked["num_cpus"], asked["num_gpus"], asked["max_restarts"]) == (1, 0.5, 0)
    assert asked["max_concurrency"] >= 2  # `said` waits while items are given


@pytest.mark.parametrize(
    ("resources", "asked", "expected"),
    [
        ({"CPU": 8.0}, {}, {"workers": 8, "threads": 1}),
        ({"CPU": 8.0}, {"threads": 3}, {"workers": 2, "threads": 3}),
        ({"CPU": 8.0, "GPU": 4.0}, {"device": "cpu", "workers": 3}, {"workers": 3, "threads": 1}),
        ({"CPU": 8.0, "GPU": 4.0}, {}, {"device": "cuda:0", "gpus": 1.0, "workers": 4}),
        ({"CPU": 8.0, "GPU": 4.0}, {"workers": 2}, {"gpus": 1.0, "workers": 2}),
        ({"CPU": 8.0, "GPU": 4.0}, {"workers": 6}, {"gpus": 0.5, "workers": 6}),
        ({"CPU": 8.0, "GPU": 4.0}, {"device": "cuda", "workers": 12}, {"gpus": pytest.approx(1 / 3), "workers": 12}),
    ],
)
def test_workers_follow_from_what_the_cluster_has(resources, asked, expected) -> None:
    found = ray_layout(resources, asked.pop("device", "auto"), **asked)
    assert {name: found[name] for name in expected} == expected
    assert ("gpus" in found) == ("gpus" in expected)


@pytest.mark.parametrize(
    ("device", "asked", "said"),
    [
        ("cuda", {}, "the Ray cluster has none"),
        ("cuda:1", {}, "Ray chooses among the GPUs"),
        ("auto", {"workers": 0}, "--workers is 0"),
    ],
)
def test_what_no_cluster_can_give_is_refused(device, asked, said) -> None:
    with pytest.raises(InputError, match=said):
        ray_layout({"CPU": 2.0}, device, **asked)


def test_without_ray_one_line_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'medrecon\[cluster\]'"), joined():
        pass


def test_a_cluster_that_does_not_answer_is_said_at_once(monkeypatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listened to
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setitem(sys.modules, "ray", FakeRay())
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(InputError, match=f"RAY_ADDRESS is {address}, and no Ray answers there"), joined():
            pass


@pytest.mark.filterwarnings("default")
def test_ray_itself_replaces_actors_and_passes_over_failures(tmp_path, out) -> None:
    pytest.importorskip("ray")
    given = items(tmp_path / "in", out, "a", "once", "bad", "c")
    with joined(2) as resources:
        assert resources["CPU"] >= 2
        found = outcomes(out, given, workers=2, ahead=1)
    assert {outcome.item.name: outcome.reason for outcome in found} == {
        "0.txt": None, "1.txt": None, "2.txt": "is bad, ***; write it again", "3.txt": None,
    }  # fmt: skip
    assert [(out / f"{i}.txt").read_text() for i in (0, 1, 3)] == ["A", "ONCE", "C"]
