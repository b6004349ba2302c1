"""Seconds of `hfs` and `spirit` beside the published forms, from one card and one run, and PSNR against them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sheets.comparison import FOREGROUND, Row
from sheets.figure import CostFigure
from sheets.parts import Record, machine, prior, table

OF = {"hfs-paper": "hfs", "hfs-released": "hfs", "vp": "hfs", "spirit-paper": "spirit"}
"""Published form to ours that it is compared with, at `CALLS`."""
CALLS = 20
STYLES = {"ours": "-o", "published": ":^"}


def hfs_speed(records: Sequence[Record]) -> str:
    """How much slower than ours the published forms are, as fast as they can be made here and as their code runs."""
    (held,) = records
    body = [
        (
            _title(row), prior({"name": row["prior"], "sha256": row["weights_sha256"]}), row["calls"],
            _pair(row, ""), _pair(row, "_foreground"), f"{row['seconds_per_slice']:.3g}", *_slower(row, held),
        )
        for row in held["rows"]
    ]  # fmt: skip
    head = (
        "method", "prior", "calls", "PSNR / SSIM whole", "PSNR / SSIM foreground", "seconds a slice",
        f"times the seconds of ours at {CALLS} calls", "launched singly: seconds a slice", "times the seconds of ours",
    )  # fmt: skip
    return table(head, body) + (
        f"\n\n*{held['slices']} slices of one scan, R {held['accel']:g}, {held['coils']} coils, "
        f"{held['matrix'][0]}×{held['matrix'][1]}; protocol {held['protocol']}, reference {held['reference']}; "
        f"{machine(held)}, commit {held['commit']}.* Sampling alone, on a card of its own; calibration takes "
        f"{held['calibration_seconds_per_slice']:.2g} s a slice. Ours: median of five after a warm-up; published "
        "forms: one run after three of a tenth of the steps. Ours are `hfs` for the forms of HFS-SDE, `spirit` for "
        "spirit-paper. Launched singly: plain network and no recorded steps, as the originals' code runs; from a tenth "
        "of the steps."
    )


def hfs_cost(records: Sequence[Record]) -> CostFigure:
    """One curve a method, a point a number of calls."""
    (held,) = records
    points: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for row in held["rows"]:
        kind = "published" if row.get("group") else "ours"
        points[kind, _name(row)].append((row["seconds_per_slice"], row["mean"][FOREGROUND]))
    return CostFigure(
        f"Foreground PSNR by cost, R {held['accel']:g}", "seconds a slice, sampling alone", "dB",
        {"": {label: sorted(found) for (_, label), found in points.items()}},
        {label: STYLES[kind] for kind, label in points},
    )  # fmt: skip


def whole_singly(row: Row) -> float | None:
    """Seconds of all steps launched singly: what a step takes longer so, from the runs of a tenth of them."""
    singly = row.get("singly_seconds_of_a_tenth")
    if singly is None:
        return None
    return row["seconds"][0] + 10 * (min(singly) - min(row["seconds_of_a_tenth"]))


def _slower(row: Row, held: Record) -> Iterator[str]:
    ours = next(
        (
            other["seconds_per_slice"]
            for other in held["rows"]
            if other["method"] == OF.get(row.get("group", "")) and other["calls"] == CALLS
        ),
        None,
    )
    yield "–" if ours is None else f"{row['seconds_per_slice'] / ours:.0f}"
    singly = whole_singly(row)
    yield "–" if singly is None else f"{singly / held['slices']:.3g}"
    yield "–" if singly is None or ours is None else f"{singly / held['slices'] / ours:.0f}"


def _name(row: Row) -> str:
    return "VP, predictor-corrector" if row.get("group") == "vp" else row["method"]


def _title(row: Row) -> str:
    options = {name: value for name, value in row["options"].items() if name != "steps"}
    return ", ".join([f"`{row['method']}`", *(f"{name} {value}" for name, value in options.items())])


def _pair(row: Row, where: str) -> str:
    return f"{row['mean']['psnr' + where]:.2f} / {row['mean']['ssim' + where]:.3f}"
