"""Tables of docs/methods/ct.md from rows of medrecon bench ct: quality, texture, contrast, cost; and of training."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

from medrecon.bench.columns import unpacked
from sheets.comparison import Row
from sheets.ct_parts import called, order, prior_of
from sheets.ct_training import training_minutes
from sheets.parts import Record, machine, table

SWEPT = ("nlm", "tv")
REGIONS = ("chest", "head", "abdomen")
COSTS = ("texture off by", "noise", "contrast", "seconds a slice", "MiB", "training minutes")
QUALITY = (
    " PSNR (dB) / SSIM / RMSE (HU inside the window), means over slices. Texture off by: distance of the normalised "
    "radial noise power spectrum from that of full dose, 0 is equal, 1 no noise at all. Noise: its standard deviation "
    "over that of full dose. Contrast: share recovered of lesions of 2 to 6 mm and 10 to 40 HU. Seconds: median over "
    "scans, loading excluded; MiB: peak of tensors on a GPU, of the whole process on a CPU. Training minutes: on one "
    "GPU, the codec's included."
)
LESIONS = (
    " Contrast recovered: slope of (image with − without lesion) on the true difference inside it, the same noise in "
    "both; 1 is all of it."
)
PROTOCOLS = " PSNR (dB) / SSIM / RMSE (HU inside the window), all scans."


@dataclass(frozen=True)
class Line:
    """One line of a table: a method with its options and network at one dose, over all scans.

    `choice` says of a classical method which strength it has: the rule's, or the best by the truth.
    """

    method: str
    options: Mapping[str, Any]
    choice: str
    rows: tuple[Row, ...]

    @property
    def name(self) -> str:
        return ", ".join([called(self.method, self.options), *filter(None, [self.choice])])

    @property
    def prior(self) -> str:
        return prior_of(self.rows[0])

    @property
    def scored(self) -> int:
        return sum(row["scored"] for row in self.rows)


def ct_quality(records: Sequence[Record]) -> str:
    """Every method on all slices that it was run on."""
    return _quality(records, _rows_of(records))


def ct_shared(records: Sequence[Record]) -> str:
    """The same on the slices alone that every method was run on, so that all lines compare."""
    rows = _rows_of(records)
    shared: dict[tuple[str, float], set[int]] = {}
    for row in rows:
        there = {i for i, each in enumerate(row["slices"]) if each["rmse"] is not None}
        shared[_place(row)] = shared.get(_place(row), there) & there
    return _quality(records, [_only(row, shared[_place(row)]) for row in rows])


def ct_protocols(records: Sequence[Record]) -> str:
    """What the protocol alone does: the same images under all of them."""
    rows = _rows_of(records)
    names = list(dict.fromkeys(name for row in rows for name in (row["protocol"], *row["windows"])))
    body = []
    for dose, lines in _doses(rows):
        most = max(line.scored for line in lines)
        for line in (each for each in lines if each.scored == most):
            scores = [_triple(line.rows, name) for name in names]
            body.append((f"{100 * dose:g} %", line.name, line.prior, *scores))
    head = ("dose", "method", "network", *(f"`{name}`" for name in names))
    return table(head, body) + _caption(records, rows) + PROTOCOLS


def ct_lesions(records: Sequence[Record]) -> str:
    """Contrast recovered by size and by contrast."""
    rows = [row for row in _rows_of(records) if row["lesions"] and row["method"] != "input"]
    sizes = sorted({x["diameter_mm"] for row in rows for x in row["lesions"]})
    contrasts = sorted({abs(x["contrast"]) for row in rows for x in row["lesions"]})
    body = []
    for dose, lines in _doses(rows):
        for line in lines:
            found = [x for row in line.rows for x in row["lesions"]]
            by_size = [_mean(x["recovered"] for x in found if x["diameter_mm"] == size) for size in sizes]
            by_contrast = [_mean(x["recovered"] for x in found if abs(x["contrast"]) == hu) for hu in contrasts]
            body.append((f"{100 * dose:g} %", line.name, line.prior, *by_size, *by_contrast, len(found)))
    head = ("dose", "method", "network", *(f"{s:g} mm" for s in sizes), *(f"±{c:g} HU" for c in contrasts), "lesions")
    return table(head, body) + _caption(records, rows) + LESIONS


KINDS: tuple[Callable[[Sequence[Record]], str], ...] = (ct_quality, ct_shared, ct_protocols, ct_lesions)


def _quality(records: Sequence[Record], rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    minutes = training_minutes(records)
    groups = sorted({_group(row) for row in rows}, key=lambda g: (g[1] == "truth", REGIONS.index(g[0])))
    body = []
    for dose, lines in _doses(rows):
        most = max(line.scored for line in lines)
        for line in lines:
            part = "" if line.scored == most else f" ({line.scored} of {most} slices)"
            scores = [_triple([r for r in line.rows if _group(r) == g], f"ct-{g[0]}") for g in groups]
            body.append((
                f"{100 * dose:g} %", line.name + part, line.prior, line.rows[0]["network_calls"] or "–", *scores,
                _mean((r["noise"] or {}).get("texture") for r in line.rows),
                _mean((r["noise"] or {}).get("deviation_ratio") for r in line.rows),
                _mean(x["recovered"] for r in line.rows for x in r["lesions"] or ()) if line.method != "input" else "–",
                _median(line.rows, "seconds_per_slice", ".2g"), _median(line.rows, "peak_memory_mib", ".0f"),
                minutes.get((line.rows[0]["weights"] or {}).get("sha256"), "–"),
            ))  # fmt: skip
    columns = [
        f"{region}, against {'the ' if kind == 'truth' else ''}{kind} (`ct-{region}`)" for region, kind in groups
    ]
    head = ("dose", "method", "network", "calls", *columns, *COSTS)
    return table(head, body) + _caption(records, rows) + QUALITY


def _doses(rows: Sequence[Row]) -> Iterator[tuple[float, list[Line]]]:
    """The lines of each dose, higher dose first."""
    for dose in sorted({row["dose"] for row in rows}, reverse=True):
        yield dose, list(_lines([row for row in rows if row["dose"] == dose]))


def _lines(rows: Sequence[Row]) -> Iterator[Line]:
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        weights = (row["weights"] or {}).get("sha256") or ""
        groups[row["method"], json.dumps(row["options"], sort_keys=True), weights].append(row)
    swept: dict[str, list[Line]] = defaultdict(list)
    found = []
    for (method, options, _), members in groups.items():
        line = Line(method, json.loads(options), "", tuple(members))
        (swept[method] if method in SWEPT else found).append(line)
    for lines in swept.values():
        found += _strengths(lines)
    yield from sorted(found, key=lambda line: (order(vars(line)), line.choice))


def _strengths(lines: Sequence[Line]) -> Iterator[Line]:
    """The rule's strength, and the best by the truth of those that were tried on every scan."""
    most = max(len(line.rows) for line in lines)
    whole = [line for line in lines if len(line.rows) == most]
    best = min(whole, key=lambda line: mean(row["mean"]["rmse"] for row in line.rows))
    for line in lines:
        if not line.options:
            also = f", the best of {len(whole)}" if line is best and len(whole) > 1 else ""
            yield Line(line.method, {}, f"strength by the rule{also}", line.rows)
    if best.options:
        yield Line(best.method, {}, f"best strength of {len(whole)}", best.rows)


def _rows_of(records: Sequence[Record]) -> list[Row]:
    """Rows of the bench; records of training may stand beside them."""
    return [row for record in _of_bench(records) for row in record["rows"]]


def _of_bench(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if "network" not in record["rows"][0]]


def _place(row: Row) -> tuple[str, float]:
    return row["scan"], row["dose"]


def _group(row: Row) -> tuple[str, str]:
    """(region of the body, kind of reference)."""
    return next((r for r in REGIONS if r in row["scan"]), "abdomen"), row["reference"]


def _only(row: Row, kept: set[int]) -> Row:
    """The row with the scores of those slices alone."""

    def part(slices: Sequence[Row]) -> list[Row]:
        return [each if i in kept else dict.fromkeys(each) for i, each in enumerate(slices)]

    windows = {name: {**each, "slices": part(_slices(each))} for name, each in row["windows"].items()}
    return {**row, "slices": part(row["slices"]), "windows": windows, "scored": len(kept)}


def _slices(scores: Mapping[str, Any]) -> list[Row]:
    return unpacked(scores)["slices"]


def _triple(rows: Sequence[Row], protocol: str) -> str:
    slices = [s for row in rows for s in _slices(row if row["protocol"] == protocol else row["windows"][protocol])]
    psnr, ssim, rmse = ([s[name] for s in slices if s[name] is not None] for name in ("psnr", "ssim", "rmse"))
    if not rmse:
        return "–"
    told = [f"{mean(values):.{digits}f}" if values else "–" for values, digits in ((psnr, 2), (ssim, 3), (rmse, 1))]
    return " / ".join(told)


def _mean(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{mean(known):.2f}" if known else "–"


def _median(rows: Sequence[Row], key: str, form: str) -> str:
    known = [row[key] for row in rows if row[key] is not None]
    return format(median(known), form) if known else "–"


def _caption(records: Sequence[Record], rows: Sequence[Row]) -> str:
    """Slices, scans, seeds, machine and commit, as evaluation.md 9 wants them beside every row."""
    scans = {row["scan"]: len(row["slices"]) for row in rows}
    seeds = ", ".join(str(seed) for seed in sorted({row["seed"] for row in rows}))
    machines = "; ".join(
        dict.fromkeys(f"{machine(record)}, commit {record['commit']}" for record in _of_bench(records))
    )
    return (
        f"\n\n*{sum(scans.values())} slices of {len(scans)} scans ({', '.join(scans)}), seed {seeds}, dose simulated; "
        f"{machines}.*"
    )
