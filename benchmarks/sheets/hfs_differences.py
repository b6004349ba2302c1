"""What the restriction to the high band buys: `hfs` against VP at equal calls, by mask, centre, width and seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sheets.comparison import Variant, variants
from sheets.hfs_parts import (
    COMPARED,
    DIFFERENCES,
    R8,
    by_setting,
    compared,
    is_hfs,
    n_seeds,
    network,
    networks,
    pairs,
    psnr,
    rows_in,
    setting_name,
)
from sheets.parts import Record, caption, low_band, over_seeds, pair, rows_of, table
from sheets.shared_slices import shared

BESIDE = ("dds", "spirit")


def hfs_restriction(records: Sequence[Record]) -> str:
    """`hfs` minus VP of the same size and training at equal calls, by mask."""
    rows, kept, body = rows_of(records), [], []
    for setting, members in by_setting(rows).items():
        for ours, control in map(shared, pairs(variants(members))):
            kept += [ours, control]
            body.append((setting_name(setting, members), ours.calls, *map(psnr, (ours, control)),
                         *compared(ours, control)))  # fmt: skip
    head = ("R", "calls", "`hfs`", "VP", *COMPARED)
    return table(head, body) + caption(records, rows_in(kept)) + networks(kept) + DIFFERENCES


def hfs_centres(records: Sequence[Record]) -> str:
    """The same by sampled centre lines, and `dds` and `spirit` on the prior of whole images beside both."""
    kept, body = [], []
    for centre, part in _by_centre(records):
        for setting, members in by_setting(rows_of(part)).items():
            lines = variants(members)
            for two in pairs(lines):
                ours, control, *others = shared([*two, *_beside(lines, two)])
                kept += [ours, control, *others]
                beside = {line.method: psnr(line) for line in others}
                body.append((
                    setting_name(setting, members), centre, ours.calls, *map(psnr, (ours, control)),
                    *compared(ours, control), *(beside.get(method, "–") for method in BESIDE),
                ))  # fmt: skip
    head = ("R", "centre", "calls", "`hfs`", "VP", *COMPARED, *(f"`{method}`" for method in BESIDE))
    return table(head, body) + caption(records, rows_in(kept)) + networks(kept) + DIFFERENCES


def hfs_widths(records: Sequence[Record]) -> str:
    """What a low band of other width costs than that of half of the sampled centre's lines."""
    rows, kept, body = rows_of(records), [], []
    for setting, members in by_setting(rows).items():
        for own, *others in _widths(variants(members)):
            kept += [own, *others]
            label = setting_name(setting, members)
            body.append((label, *_band(own, f"{_half(own)}, half of the centre"), *["–"] * len(COMPARED)))
            body += [(label, *_band(line, str(_width(line))), *compared(line, own)) for line in others]
    head = ("R", "calls", "width, lines", "PSNR / SSIM foreground", "low band off by", *COMPARED)
    return (
        table(head, body)
        + caption(records, rows_in(kept))
        + networks(kept)
        + (
            f"{DIFFERENCES} Differences from a band of half of the sampled centre's lines. Low band: of the row's own "
            "width."
        )
    )


def hfs_stability(records: Sequence[Record]) -> str:
    """Standard deviation over seeds of `hfs` and VP, at R 8 and under the one mask that no seed changes."""
    rows, kept, body = rows_of(records), [], []
    for setting, members in by_setting(rows).items():
        if setting != R8 and setting[0] != "hfs-uniform":
            continue
        for two in map(shared, pairs(variants(members))):
            kept += two
            body.append((
                setting_name(setting, members), two[0].calls, n_seeds(two[0]),
                *(cell for line in two for cell in (psnr(line), over_seeds(line))), low_band(two[0]),
            ))  # fmt: skip
    head = ("R", "calls", "seeds", "`hfs`", "± over seeds", "VP", "± over seeds", "low band of `hfs` off by")
    return table(head, body) + caption(records, rows_in(kept)) + networks(kept) + (
        " Mean foreground PSNR in dB and its standard deviation over seeds, root mean square over volumes; seeds draw "
        "mask and sampler, under hfs-uniform the sampler alone."
    )  # fmt: skip


def _widths(lines: Sequence[Variant]) -> Iterator[list[Variant]]:
    """`hfs` with its own width, and behind it with each other one, of the same calls and on the same slices."""
    ours = [line for line in lines if is_hfs(line) and set(line.rows[0]["options"]) <= {"steps", "width"}]
    for own in (line for line in ours if not line.detail):
        others = sorted((line for line in ours if line.detail and line.calls == own.calls), key=_width)
        if others and (kept := shared([own, *others])):
            yield kept


def _band(line: Variant, width: str) -> tuple[object, ...]:
    return line.calls, width, pair(line, "_foreground"), low_band(line)


def _half(line: Variant) -> str:
    """Half of the lines that are sampled there, of all volumes: never more than half of the sampled ones."""
    lines = sorted({min(row["acs"]) - min(row["acs"]) // 2 for row in line.rows})
    return "–".join(map(str, dict.fromkeys((lines[0], lines[-1]))))


def _width(line: Variant) -> int:
    return line.rows[0]["options"]["width"]


def _beside(lines: Sequence[Variant], two: tuple[Variant, Variant]) -> list[Variant]:
    same = ("mri-image", two[0].calls, "")
    others = [v for v in lines if v.method in BESIDE and (network(v), v.calls, v.detail) == same]
    return [line for line in others if shared([*two, line])]


def _by_centre(records: Sequence[Record]) -> Iterator[tuple[str, list[Record]]]:
    """Fewer lines first."""
    centres = {row["centre"] for record in records for row in record["rows"]}
    for centre in sorted(centres, key=lambda told: int(told.split()[0])):
        yield centre, [{**r, "rows": [row for row in r["rows"] if row["centre"] == centre]} for r in records]


KINDS: tuple[Callable[[Sequence[Record]], str], ...] = (hfs_restriction, hfs_centres, hfs_widths, hfs_stability)
