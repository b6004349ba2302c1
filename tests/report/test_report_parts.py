"""Parts of the page: what is warned of, which slices are shown, drawings of few values, series as results."""

import json
from dataclasses import replace
from itertools import count

import pytest
import torch
from read_page import read_page
from result_folders import ct_result, reconstruction

from medrecon.io import save
from medrecon.report import write_report
from medrecon.report.caveats import caveats
from medrecon.report.drawings import histogram, profile
from medrecon.report.finding import find_results
from medrecon.report.groups import MRI, grouped
from medrecon.report.pictures import Budget, Plan, picture, plan
from medrecon.report.results import Result
from medrecon.report.stack import Panel
from medrecon.weights import record

PSNR = MRI[0]


def result(name="a", values=(30.0, 20.0, 25.0), reference="simulated", n=None, **said):
    slices = [{"psnr": v, "psnr_foreground": v} for v in values]
    scores = {"protocol": "full-range", "reference": reference, "method": {"mean": slices[0], "slices": slices}}
    made = {"method": "tv", "versions": {}, "net_acceleration": 4.0, "scores": scores, **said}
    return Result(name, None, (n or len(values), 40, 40), ("image", "reference"), made, (1.0, 1.0))


def test_residual_and_pixels_outside_the_training_are_warned_of():
    known = record("mri-image-small")
    weights = {"name": known.name, "sha256": known.sha256}
    assert caveats(result(residual=1.0)) == ()
    assert "residual 1.50 is above 1.2" in caveats(result(residual=1.5))[0]
    assert caveats(result(residual=0.5)) == ()
    assert "residual 0.50 is below 0.8" in caveats(result(residual=0.5, weights=weights))[0]
    coarse = replace(result(weights=weights), voxel_mm=(4.0, 4.0))
    assert "pixels of 4 x 4 mm lie outside" in caveats(coarse)[0]
    assert caveats(replace(result(weights={**weights, "sha256": "0"}), voxel_mm=(4.0, 4.0))) == ()
    # a record that kept its warnings is not guessed at
    assert caveats(result(residual=1.5, warnings=["coil 3 is dead"])) == ("coil 3 is dead",)
    assert caveats(Result("a", None)) == ("the file holds no record of how it was made",)


def test_groups_never_mix_protocols_or_references():
    mixed = [result("a"), result("b", reference="combined"), result("c"), Result("d", None)]
    found = grouped(mixed)
    assert [[r.name for r in group.results] for group in found] == [["b"], ["a", "c"], ["d"]]
    assert found[2].scores == ()


@pytest.mark.parametrize("n", [1, 2, 3, 7, 20])
def test_no_slice_is_among_the_worst_and_the_best(n, tmp_path):
    (group,) = grouped([replace(result(values=tuple(float(i) for i in range(n))), path=tmp_path)])
    worst, best = ([place.index for place in places] for places in (group.worst(), group.best()))
    assert worst == list(range(min(4, (n + 1) // 2)))
    assert best == list(range(n - 1, n - 1 - min(4, n // 2), -1))
    assert not set(worst) & set(best)


def test_the_worst_and_the_best_are_among_few_slices():
    values = tuple(30.0 + (i == 13) - (i == 6) for i in range(40))
    shown = Plan(side=96, slices=4).shown(result(values=values), PSNR)
    assert shown == [0, 6, 13, 26, 39]
    assert Plan(side=96, slices=40).shown(result(values=values), PSNR) == list(range(40))
    assert Plan(side=96, slices=1).shown(result(values=values), None) == [0]


def test_pictures_get_smaller_before_slices_get_fewer():
    many = [replace(result(str(i), values=(30.0,) * 30), shape=(30, 320, 320)) for i in range(20)]
    plans = [plan(many, mib * 2**20) for mib in (200, 40, 16, 4, 1)]
    assert [p.side for p in plans] == sorted((p.side for p in plans), reverse=True)
    assert plans[0] == Plan(256, 30)
    assert plans[-1].side == 96


def test_a_picture_is_averaged_down_and_keeps_its_shape():
    image = torch.rand(300, 150, generator=torch.Generator().manual_seed(0))
    made = picture(Panel(image, "error", warm=True), 100, aspect=2.0)
    assert (made.height, made.width, made.aspect) == (100, 50, 1.0)
    budget = Budget(limit=len(made.uri) + 10)
    assert budget.pictures([Panel(image, "error", warm=True)], 100, 2.0) == [made]
    assert budget.pictures([Panel(image, "error", warm=True)], 100, 2.0) is None
    assert budget.spent == len(made.uri)
    assert (
        picture(Panel(torch.full((4, 4), float("nan")), "std"), 8, 1.0).uri
        == picture(Panel(torch.zeros(4, 4), "std"), 8, 1.0).uri
    )


def test_drawings_of_equal_and_of_missing_values():
    svg = read_page(histogram([30.0, 30.0, 30.0], PSNR, "3 slices")).one("svg")
    assert [t.text for t in svg.all("title")] == ["30.00 to 30.00: 3"]
    svg = read_page(profile([30.0, None, 32.0], PSNR)).one("svg")
    assert [rect["data-slice"] for rect in svg.all("rect")] == ["0", "2"]
    heights = [float(rect["height"]) for rect in svg.all("rect")]
    assert heights[0] < heights[1]
    nmse = next(score for score in MRI if score.key == "nmse")
    heights = [float(r["height"]) for r in read_page(profile([0.1, 0.2], nmse)).all("rect")]
    assert heights[0] > heights[1], "the better slice is the taller one"
    assert profile([30.0], PSNR) == ""


def test_a_series_with_a_record_is_a_result(tmp_path):
    from ct_bodies import bodies
    from ct_files import write_ct

    folder = tmp_path / "results"
    folder.mkdir()
    ct_result(folder, "clean")
    (folder / "clean.nii.gz").unlink()
    write_ct(folder / "clean", bodies(3, 64).short().numpy())
    (only,), left_out = find_results(folder)
    assert (only.name, only.is_ct, left_out) == ("clean", True, ())
    write_report(folder, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    page = read_page(text)
    assert len(list(page.one("div", class_="viewer").all("img"))) == 3
    assert not any(word in text for word in ("Roe", "MRN4711", "19700102", "Nowhere"))


def test_a_manifest_of_a_batch_tells_what_files_cannot(tmp_path):
    """Of CT what made it, of all their warnings and what failed; the last line of a killed run may be torn."""
    (tmp_path / "ward").mkdir()
    save(reconstruction(slices=3, residual=1.9), tmp_path / "head.h5")
    ct_result(tmp_path / "ward", "chest")
    (tmp_path / "ward" / "chest.json").unlink()
    options = {"method": "tv", "weight": 0.3, "dose": 0.25, "seed": 3, "slices": [None, None], "keep_identity": False}
    head = {"medrecon": "0.1.0", "command": "ct", "options": options, "weights": {"name": "w", "sha256": "f" * 64}}
    done = {"file": "ward/chest.nii.gz", "out": "ward/chest.nii.gz", "status": "done", "warnings": ["no HU?"]}
    lost = {"file": "ward/leg.nii.gz", "out": "ward/leg.nii.gz", "status": "failed", "reason": "cut off"}
    again = {**lost, "file": "arm.nii.gz", "out": "arm.nii.gz"}
    lines = [head, again, done, lost, {**again, "status": "done"}]
    (tmp_path / "manifest-0of2.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"file": "torn')
    scan = {"file": "head.h5", "out": "head.h5", "status": "done", "warnings": ["coil 3 is dead"]}
    (tmp_path / "manifest-1of2.jsonl").write_text("\n".join(map(json.dumps, [{**head, "command": "mri"}, scan])))
    (mri, ct), left_out = find_results(tmp_path)
    assert left_out == (("ward/leg.nii.gz", "cut off"),)
    assert caveats(mri) == ("coil 3 is dead",)
    assert (ct.name, ct.is_ct, ct.setting) == ("ward/chest", True, "tv · dose 0.25 · w ffffffff")
    assert caveats(ct) == ("no HU?",)
    assert ct.record["options"] == {"weight": 0.3}
    assert ct.record["seed"] == 3


def test_what_failed_in_a_shard_and_was_done_by_a_later_run_is_not_left_out(tmp_path):
    save(reconstruction(slices=2), tmp_path / "head.h5")
    lost = {"file": "head.h5", "out": "head.h5", "status": "failed", "reason": "cut off"}
    gone = {"file": "leg.h5", "out": "leg.h5", "status": "failed", "reason": "cut off too"}
    for name, entries in (
        ("manifest-1of2.jsonl", [lost, gone]),
        ("manifest.jsonl", [{**lost, "status": "done"}, {**gone, "status": "done"}]),
    ):
        (tmp_path / name).write_text("".join(f"{json.dumps(line)}\n" for line in [{"command": "mri"}, *entries]))
    _, left_out = find_results(tmp_path)
    assert left_out == (("leg.h5", "cut off too"),)  # its result was taken away since


def test_of_one_stem_the_fuller_file_is_taken(tmp_path):
    made = reconstruction(slices=3)
    for ending in (".h5", ".nii.gz", ".npy"):
        save(made, tmp_path / f"a{ending}")
    (tmp_path / "a.json").write_text(json.dumps(made.provenance))
    save(made, tmp_path / "b.nii.gz")
    found, left_out = find_results(tmp_path)
    assert [(r.name, r.path.name, r.panels) for r in found] == [
        ("a", "a.h5", ("image", "reference", "std")),
        ("b", "b.nii.gz", ("image",)),
    ]
    assert left_out == ()
    assert found[1].record == made.provenance
    steps = count()
    write_report(tmp_path, tmp_path / "page.html", on_step=lambda _: next(steps))
    assert next(steps) == 2
