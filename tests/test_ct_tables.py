"""Tables of CT: strengths by the rule and by the truth, slices that all lines share, protocols by region. No torch."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

from sheets import ct as ct_tables
from sheets import ct_gate as ct_gate_tables
from sheets import ct_lattice as ct_lattice_tables
from sheets import ct_speed as ct_speed_tables
from sheets import ct_steps as ct_steps_tables
from sheets import ct_training as ct_training_tables

NAMES = ("psnr", "ssim", "rmse")


def row(method, rmse, scan="chest_a", dose=0.25, weights=None, texture=0.5, reference="full dose", **options):
    """`rmse` holds a number a slice, None for one that was left out."""
    slices = [dict.fromkeys(NAMES, value) for value in rmse]
    known = [value for value in rmse if value is not None]
    window = {"mean": {}, "slices": {n: [v and 2 * v for v in rmse] for n in NAMES}}
    return {
        "suite": "ct", "scan": scan, "dose": dose, "seed": 0, "method": method, "options": options,
        "weights": weights and {"name": "net", "sha256": weights}, "protocol": "ct-full", "reference": reference,
        "mean": dict.fromkeys(NAMES, sum(known) / len(known)), "slices": slices, "scored": len(known),
        "windows": {f"ct-{region}": window for region in ("chest", "head", "abdomen")},
        "noise": {"texture": texture, "deviation_ratio": 1.0}, "network_calls": options.get("steps", 0),
        "lesions": [{"diameter_mm": 4.0, "contrast": -20.0, "recovered": 0.8}],
        "seconds_per_slice": None if method == "input" else 0.5, "peak_memory_mib": 100.0,
    }  # fmt: skip


def record(rows):
    return {"device": "cpu", "commit": "abc", "versions": {"medrecon": "0", "torch": "0", "threads": 1}, "rows": rows}


def lines(text):
    return [line for line in text.splitlines() if line.startswith("| ") and "---" not in line][1:]


def test_a_region_is_scored_under_its_own_protocol_and_phantoms_stand_apart():
    rows = [
        row("input", [10.0]),
        row("input", [3.0], "phantom-chest", reference="truth"),
        row("input", [5.0], "head_b"),
    ]
    text = ct_tables.ct_quality([record(rows)])
    for words in ("chest, against full dose (`ct-chest`)", "head, against full dose", "chest, against the truth"):
        assert words in text
    assert "| 20.00 / 20.000 / 20.0 | 10.00 / 10.000 / 10.0 | 6.00 / 6.000 / 6.0 |" in text
    assert "3 slices of 3 scans" in text


def test_the_rules_strength_and_the_best_by_the_truth_over_all_scans_are_two_lines():
    """Scan a likes 1, scan b 4; over both 2 is best, and 8 was tried on one scan alone."""
    by_strength = {None: (9, 9), 1.0: (4, 12), 2.0: (6, 6), 4.0: (12, 4)}
    rows = [
        row("nlm", [value], scan, **({"strength": s} if s else {}))
        for s, values in by_strength.items()
        for scan, value in zip(("chest_a", "chest_b"), values, strict=True)
    ]
    text = ct_tables.ct_quality([record([*rows, row("nlm", [1], "chest_a", strength=8.0)])])
    found = lines(text)
    assert len(found) == 2
    assert "best strength of 4 | – | – | 12.00" in found[0]
    assert "strength by the rule | – | – | 18.00" in found[1]


def test_the_rules_strength_is_one_line_where_it_is_the_best():
    rows = [row("tv", [3.0]), row("tv", [4.0], strength=1.0), row("tv", [5.0], strength=2.0)]
    (found,) = lines(ct_tables.ct_quality([record(rows)]))
    assert "`tv`, strength by the rule, the best of 3 |" in found


def test_minutes_of_training_come_from_a_second_file():
    rows = [row("cold-latent", [1.0], weights="l", steps=2), row("tv", [1.0])]
    runs = record([trained("codec", 60, [3], "c"), trained("cold-latent", 240, [7], "l", codec="c")])
    text = ct_tables.ct_quality([record(rows), runs])
    assert [line.split(" | ")[-1] for line in lines(text)] == ["– |", "5.0 |"]
    assert ct_tables.ct_quality([runs]) == ""


def test_shared_slices_are_those_that_every_line_has():
    rows = [
        row("cold-latent", [1.0, 2.0, 9.0], weights="a" * 64, steps=5),
        row("ddpm", [None, 4.0, None], weights="b" * 64),
    ]
    whole = ct_tables.ct_quality([record(rows)])
    assert "`ddpm` (1 of 3 slices)" in whole
    assert "8.00 / 8.000 / 8.0" in whole
    shared = ct_tables.ct_shared([record(rows)])
    assert "slices)" not in shared
    assert "4.00 / 4.000 / 4.0" in lines(shared)[1]


def test_networks_of_controls_are_not_shipped_and_others_are_earlier_ones():
    rows = [row("ddpm", [1.0], weights="b" * 64), row("cold-latent", [1.0], weights="a" * 64)]
    found = lines(ct_tables.ct_quality([record(rows)]))
    assert "not shipped" in found[0]
    assert "earlier weights" in found[1]


def test_doses_and_methods_come_in_their_order():
    rows = [
        row(m, [1.0], dose=d, weights=w, **o)
        for d in (0.1, 0.25)
        for m, w, o in (
            ("cold-latent", "a" * 64, {"steps": 10}),
            ("cold-latent", "a" * 64, {"steps": 2}),
            ("input", None, {}),
        )
    ]
    found = [line.split(" | ")[:2] for line in lines(ct_tables.ct_quality([record(rows)]))]
    assert [name for _, name in found] == ["low dose", "`cold-latent`, 2 steps", "`cold-latent`, 10 steps"] * 2
    assert [dose for dose, _ in found] == ["| 25 %"] * 3 + ["| 10 %"] * 3


def test_contrast_is_told_by_size_and_depth_and_not_of_the_input():
    found = lines(ct_tables.ct_lesions([record([row("input", [1.0]), row("tv", [1.0])])]))
    assert found == ["| 25 % | `tv`, strength by the rule | – | 0.80 | 0.80 | 1 |"]


def test_all_protocols_stand_in_one_table():
    text = ct_tables.ct_protocols([record([row("input", [10.0])])])
    assert "| `ct-full` | `ct-chest` |" in text
    assert "| 10.00 / 10.000 / 10.0 | 20.00" in text


@pytest.mark.parametrize("kind", ct_tables.KINDS)
def test_every_table_says_machine_commit_and_seed(kind):
    text = kind([record([row("tv", [1.0])])])
    for words in ("cpu, 1 thread", "commit abc", "seed 0"):
        assert words in text


def trained(network, seconds, rmse, sha256, codec=None, **own):
    """`rmse` holds the validations, evenly spaced over the seconds."""

    def scores(value):
        return (
            {"rmse_hu_round_trip": value} if network == "codec" else {"rmse_hu_0.25": value, "rmse_hu_0.1": 2 * value}
        )

    rows = [{"seconds": seconds * (i + 1) / len(rmse), "steps": i, **scores(value)} for i, value in enumerate(rmse)]
    return {"network": network, "parameters": 1e6, "steps": 9, "seconds": seconds, "validation": rows, "sha256": sha256,
            "codec": codec, **own}  # fmt: skip


def test_minutes_to_the_ddpm_hold_those_of_the_codec():
    rows = [
        trained("codec", 60, [3], "c"),
        trained("cold-latent", 240, [20, 9, 8, 7], "l", codec="c"),
        trained("ddpm", 360, [30, 10], "d"),
        trained("nothing", 60, [50], "n"),
    ]
    found = lines(ct_training_tables.ct_training([record(rows)]))
    assert found[0].endswith("| 1.0 | 3.00 | 3.00 | – | – |")
    assert found[1].endswith("| 5.0 | 7.00 | 14.00 | 3.0 | 2.0× |")
    assert found[2].endswith("| 6.0 | 10.00 | 20.00 | 6.0 | 1.0× |")
    assert found[3].endswith("| not reached | – |")


def test_a_settled_network_has_the_minutes_of_the_one_that_it_went_on_from_and_names_its_machine():
    scores, elsewhere = {"rmse_hu_0.25": 6.5, "rmse_hu_0.1": 13.0}, {"gpu": "another", "medrecon": "0", "torch": "0"}
    rows = [
        trained("codec", 60, [3], "c"),
        trained("cold-latent", 240, [20, 9, 8, 7], "l", codec="c"),
        trained("ddpm", 360, [30, 10], "d"),
        trained("cold-latent-settled", 30, [], "s", codec="c", started_from="l", validation_trained=scores,
                versions=elsewhere, commit="def"),
    ]  # fmt: skip
    text = ct_training_tables.ct_training([record(rows)])
    assert lines(text)[3].endswith("| 5.5 | 6.50 | 13.00 | 3.5 | 1.7× |")
    assert "commit abc; `cold-latent-settled`: another, torch 0, medrecon 0, commit def.*" in text
    quality = ct_tables.ct_quality([record([row("cold-latent", [1.0], weights="s")]), record(rows)])
    assert lines(quality)[0].endswith("| 5.5 |")


def test_the_lattice_stands_by_dose_and_network_scan_by_scan():
    def found(scan, dose, tissue, sha256="a" * 64):
        weights = {"name": "ct-latent", "sha256": sha256}
        return {"scan": scan, "dose": dose, "slices": 2, "method": "cold-latent", "options": {"steps": 2},
                "weights": weights, "soft tissue": tissue, "air": 0.1}  # fmt: skip

    after = [found("chest", 0.1, 0.3), found("chest", 0.25, 0.2), found("head", 0.25, 0.25)]
    text = ct_lattice_tables.ct_lattice([record(after), record([found("chest", 0.25, 0.7, "b" * 64)])])
    assert [line.split(" | ")[3:] for line in lines(text)] == [
        ["0.20 / 0.10", "0.25 / 0.10 |"],
        ["0.70 / 0.10", "– |"],
        ["0.30 / 0.10", "– |"],
    ]
    assert "4 slices of 2 scans" in text


def test_the_gate_says_what_passes_and_what_is_only_told():
    gate = {
        **record([]), "codec": "ct-codec", "sha256": "c" * 64,
        "rows": [
            {"what": "MiB", "found": 1.4, "wanted": "<= 1.5", "passes": True},
            {"what": "RMSE", "found": 7.0, "wanted": "<= 6", "passes": False},
            {"what": "the worst", "found": 9.0, "wanted": None, "passes": True},
        ],
    }  # fmt: skip
    found = lines(ct_gate_tables.ct_gate([gate]))
    assert [line.split(" | ")[-1] for line in found] == ["passes |", "**fails** |", " |"]


def timed(method, seconds, slices, weights=None, **options):
    return {
        "method": method, "options": options, "weights": weights and {"name": "net", "sha256": weights},
        "slices": slices, "matrix": [512, 512], "network_calls": options.get("steps", 0), "all_seconds": [seconds] * 5,
        "seconds_per_slice": seconds, "peak_memory_mib": 100.0 * slices,
    }  # fmt: skip


def test_speed_is_told_by_batch_and_against_all_steps_of_the_ddpm():
    rows = [
        timed("cold-latent", 0.02, 1, "l", steps=5), timed("cold-latent", 0.01, 8, "l", steps=5),
        timed("ddpm", 8.0, 1, "d", steps=1000), timed("ddpm", 6.0, 8, "d", steps=1000), timed("tv", 0.1, 1),
    ]  # fmt: skip
    text = ct_speed_tables.ct_speed([record(rows)])
    found = lines(text)
    assert found[0] == "| `tv` | – | – | 0.1 | – | 80× | – | 100 |"
    assert found[1].startswith("| `ddpm`, 1000 steps |")
    assert found[2].endswith("| 5 | 0.02 | 0.01 | 400× | 600× | 800 |")
    assert "median of 5" in text


def test_further_steps_stand_by_dose_and_only_what_every_dose_has():
    noise = {"texture": 0.5, "deviation_ratio": 0.9, "power": 0.3}
    rows = [
        {**row("cold-latent", [4.0], steps=1), "noise": noise},
        {**row("cold-latent", [6.0], steps=1, dose=0.1), "noise": noise},
        {**row("cold-latent", [5.0], steps=5, end="fixed"), "noise": noise},
        {**row("input", [9.0]), "noise": noise},
        {**row("input", [9.5], dose=0.1), "noise": noise},
        {**row("tv", [1.0]), "noise": noise},
    ]
    text = ct_steps_tables.ct_steps([record(rows)])
    assert lines(text) == [
        "| low dose | 9.00 / 0.90 / 0.30 / – | 9.50 / 0.90 / 0.30 / – |",
        "| `cold-latent`, 1 step | 4.00 / 0.90 / 0.30 / 0.80 | 6.00 / 0.90 / 0.30 / 0.80 |",
    ]
    assert "1 slices of 1 scans (chest_a)" in text
