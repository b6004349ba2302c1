"""The table under a denoised CT volume: scores with their protocol, then what they cost and rest on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from medrecon.cli.report import RESEARCH_USE
from medrecon.evaluation import CT_PROTOCOLS

if TYPE_CHECKING:
    from medrecon.denoised import Denoised
    from medrecon.volume import Volume

COLUMNS = {"PSNR": ("psnr", ".2f"), "SSIM": ("ssim", ".3f"), "RMSE": ("rmse", ".2f")}


def print_ct_report(result: Denoised, volume: Volume) -> None:
    """Scores of the method and of its input, the facts of the run, and the warnings that come with it."""
    console = Console(soft_wrap=True)
    made = result.provenance
    if made["scores"] is None:
        console.print(f"{volume.name} was denoised as it is; without --reference there is nothing to score against.")
    else:
        print_ct_scores(console, made["scores"], str(made["method"]))
    console.print(_facts(made))
    for warning in (*volume.warnings, *result.warnings):
        console.print(f"Warning: {warning}{'' if warning.endswith('?') else '.'}", style="yellow")
    console.print(RESEARCH_USE)


def print_ct_scores(console: Console, scores: Mapping[str, Any], label: str) -> None:
    """Means over the scored slices, never without their protocol."""
    rule = CT_PROTOCOLS[scores["protocol"]]
    table = Table()
    table.add_column("")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for name, key in {label: "method", "input": "input"}.items():
        if key in scores:
            mean = scores[key]["mean"]
            table.add_row(name, *(_number(mean[score], form) for score, form in COLUMNS.values()))
    console.print(
        f"protocol: {scores['protocol']}, {rule.low:g} to {rule.high:g} HU (PSNR in dB, RMSE in HU inside the window)"
    )
    console.print(table)


def _facts(made: Mapping[str, Any]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    weights = made["weights"]
    rows = {
        "dose of the input": f"{made['dose']:g} of full dose",
        "seconds a slice": f"{made['seconds_per_slice']:.2f}",
        "network calls a slice": str(made["network_calls"]),
        "peak memory": f"{_number(made['peak_memory_mib'], '.0f', 'unknown')} MiB on {made['device']}",
        "prior": f"{weights['name']} (sha256 {str(weights['sha256'])[:12]})" if weights else "none",
    }
    for label, value in rows.items():
        table.add_row(label, value)
    return table


def _number(value: float | None, form: str, missing: str = "-") -> str:
    return missing if value is None else format(value, form)
