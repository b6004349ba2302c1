"""Tables of image quality from rows of medrecon bench: scores, and differences on the same slices and masks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import chain
from statistics import mean

from sheets.comparison import FOREGROUND, METHODS, Variant, baseline, differences, interval, settings, variants
from sheets.parts import (
    Record,
    caption,
    low_band,
    name,
    net,
    over_seeds,
    pair,
    prior,
    rows_of,
    seconds,
    table,
)

BANDED = (
    " Low band: norm of its error over that of the truth's, mean over scans and seeds. ±: standard deviation over "
    "seeds of mask and sampler, of the mean foreground PSNR in dB and of the low band's error."
)


def quality(records: Sequence[Record]) -> str:
    """Scores by method and R, one table a kind of mask."""
    rows = rows_of(records)
    head = ("method", "net R", "prior", "PSNR / SSIM whole", "PSNR / SSIM foreground", "seconds a slice", "calls")
    several = len({row["on"] for row in rows}) > 1
    banded = any(row.get("low_band_error") is not None for row in rows)
    body = []
    for (mask, _), members in settings(rows).items():
        lines = variants(members)
        most = max(_scored(line) for line in lines)
        for line in lines:
            part = "" if _scored(line) == most else f" ({_scored(line)} of {most} slices)"
            body.append((
                name(line) + part, f"{mask} {net(line.rows):.2f}", prior(line.weights), pair(line, ""),
                pair(line, "_foreground"), seconds(line, several), line.calls or "–",
                *((over_seeds(line), low_band(line)) if banded else ()),
            ))  # fmt: skip
    if banded:
        head = (*head, "± over seeds", "low band off by")
    return table(head, body) + caption(records, rows) + (
        " PSNR in dB, range = maximum of the reference; means over slices. Seconds: median over scans and seeds, "
        "calibration included, on the machine named here; not comparable with other tables."
        + (BANDED if banded else "")
    )  # fmt: skip


def paired(records: Sequence[Record]) -> str:
    """Foreground PSNR of methods with a network minus the better baseline's, by volume (by seed of a single volume)."""
    return _beside(records, baseline) + (
        " The baseline is the better of `wavelet` and `tv` over all scans at that R; its mean stands in brackets.*"
    )


def paired_sense(records: Sequence[Record]) -> str:
    """The same against `sense`: what a prior costs where the data need none."""
    return _beside(records, lambda lines: next(line for line in lines if line.method == "sense")) + (
        " The mean of `sense` stands in brackets.*"
    )


def _beside(records: Sequence[Record], choose: Callable[[Sequence[Variant]], Variant]) -> str:
    rows = rows_of(records)
    by_seed = len({row["scan"] for row in rows}) == 1
    head = ("R", "minus", "seed" if by_seed else "volume")
    columns = sorted({_column(v): None for m in settings(rows).values() for v in variants(m) if v.weights})
    body = []
    for (mask, accel), members in settings(rows).items():
        lines = variants(members)
        other = choose(lines)
        of = {_column(v): differences(v, other) for v in lines if v.weights}
        units = {c: _units(found, by_seed) for c, found in of.items()}
        names = dict.fromkeys(unit for found in units.values() for unit in found)
        label = (f"{mask} {accel:g}", f"{name(other, False)} ({other.score(FOREGROUND):.2f})")
        body += [(*label, n, *(_mean(units.get(c, {}).get(n)) for c in columns)) for n in names]
        if len(names) > 1:
            body.append((*label, f"all {len(names)}", *(_all(units.get(c), by_seed) for c in columns)))
    wanted = [" ".join((f"`{c[0]}`", c[1], f"{c[2]} calls", c[3])).replace("  ", " ").strip() for c in columns]
    return table((*head, *wanted), body) + (
        "\n\n*Difference of mean foreground PSNR in dB, same slices and masks."
        + ("" if by_seed else " From 8 volumes on, 95 % intervals resample volumes.")
    )


def summary(records: Sequence[Record]) -> str:
    """Foreground PSNR / SSIM, one column a setting; lines of fewer slices than others do not compare, and stay out."""
    rows = rows_of(records)
    columns = settings(rows)
    lines: dict[tuple, dict[tuple[str, float], Variant]] = defaultdict(dict)
    for setting, members in columns.items():
        found = variants(members)
        most = max(map(_scored, found))
        for line in (each for each in found if _scored(each) == most):
            lines[METHODS.index(line.method), name(line, False), prior(line.weights), line.calls or "–"][setting] = line
    body = [
        (*key[1:], *(pair(found[s], "_foreground") if s in found else "–" for s in columns))
        for key, found in sorted(lines.items(), key=lambda item: item[0][0])
    ]
    head = ("method", "prior", "calls", *(f"{mask} R {accel:g}" for mask, accel in columns))
    return table(head, body) + caption(records, rows)


def _scored(line: Variant) -> int:
    """Slices with scores; rows of `medrecon bench` keep the place of those that were left out."""
    return sum(row.get("scored", len(row["slices"])) for row in line.rows)


def _units(found: dict[str, dict[int, list[float]]], by_seed: bool) -> dict[str, list[float]]:
    if by_seed:
        return {str(seed): values for seeds in found.values() for seed, values in seeds.items()}
    return {scan: list(chain(*seeds.values())) for scan, seeds in found.items()}


def _mean(values: Sequence[float] | None) -> str:
    return "–" if not values else f"{mean(values):+.2f}"


def _all(units: dict[str, list[float]] | None, by_seed: bool) -> str:
    if not units:
        return "–"
    whole = _mean(list(chain(*units.values())))
    if by_seed or len(units) < 8:
        return whole
    low, high = interval(list(units.values()))
    return f"{whole} [{low:+.2f}, {high:+.2f}]"


def _column(line: Variant) -> tuple[str, str, int, str]:
    return line.method, prior(line.weights), line.calls, line.detail
