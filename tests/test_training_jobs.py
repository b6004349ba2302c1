"""What the training programs share: jobs are read or refused, passed over, cut short by time and gone on with."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from small_priors import image_file
from torch import nn

from medrecon import weights
from medrecon.training.loop import LoopOptions, Trained
from medrecon.training.loop import train as spend
from medrecon.weights import Record

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import registered_runs  # noqa: E402  (benchmarks is a folder of programs, not a package)
import training_jobs  # noqa: E402
import training_records  # noqa: E402
from training_jobs import Job, Sitting, add_sitting, job_reader, parser_of  # noqa: E402

CPU = torch.device("cpu")


@dataclass
class Hands(training_jobs.Clock):
    """A clock that is set by hand."""

    seconds: float = 0.0


def parsed(*words):
    parser = parser_of("A program.", "pack", "out")
    parser.add_argument("jobs", nargs="+", type=job_reader("NETWORK:SECONDS[:FILE]", {"big": 1, "small": 2}))
    add_sitting(parser)
    return parser.parse_args(["p.h5", "out", *words])


def test_a_job_is_a_network_its_seconds_and_what_it_begins_from():
    given = parsed("big:2.5", "small:0:a.safetensors", "--limit", "9")
    assert given.jobs == [Job("big:2.5", "big", 2.5), Job("small:0:a.safetensors", "small", 0.0, "a.safetensors")]
    assert (given.pack, given.limit, given.toy) == (Path("p.h5"), 9.0, False)
    assert parsed("big:1").limit == 560
    assert job_reader("", most=4)("any:1::mri-image").teacher == "mri-image"


@pytest.mark.parametrize("job", ["big", "huge:3", "big:soon", "big:-1", "big:nan", "big:inf", "big:1:a:b", ":3", ""])
def test_a_wrong_job_is_one_line(job, capsys):
    with pytest.raises(SystemExit) as ended:
        parsed("small:1", job)
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"'{job}' is no job; give NETWORK:SECONDS[:FILE]")


def test_finished_jobs_are_passed_over(tmp_path, capsys):
    jobs, sitting = [Job("a:1", "a", 1.0), Job("b:1", "b", 1.0)], Sitting(tmp_path / "out")
    assert sitting.waiting(jobs) == jobs
    (tmp_path / "out" / "a.json").write_text('{"finished": true}')
    (tmp_path / "out" / "b.json").write_text('{"validation": []}')
    assert sitting.waiting(jobs) == jobs[1:]
    assert "every job is done" not in capsys.readouterr().out
    assert sitting.waiting(jobs[:1]) == []
    assert "every job is done" in capsys.readouterr().out


def test_no_job_is_begun_near_the_end_of_a_call(tmp_path, capsys):
    clock, begun = Hands(), []
    jobs = [Job(f"{name}:5", name, 5.0) for name in "abc"]

    def train(job):
        begun.append(job.name)
        clock.seconds += 5
        return True

    sitting = Sitting(tmp_path, 10.0, clock)
    for job in jobs:
        sitting.checkpoint(job).touch()
    sitting.run(jobs, train, 4)
    assert begun == ["a", "b"]
    assert "no time left for c:5 - run again to go on" in capsys.readouterr().out
    assert [sitting.checkpoint(job).exists() for job in jobs] == [False, False, True]
    sitting = Sitting(tmp_path, 100.0, clock)
    sitting.run(jobs[2:], lambda job: False, 4)
    assert sitting.checkpoint(jobs[2]).exists()


def test_a_job_that_time_cut_short_goes_on_from_its_checkpoint(tmp_path, capsys):
    job, clock = Job("a:9", "a", 9.0), Hands()

    def call(limit):
        network, sitting = nn.Linear(2, 1), Sitting(tmp_path, limit, clock)

        def loss(generator):
            clock.seconds += 1
            return network(torch.randn(4, 2, generator=generator)).square().mean()

        options = LoopOptions(steps=6, warm_up=1)
        run = spend(network, loss, options, checkpoint=sitting.checkpoint(job), watch=sitting.watch(job))
        return sitting.cut_short(job, run), run.steps

    assert call(3.5) == (True, 4)
    assert "a stopped at" in capsys.readouterr().out
    assert call(100) == (False, 6)
    said = capsys.readouterr().out
    assert "a goes on at step 4" in said
    assert "stopped" not in said


def test_a_line_is_said_every_so_many_seconds(capsys):
    tell = Hands().report("a", every=20)
    for done in (0, 5, 19, 25, 30, 46):
        tell(SimpleNamespace(done=done, total=60))
    assert [line.split("] ")[1] for line in capsys.readouterr().out.splitlines()] == [
        "a 0 of 60 s", "a 25 of 60 s", "a 46 of 60 s"
    ]  # fmt: skip


@pytest.fixture
def trained(tmp_path):
    tensors, settings, _ = weights.load(image_file(tmp_path / "prior.safetensors"))
    return SimpleNamespace(weights=tensors, settings=settings, run=Trained(tensors, 7, 2.04, []))


def test_a_network_is_scored_in_every_form_that_is_stored(tmp_path, trained):
    last = {name: value + 1 for name, value in trained.weights.items()}
    stored = training_records.store(tmp_path / "new", "a", trained, last)
    assert list(stored.forms) == ["trained", "int8", "last"]
    assert stored.sha256 == weights.load(tmp_path / "new" / "a.safetensors")[2]
    assert weights.load(tmp_path / "new" / "a-last.safetensors")[0].keys() == last.keys()
    assert stored.parameters() == sum(value.numel() for value in last.values())
    prior = stored.prior("last", CPU)
    assert (prior.name, prior.sha256) == ("a", stored.sha256)
    halves = training_records.store(tmp_path, "b", trained, storage="fp16")
    assert list(halves.forms) == ["trained", "fp16"]
    assert not (tmp_path / "b-last.safetensors").exists()


def test_a_record_grows_and_is_finished_when_it_says_so(tmp_path, trained):
    stored, file = training_records.store(tmp_path, "a", trained), tmp_path / "a.json"
    kept = stored.record(LoopOptions(), CPU, recipe="a program")
    known = {"recipe", "options", "steps", "seconds", "history", "sha256", "versions"}
    assert set(json.loads(file.read_text())) == known
    assert not training_records.finished(file)
    kept.add(validation_int8={"loss": 1.0})
    kept.add(finished=True)
    assert set(json.loads(file.read_text())) == {*known, "validation_int8", "finished"}
    assert training_records.finished(file)
    assert not training_records.finished(tmp_path / "b.json")


def test_a_registered_run_and_its_card_tell_the_same():
    footprint = {"finest_mm": 0.7, "coarsest_mm": 2.0}
    run = {
        "steps": 10, "seconds": 3.14, "history": [[1.0, 5, 0.5, 1e-3]], "versions": {},
        "options": {"batch": 4, "augmentation": {"footprint": footprint}},
    }  # fmt: skip
    facts = registered_runs.run_facts(run)
    assert facts == {"steps": 10, "seconds": 3.1, "images": 40, "device": "cpu", "final_loss": 0.5}
    assert registered_runs.run_facts(run | {"history": []})["final_loss"] is None
    training, pixels = facts | {"stored": registered_runs.STORED}, registered_runs.pixel_range(run)
    record = Record("n", "hfs", "n.safetensors", "0", "free", "us", 2_000_000, pixels, training)
    card = registered_runs.card_facts(record, 2**20)
    assert (card["mib"], card["parameters"], card["low"], card["high"], card["images"]) == (1.0, 2.0, 0.7, 2.0, 40)
