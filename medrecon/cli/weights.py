"""`medrecon weights list|check`: the trained networks that are shipped, and whether they are what they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from medrecon.cli.parse import parse
from medrecon.errors import InputError

LIST = "Print name, size, hash, licence and training data of every trained network in the registry."
CHECK = "Compare every weights file that is shipped with the hash in its record; exit code 2 if one differs."


@dataclass(frozen=True)
class Nothing:
    """These commands have no options."""


def run_list(argv: Sequence[str]) -> int:
    """Print the registry."""
    parse(Nothing, argv, "weights list", LIST)
    from medrecon.weights import records

    table = Table("name", "parameters", "pixels mm", "sha256", "licence", "trained on")
    for record in records():
        pixels = "unknown" if record.pixel_range is None else f"{record.pixel_range[0]:g}-{record.pixel_range[1]:g}"
        name = record.name if record.file else f"{record.name} (not shipped)"
        millions = f"{record.parameters / 1e6:.1f} M"
        table.add_row(name, millions, pixels, record.sha256[:12], record.licence, record.attribution)
    Console().print(table)
    return 0


def run_check(argv: Sequence[str]) -> int:
    """Say of every file whether it is intact; raises InputError that names those that are not."""
    parse(Nothing, argv, "weights check", CHECK)
    from medrecon.weights import check

    damaged = []
    for record, complaint in check():
        print(f"{record.name}: {complaint or 'intact'}")
        if complaint:
            damaged.append(record.name)
    if damaged:
        raise InputError(
            f"{len(damaged)} weights file(s) differ from their record: {', '.join(damaged)}; fetch them again"
        )
    return 0
