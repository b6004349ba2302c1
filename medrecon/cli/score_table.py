"""The table of a scored folder: a row a volume, mean and spread below, and what stands in no row."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from medrecon.cli.ct_report import COLUMNS as CT_COLUMNS
from medrecon.cli.report import COLUMNS
from medrecon.evaluation import CT_PROTOCOLS
from medrecon.evaluation.folders import FolderScores, Spread

SHOWN = 40
Columns = dict[str, tuple[str, str]]
STATISTICS: dict[str, Callable[[Spread], float | None]] = {
    "mean": lambda spread: spread.mean,
    "standard deviation": lambda spread: spread.std,
    "lowest": lambda spread: spread.low,
    "highest": lambda spread: spread.high,
}


def print_folder_scores(found: FolderScores) -> None:
    """Rows of up to SHOWN volumes, then mean, standard deviation and range; what is missing goes to standard error."""
    console = Console(soft_wrap=True)
    columns = _columns(found)
    table = Table()
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right")
    for volume in found.volumes[:SHOWN]:
        table.add_row(volume.name, *(_number(volume.row[score], form) for score, form in columns.values()))
    table.add_section()
    for label, of in STATISTICS.items():
        cells = ((found.spread(score), form) for score, form in columns.values())
        table.add_row(label, *("-" if spread is None else _number(of(spread), form) for spread, form in cells))
    unit = "RMSE in HU inside the window" if found.protocol in CT_PROTOCOLS else "fg: foreground"
    console.print(f"reference: {found.reference}, protocol: {found.protocol} (PSNR in dB; {unit})")
    console.print(table)
    console.print(_counted(found))
    for line in _left_out(found):
        print(line, file=sys.stderr)


def _columns(found: FolderScores) -> Columns:
    if found.protocol in CT_PROTOCOLS:
        return CT_COLUMNS
    return {**COLUMNS, "MSE": ("mse", ".3g")} if "mse" in found.names else COLUMNS


def _counted(found: FolderScores) -> str:
    n = len(found.volumes)
    line = f"{n} volume{'s' * (n != 1)}, each counting once; made by {', '.join(found.methods)}"
    line += "; several methods in one mean" if len(found.methods) > 1 else ""
    return line + (f"; {n - SHOWN} are not shown, --csv FILE writes all" if n > SHOWN else "")


def _left_out(found: FolderScores) -> list[str]:
    return [
        *(f"missing: {name} has a target and no prediction" for name in found.missing),
        *(f"surplus: {name} has a prediction and no target" for name in found.surplus),
        *(f"passed over {name}: {reason}" for name, reason in found.failed),
    ]


def _number(value: float | None, form: str) -> str:
    return "-" if value is None or math.isnan(value) else format(value, form)
