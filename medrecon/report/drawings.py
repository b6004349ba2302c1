"""Histograms and profiles of scores as inline SVG, coloured by the style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from medrecon.report.groups import Score

BINS = 24
WIDTH, HEIGHT = 300.0, 96.0
STRIP = 34.0


def histogram(values: Sequence[float], score: Score, of: str) -> str:
    """Bars of how many values fall where; `of` names what they are, such as "36 slices of spirit"."""
    low, high = min(values), max(values)
    counts = _counts(values, low, high)
    step = (high - low) / len(counts)
    width, tallest = WIDTH / len(counts), max(counts)
    bars = []
    for i, count in enumerate(counts):
        height = HEIGHT * count / tallest
        ends = f"{low + i * step:{score.form}} to {low + (i + 1) * step:{score.form}}"
        bars.append(
            f'<rect x="{i * width:.1f}" y="{HEIGHT - height:.1f}" width="{width - 1:.1f}" height="{height:.1f}">'
            f"<title>{ends}: {count}</title></rect>"
        )
    middle = _median(values)
    at = WIDTH / 2 if high == low else WIDTH * (middle - low) / (high - low)
    line = f'<line class="median" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{HEIGHT:g}"/>'
    said = f"{score.name} of {of}: {low:{score.form}} to {high:{score.form}}, median {score.said(middle)}"
    return (
        f'<svg class="histogram" role="img" aria-label="Histogram, {escape(said)}" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" '
        f'preserveAspectRatio="none">{"".join(bars)}{line}</svg>'
    )


def profile(values: Sequence[float | None], score: Score) -> str:
    """A bar a slice, the taller the better; a slice without the score has none."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    bars = []
    for i, value in enumerate(values):
        if value is None or not math.isfinite(value):
            continue
        share = 1.0 if high == low else (value - low) / (high - low)
        height = STRIP * (0.12 + 0.88 * (share if score.more_is_better else 1 - share))
        bars.append(
            f'<rect data-slice="{i}" x="{i + 0.1:g}" y="{STRIP - height:.1f}" width="0.8" height="{height:.1f}">'
            f"<title>slice {i + 1}: {score.said(value)}</title></rect>"
        )
    said = f"{score.name} slice by slice, {low:{score.form}} to {high:{score.form}}"
    return (
        f'<svg class="profile" role="img" aria-label="{escape(said)}" viewBox="0 0 {len(values)} {STRIP:g}" '
        f'preserveAspectRatio="none">{"".join(bars)}</svg>'
    )


def _counts(values: Sequence[float], low: float, high: float) -> list[int]:
    if high == low:
        return [len(values)]
    bins = min(BINS, max(4, math.ceil(2 * math.sqrt(len(values)))))
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int(bins * (value - low) / (high - low)))] += 1
    return counts


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
