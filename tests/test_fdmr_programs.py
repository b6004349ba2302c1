"""The programs that settle and measure FDMR, at toy size: what they take, write, and go on from."""

import sys
from pathlib import Path

import pytest
import torch
from ct_pairs import disc
from tiny_ddgan import tiny_file

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

import adapt_image_prior
import fdmr_bench
import fdmr_cases
import fdmr_curves
import fdmr_entry
import fdmr_parts
import fdmr_shift
import sweep_fdmr
from fdmr_scans import SIZE, called, head, packs
from small_priors import image_file

from medrecon import weights
from medrecon.datasets.pack import read_pack, write_pack
from medrecon.datasets.volume import TrainingVolume
from medrecon.diffusion.adaptation.stopping import HoldOut
from medrecon.errors import InputError
from medrecon.mri.fdmr.method import Fdmr


@pytest.fixture
def data(tmp_path, monkeypatch):
    return packs(tmp_path, monkeypatch)


def test_groups_are_named_volumes_of_packs_and_a_missing_file_leaves_its_group_out(data):
    named = {group: [source.name for source in fdmr_cases.sources_of(data, group)] for group in fdmr_cases.GROUPS}
    assert named == {
        "val": ["one", "other"], "tune": ["first_sag", "second"], "sagittal": ["first_sag"], "reformatted": [],
        "brain16": [], "ct-chest": [],
    }  # fmt: skip


def test_a_case_is_made_once(data):
    cases = fdmr_cases.Cases(data, 2, torch.device("cpu"), tiny=True)
    (one,), (again,) = list(cases(["val"], [3.0])), list(cases(["val"], [3.0]))
    assert one is again
    assert one.case.problem.image_shape == (2, SIZE, SIZE)
    assert one.case.problem.maps.shape[1] == fdmr_cases.COILS


def test_the_shifted_pack_holds_planes_across_cubes_and_chests_as_magnitudes(tmp_path):
    cube = TrainingVolume(torch.rand(20, SIZE, SIZE + 4), (1.0, 1.1, 1.0), "cube", "cube")
    chest, skull = disc("chest_a", 6, 64), disc("head_b", 6, 64)
    made = [*fdmr_shift.across([cube, head("thick")], 5), *fdmr_shift.as_magnitudes([chest, skull], 4)]
    write_pack(tmp_path / "shift.h5", made)
    found = {volume.name: tuple(volume.values.shape) for volume in read_pack(tmp_path / "shift.h5")}
    assert found == {"cube_across": (5, 20, SIZE + 4), "chest_a": (4, 32, 32)}
    assert min(volume.values.min() for volume in made) >= 0
    assert [s.name for s in fdmr_cases.sources_of(tmp_path, "ct-chest")] == ["chest_a"]
    assert [s.name for s in fdmr_cases.sources_of(tmp_path, "reformatted")] == ["cube_across"]


@pytest.mark.parametrize("held", [[5, 4, 3, 3.5, 3.2, 3.1, 2.0], [1.0] * 9, [5, 4, 3, 2, 1], [3, 3.1, 2.9, 2.8, 3, 3]])
def test_the_ends_that_are_compared_are_those_of_the_rule(held):
    rule = HoldOut(patience=3)
    kept, ran = fdmr_curves.stopped(rule, torch.tensor(held, dtype=torch.float32)[:, None])
    assert sweep_fdmr.end_of(held, rule) == (int(kept), int(ran))


def test_the_best_end_is_the_quickest_of_those_that_are_nearly_best():
    held = [5.0 - 0.01 * j for j in range(301)]
    each = {"held": held, "at": list(range(301)), "level": [30 + min(j, 35) / 35 for j in range(301)]}
    found = sweep_fdmr.best_end([{"slices": [{**each, "holdout": [20.0] * 301}]}])
    assert (found["trust"], found["iterations"]) == ("level", 40)
    assert sweep_fdmr.fixed_count([{"slices": [each]}], "level") == 35


def test_a_sweep_goes_on_and_the_bench_takes_what_it_chose(data, monkeypatch, capsys):
    prior, out = tiny_file(data / "ddgan.safetensors"), data / "sweep.json"
    options = ["--ddgan", str(prior), "--slices", "2", "--few", "1", "--modes", "modulation"]
    monkeypatch.setitem(sweep_fdmr.ONE_AT_A_TIME, "modulation", {"rate": (1e-2, 3e-2)})
    monkeypatch.setattr(sweep_fdmr, "REFINED", ({"refine": "renoise"}, {"refine": "original"}))
    monkeypatch.setattr(sweep_fdmr, "ENDED", ({"refine": "none"}, {"stop": "count"}))
    first = called(monkeypatch, sweep_fdmr, data, out, *options, "--seconds", "0")
    assert (first["rows"], first["chosen"]) == ([], {})
    whole = called(monkeypatch, sweep_fdmr, data, out, *options)
    assert len(whole["ends"]) == 4
    assert "all there" in capsys.readouterr().out
    again = called(monkeypatch, sweep_fdmr, data, out, *options, "--seconds", "0")
    assert again["rows"] == whole["rows"]
    chosen = whole["chosen"]["modulation"]["options"]
    Fdmr(**chosen)
    assert chosen["refine"] in ("renoise", "original")
    assert {row["options"]["rate"] for row in whole["rows"]} == {1e-2, 3e-2}

    bench = ["--ddgan", str(prior), "--image", "", "--sweep", str(out), "--slices", "2", "--few", "1"]
    found = called(monkeypatch, fdmr_bench, data, data / "bench.json", *bench, "--parts", "main", "--entries", "fdmr")
    (row,) = found["rows"]
    assert row["entry"] == "fdmr"
    assert row["options"]["rate"] == chosen["rate"]
    assert row["options"]["refine"] == chosen["refine"]


def test_the_bench_goes_on_with_every_entry_on_the_same_slices(data, monkeypatch, capsys):
    prior, out = tiny_file(data / "ddgan.safetensors"), data / "bench.json"
    image = image_file(data / "image.safetensors")
    options = ["--ddgan", str(prior), "--image", str(image), "--slices", "2", "--few", "1"]
    first = called(monkeypatch, fdmr_bench, data, out, *options, "--seconds", "0")
    assert "out of time" in capsys.readouterr().out
    assert (first["rows"], first["curves"]) == ([], [])
    parts = ["main", "costly", "curves", "rest"]
    found = called(monkeypatch, fdmr_bench, data, out, *options, "--parts", *parts)
    assert {"fdmr", "fdmr, all weights", "dip", "adadiff", "ddpm 6, image prior", "spirit 2"} <= {
        row["entry"] for row in found["rows"]
    }
    assert all(each["psnr"] is not None for row in found["rows"] for each in row["slices"])
    assert {row["batch"] for row in found["rows"]} == {2}
    assert {len(curve["slices"]) for curve in found["curves"]} == {1}
    assert [curve["entry"] for curve in found["curves"]] == ["fdmr", "fdmr, all weights", "dip"]
    assert all(len(each["at"]) == 7 for curve in found["curves"] for each in curve["slices"])
    assert {line["over"] for line in found["summary"]["gains"]} >= {"static", "adadiff", "dip", "spirit 2"}
    again = called(monkeypatch, fdmr_bench, data, out, *options, "--parts", *parts, "--seconds", "0")
    assert again["rows"] == found["rows"]
    assert "all there" in capsys.readouterr().out


def test_published_levels_name_all_that_was_settled_for_them():
    assert fdmr_parts.PUBLISHED_OPTIONS.keys() >= {"trust", "patience", "iterations"}
    assert Fdmr(**fdmr_parts.PUBLISHED_OPTIONS).trust == "level"


@pytest.mark.parametrize(("own", "other"), [("level", "holdout"), ("holdout", "level")])
def test_the_ablation_has_the_trust_that_the_method_has_not(data, monkeypatch, own, other):
    prior = tiny_file(data / "ddgan.safetensors")
    monkeypatch.setattr(sys, "argv", ["", str(data), "o.json", "--ddgan", str(prior), "--image", "", "--device", "cpu"])
    entries = fdmr_bench.Run(fdmr_bench.arguments()).entries
    entries.quick = {"trust": own}
    told = [each for each in entries.parts()["ablation"][1] if ", trust by " in each.name]
    assert [(each.name, each.options["trust"]) for each in told] == [(f"fdmr, trust by {other}", other)]


def test_what_cannot_be_run_is_told_and_the_rest_goes_on(data, monkeypatch):
    def refuse(entry, named):
        raise InputError(f"{entry.name} breaks down")

    monkeypatch.setattr(fdmr_bench, "row", refuse)
    options = ["--ddgan", str(tiny_file(data / "ddgan.safetensors")), "--image", "", "--slices", "1"]
    found = called(monkeypatch, fdmr_bench, data, data / "bench.json", *options, "--parts", "main")
    assert found["rows"] == []
    assert [each["why"] for each in found["refused"]] == [
        f"{name} breaks down" for name in ("static", "static, posterior", "fdmr")
    ]


def test_every_option_of_the_ablation_is_one_of_the_method(data, monkeypatch):
    prior = tiny_file(data / "ddgan.safetensors")
    monkeypatch.setattr(sys, "argv", ["", str(data), "o.json", "--ddgan", str(prior), "--image", "", "--device", "cpu"])
    entries = fdmr_bench.Run(fdmr_bench.arguments()).entries.parts()
    names = [entry.name for _, asked in entries.values() for entry in asked if isinstance(entry, fdmr_entry.Entry)]
    assert len(set(names)) >= 20


def test_the_image_prior_adapts_once_for_all_iterates(data, monkeypatch):
    tensors, settings, _ = weights.load(image_file(data / "image.safetensors"))
    numbers = torch.Generator().manual_seed(0)
    # an untrained network answers zero, whatever its norms say
    stirred = {k: v + 0.1 * torch.randn(v.shape, generator=numbers) for k, v in tensors.items()}
    weights.save(data / "image.safetensors", stirred, settings)
    options = [
        "--prior",
        str(data / "image.safetensors"),
        "--steps",
        "2",
        "--sigma",
        "0.1",
        "--shown",
        "noised",
        "--slices",
        "2",
    ]
    options += ["--groups", "val", "--at", "0", "3", "--rate", "0.05"]
    found = called(monkeypatch, adapt_image_prior, data, data / "adapted.json", *options)
    (row,) = found["rows"]
    assert row["gain_db"]["0"] == 0
    assert row["gain_db"]["3"] != 0
    by_j = {record["j"]: record for record in row["records"]}
    assert by_j["3"]["kept"] == [3, 3]
    assert all(each in range(4) for each in by_j["E2"]["kept"])
    assert max(by_j["E2"]["held"]) <= max(by_j["0"]["held"])
