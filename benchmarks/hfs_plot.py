"""Foreground PSNR against seconds a slice at R 8: ours, VP, the published forms and the classical methods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from comparison import FOREGROUND, Variant, variants
from figure import CostFigure
from hfs_parts import R8, by_setting, network, on_control
from shared_slices import shared
from table_parts import Record, rows_of

PUBLISHED = ("hfs-paper", "hfs-released", "spirit-paper")
STYLES = {"ours": "-o", "VP": "--s", "published": ":^", "classical": "x"}


def hfs_cost(records: Sequence[Record]) -> CostFigure:
    """One curve a method and prior, a point a number of steps, on slices and masks that all have."""
    points: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for line in shared(variants(by_setting(rows_of(records)).get(R8, []))):
        points[_kind(line), _label(line)].append((line.seconds(), line.score(FOREGROUND)))
    ordered = sorted(points, key=lambda key: list(STYLES).index(key[0]))
    return CostFigure(
        "Foreground PSNR by cost, R 8", "seconds a slice, calibration included", "dB",
        {"": {label: sorted(points[kind, label]) for kind, label in ordered}},
        {label: STYLES[kind] for kind, label in ordered},
    )  # fmt: skip


def _kind(line: Variant) -> str:
    if line.method in PUBLISHED:
        return "published"
    if line.weights is None:
        return "classical"
    return "VP" if on_control(line) else "ours"


def _label(line: Variant) -> str:
    if on_control(line):
        return "VP, predictor-corrector" if line.method in PUBLISHED else "VP"
    return ", ".join(filter(None, (line.method, line.choice))) + (f" ({network(line)})" if line.weights else "")
