"""Tables of FDMR: slices that all entries have, gains on these, equal batches, J by J, where E2 stops. No torch."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

import fdmr_summary as numbers
from sheets import fdmr as fdmr_tables
from sheets import fdmr_batches as batch_tables
from sheets import fdmr_by_j as by_j_tables
from sheets import fdmr_stages as stage_tables
from sheets import fdmr_sweep as sweep_tables
from sheets.parts import REGISTRY

NAMES = ("psnr", "ssim", "psnr_foreground", "ssim_foreground")


def row(entry, psnr, scan="a", group="val", accel=8.0, seconds=1.0, batch=2, **options):
    """`psnr` holds a number a slice, None for one that was left out."""
    return {
        "entry": entry, "group": group, "scan": scan, "accel": accel, "prior": "ddpm", "weights_sha256": "f" * 64,
        "coils": 8, "reference": "simulated", "network_calls": 9, "seconds_per_slice": seconds,
        "peak_memory_mib": None, "batch": batch, "options": options,
        "slices": [dict.fromkeys(NAMES, value) for value in psnr],
    }  # fmt: skip


def at_once(entry, most, seconds, scan="a", accel=8.0, batch=None):
    """A row of how long `most` slices at once took."""
    return {
        "entry": entry, "group": "val", "scan": scan, "accel": accel, "most": most, "batch": batch or most, "coils": 8,
        "reference": "simulated", "seconds_per_slice": seconds,
    }  # fmt: skip


def traced(entry, values, kept, best, group="val"):
    """One slice whose score at J is `values[J]`."""
    each = {
        "at": list(range(len(values))), "psnr_foreground": values, "best": best,
        "stopped": {"kept": kept, "ran": kept + 20, "at": kept},
    }  # fmt: skip
    return {"entry": entry, "group": group, "scan": "a", "accel": 8.0, "slices": [each]}


def record(rows, **more):
    versions = {"medrecon": "0", "torch": "0", "threads": 1}
    head = {"device": "cpu", "commit": "abc", "versions": versions, "snr": 40, "protocol": "full-range"}
    return {**head, "reference": "simulated", "rows": rows, **more}


def body(text):
    return [line.split(" | ") for line in text.splitlines() if line.startswith("| ") and "---" not in line][1:]


def test_scores_are_of_the_slices_that_every_entry_has():
    rows = [row("fdmr", [30.0, 40.0]), row("adadiff", [31.0, None], seconds=10.0)]
    assert {line["entry"]: line["psnr_foreground"] for line in numbers.lines(rows)} == {"fdmr": 30.0, "adadiff": 31.0}
    found = body(fdmr_tables.fdmr_quality([record(rows)]))
    assert [(line[0], line[4]) for line in found] == [("| fdmr", "30.00 / 30.000"), ("| adadiff", "31.00 / 31.000")]


def test_controls_are_not_shipped_and_other_networks_are_earlier_ones():
    rows = [row("ddpm 1000", [30.0]), {**row("fdmr", [30.0]), "prior": "ddgan.safetensors"}]
    told = [line[1] for line in body(fdmr_tables.fdmr_quality([record(rows)]))]
    assert told == ["ddpm `ffffffff`, not shipped", "ddgan `ffffffff`, earlier weights"]
    (sha256,) = [each["sha256"] for each in json.loads(REGISTRY.read_text()) if each["name"] == "mri-ddpm"]
    recorded = {**row("ddpm 1000", [30.0]), "weights_sha256": sha256}
    assert body(fdmr_tables.fdmr_quality([record([recorded])]))[0][1] == "ddpm `26c66cec`, not shipped"


def test_an_entry_that_lacks_a_scan_says_so():
    rows = [row("fdmr", [30.0]), row("fdmr", [40.0], "b"), row("dip 1000", [20.0])]
    assert [line[0] for line in body(fdmr_tables.fdmr_quality([record(rows)]))] == [
        "| fdmr",
        "| dip 1000 (not all slices)",
    ]


def test_gains_are_paired_and_listed_by_volume_with_the_share_of_seconds():
    rows = [
        *(row("fdmr", [x], scan, seconds=0.5) for scan, x in (("a", 30.0), ("b", 20.0))),
        *(row("adadiff", [x, None], scan, seconds=10.0) for scan, x in (("a", 30.2), ("b", 20.4))),
    ]
    (gain,) = numbers.gains(rows)
    assert gain["db"] == pytest.approx(-0.3)
    assert gain["share_of_seconds"] == pytest.approx(0.05)
    (line,) = body(fdmr_tables.fdmr_claims([record(rows)]))
    assert line[3:] == ["-0.30", "-0.20 / -0.40", "1 / 20 |"]


def test_options_have_columns_for_the_r_that_they_were_run_at():
    rows = [row("fdmr", [30.0], accel=4.0), row("fdmr", [20.0]), row("fdmr, R1", [20.5])]
    text = fdmr_tables.fdmr_options([record(rows)])
    assert body(text) == [["| R1", "+0.50", "1 |"]]
    assert "R 8" in text.splitlines()[0]


def test_a_stage_is_told_by_what_it_adds_to_the_one_before_on_the_slices_of_both():
    rows = [
        *(row("static", [30.0, 10.0], accel=a) for a in (4.0, 8.0)),
        *(row("fdmr", [30.6, None], accel=a) for a in (4.0, 8.0)),
        *(row("fdmr, not adapted", [score, 10.0], accel=a) for a, score in ((4.0, 30.5), (8.0, 29.0))),
        row("dip", [20.0, 20.0]), row("static", [1.0], group="sagittal"),
    ]  # fmt: skip
    added = [line[3:] for line in body(stage_tables.fdmr_stages([record(rows)]))]
    assert added == [["–", "– |"], ["+0.50", "-1.00 |"], ["+0.10", "+1.60 |"]]


def test_times_faster_are_those_of_the_ddpm_with_all_steps():
    rows = [row("fdmr", [30.0], seconds=0.5), row("ddpm 1000", [29.0], seconds=4.0)]
    assert [line[6] for line in body(fdmr_tables.fdmr_quality([record(rows)]))] == ["8×", "1×"]


def test_only_entries_with_as_many_slices_at_once_are_held_against_the_time_of_the_ddpm():
    rows = [
        row("fdmr", [30.0], seconds=0.5, batch=6),
        row("ddpm 1000", [29.0], seconds=4.0, batch=6),
        row("dds 20", [29.0], seconds=0.1, batch=2),
        # whatever they were given, slices whose weights adapt go one by one
        row("adadiff", [29.0], seconds=8.0, batch=6, mode="adadiff"),
        row("dip", [29.0], seconds=8.0, batch=6, mode="dip"),
        row("fdmr, all weights", [29.0], seconds=1.0, batch=6, parameters="all"),
    ]
    text = fdmr_tables.fdmr_quality([record(rows)])
    assert {line[0]: (line[3], line[6]) for line in body(text)} == {
        "| fdmr": ("6", "8×"), "| ddpm 1000": ("6", "1×"), "| dds 20": ("2", "–"), "| adadiff": ("1", "–"),
        "| dip": ("1", "–"), "| fdmr, all weights": ("1", "–"),
    }  # fmt: skip
    assert "two at a time" not in text
    shares = {tuple(line[:2]): line[5] for line in body(fdmr_tables.fdmr_claims([record(rows)]))}
    assert shares["| fdmr", "ddpm 1000"] == "1 / 8 |"
    assert shares["| fdmr", "adadiff"] == "1 / 16 (6 against 1) |"
    assert shares["| fdmr, all weights", "adadiff"] == "1 / 8 |"


def test_seconds_by_how_many_go_at_once_stand_against_the_ddpm_with_as_many():
    rows = [
        *(at_once("fdmr", 2, s, scan) for scan, s in (("a", 0.5), ("b", 0.5), ("c", 9.0))),
        *(at_once("ddpm 1000", 2, s, scan) for scan, s in (("a", 1.0), ("b", 1.0), ("c", 1.0))),
        *(at_once("fdmr", 16, s, accel=a, batch=12) for a, s in ((4.0, 0.1), (8.0, 0.3))),
        *(at_once("ddpm 1000", 16, s, accel=a, batch=12) for a, s in ((4.0, 1.0), (8.0, 1.2))),
        at_once("dds 20", 6, 0.02),
    ]
    text = batch_tables.fdmr_batches([record([], batches=rows)])
    assert "seconds a slice, 2 at once | seconds a slice, 6 at once | seconds a slice, 12 at once" in text
    assert "16 slices at most of 3 scans" in text
    assert body(text) == [
        ["| fdmr", "0.5", "–", "0.2", "2×", "–", "7× |"],
        ["| ddpm 1000", "1", "–", "1.1", "1×", "–", "1× |"],
        ["| dds 20 (not all cases)", "–", "0.02", "–", "–", "–", "– |"],
    ]


def test_times_faster_are_of_the_volumes_that_both_have():
    rows = [at_once("fdmr", 2, 0.5), at_once("fdmr", 2, 50.0, "b"), at_once("ddpm 1000", 2, 4.0)]
    assert body(batch_tables.fdmr_batches([record([], batches=rows)]))[0][2] == "8× |"


@pytest.mark.parametrize("more", [{}, {"batches": []}])
def test_results_without_batches_say_so(more):
    assert batch_tables.fdmr_batches([record([row("fdmr", [30.0])], **more)]) == "*Not measured yet.*"


def test_options_stand_apart_against_fdmr_on_their_own_slices():
    rows = [row("fdmr", [30.0, 90.0]), row("fdmr, R2", [29.0, None]), row("fdmr, all weights", [31.0, None])]
    assert [line[:2] for line in body(fdmr_tables.fdmr_options([record(rows)]))] == [["| R2", "-1.00"]]
    assert [line[0] for line in body(fdmr_tables.fdmr_quality([record(rows)]))] == ["| fdmr", "| fdmr, all weights"]


def test_under_shift_the_gain_over_static_and_spirit_is_told():
    rows = [row(entry, [x], group="ct-chest") for entry, x in (("static", 28.0), ("fdmr", 30.0), ("spirit 20", 31.0))]
    found = {line[0]: line[2] for line in body(fdmr_tables.fdmr_shift([record([*rows, row("fdmr", [1.0])])]))}
    assert found["| fdmr, gain over static"] == "+2.00 dB |"
    assert found["| fdmr, gain over spirit 20"] == "-1.00 dB |"
    assert found["| fdmr"] == "30.00 / 30.000 |"


def test_curves_tell_what_e2_gives_away_and_where_dip_is_led():
    curves = [traced("fdmr", [30.0, 33.0, 32.0], kept=2, best=1), traced("dip", [20.0, 31.0, 31.5], kept=2, best=2)]
    ours, _ = numbers.curve_means(curves)
    assert ours["lost_db"] == pytest.approx(1.0)
    assert numbers.leads(curves)[0] | {"first": 0, "last": 1, "over_best_dip": 1} == numbers.leads(curves)[0]
    held = record([], curves=curves)
    assert body(by_j_tables.fdmr_stops([held]))[0][3:] == ["2", "1", "1.00", "22", "0 to 1", "1 |"]
    assert body(by_j_tables.fdmr_by_j([held]))[0][3:] == ["30.00", "1 |"]


def test_gains_of_the_image_prior_are_means_over_scans():
    rows = [
        {
            "method": "spirit", "shown": "noised", "sigma": 0.1, "group": "val", "accel": 8.0, "scan": scan,
            "gain_db": {"0": 0.0, "10": gain, "E2": 0.1}, "records": [{"j": "0", "psnr_foreground": [30.0]}],
        }
        for scan, gain in (("a", 0.2), ("b", 0.6))
    ]  # fmt: skip
    (line,) = body(by_j_tables.image_adaptation([record(rows)]))
    assert line[5:] == ["30.00", "+0.40", "+0.10 |"]


def test_the_sweep_names_what_was_chosen_and_the_ends_that_go_with_it():
    options = {"parameters": "modulation", "rate": 0.01}
    chosen = {**options, "trust": "level", "patience": 20, "iterations": 100}
    ends = [
        {"base": base, "options": {"refine": "none"}, "scan": "a", "accel": 8.0, "seconds_per_slice": 1.0,
         "mean": {"psnr_foreground": x}}
        for base, x in ((chosen, 30.0), ({**chosen, "patience": 10}, 99.0))
    ]  # fmt: skip
    line = {"trust": "level", "patience": 20, "iterations": 100, "psnr": 30.0, "ran": 50.0}
    compared = [{"options": {**options, "rate": r}, **line, "psnr": x} for r, x in ((0.03, 29.0), (0.01, 30.0))]
    held = record(
        [{"scan": "a", "accel": 8.0}], compared=compared, ends=ends,
        chosen={"modulation": {"options": {**chosen, "refine": "renoise"}, "fixed_count": 40}},
    )  # fmt: skip
    assert [found[:2] for found in body(sweep_tables.fdmr_sweep([held]))] == [
        ["| modulation, chosen", "rate 0.01"],
        ["| modulation", "rate 0.03"],
    ]
    (end,) = body(sweep_tables.fdmr_ends([held]))
    assert end[1:4] == ["refine none", "30.00 (R 8)", "30.00"]


def test_figures_have_a_panel_an_r_and_a_point_an_entry():
    rows = [row("fdmr", [30.0], seconds=0.5), row("static", [20.0], seconds=0.1), row("fdmr", [33.0], accel=4.0)]
    figure = fdmr_tables.fdmr_cost([record(rows)])
    assert figure.panels == {"R 8": {"fdmr": [(0.5, 30.0)], "static": [(0.1, 20.0)]}, "R 4": {"fdmr": [(1.0, 33.0)]}}
    found = by_j_tables.fdmr_curves([record([], curves=[traced("fdmr", [30.0] * 11, 0, 0)])])
    assert found.panels == {"R 8": {"fdmr": [(0.0, 30.0), (10.0, 30.0)]}}
