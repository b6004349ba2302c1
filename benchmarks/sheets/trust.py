"""Tables of what `medrecon bench mri` measures besides quality: lesions, noise, maps, spread, prediction.

They answer evaluation.md 4 to 7: would a physician be misled, what do wrong calibrations cost, is the standard
deviation worth its name, does the hold-out see what the truth sees?
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import mean, median
from typing import Any

from sheets.comparison import FOREGROUND, METHODS, Row
from sheets.parts import Record, caption, prior, rows_of, table

Line = tuple[str, str]
"""What a method is called in a table, options and part of the slices included, and its prior."""


def lesions(records: Sequence[Record]) -> str:
    """Contrast recovered by size and by contrast, of lesions put in; and of one a slice that was taken out."""
    rows = rows_of(records)
    sizes, contrasts = (sorted({key(x) for row in rows for x in row["lesions"]}) for key in (_size, _contrast))
    body = []
    for accel, line, members in lines(rows):
        found = [lesion for row in members for lesion in row["lesions"]]
        by_size = [_mean(x["recovered"] for x in found if _size(x) == size) for size in sizes]
        by_contrast = [_mean(x["recovered"] for x in found if _contrast(x) == contrast) for contrast in contrasts]
        removed = _mean(x["recovered_on_removal"] for x in found)
        body.append((accel, *line, *by_size, *by_contrast, removed, len(found)))
    head = ("R", "method", "prior", *(f"{size:g} mm" for size in sizes), *(f"±{100 * c:g} %" for c in contrasts),
            "taken out", "lesions")  # fmt: skip
    return table(head, body) + caption(records, rows) + (
        " Contrast recovered: slope of (image with − without lesion) on the true difference inside it, 1 is all of it; "
        "means over lesions of three lobes, at every size and contrast."
    )  # fmt: skip


def false_structures(records: Sequence[Record]) -> str:
    """The strongest structure that is not in the truth, a slice: smoothed error in units of local intensity."""
    rows = rows_of(records)
    body = []
    for accel, line, members in lines(rows):
        found = [(abs(x["strength"]), x, row) for row in members for x in row["false_structures"]]
        worst, where, row = max(found, key=lambda each: each[0])
        place = f"{row['scan']}, seed {row['seed']}, slice {where['slice']}, ({where['y']}, {where['x']})"
        body.append((
            accel, *line, f"{100 * median(s for s, _, _ in found):.0f} %",
            f"{100 * worst * (1 if where['strength'] > 0 else -1):+.0f} %", f"{where['diameter_mm']:.1f} mm", place,
        ))  # fmt: skip
    head = ("R", "method", "prior", "median of slices", "strongest", "its width", "where (y, x)")
    return table(head, body) + caption(records, rows) + (
        " Error of the magnitude, averaged over 3 mm, over local intensity, largest in each slice's foreground."
    )  # fmt: skip


def snr(records: Sequence[Record]) -> str:
    """Foreground PSNR / SSIM by SNR."""
    rows = rows_of(records)
    levels = sorted({row["snr"] for row in rows})
    body = []
    for accel, line, members in lines(rows):
        by = [[row for row in members if row["snr"] == level] for level in levels]
        body.append((accel, *line, *(f"{_score(m, FOREGROUND)} / {_score(m, 'ssim_foreground', 3)}" for m in by)))
    return table(("R", "method", "prior", *(f"SNR {level:g}" for level in levels)), body) + caption(records, rows)


def maps(records: Sequence[Record]) -> str:
    """What a wrong calibration costs: foreground PSNR minus the undisturbed one's, same slices and masks."""
    rows = rows_of(records)
    ways = list(dict.fromkeys(row["perturbation"] for row in rows if row["perturbation"] != "none"))
    body = []
    for accel, line, members in lines(rows):
        plain = {_condition(row): row for row in members if row["perturbed"] == "none"}
        places = list(dict.fromkeys(row["perturbed"] for row in members if row["perturbed"] != "none"))
        for place in places:
            costs = [
                _mean(
                    _difference(row, plain[_condition(row)])
                    for row in members
                    if (row["perturbed"], row["perturbation"]) == (place, way) and _condition(row) in plain
                )
                for way in ways
            ]
            body.append((accel, *line, place, _score(list(plain.values()), FOREGROUND), *costs))
    sizes = {way: median(row["map_error"] for row in rows if row["perturbation"] == way) for way in ways}
    told = ", ".join(f"{way} {size:.3f}" for way, size in sizes.items())
    return table(("R", "method", "prior", "what is wrong", "undisturbed, dB", *ways), body) + caption(records, rows) + (
        " Differences in dB. projection: maps inside the method; kernel: SPIRiT's; combination: maps of the output."
        f" Median distance of the maps from the scan's own (sine of the angle): {told}."
    )  # fmt: skip


def coverage(records: Sequence[Record]) -> str:
    """Shares of the foreground within 1 and 2 standard deviations, their rank correlation with the error."""
    rows = rows_of(records)
    body = []
    for accel, line, members in lines(rows):
        found = [each for row in members for each in row["coverage"]]
        shares = [f"{100 * _weighted(found, f'within_{k}_std'):.0f} %" for k in (1, 2)]
        correlations = (_mean(each[f"{kind}_correlation"] for each in found) for kind in ("rank", "attainable"))
        factors = [each["needed_factor"] for each in found if each["needed_factor"] is not None]
        single = _score([row["one_sample"] for row in members], FOREGROUND)
        body.append((
            accel, *line, *shares, "{} ({})".format(*correlations),
            f"{median(factors):.2f}" if factors else "–", f"{_score(members, FOREGROUND)} / {single}",
        ))  # fmt: skip
    head = ("R", "method", "prior", "within 1 std", "within 2 std", "rank correlation", "factor needed",
            "PSNR of the mean / of one sample")  # fmt: skip
    return table(head, body) + caption(records, rows) + (
        " Calibrated are 68 and 95 %. In brackets the rank correlation of the same deviations with errors that are "
        "exactly as wide as they say. Factor needed: on the standard deviation, for 68 % within 1; above 1 the spread "
        "is too narrow. PSNR of the foreground in dB."
    )  # fmt: skip


def holdout(records: Sequence[Record]) -> str:
    """Error on withheld samples beside the error against the truth, and whether they rank methods alike."""
    rows = rows_of(records)
    body = [
        (accel, *line, _mean((row["holdout_nmse"] for row in members), 3), _score(members, FOREGROUND))
        for accel, line, members in lines(rows)
    ]
    conditions: dict[tuple, list[Row]] = defaultdict(list)
    for row in rows:
        if row["holdout_nmse"] is not None:
            conditions[row["mask"], row["accel"], _condition(row)].append(row)
    several = [members for members in conditions.values() if len(members) > 2]
    agreement = [_rank_correlation([(-r["holdout_nmse"], r["mean"][FOREGROUND]) for r in m]) for m in several]
    told = f" Rank correlation of the two over methods, mean of {len(several)} scans and masks: {_mean(agreement)}."
    return table(("R", "method", "prior", "NMSE on withheld samples", "foreground PSNR, dB"), body) + (
        caption(records, rows) + (told if several else "")
    )


KINDS: tuple[Callable[[Sequence[Record]], str], ...] = (lesions, false_structures, snr, maps, coverage, holdout)


def lines(rows: Iterable[Row]) -> list[tuple[str, Line, list[Row]]]:
    """(setting, line, its rows), by R and in the order of METHODS; other methods come last."""
    groups: dict[tuple[str, float, Line], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["mask"], row["accel"], _line(row)].append(row)

    def place(key: tuple[str, float, Line]) -> tuple[Any, ...]:
        method = groups[key][0]["method"]
        return (*key[:2], METHODS.index(method) if method in METHODS else len(METHODS), key[2])

    return [(f"{key[0]} {key[1]:g}", key[2], groups[key]) for key in sorted(groups, key=place)]


def _line(row: Row) -> Line:
    options = (f"{name} {value}" for name, value in row["options"].items())
    part = [] if row["scored"] == len(row["slices"]) else [f"{row['scored']} of {len(row['slices'])} slices"]
    return ", ".join([f"`{row['method']}`", *options, *part]), prior(row["weights"])


def _condition(row: Row) -> tuple[Any, ...]:
    return row["scan"], row["seed"], row["coils"], row["snr"]


def _difference(row: Row, other: Row) -> float:
    pairs = zip(row["slices"], other["slices"], strict=True)
    return mean(a[FOREGROUND] - b[FOREGROUND] for a, b in pairs if None not in (a[FOREGROUND], b[FOREGROUND]))


def _score(rows: Sequence[Row], name: str, digits: int = 2) -> str:
    return _mean((scores[name] for row in rows for scores in row["slices"]), digits)


def _weighted(records: Sequence[dict[str, Any]], name: str) -> float:
    """Mean over the pixels of all slices."""
    return sum(each[name] * each["pixels"] for each in records) / sum(each["pixels"] for each in records)


def _mean(values: Iterable[float | None], digits: int = 2) -> str:
    known = [value for value in values if value is not None]
    return f"{mean(known):.{digits}f}" if known else "–"


def _size(lesion: dict[str, Any]) -> float:
    return lesion["diameter_mm"]


def _contrast(lesion: dict[str, Any]) -> float:
    return abs(lesion["contrast"])


def _rank_correlation(pairs: Sequence[tuple[float, float]]) -> float:
    """Spearman's, of values without ties."""
    n = len(pairs)
    first, second = ({value: rank for rank, value in enumerate(sorted(values))} for values in zip(*pairs, strict=True))
    return 1 - 6 * sum((first[a] - second[b]) ** 2 for a, b in pairs) / (n * (n * n - 1))
