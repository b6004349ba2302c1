"""Tables and plot of HFS: common slices and masks, differences at equal calls, what a sweep found. No torch."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from sheets import hfs as hfs_tables  # noqa: E402
from sheets import hfs_differences  # noqa: E402  (benchmarks is a folder of programs, not a package)
from sheets.comparison import variants  # noqa: E402
from sheets.figure import draw  # noqa: E402
from sheets.hfs_speed import hfs_cost, hfs_speed  # noqa: E402
from sheets.hfs_sweep import hfs_sweep  # noqa: E402
from sheets.shared_slices import shared  # noqa: E402

VERSIONS = {"medrecon": "0", "torch": "0", "threads": 1}
CALLS = {"hfs-paper": 2, "hfs-released": 2, "spirit-paper": 2}


def row(method, psnr, prior=None, seed=0, scan="a", mask="random", accel=8.0, seconds=1.0, band=None, **options):
    slices = [dict.fromkeys(("psnr", "ssim", "psnr_foreground", "ssim_foreground"), value) for value in psnr]
    return {
        "suite": "standard", "mask": mask, "accel": accel, "seed": seed, "scan": scan, "coils": 8,
        "net_acceleration": 5.9 if mask == "hfs-uniform" else accel, "acs": [384, 16], "method": method,
        "options": options, "weights": prior and {"name": prior, "sha256": (prior + "0" * 64)[:64]},
        "protocol": "full-range", "reference": "simulated", "slices": slices, "scored": len(slices),
        "network_calls": CALLS.get(method, 1) * options.get("steps", 0), "seconds_per_slice": seconds,
        "calibration_seconds_per_slice": 0.0, "low_band_error": band,
    }  # fmt: skip


def record(rows, **more):
    return {"device": "cpu", "commit": "abc", "versions": VERSIONS, "snr": 40, "rows": rows, **more}


def hfs(psnr, **more):
    return row("hfs", psnr, "mri-hfs", **{"steps": 20, **more})


def vp(psnr, **more):
    return row("dds", psnr, "mri-hfs-vp", **{"steps": 20, **more})


def cells(text, *wanted):
    """The cells of the one line that holds all of `wanted` as cells."""
    lines = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in text.splitlines() if "|" in line]
    (found,) = [line for line in lines if set(wanted) <= set(line)]
    return found


def test_lines_keep_what_all_of_them_scored():
    """Seed 1 is one's alone, and of seed 0 the other has the second slice alone; a line without any leaves none."""
    one, other = hfs([30, 40]), vp([None, 20])
    first, second = shared(variants([hfs([50, 50], seed=1), one, other]))
    assert [(line.method, line.score("psnr"), line.n_slices) for line in (first, second)] == [
        ("dds", 20, 1),
        ("hfs", 40, 1),
    ]
    assert shared(variants([one, vp([20, 20], seed=3)])) == []


def test_all_methods_are_scored_on_common_seeds_and_one_draw():
    rows = [
        *(hfs([30 + s], seed=s, band=0.01) for s in (0, 1, 2)),
        *(vp([28 + 2 * s], seed=s) for s in (0, 1)),
        *(hfs([99], seed=s, width=4) for s in (0, 1)),
        *(row("dds", [99], "mri-image", seed=s, steps=20, samples=8) for s in (0, 1)),
        *(row("unrolled", [99], "unrolled", seed=s) for s in (0, 1)),
        *(row("tv", [20 + 10 * w], seed=s, noise_factor=w) for s in (0, 1) for w in (0.2, 0.4)),
        vp([27], mask="hfs-uniform", accel=10.0),
    ]
    text = hfs_tables.hfs_all([record(rows)])
    assert "99" not in text
    assert "| random 8 (net 8.00) | hfs-uniform 10 (net 5.90) |" in text
    assert cells(text, "`hfs`")[3:] == ["30.50 / 30.500", "–", "1", "0.71", "1.00 / –"]
    assert cells(text, "`dds`, VP control")[3:] == ["29.00 / 29.000", "27.00 / 27.000", "1", "1.41", "– / –"]
    assert cells(text, "`tv`, best weight")[3] == "24.00 / 24.000"
    assert "mask seeds 0, 1;" in text


def test_published_forms_on_the_same_slices_with_the_spread_of_all_seeds():
    options = {"snr": 0.16, "predictor_weight": 2.5, "corrector_weight": 0.1}
    rows = [
        *(hfs([30 + 2 * s, 40], seed=s, seconds=0.5, band=0.01) for s in (0, 1)),
        row("hfs-paper", [29, None], "mri-hfs", seconds=50.0, band=0.02, steps=1000, **options),
    ]
    text = hfs_tables.hfs_published([record(rows)])
    assert cells(text, "`hfs`")[1] == "20"
    assert cells(text, "`hfs`")[3:] == [
        "30.00 / 30.000", "30.00 / 30.000", "20", "0.5", "0.71 (2 seeds)", "1.00 % ± 0.00",
    ]  # fmt: skip
    slow = cells(text, "`hfs-paper`, snr 0.16, predictor_weight 2.5, corrector_weight 0.1")
    assert slow[5:] == ["2000", "50", "– (1 seeds)", "2.00 %"]
    assert "1 slice of 1 scan (a), mask seeds 0;" in text


def test_difference_from_vp_at_equal_calls_alone():
    rows = [
        hfs([31, 29.5], scan="a"), vp([30, 30], scan="a"), hfs([33], scan="b"), vp([31], scan="b"),
        hfs([99], steps=5), vp([99], steps=10), row("hfs", [99, 99], "mri-image", steps=20), hfs([99, 99], width=4),
    ]  # fmt: skip
    text = hfs_differences.hfs_restriction([record(rows)])
    assert "99" not in text
    found = cells(text, "random 8 (net 8.00)", "20")
    assert found[2:] == ["31.17", "30.33", "+0.83", "67 % of 3", "+0.25, +2.00"]
    assert "`dds` mri-hfs-vp `mri-hfs-`, not shipped" in text


def test_from_eight_volumes_on_intervals_stand_for_volumes():
    rows = [one([p], scan=scan) for scan in "abcdefgh" for one, p in ((hfs, 31), (vp, 30))]
    assert "[+1.00, +1.00]" in hfs_differences.hfs_restriction([record(rows)])


def test_centres_are_told_apart_and_in_order():
    centres = {"16 lines": (32, 31), "8 lines": (30, 31)}
    rows = [
        {**one([p]), "centre": centre}
        for centre, scores in centres.items()
        for one, p in zip((hfs, vp), scores, strict=True)
    ]
    beside = {**row("spirit", [33], "mri-image", steps=20), "centre": "16 lines"}
    text = hfs_differences.hfs_centres([record([*rows, beside])])
    assert cells(text, "8 lines")[3:] == ["30.00", "31.00", "-1.00", "0 % of 1", "-1.00", "–", "–"]
    assert cells(text, "16 lines")[3:] == ["32.00", "31.00", "+1.00", "100 % of 1", "+1.00", "–", "33.00"]
    assert text.index("| 8 lines") < text.index("| 16 lines")


def test_widths_against_half_of_the_centre_in_numerical_order():
    others = [hfs([30 - 1 / w], scan=scan, band=0.02, width=w) for w in (12, 4) for scan in "ab"]
    rows = [hfs([30], band=0.01), {**hfs([30], scan="b", band=0.01), "acs": [14, 384]}, *others]
    text = hfs_differences.hfs_widths([record(rows)])
    assert cells(text, "7–8, half of the centre")[3:] == ["30.00 / 30.000", "1.00 %", "–", "–", "–"]
    assert cells(text, "4")[4:] == ["2.00 %", "-0.25", "0 % of 2", "-0.25, -0.25"]
    assert text.index("| 4 |") < text.index("| 12 |")


def test_stability_over_seeds_that_both_have():
    rows = [*(hfs([30 + s], seed=s) for s in (0, 1, 5)), *(vp([30 + 2 * s], seed=s) for s in (0, 1))]
    others = [one([30], seed=s, accel=4.0) for s in (0, 1) for one in (hfs, vp)]
    text = hfs_differences.hfs_stability([record([*rows, *others])])
    assert cells(text, "random 8 (net 8.00)")[1:] == ["20", "2", "30.50", "0.71", "31.00", "1.41", "–"]
    assert "random 4" not in text


def swept(group, psnr, scan="a", steps=100, **options):
    facts = {"group": group, "method": group, "options": {"steps": steps, **options}, "scan": scan}
    scores = {"mean": psnr and {"psnr_foreground": psnr}, "low_error": psnr and 0.02, "low_spread": psnr and 1e-4}
    return {**facts, **scores, "scored": 4, "prior": "mri-hfs", "weights_sha256": "0" * 64}


def sweep_text(rows):
    return hfs_sweep([record(rows, accel=8.0, protocol="full-range", reference="simulated")])


def test_sweep_ranks_whole_combinations_and_finds_the_released_values():
    weights = {"snr": 0.32, "corrector_weight": 0.1}
    scores = {1.0: 30, 2.5: 26, 5.0: 31, 10.0: 32, 20.0: None}
    rows = [
        swept("hfs-paper", p and p + d, scan, predictor_weight=w, **weights)
        for w, p in scores.items()
        for scan, d in (("a", 0), ("b", 1))
    ]
    text = sweep_text([*rows, swept("hfs-paper", 99, predictor_weight=40.0, **weights)])
    best = cells(text, "1")
    assert best[4:7] == ["predictor_weight 10.0, snr 0.32, corrector_weight 0.1", "32.50", "0.00"]
    assert best[-2:] == ["no", "5 (1)"]
    assert cells(text, "4, released values")[5:7] == ["26.50", "6.00"]
    assert "99" not in text
    assert "8 slices of 2 tuning volumes" in text


@pytest.mark.parametrize(("best", "told"), [(1.0, "the smallest"), (10.0, "the largest")])
def test_a_best_value_at_the_edge_of_the_grid_is_told(best, told):
    rows = [swept("vp", 40 - abs(w - best), width=0, snr=0.43, predictor_weight=w) for w in (1.0, 5.0, 10.0)]
    assert cells(sweep_text(rows), "1")[-2] == f"predictor_weight, {told}"


def test_released_values_that_diverge_are_told():
    weights = {"predictor_weight": 0.2, "corrector_weight": 0.2}
    text = sweep_text([swept("spirit-paper", None, snr=0.7, **weights), swept("spirit-paper", 30, snr=0.4, **weights)])
    assert "| diverged, released values | snr 0.7," in text
    assert cells(text, "1")[-1] == "2 (1)"


def test_defaults_of_hfs_keep_their_place():
    text = sweep_text([swept("hfs", 30, steps=20), swept("hfs", 31, steps=20, told=0.8), swept("hfs", 29, steps=5)])
    assert cells(text, "20", "2, defaults")[6] == "1.00"
    assert cells(text, "5", "1, defaults")[5] == "29.00"


def timed(method, calls, seconds, psnr, group=None, **more):
    scores = dict.fromkeys(("psnr", "ssim", "psnr_foreground", "ssim_foreground"), psnr)
    told = {"method": method, "options": {"steps": calls}, "calls": calls, "seconds": [8 * seconds], "mean": scores}
    return {**told, "seconds_per_slice": seconds, "prior": "mri-hfs", "weights_sha256": "0" * 64,
            **({"group": group} if group else {}), **more}  # fmt: skip


def speeds():
    singly = {"seconds_of_a_tenth": [0.5, 0.4], "singly_seconds_of_a_tenth": [1.0, 0.9]}
    rows = [
        *(timed("hfs", calls, seconds, 30 + calls) for calls, seconds in ((20, 0.05), (5, 0.02))),
        timed("hfs-paper", 2000, 2.0, 28, "hfs-paper", **singly),
        timed("hfs-paper", 2000, 1.0, 29, "vp", seconds_of_a_tenth=[0.1]),
    ]
    facts = {"slices": 8, "accel": 8.0, "coils": 8, "matrix": [256, 256], "protocol": "full-range"}
    return record(rows, **facts, reference="simulated", calibration_seconds_per_slice=0.02)


def test_published_forms_against_ours_at_twenty_calls_recorded_and_launched_singly():
    """All steps singly: 16 s and ten times the 0.5 s that a tenth takes longer, of 8 slices."""
    text = hfs_speed([speeds()])
    assert cells(text, "2", "2000")[-4:] == ["2", "40", f"{21 / 8:.3g}", f"{21 / 8 / 0.05:.0f}"]
    assert cells(text, "`hfs`", "20")[-3:] == ["–", "–", "–"]
    assert cells(text, "1", "2000")[-3:] == ["20", "–", "–"]


def test_plot_of_cost_has_a_marker_a_kind(tmp_path):
    figure = hfs_cost([speeds()])
    curves = figure.panels[""]
    assert list(curves) == ["hfs", "hfs-paper", "VP, predictor-corrector"]
    assert curves["hfs"] == [(0.02, 35), (0.05, 50)]
    assert list(figure.styles.values()) == ["-o", ":^", ":^"]
    draw(figure, tmp_path / "figures" / "cost.svg")
    assert figure.digest in (tmp_path / "figures" / "cost.svg").read_text()
