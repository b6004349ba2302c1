"""What methods of CT and their networks are called in tables, and their order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sheets.parts import prior

METHODS = ("input", "nlm", "tv", "red-cnn", "one-step", "ddpm", "cold-pixel", "cold-latent")
CONTROLS = ("ddpm", "red-cnn", "one-step", "cold-pixel")
"""Methods whose networks are recorded and not shipped."""
TOLD = ("steps", "samples")


def called(method: str, options: Mapping[str, Any]) -> str:
    """A method with its steps and samples."""
    told = [f"{options[key]} {key if options[key] != 1 else key[:-1]}" for key in TOLD if key in options]
    return ", ".join(["low dose" if method == "input" else f"`{method}`", *told])


def prior_of(row: Mapping[str, Any]) -> str:
    """The network of a row; of a control it says that it is not shipped."""
    weights = row["weights"]
    text = prior(weights)
    return text.replace("earlier weights", "not shipped") if weights and row["method"] in CONTROLS else text


def order(row: Mapping[str, Any]) -> tuple[int, int, int]:
    """By method, steps and samples."""
    steps, samples = (int(row["options"].get(key) or 0) for key in TOLD)
    return METHODS.index(row["method"]), steps, samples
