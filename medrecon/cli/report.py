"""The table under a reconstruction: scores with their protocol, then what they cost and rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from medrecon.reconstruction import Reconstruction
from medrecon.scan import Scan

RESEARCH_USE = "For research use. Not a medical device: no diagnosis may rest on these images."
COLUMNS = {
    "PSNR": ("psnr", ".2f"),
    "SSIM": ("ssim", ".3f"),
    "RMSE": ("rmse", ".4f"),
    "NMSE": ("nmse", ".4f"),
    "PSNR fg": ("psnr_foreground", ".2f"),
    "SSIM fg": ("ssim_foreground", ".3f"),
}


def print_report(result: Reconstruction, scan: Scan) -> None:
    """Scores of the method and of zero-filling, the facts of the run, and the warnings that come with it."""
    console = Console(soft_wrap=True)
    if scan.full is None and not scan.is_fully_sampled:
        console.print(
            f"{scan.name} is undersampled already: reconstructed as it is, without a reference to score against."
        )
    if result.scores is not None:
        print_scores(console, result.scores, str(result.provenance["method"]))
    console.print(_facts(result, scan))
    for warning in result.warnings:
        console.print(f"Warning: {warning}.", style="yellow")
    console.print(RESEARCH_USE)


def print_scores(console: Console, scores: Mapping[str, Any], label: str) -> None:
    """Means over the scored slices, never without their reference and protocol."""
    table = Table()
    table.add_column("")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    rows = {label: "method", "zero-filled": "zero_filled"}
    for name, key in rows.items():
        if key in scores:
            mean = scores[key]["mean"]
            table.add_row(name, *(_number(mean.get(score), form) for score, form in COLUMNS.values()))
    console.print(f"reference: {scores['reference']}, protocol: {scores['protocol']} (PSNR in dB; fg: foreground)")
    console.print(table)


def _facts(result: Reconstruction, scan: Scan) -> Table:
    made = result.provenance
    table = Table(show_header=False, box=None, pad_edge=False)
    nominal = _number(scan.nominal_acceleration, ".2f", "none")
    residual = made["residual"]
    weights = made["weights"]
    rows = {
        "net acceleration": f"{scan.net_acceleration:.2f} (nominal: {nominal})",
        "seconds a slice": f"{result.seconds_per_slice:.2f} (calibration {result.calibration_seconds_per_slice:.2f})",
        "network calls a slice": str(result.network_calls),
        "peak memory": f"{_number(result.peak_memory_mib, '.0f', 'unknown')} MiB on {made['device']}",
        "residual": _number(residual, ".2f", "unknown") + f" (1 is the noise{_spread(result.residual or ())})",
        "prior": f"{weights['name']} (sha256 {str(weights['sha256'])[:12]})" if weights else "none",
    }
    if result.holdout_nmse is not None:
        rows["NMSE on withheld samples"] = f"{result.holdout_nmse:.4f}"
    if result.std is not None:
        rows["standard deviation"] = result.spread
    for label, value in rows.items():
        table.add_row(label, value)
    return table


def _spread(residuals: Sequence[float]) -> str:
    """The range over slices, which a warning may name."""
    return f"; slices {min(residuals):.2f} to {max(residuals):.2f}" if len(residuals) > 1 else ""


def _number(value: float | None, form: str, missing: str = "-") -> str:
    return missing if value is None else format(value, form)
