"""`hfs` among all methods, and beside the published forms: scores, calls, spread over seeds, error of the low band.

Seconds of these rows are of several cards, with other work beside; ratios come from `hfs_speed`, one card and one run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import starmap

from sheets.comparison import METHODS, Row, Variant, variants
from sheets.hfs_parts import R8, Setting, by_setting, n_seeds, rows_in, setting_name, title
from sheets.parts import Record, caption, low_band, low_band_error, over_seeds, pair, prior, rows_of, seconds, table
from sheets.shared_slices import shared

NOTE = (
    " PSNR in dB. ±: standard deviation of the mean foreground PSNR over seeds, which draw mask and sampler. Low band: "
    "norm of its error over that of the truth's, mean and standard deviation over seeds. "
    "Seconds with calibration, on cards that other processes shared: for ratios see the table of seconds."
)


def hfs_all(records: Sequence[Record]) -> str:
    """Foreground PSNR / SSIM by method, prior and calls, one column a setting, on slices and masks that all have."""
    members = by_setting(row for row in rows_of(records) if _of_one_estimate(row))
    found = {setting: shared(variants(rows)) for setting, rows in members.items()}
    by_key: dict[tuple, dict[Setting, Variant]] = defaultdict(dict)
    for setting, lines in found.items():
        for line in lines:
            by_key[_key(line)][setting] = line
    rows = rows_in(line for lines in found.values() for line in lines)
    several = len({row["on"] for row in rows}) > 1
    body = [
        (
            *key[1:3], key[3] or "–", *(pair(lines[s], "_foreground") if s in lines else "–" for s in found),
            *_costs(lines.get(R8), several), " / ".join(_percent(lines.get(s)) for s in found),
        )
        for key, lines in sorted(by_key.items())
    ]  # fmt: skip
    head = (
        "method", "prior", "calls", *starmap(setting_name, members.items()), "seconds a slice, R 8",
        "± over seeds, R 8", "low band off by, %, in this order",
    )  # fmt: skip
    return table(head, body) + caption(records, rows) + f" PSNR / SSIM of the foreground.{NOTE}"


def hfs_published(records: Sequence[Record]) -> str:
    """`hfs` and the published forms on the same slices and masks."""
    rows = rows_of(records)
    several = len({row["on"] for row in rows}) > 1
    body, kept = [], []
    for lines in (variants(members) for members in by_setting(rows).values()):
        parts = shared(lines)
        for line, part in zip(lines, parts, strict=False):
            kept += part.rows
            body.append((
                title(line), line.rows[0]["options"].get("steps", "–"), prior(line.weights), pair(part, ""),
                pair(part, "_foreground"), line.calls or "–", seconds(part, several),
                f"{over_seeds(line)} ({n_seeds(line)} seeds)", low_band(line),
            ))  # fmt: skip
    head = (
        "method", "steps", "prior", "PSNR / SSIM whole", "PSNR / SSIM foreground", "calls",
        "seconds a slice", "± over seeds", "low band off by",
    )  # fmt: skip
    return table(head, body) + caption(records, kept) + (
        f" Scores are of what all lines have; spread and low band are of every seed that a line has.{NOTE}"
    )  # fmt: skip


def _of_one_estimate(row: Row) -> bool:
    """Whether the row is a shipped method's, or VP's, with one draw and its own low band."""
    options = row["options"]
    return row["method"] != "unrolled" and options.get("samples", 1) == 1 and "width" not in options


def _key(line: Variant) -> tuple[int, str, str, int]:
    return METHODS.index(line.method), title(line), prior(line.weights), line.calls


def _costs(line: Variant | None, several: bool) -> tuple[str, str]:
    return ("–", "–") if line is None else (seconds(line, several), over_seeds(line))


def _percent(line: Variant | None) -> str:
    error = None if line is None else low_band_error(line)
    return "–" if error is None else f"{100 * error:.2f}"


KINDS: tuple[Callable[[Sequence[Record]], str], ...] = (hfs_all, hfs_published)
