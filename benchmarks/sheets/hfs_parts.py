"""Pieces of the tables of HFS: which lines are `hfs` and VP, how they are called, and one line minus another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from statistics import mean

from sheets.comparison import FOREGROUND, Row, Variant, differences, interval, settings
from sheets.parts import name, net, prior
from sheets.shared_slices import shared

Setting = tuple[str, float]
R8 = ("random", 8.0)
VP = ("mri-hfs-vp", "vp")
"""Networks of whole images of the same size and training time as that of the high band."""
COMPARED = ("difference, dB", "slices better", "by volume, dB")
DIFFERENCES = (
    " Mean foreground PSNR in dB and differences of it, same slices and masks; by volume in alphabetical order, from 8 "
    "volumes on 95 % intervals that resample volumes."
)


def title(line: Variant) -> str:
    """Name and options of the method, and whether it runs on the control."""
    return name(line, False) + (", VP control" if on_control(line) else "")


def network(line: Variant) -> str:
    return (line.weights or {"name": ""})["name"].removesuffix(".safetensors")


def on_control(line: Variant) -> bool:
    return network(line) in VP


def by_setting(rows: Iterable[Row]) -> dict[Setting, list[Row]]:
    """Rows by (mask, requested R), standard masks first."""
    return dict(sorted(settings(rows).items(), key=lambda item: (item[0][0] != R8[0], item[0])))


def setting_name(setting: Setting, rows: Sequence[Row]) -> str:
    return f"{setting[0]} {setting[1]:g} (net {net(rows):.2f})"


def n_seeds(line: Variant) -> int:
    return len({row["seed"] for row in line.rows})


def rows_in(lines: Iterable[Variant]) -> list[Row]:
    return [row for line in lines for row in line.rows]


def is_hfs(line: Variant) -> bool:
    """Whether the line is `hfs` on the prior of the high band."""
    return line.method == "hfs" and network(line) == "mri-hfs"


def pairs(lines: Sequence[Variant]) -> Iterator[tuple[Variant, Variant]]:
    """`hfs` and VP of the same calls that have slices in common, fewer calls first."""
    ours = {line.calls: line for line in lines if is_hfs(line) and not line.detail}
    control = {line.calls: line for line in lines if line.method == "dds" and on_control(line) and not line.detail}
    for calls in sorted(ours.keys() & control.keys()):
        if shared([ours[calls], control[calls]]):
            yield ours[calls], control[calls]


def compared(line: Variant, other: Variant) -> tuple[str, str, str]:
    """Mean difference, share of slices on which `line` is better, and the same by volume (evaluation.md 2)."""
    volumes = [list(chain(*seeds.values())) for _, seeds in sorted(differences(line, other).items())]
    every = list(chain(*volumes))
    better = f"{100 * mean(value > 0 for value in every):.0f} % of {len(every)}"
    if len(volumes) < 8:
        return f"{mean(every):+.2f}", better, ", ".join(f"{mean(values):+.2f}" for values in volumes)
    return f"{mean(every):+.2f}", better, "[{:+.2f}, {:+.2f}]".format(*interval(volumes))


def psnr(line: Variant) -> str:
    return f"{line.score(FOREGROUND):.2f}"


def networks(lines: Sequence[Variant]) -> str:
    told = dict.fromkeys(f"`{line.method}` {prior(line.weights)}" for line in lines)
    return f" Networks: {'; '.join(told)}."
