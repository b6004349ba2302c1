"""By how much a method with a prior is above the better baseline, and the mean of its draws above its own estimate."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from sheets.comparison import FOREGROUND, Variant, baseline, settings, variants
from sheets.parts import Record, caption, name, prior, rows_of, table

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


def draws_gain(records: Sequence[Record]) -> str:
    """The mean of several draws minus the estimate of as many calls as one of them takes, same slices and masks."""
    rows = rows_of(records)
    body = []
    for (mask, accel), members in settings(rows).items():
        lines = variants(members)
        for line in (line for line in lines if _draws(line) > 1):
            (other,) = (each for each in lines if _draws(each) == 1 and _alike(line, each))
            gains = paired_scores(line, other, FOREGROUND)
            below = sum(gain < 0 for gain in gains)
            body.append((
                f"{mask} {accel:g}", f"`{line.method}`", prior(line.weights), _draws(line), other.calls,
                f"{mean(gains):+.2f}", f"{mean(paired_scores(line, other, SSIM)):+.3f}", f"{below} of {len(gains)}",
            ))  # fmt: skip
    head = ("R", "method", "prior", "draws", "calls each", "PSNR, dB", "SSIM", "slices below")
    return table(head, body) + "\n\n*Mean of the draws minus one estimate. Foreground scores.*"


def _draws(line: Variant) -> int:
    return line.rows[0]["options"].get("samples", 1)


def _alike(line: Variant, other: Variant) -> bool:
    """Whether they differ in the number of draws alone."""
    one, two = ({**each.rows[0]["options"], "samples": 1} for each in (line, other))
    return (line.method, line.weights, one) == (other.method, other.weights, two)


def paired_scores(line: Variant, other: Variant, score: str) -> list[float]:
    """Differences of one score, a slice and mask; slices that one of them has no score for are left out."""
    theirs = {(row["scan"], row["seed"]): row["slices"] for row in other.rows}
    pairs = (
        (mine[score], their[score])
        for row in line.rows
        for mine, their in zip(row["slices"], theirs.get((row["scan"], row["seed"]), ()), strict=False)
    )
    return [mine - their for mine, their in pairs if mine is not None and their is not None]
