"""Tables of lesions, noise, maps, spread and prediction from rows whose numbers are known. No torch."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import tables  # noqa: E402  (benchmarks is a folder of programs, not a package)
from sheets import trust as trust_tables  # noqa: E402

VERSIONS = {"medrecon": "0", "torch": "0", "threads": 1}


def row(method, psnr=(30.0, 32.0), scan="a", **changes):
    slices = [dict.fromkeys(("psnr", "ssim", "psnr_foreground", "ssim_foreground"), value) for value in psnr]
    known = [value for value in psnr if value is not None]
    return {
        "suite": "some", "scan": scan, "coils": 8, "snr": 40.0, "simulated_slices": 2, "mask": "random", "accel": 4.0,
        "seed": 0, "method": method, "options": {}, "asked_slices": None, "weights": None, "code": "c",
        "net_acceleration": 4.0, "protocol": "full-range", "reference": "simulated", "slices": slices,
        "scored": len(known), "mean": {"psnr_foreground": sum(known) / len(known)}, **changes,
    }  # fmt: skip


def record(rows):
    return {"device": "cpu", "commit": "abc", "versions": VERSIONS, "snr": 40, "rows": rows}


def cells(text, *words):
    """The one line of a table that holds all words, as its cells."""
    (found,) = [line for line in text.splitlines() if line.startswith("|") and all(word in line for word in words)]
    return [cell.strip() for cell in found.strip("|").split("|")]


def lesion(diameter, contrast, recovered, removed=None):
    return {"diameter_mm": diameter, "contrast": contrast, "recovered": recovered, "recovered_on_removal": removed}


def test_every_kind_is_hooked_into_the_tables() -> None:
    for kind in ("lesions", "false_structures", "snr", "maps", "coverage", "holdout"):
        assert kind in tables.KINDS


def test_lesions_by_size_contrast_and_removal() -> None:
    some = [lesion(2.0, 0.4, 0.5), lesion(2.0, -0.1, 0.7), lesion(6.0, -0.4, 0.9, 0.8)]
    text = trust_tables.lesions([record([row("dds", lesions=some), row("sense", lesions=some[:2])])])
    assert cells(text, "R", "2 mm") == [
        "R",
        "method",
        "prior",
        "2 mm",
        "6 mm",
        "±10 %",
        "±40 %",
        "taken out",
        "lesions",
    ]
    assert cells(text, "`dds`") == ["random 4", "`dds`", "–", "0.60", "0.90", "0.70", "0.70", "0.80", "3"]
    assert cells(text, "`sense`")[3:] == ["0.60", "–", "0.70", "0.50", "–", "2"]
    assert text.index("`sense`") < text.index("`dds`")


def test_strongest_false_structure_keeps_sign_and_place() -> None:
    def found(strength, **changes):
        return {"strength": strength, "slice": 1, "y": 20, "x": 30, "diameter_mm": 4.0, **changes}

    rows = [
        row("dds", false_structures=[found(0.1), found(-0.5, y=7)]),
        row("dds", scan="b", false_structures=[found(0.2)]),
    ]
    line = cells(trust_tables.false_structures([record(rows)]), "`dds`")
    assert line[3:] == ["20 %", "-50 %", "4.0 mm", "a, seed 0, slice 1, (7, 30)"]


def test_noise_levels_are_columns() -> None:
    rows = [row("tv", (20.0,), snr=10.0), row("tv", (30.0,), snr=40.0)]
    assert cells(trust_tables.snr([record(rows)]), "`tv`")[3:] == ["20.00 / 20.000", "30.00 / 30.000"]


def test_wrong_maps_are_compared_on_the_same_slices_and_masks() -> None:
    def wrong(where, how, psnr, **changes):
        return row("sense", psnr, perturbed=where, perturbation=how, map_error=0.05, **changes)

    rows = [
        wrong("none", "none", (30.0, 20.0)),
        wrong("none", "none", (40.0, 40.0), seed=1),
        wrong("projection", "12 lines", (29.0, 18.0)),
        wrong("projection", "12 lines", (39.5, 39.5), seed=1),
        wrong("combination", "12 lines", (30.0, 21.0)),
    ]
    text = trust_tables.maps([record(rows)])
    assert cells(text, "projection")[4:] == ["32.50", "-1.00"]
    assert cells(text, "combination")[4:] == ["32.50", "0.50"]
    assert "12 lines 0.050" in text


def test_coverage_is_weighted_by_pixels_and_correlation_stands_beside_the_attainable_one() -> None:
    def slice_of(within, pixels):
        return {
            "within_1_std": within, "within_2_std": 0.9, "rank_correlation": 0.5, "needed_factor": 1.5,
            "attainable_correlation": 0.6, "pixels": pixels,
        }  # fmt: skip

    one = {"mean": {}, "slices": [{"psnr_foreground": 29.0}]}
    found = row(
        "dds",
        options={"steps": 50, "samples": 8},
        coverage=[slice_of(0.8, 300), slice_of(0.4, 100)],
        one_sample=one,
    )
    text = trust_tables.coverage([record([found])])
    assert cells(text, "`dds`, steps 50, samples 8")[3:] == ["70 %", "90 %", "0.50 (0.60)", "1.50", "31.00 / 29.00"]


def test_holdout_ranks_methods() -> None:
    rows = [
        row(method, (psnr, psnr), holdout_nmse=nmse)
        for method, psnr, nmse in (("sense", 20.0, 0.9), ("tv", 25.0, 0.5), ("dds", 30.0, 0.2))
    ]
    text = trust_tables.holdout([record(rows)])
    assert cells(text, "`tv`")[3:] == ["0.500", "25.00"]
    assert "mean of 1 scans and masks: 1.00" in text
    rows[0]["holdout_nmse"], rows[2]["holdout_nmse"] = 0.2, 0.9
    assert "masks: -1.00" in trust_tables.holdout([record(rows)])


def test_part_of_the_slices_is_said_and_its_differences_pair() -> None:
    def wrong(where, psnr):
        return row("dds", psnr, perturbed=where, perturbation=where, map_error=0.1)

    text = trust_tables.maps([record([wrong("none", (30.0, None)), wrong("kernel", (29.0, None))])])
    assert cells(text, "`dds`, 1 of 2 slices")[4:] == ["30.00", "-1.00"]


def test_repeated_rows_count_once_and_earlier_weights_are_called_so() -> None:
    old = {"name": "net", "sha256": "0" * 64}
    rows = [row("dds", weights=old, holdout_nmse=0.5)]
    text = trust_tables.holdout([record(rows), record(rows)])
    assert len(text.splitlines()) == 5
    assert "earlier weights" in cells(text, "`dds`")[2]


def test_methods_outside_the_list_come_last() -> None:
    text = trust_tables.holdout([record([row("control", holdout_nmse=0.5), row("spirit", holdout_nmse=0.5)])])
    assert text.index("`spirit`") < text.index("`control`")


def test_quality_says_how_many_slices_an_expensive_row_has() -> None:
    costs = {"network_calls": 0, "seconds_per_slice": 1.0, "calibration_seconds_per_slice": 1.0}
    rows = [row("sense", **costs), row("dds", (31.0, None), weights={"name": "net", "sha256": "f"}, **costs)]
    text = tables.KINDS["quality"]([record(rows)])
    assert "`dds` (1 of 2 slices)" in text
    assert "31.00" in text


def test_tables_need_no_torch() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'benchmarks')!r}); import tables; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("kind", ["lesions", "maps"])
def test_missing_results_are_named(kind, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    assert tables.block(kind, "nothing") == "*Not measured yet: `benchmarks/results/nothing.json`.*"


def test_margins_pair_slices_and_count_those_below() -> None:
    costs = {"network_calls": 50, "seconds_per_slice": 1.0, "calibration_seconds_per_slice": 1.0}
    net = {"name": "net", "sha256": "f" * 64}
    rows = [
        row("tv", (30.0, 20.0), **costs),
        row("tv", (25.0, 25.0), seed=1, **costs),
        row("dds", (33.0, 19.0), weights=net, **costs),
        row("dds", (26.0, None), seed=1, weights=net, **costs),
        row("dds", (99.0, 99.0), scan="b", weights=net, **costs),
    ]
    found = cells(tables.KINDS["margins"]([record(rows)]), "`dds`")
    assert found[4:] == ["`tv`, weight by the rule (25.00)", "+1.00", "+1.000", "-1.00", "1 of 3 (33 %)"]
