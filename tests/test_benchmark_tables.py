"""Tables agree with their results; one weight per R; differences on the same slices and masks. No torch."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import tables  # noqa: E402
from sheets import comparison  # noqa: E402  (benchmarks is a folder of programs, not a package)
from sheets import parts as table_parts  # noqa: E402
from sheets import quality as quality_tables  # noqa: E402
from sheets.ablation import ablation  # noqa: E402


def row(method, psnr, scan="a", seed=0, accel=4.0, sha256=None, **options):
    slices = [dict.fromkeys(("psnr", "ssim", "psnr_foreground", "ssim_foreground"), value) for value in psnr]
    return {
        "mask": "random", "accel": accel, "seed": seed, "scan": scan, "coils": 8, "net_acceleration": accel,
        "method": method, "options": options, "weights": sha256 and {"name": "net", "sha256": sha256},
        "protocol": "full-range", "reference": "simulated", "slices": slices, "network_calls": options.get("steps", 0),
        "seconds_per_slice": 1.0, "calibration_seconds_per_slice": 0.5,
    }  # fmt: skip


def record(rows):
    versions = {"medrecon": "0", "torch": "0", "threads": 1}
    return {"device": "cpu", "commit": "abc", "versions": versions, "snr": 40, "rows": rows}


def line(rows, method, choice=""):
    (found,) = [v for v in comparison.variants(rows) if (v.method, v.choice) == (method, choice)]
    return found


@pytest.mark.parametrize("page", tables.PAGES, ids=lambda path: path.name)
def test_pages_agree_with_results(page):
    text = page.read_text()
    assert tables.BLOCK.search(text)
    assert tables.regenerated(text, page.parent) == text, "run python benchmarks/tables.py"
    assert text.count("<!-- table:") == text.count("<!-- /table -->") == len(tables.BLOCK.findall(text))


@pytest.mark.parametrize("page", tables.PAGES, ids=lambda path: path.name)
def test_networks_that_left_the_registry_are_called_earlier_weights(page):
    known = {entry["sha256"] for entry in json.loads(tables.REGISTRY.read_text())}
    for text in re.split(r"<!-- table:", page.read_text())[1:]:
        files = text.split(" -->")[0].split("/")[1].split("+")
        held = [path for stem in files if (path := tables.RESULTS / f"{stem}.json").exists()]
        hashes = {h for path in held for h in re.findall(r'sha256": ?"([0-9a-f]{64})"', path.read_text())}
        for stale in hashes - known:
            shown = [part for part in text.split("<!-- /table -->")[0].split("|") if stale[:8] in part]
            assert all("earlier weights" in part or "not shipped" in part for part in shown)


def test_an_edited_number_is_noticed():
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    number = re.search(r"\d\d\.\d\d / 0\.\d{3}", page)
    edited = page.replace(number[0], "99.99 / 0.999", 1)
    assert tables.regenerated(edited) == page != edited


def test_unknown_hash_is_earlier_weights():
    known = json.loads(tables.REGISTRY.read_text())[0]["sha256"]
    assert "earlier weights" in table_parts.prior({"name": "net", "sha256": "0" * 64})
    assert "earlier weights" not in table_parts.prior({"name": "net", "sha256": known})


def test_one_weight_for_all_scans_and_seeds():
    """Scan a likes 0.1, scan b 0.4; over both 0.2 is best, though it is best on neither."""
    by_weight = {0.1: (40, 20), 0.2: (38, 30), 0.4: (25, 35)}
    rows = [
        row("tv", [p], scan, noise_factor=w) for w, ps in by_weight.items() for scan, p in zip("ab", ps, strict=True)
    ]
    best = line(rows, "tv", comparison.BEST)
    assert {r["options"]["noise_factor"] for r in best.rows} == {0.2}
    assert best.score("psnr_foreground") == 34


def test_a_weight_tried_on_some_scans_only_cannot_be_best():
    rows = [row("tv", [30 + w], scan, noise_factor=w) for w in (0.1, 0.2) for scan in "ab"]
    best = line([*rows, row("tv", [90], "a", noise_factor=0.4)], "tv", comparison.BEST)
    assert {r["options"]["noise_factor"] for r in best.rows} == {0.2}


def test_rule_is_the_default_of_the_method_and_no_options_mean_the_rule():
    rule = comparison.rule_factor("wavelet")
    rows = [row("wavelet", [30], "a"), row("wavelet", [31], "b", noise_factor=rule)]
    assert line(rows, "wavelet", comparison.RULE).n_slices == 2
    assert len(comparison.variants(rows)) == 1  # a single weight is no sweep


def test_differences_pair_slices_and_masks():
    """Another seed's and another scan's rows have no partner; the order of rows does not matter."""
    theirs = [row("tv", [30, 20], "a", 1), row("tv", [10, 10], "a", 0)]
    ours = [
        row("dds", [11, 12], "a", 0, sha256="f"),
        row("dds", [31, 23], "a", 1, sha256="f"),
        row("dds", [50], "b", sha256="f"),
    ]
    found = comparison.differences(line(ours, "dds"), line(theirs, "tv", comparison.RULE))
    assert found == {"a": {0: [1, 2], 1: [1, 3]}}


def test_baseline_is_the_better_and_best_weights_go_before_the_rule():
    tv, wavelet = comparison.rule_factor("tv"), comparison.rule_factor("wavelet")
    rows = [
        row("tv", [30], noise_factor=tv),
        row("tv", [31], noise_factor=2 * tv),
        row("wavelet", [33], noise_factor=wavelet),
    ]
    assert comparison.baseline(comparison.variants(rows[::2])).method == "wavelet"
    chosen = comparison.baseline(comparison.variants(rows))
    assert (chosen.method, chosen.choice) == ("tv", comparison.BEST)


def test_interval_resamples_volumes():
    low, high = comparison.interval([[0.0] * 10, [1.0] * 10] * 4)
    assert low == pytest.approx(0.125, abs=0.13)
    assert high == pytest.approx(0.875, abs=0.13)
    assert comparison.interval([[1.0, 3.0]] * 8) == (2, 2)


def test_experiments_stand_in_rows_of_their_own():
    rows = [row("spirit", [30], sha256="f", steps=50), row("spirit", [40], sha256="f", steps=50, cg=10)]
    text = quality_tables.quality([record(rows)])
    assert "| `spirit` |" in text
    assert "| `spirit`, cg 10 |" in text


def test_partial_rows_say_so_and_repeated_rows_count_once():
    rows = [row("sense", [30, 31], "a"), row("sense", [30, 31], "b"), row("zero-filled", [20, 20], "a")]
    text = quality_tables.quality([record(rows), record(rows)])
    assert "`zero-filled` (2 of 4 slices)" in text
    assert "4 slices of 2 scans" in text


def test_the_low_band_has_a_column_where_some_row_has_its_error():
    errors = {"a": 0.01, "b": 0.02, "c": None}
    hfs = [{**row("hfs", [30], scan, sha256="f"), "low_band_error": error} for scan, error in errors.items()]
    others = [row("hfs-paper", [29], sha256="f"), row("tv", [28])]
    text = quality_tables.quality([record([*hfs, *others])])
    assert "| calls | ± over seeds | low band off by |" in text
    assert text.count("| 1.50 % |") == 1
    assert text.count("| – |\n") == 2
    assert "low band" not in quality_tables.quality([record([*others, hfs[2]])]).lower()


def test_missing_results_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    assert tables.block("quality", "nothing") == "*Not measured yet: `benchmarks/results/nothing.json`.*"


def test_seconds_say_which_machine_where_files_come_from_two():
    cpu, cuda = record([row("tv", [30])]), {**record([row("dds", [31], sha256="f")]), "device": "cuda"}
    text = quality_tables.quality([cuda, cpu])
    assert "| 1.5 (cpu) |" in text
    assert "| 1.5 (cuda) |" in text
    assert "(cpu)" not in quality_tables.quality([cpu])


def test_difference_to_sense_is_by_volume():
    rows = [row("sense", [30, 32], "a"), row("sense", [40], "b"), row("dds", [31, 34], "a", sha256="f")]
    text = quality_tables.paired_sense([record([*rows, row("dds", [39], "b", sha256="f")])])
    assert "| random 4 | `sense` (34.00) | a | +1.50 |" in text
    assert "| random 4 | `sense` (34.00) | b | -1.00 |" in text


def test_summary_leaves_out_what_was_run_on_fewer_slices():
    """A mean over other slices would stand beside the others as if it were of the same ones."""
    whole, part = row("dds", [30, 32], "a", sha256="f"), row("spirit", [40, None], "a", sha256="f")
    text = quality_tables.summary([record([whole, {**part, "scored": 1}])])
    assert "31.00" in text
    assert "40.00" not in text


def test_ablation_shows_differences_from_the_recipe():
    runs = {"base": [30.0, 32.0], "phase": [29.0, 31.0]}
    rows = [{"run": run, "steps": 5, "by_r": {"4": values, "8": values}} for run, values in runs.items()]
    text = ablation([{**record(rows), "seconds": 240.0}])
    assert "| nothing | 5 | 31.00 | 31.00 | 31.00 |" in text
    assert "| phase | 5 | -1.00 | -1.00 | -1.00 |" in text


def test_spread_over_seeds_stands_beside_the_low_band():
    banded = [
        {**row("hfs", [31 + 2 * s], seed=s, sha256="e", steps=20), "scored": 1, "low_band_error": 0.01 + 0.002 * s}
        for s in (0, 1)
    ]
    plain = [{**row("dds", [30 + s], seed=s, sha256="f", steps=20), "scored": 1} for s in (0, 1)]
    assert "over seeds" not in quality_tables.quality([record(plain)])
    text = quality_tables.quality([record(plain + banded)])
    assert "| 0.71 | – |" in text
    assert "| 1.41 | 1.10 % ± 0.14 |" in text
