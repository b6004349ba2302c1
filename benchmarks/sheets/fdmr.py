"""Tables of docs/methods/fdmr.md from the rows of `fdmr_bench.py`: quality and time, claims, shift, options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import mean
from typing import Any

from fdmr_summary import FOREGROUND, OURS, batches, by, differences, gains, lines

from sheets.comparison import Row
from sheets.figure import CostFigure
from sheets.parts import Record, machine, prior, table

VAL = "val"
RIVAL = "ddpm 1000"
CONTROLS = ("l1", "l1n", "ddpm", "published")
"""Files of `train_ddgan.py` whose networks are recorded and not shipped."""
CLAIMED = ("static", "static, posterior", "dip", "adadiff", "dip 1000", RIVAL, "spirit 20", "spirit 50", "dds 20",
           "dds 20, ddpm prior", "fdmr, l1 prior", "fdmr, all weights, l1 prior", "static, published levels",
           "fdmr, published levels", "adadiff, published levels")  # fmt: skip
DRAWN = ("static", "fdmr", "fdmr, all weights", "fdmr, l1 prior", "spirit 20", "static, published levels",
         "fdmr, published levels", "dip", RIVAL, "adadiff")  # fmt: skip
"""As many as there are colours."""
STYLES = {"fdmr": "-o", "ours": "--s", "others": ":^"}


def fdmr_quality(records: Sequence[Record]) -> str:
    """Every entry but the ablation's on held-out patients, on the slices that all have."""
    (held,) = records
    rows = [row for row in held["rows"] if row["group"] == VAL and not _is_option(row["entry"])]
    found = {(line["accel"], line["entry"]): line for line in lines(rows)}
    accels, body = sorted({accel for accel, _ in found}), []
    for (entry,), members in by(rows, "entry").items():
        mine = {a: found[a, entry] for a in accels if (a, entry) in found}
        most = {a: max(line["slices"] for (at, _), line in found.items() if at == a) for a in mine}
        part = any(mine[a]["slices"] < most[a] for a in mine)
        body.append((
            f"{entry}{' (not all slices)' if part else ''}", network(members[0]), _calls(members), at_once(members),
            *(_pair(mine.get(a)) for a in accels), *(_seconds(mine.get(a)) for a in accels),
            _faster(mine, found), _memory(members),
        ))  # fmt: skip
    head = ("entry", "network", "calls", "at once", *(f"R {a:g}" for a in accels),
            *(f"seconds a slice, R {a:g}" for a in accels), f"faster than {RIVAL}", "MiB")  # fmt: skip
    return (
        table(head, body)
        + caption(held, rows)
        + (
            " PSNR / SSIM of the foreground. Seconds: median over the volumes, calibration excluded, one run after one "
            "of a few iterations. At once: slices of a volume that go through the network together, one where all "
            f"weights adapt; only entries with as many at once are held against the time of `{RIVAL}`."
        )
    )


def fdmr_claims(records: Sequence[Record]) -> str:
    """`fdmr` less each of what it is held against, volume by volume, and its share of that one's seconds."""
    (held,) = records
    rows = [row for row in held["rows"] if row["group"] == VAL]
    body = [
        (
            line["of"], line["over"], f"{line['accel']:g}", f"{line['db']:+.2f}",
            " / ".join(f"{value:+.2f}" for _, value in sorted(line["by_scan"].items())),
            f"1 / {1 / line['share_of_seconds']:.3g}{_unequal(*line['at_once'])}",
        )
        for line in gains(rows) if line["over"] in CLAIMED
    ]  # fmt: skip
    head = ("of", "over", "R", "difference, dB", "by volume, dB", "share of its seconds")
    return (
        table(head, body)
        + caption(held, rows)
        + (
            " Foreground PSNR, same slices; volumes in alphabetical order. In brackets, where they differ: how many "
            "slices go at once of the one and of the other."
        )
    )


def fdmr_shift(records: Sequence[Record]) -> str:
    """Images unlike those of training: scores, and what adaptation gains over static and over spirit."""
    (held,) = records
    rows = [row for row in held["rows"] if row["group"] != VAL]
    found = {(line["group"], line["accel"], line["entry"]): line for line in lines(rows)}
    places = list(dict.fromkeys((group, accel) for group, accel, _ in found))
    body: list[tuple[object, ...]] = [
        (entry, network(members[0]), *(_pair(found.get((*place, entry))) for place in places))
        for (entry,), members in by(rows, "entry").items()
    ]
    over = {(g["of"], g["over"], g["group"], g["accel"]): g["db"] for g in gains(rows)}
    for ours in OURS:
        for other in ("static", "spirit 20"):
            told = [over.get((ours, other, *place)) for place in places]
            if any(value is not None for value in told):
                body.append((f"{ours}, gain over {other}", "–", *("–" if v is None else f"{v:+.2f} dB" for v in told)))
    head = ("entry", "network", *(f"{group}, R {accel:g}" for group, accel in places))
    return table(head, body) + caption(held, rows) + " PSNR / SSIM of the foreground, on the slices that all have."


def fdmr_options(records: Sequence[Record]) -> str:
    """One option at a time, against `fdmr` with its own on the same slices."""
    (held,) = records
    rows = [row for row in held["rows"] if row["group"] == VAL]
    accels = sorted({row["accel"] for row in rows if _is_option(row["entry"])})
    entries = by(rows, "entry")
    own, body = by(entries.get(("fdmr",), []), "accel"), []
    for (entry,), members in entries.items():
        if _is_option(entry):
            mine = by(members, "accel")
            gained = [differences(mine.get((a,), []), own.get((a,), [])) for a in accels]
            body.append((
                entry.removeprefix("fdmr, "), *(f"{_mean(each):+.2f}" if each else "–" for each in gained),
                *(_median_seconds(mine.get((a,), [])) for a in accels),
            ))  # fmt: skip
    head = ("option", *(f"difference, dB, R {a:g}" for a in accels), *(f"seconds a slice, R {a:g}" for a in accels))
    return table(head, body) + caption(held, rows) + " Foreground PSNR less that of `fdmr`, same slices."


def fdmr_cost(records: Sequence[Record]) -> CostFigure:
    """A point an entry of `DRAWN`, a panel an R."""
    (held,) = records
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    styles: dict[str, str] = {}
    rows = [row for row in held["rows"] if row["group"] == VAL and not _is_option(row["entry"])]
    for line in (line for line in lines(rows) if line["entry"] in DRAWN):
        kind = "fdmr" if line["entry"] == "fdmr" else "ours" if line["entry"].startswith("fdmr") else "others"
        styles[line["entry"]] = STYLES[kind]
        panels.setdefault(f"R {line['accel']:g}", {})[line["entry"]] = [(line["seconds_per_slice"], line[FOREGROUND])]
    return CostFigure("Foreground PSNR by cost", "seconds a slice, sampling alone", "dB", panels, styles)


KINDS: tuple[Callable[[Sequence[Record]], str], ...] = (fdmr_quality, fdmr_claims, fdmr_shift, fdmr_options)


def caption(held: Record, rows: Sequence[Row], slices: int | None = None) -> str:
    """Slices, masks, protocol, coils, machine and commit, as evaluation.md 9 wants them beside every row.

    `slices` are counted unless they are given.
    """
    counted = [line["slices"] for line in lines(rows)] if slices is None else [slices]
    scans = {row["scan"] for row in rows}
    coils, told = (", ".join(sorted({str(row[key]) for row in rows})) for key in ("coils", "reference"))
    return (
        f"\n\n*{max(counted, default=0)} slices at most of {len(scans)} scan{'s' * (len(scans) != 1)}, random lines, "
        f"mask seed 0; protocol {held['protocol']}, reference {told}; {coils} coils, SNR {held['snr']:g} where "
        f"simulated; {machine(held)}, commit {held['commit']}.*"
    )


def network(row: Row) -> str:
    """The prior of a row; of a control it says that it is not shipped."""
    text = prior({"name": row["prior"], "sha256": row["weights_sha256"]})
    if row["prior"].split(".")[0] not in CONTROLS:
        return text
    return f"{text.removesuffix(', earlier weights')}, not shipped"  # whether there is a record of them or not


def at_once(rows: Sequence[Row]) -> str:
    """How many slices go through the network together."""
    return " or ".join(map(str, batches(rows)))


def _unequal(ours: Sequence[int], others: Sequence[int]) -> str:
    told = (" or ".join(map(str, each)) for each in (ours, others))
    return "" if ours == others else f" ({' against '.join(told)})"


def _is_option(entry: str) -> bool:
    """Whether it stands in the ablation: `fdmr` with one option changed."""
    others = ("all weights", "l1 prior", "published levels")
    return entry.startswith("fdmr, ") and not entry.removeprefix("fdmr, ").startswith(others)


def _pair(line: Mapping[str, Any] | None) -> str:
    return "–" if line is None else f"{line[FOREGROUND]:.2f} / {line['ssim_foreground']:.3f}"


def _seconds(line: Mapping[str, Any] | None) -> str:
    return "–" if line is None else f"{line['seconds_per_slice']:.3g}"


def _faster(mine: Mapping[float, Row], found: Mapping[tuple[float, str], Row]) -> str:
    told = [
        found[a, RIVAL]["seconds_per_slice"] / line["seconds_per_slice"]
        for a, line in mine.items()
        if (a, RIVAL) in found and found[a, RIVAL]["at_once"] == line["at_once"]
    ]
    return f"{mean(told):.3g}×" if told else "–"


def _calls(rows: Sequence[Row]) -> str:
    calls = sorted({row["network_calls"] for row in rows})
    return "–".join(map(str, dict.fromkeys((calls[0], calls[-1]))))


def _memory(rows: Sequence[Row]) -> str:
    known = [row["peak_memory_mib"] for row in rows if row["peak_memory_mib"] is not None]
    return f"{max(known):.0f}" if known else "–"


def _mean(by_scan: Mapping[str, Sequence[float]]) -> float:
    return mean(map(mean, by_scan.values()))


def _median_seconds(rows: Sequence[Row]) -> str:
    ordered = sorted(row["seconds_per_slice"] for row in rows)
    return f"{ordered[len(ordered) // 2]:.3g}" if ordered else "–"
