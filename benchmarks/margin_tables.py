"""By how much a method with a prior is above the better baseline, in which score, and on how many slices it is not."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from comparison import FOREGROUND, Variant, baseline, settings, variants
from table_parts import Record, caption, name, prior, rows_of, table

SSIM = "ssim_foreground"


def margins(records: Sequence[Record]) -> str:
    """Foreground PSNR and SSIM minus the better baseline's at its best weight, same slices and masks."""
    rows = rows_of(records)
    body = []
    for (mask, accel), members in settings(rows).items():
        lines = variants(members)
        other = baseline(lines)
        for line in (line for line in lines if line.weights):
            decibel, ssim = (paired_scores(line, other, score) for score in (FOREGROUND, SSIM))
            if not decibel:
                continue
            below = sum(difference < 0 for difference in decibel)
            share = f"{below} of {len(decibel)} ({100 * below / len(decibel):.0f} %)"
            body.append((
                f"{mask} {accel:g}", name(line), prior(line.weights), line.calls,
                f"{name(other, False)} ({other.score(FOREGROUND):.2f})", f"{mean(decibel):+.2f}",
                f"{mean(ssim):+.3f}", f"{min(decibel):+.2f}", share,
            ))  # fmt: skip
    head = ("R", "method", "prior", "calls", "minus", "PSNR, dB", "SSIM", "worst slice, dB", "slices below")
    return table(head, body) + caption(records, rows) + (
        " Foreground scores. The baseline is the better of `wavelet` and `tv` over all scans at that R."
    )  # fmt: skip


def paired_scores(line: Variant, other: Variant, score: str) -> list[float]:
    """Differences of one score, a slice and mask; slices that one of them has no score for are left out."""
    theirs = {(row["scan"], row["seed"]): row["slices"] for row in other.rows}
    pairs = (
        (mine[score], their[score])
        for row in line.rows
        for mine, their in zip(row["slices"], theirs.get((row["scan"], row["seed"]), ()), strict=False)
    )
    return [mine - their for mine, their in pairs if mine is not None and their is not None]
