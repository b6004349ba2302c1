"""Tables of what each part of the prior's recipe is worth, and of what going on with its training is."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from sheets.parts import Record, machine, table


def ablation(records: Sequence[Record]) -> str:
    """Each part left out: change of the mean foreground PSNR at every R, and of the mean of all."""
    rows = [row for record in records for row in record["rows"]]
    base = next(row for row in rows if row["run"] == "base")
    accels = list(base["by_r"])
    body = [
        (
            "nothing" if row is base else row["run"], row["steps"],
            *(f"{mean(row['by_r'][a]):.2f}" if row is base else _less(row, base, [a]) for a in accels),
            f"{_mean(row, accels):.2f}" if row is base else _less(row, base, accels),
        )
        for row in rows
    ]  # fmt: skip
    head = ("left out, or changed", "steps", *(f"R {a}" for a in accels), "mean")
    record = records[0]
    return table(head, body) + (
        "\n\n*Mean foreground PSNR of `dds` on tuning volumes in dB, then differences from it; "
        f"{record['seconds']:g} s of training each, from scratch; {machine(record)}, commit {record['commit']}.*"
    )


def continued(records: Sequence[Record]) -> str:
    """Foreground PSNR of a prior and of those that its training was continued to, by condition."""
    rows = [row for record in records for row in record["rows"]]
    conditions = list(rows[0]["psnr_foreground"])
    body = [
        (row["run"], row["seconds"], f"`{row['method']}`", row["steps"],
         *(f"{mean(row['psnr_foreground'][c]):.2f}" for c in conditions))
        for row in rows
    ]  # fmt: skip
    return table(("recipe", "seconds", "method", "calls", *conditions), body) + (
        "\n\n*Mean foreground PSNR in dB: two tuning volumes of ten slices under two masks each, and the one slice of "
        f"brain16_128 under three; {machine(records[0])}, commit {records[0]['commit']}.*"
    )


def _mean(row: Record, accels: Sequence[str]) -> float:
    return mean(mean(row["by_r"][a]) for a in accels)


def _less(row: Record, base: Record, accels: Sequence[str]) -> str:
    return f"{_mean(row, accels) - _mean(base, accels):+.2f}"
