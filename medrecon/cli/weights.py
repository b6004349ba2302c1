"""`medrecon weights list|check`: the trained networks that are shipped, and whether they are what they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from medrecon.cli.parse import parse
from medrecon.errors import InputError

if TYPE_CHECKING:
    from medrecon.weights.registry import Record

LIST = "Print name, size, validation score, hash, licence and training data of every trained network in the registry."
CHECK = "Compare every weights file that is shipped with the hash in its record; exit code 2 if one differs."
SCORES = {"psnr_foreground_r4": "foreground PSNR in dB at R 4", "psnr_foreground_r8": "at R 8"}
WIDTH = 100


@dataclass(frozen=True)
class Nothing:
    """These commands have no options."""


def run_list(argv: Sequence[str]) -> int:
    """Print the registry, one paragraph a network."""
    parse(Nothing, argv, "weights list", LIST)
    from medrecon.weights import records

    print("\n\n".join(_paragraph(record) for record in records()))
    return 0


def _paragraph(record: Record) -> str:
    from medrecon.weights.registry import FOLDER

    facts = {
        "stored": "not shipped" if record.file is None else _mebibytes(FOLDER / record.file),
        "parameters": f"{record.parameters / 1e6:.1f} M",
        "pixels": "unknown" if record.pixel_range is None else "{:g} to {:g} mm".format(*record.pixel_range),
        "validation": ", ".join(f"{SCORES.get(k, k)} {_rounded(v)}" for k, v in record.validation.items()) or "none",
        "sha256": record.sha256,
        "licence": record.licence,
        "trained on": record.attribution,
    }
    return "\n".join([record.name, *(_folded(label, value) for label, value in facts.items())])


def _folded(label: str, value: str) -> str:
    return fill(value, WIDTH, initial_indent=f"  {label:<12}", subsequent_indent=" " * 14, break_long_words=False)


def _rounded(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _mebibytes(path: Path) -> str:
    return f"{path.stat().st_size / 2**20:.2f} MiB" if path.is_file() else "missing"


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
