"""`Derivation`: what made the values of a derived series."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Derivation:
    """The method, the version of medrecon, and the sha256 of its weights, None without any."""

    method: str
    version: str
    weights: str | None = None
