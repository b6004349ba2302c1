"""The manifest is whole at every moment: torn lines are cut off, and two runs cannot write to it."""

import json
import subprocess
import sys

import pytest

from medrecon.batch import locks
from medrecon.batch import manifest as manifest_module
from medrecon.batch.locks import is_at_work
from medrecon.batch.manifest import Entry, Head, Manifest, manifest_name, read_manifest, shard_of
from medrecon.batch.plan import Shard
from medrecon.errors import InputError

HEAD = Head("1", "mri", {"seed": 0}, None, "0/1", 2, "abc")
A, B = Entry("a.h5", "a.h5", "done", 2, 100), Entry("b.h5", "b.h5", "failed", reason="it is broken")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "manifest.jsonl"


def written(path, *entries):
    manifest = Manifest(path, HEAD)
    for entry in entries:
        manifest.append(entry)
    manifest.close()


def test_a_line_an_entry_and_the_last_one_counts(path):
    written(path, A, B)
    written(path, Entry("b.h5", "b.h5", "done"))
    head, entries, size = read_manifest(path)
    assert head["options"] == {"seed": 0}
    assert [entry.status for entry in entries.values()] == ["done", "done"]
    assert size == path.stat().st_size
    assert len(path.read_text().splitlines()) == 4


@pytest.mark.parametrize("torn", range(1, 60, 7))
def test_a_torn_last_line_is_cut_off(path, torn):
    written(path, A, B)
    data = path.read_bytes()
    path.write_bytes(data[:-torn])
    assert list(read_manifest(path)[1]) == ["a.h5"]
    written(path, B)
    assert path.read_bytes() == data


@pytest.mark.parametrize("size", [0, 1, 30])
def test_a_torn_head_is_written_again(path, size):
    written(path)
    data = path.read_bytes()
    path.write_bytes(data[:size])
    written(path)
    assert path.read_bytes() == data


def test_a_broken_line_within_is_refused(path):
    written(path, A, B)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1][:20], lines[2], ""]))
    with pytest.raises(InputError, match="line 2 is broken; take that line out"):
        read_manifest(path)


def test_a_line_that_does_not_fit_on_the_disk_is_taken_back(path, monkeypatch):
    manifest = Manifest(path, HEAD)
    before = path.read_bytes()
    write = manifest_module.os.write
    monkeypatch.setattr(manifest_module.os, "write", lambda file, data: write(file, data[:10]))
    with pytest.raises(OSError, match="could not be written whole"):
        manifest.append(A)
    assert path.read_bytes() == before
    manifest.close()


def test_another_run_is_refused_while_a_process_of_the_first_lives(path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0.3)
    first = Manifest(path, HEAD)
    with pytest.raises(InputError, match="another medrecon batch is at work"):
        Manifest(path, HEAD)
    program = (
        "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_SH | fcntl.LOCK_NB); print(1, flush=True);"
        "input()"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout.readline() == "1\n"  # a worker may join
    first.close()
    assert is_at_work(path)
    worker.communicate("\n")
    assert not is_at_work(path)
    Manifest(path, HEAD).close()


def test_names_of_manifests():
    assert manifest_name(Shard()) == "manifest.jsonl"
    for shard in (Shard(), Shard(0, 2), Shard(11, 12)):
        assert shard_of(manifest_name(shard)) == shard
    assert shard_of("brain.h5") is None


def test_entries_are_plain_json(path):
    written(path, Entry("a.h5", "a.h5", "done", warnings=("the residual is high",)))
    assert json.loads(path.read_text().splitlines()[1])["warnings"] == ["the residual is high"]
    assert read_manifest(path)[1]["a.h5"].warnings == ("the residual is high",)
