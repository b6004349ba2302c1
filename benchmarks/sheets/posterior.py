"""Is it a posterior? Tables of the exact fixtures (`posterior_fixtures.py`) and of what a deviation can rank."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean

from sheets.comparison import Row
from sheets.parts import Record, machine, table


def fixtures(records: Sequence[Record]) -> str:
    """Worst case over all kinds of tuned fixture, a line a sampler and data step."""
    (record,) = records
    body = []
    for (sampler, step), rows in _grouped(record["rows"], "sampler", "data_step"):
        tuned = [row for row in rows if row["mixture"] == "tuned"]
        body.append((
            sampler, step, rows[0]["calls"], f"{max(row['bias'] for row in tuned):.2f}",
            _range(tuned, "total"), _range(tuned, "measured"), _range(tuned, "residual"), _met(tuned),
        ))  # fmt: skip
    head = (
        "sampler",
        "data step",
        "calls",
        "bias, at most",
        "variance",
        "measured variance",
        "residual²",
        "criteria met",
    )
    return table(head, body) + _caption(record, "One mixture of each kind, on which posterior draws were tuned.")


def fresh_fixtures(records: Sequence[Record]) -> str:
    """Each kind of fixture on mixtures that had no part in any choice."""
    (record,) = records
    fresh = [row for row in record["rows"] if row["mixture"] != "tuned"]
    body = [
        (
            sampler, step, f"{components}, {kind}", sigma, rows[0]["calls"],
            f"{fmean(row['bias'] ** 2 for row in rows) ** 0.5:.2f} ({max(row['bias'] for row in rows):.2f})",
            _range(rows, "total"), _range(rows, "measured"), _met(rows),
        )
        for (sampler, step, components, kind, sigma), rows in _grouped(
            fresh, "sampler", "data_step", "components", "kind", "sigma"
        )
    ]  # fmt: skip
    head = (
        "sampler", "data step", "components, kind", "noise", "calls", "bias, rms (at most)", "variance",
        "measured variance", "criteria met",
    )  # fmt: skip
    count = len({row["mixture"] for row in fresh})
    return table(head, body) + _caption(record, f"{count} mixtures of each kind on which nothing was tuned.")


def ceiling(records: Sequence[Record]) -> str:
    """Rank correlation of errors with the draws' deviation, and with that of an oracle, by the width of averaging."""
    (record,) = records
    widths = list(record["rows"][0]["draws"])
    body = [
        (f"{row['accel']:g}", row["scan"], *(f"{row['draws'][w]:.2f} / {row['oracle'][w]:.2f}" for w in widths))
        for row in record["rows"]
    ]
    return table(("R", "scan", *(f"{w} pixels" for w in widths)), body) + (
        f"\n\n*{record['samples']} draws of `dds`, {record['prior']} `{record['weights_sha256'][:8]}`, one slice a "
        f"scan; {machine(record)}, commit {record['commit']}.*"
    )


def _grouped(rows: Sequence[Row], *keys: str) -> list[tuple[tuple[str, ...], list[Row]]]:
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[key] for key in keys)].append(row)
    return list(groups.items())


def _met(rows: Sequence[Row]) -> str:
    return f"{sum(row['posterior'] for row in rows)} of {len(rows)}"


def _range(rows: Sequence[Row], key: str) -> str:
    values = [row[key] for row in rows]
    return f"{min(values):.2f}–{max(values):.2f}"


def _caption(record: Record, extent: str) -> str:
    used = ", ".join(f"{name} {value:g}" for name, value in record["settings"].items())
    return (
        f"\n\n*{extent} Bias of the mean in posterior standard deviations; variances over the exact ones, over all "
        "directions and those that data determine; mean square residual over the noise's. Criteria: bias at most 0.2, "
        f"variance 0.85–1.15, measured variance at least 0.6. {record['problems']} problems of each mixture, "
        f"{record['samples']} draws of each. Posterior draws: {used}. {machine(record)}, commit {record['commit']}.*"
    )


KINDS: tuple[Callable[[Sequence[Record]], str], ...] = (fixtures, fresh_fixtures, ceiling)
