"""What the programs that register networks share: what a record keeps of a run, and what every model card says."""

from typing import Any

from medrecon.weights import Record

STORED = "int8 per output channel"


def run_facts(run: dict[str, Any]) -> dict[str, Any]:
    """Of the record of a training program."""
    return {
        "steps": run["steps"],
        "seconds": round(run["seconds"], 1),
        "images": run["steps"] * run["options"]["batch"],
        "device": run["versions"].get("gpu", "cpu"),
        "final_loss": run["history"][-1][2] if run["history"] else None,
    }


def pixel_range(run: dict[str, Any]) -> tuple[float, float]:
    """Smallest and largest pixel in mm of the images that an MR network was trained on."""
    footprint = run["options"]["augmentation"]["footprint"]
    return footprint["finest_mm"], footprint["coarsest_mm"]


def card_facts(record: Record, size: int) -> dict[str, Any]:
    """Fields of a model card; `size` of the file in bytes."""
    low, high = record.pixel_range or ("?", "?")
    return {
        "name": record.name,
        "parameters": record.parameters / 1e6,
        "file": record.file,
        "mib": size / 2**20,
        "sha256": record.sha256,
        "licence": record.licence,
        "attribution": record.attribution,
        "low": low,
        "high": high,
        **{key: record.training[key] for key in ("steps", "images", "seconds", "device", "stored")},
    }
