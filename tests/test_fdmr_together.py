"""Seconds of FDMR's bench by how many slices go at once: what is run, in which order, and what is kept."""

import sys
from pathlib import Path

import pytest
from tiny_ddgan import tiny_file

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

import fdmr_bench
import fdmr_entry
import fdmr_parts
import fdmr_together
from fdmr_scans import SIZE, called, packs
from small_priors import image_file

from medrecon.errors import InputError
from medrecon.mri import method_class
from medrecon.mri.fdmr.method import Fdmr


@pytest.fixture
def data(tmp_path, monkeypatch):
    return packs(tmp_path, monkeypatch)


def test_seconds_by_how_many_go_at_once_are_a_list_of_their_own(data, monkeypatch, capsys):
    prior, image, out = tiny_file(data / "ddgan.safetensors"), image_file(data / "image.safetensors"), data / "b.json"
    monkeypatch.setattr(fdmr_bench, "TINY_SIZES", (1, 16))
    options = ["--ddgan", str(prior), "--image", str(image), "--slices", "1", "--parts", "together"]
    first = called(monkeypatch, fdmr_bench, data, out, *options, "--seconds", "0")
    assert (first["batches"], first["rows"]) == ([], [])
    found = called(monkeypatch, fdmr_bench, data, out, *options)
    order = ["fdmr", "ddpm 6, image prior", "static", "spirit 2"]
    told = [(row["entry"], row["most"], row["batch"]) for row in found["batches"]]
    assert told == [(name, most, min(most, 2)) for name in order for most in (1, 16)]  # of four slices two are no ends
    assert found["rows"] == []
    assert all(0 < row["psnr_foreground"] < 100 and row["seconds_per_slice"] > 0 for row in found["batches"])
    assert all(row["matrix"] == [SIZE, SIZE] and row["network_calls"] >= 2 for row in found["batches"])
    again = called(monkeypatch, fdmr_bench, data, out, *options, "--seconds", "0")
    assert again["batches"] == found["batches"]
    assert "all there" in capsys.readouterr().out


def test_first_come_the_entries_of_the_claim_at_the_last_r():
    def entry(name):
        return fdmr_entry.Entry(name, {}, None, None, None)

    names = ("static", "fdmr", "spirit 20", "ddpm 1000")
    told = [(each.name, accel) for each, accel in fdmr_together.in_order(list(map(entry, names)), [4.0, 8.0])]
    claim = ("fdmr", "ddpm 1000", "static")
    assert told == [*((name, a) for a in (8.0, 4.0) for name in claim), ("spirit 20", 8.0), ("spirit 20", 4.0)]


def test_no_method_deals_the_largest_batch_into_several_calls():
    batches = [Fdmr(**fdmr_parts.PUBLISHED_OPTIONS).batch, Fdmr().batch]
    batches.append(method_class("spirit")().batch)
    assert min(batches) >= max(fdmr_together.SIZES)


def test_a_batch_that_cannot_be_run_leaves_the_row_of_that_entry_to_be_made(data, monkeypatch):
    def refuse(entry, named, most):
        raise InputError("too many")

    monkeypatch.setattr(fdmr_bench, "batch_row", refuse)
    options = ["--ddgan", str(tiny_file(data / "ddgan.safetensors")), "--image", "", "--slices", "1"]
    out = data / "bench.json"
    found = called(monkeypatch, fdmr_bench, data, out, *options, "--parts", "together", "main")
    assert {(each["entry"], each["most"]) for each in found["refused"]} == {
        (name, most) for name in ("fdmr", "static") for most in fdmr_together.TINY_SIZES
    }
    assert {"fdmr", "static"} <= {row["entry"] for row in found["rows"]}
    monkeypatch.setattr(fdmr_bench, "batch_row", lambda *_: pytest.fail("asked once more"))
    assert called(monkeypatch, fdmr_bench, data, out, *options, "--parts", "together", "main") == found
