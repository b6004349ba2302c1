"""`FolderScores`: a row a volume, and their mean and spread."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from medrecon.evaluation.protocols import Row, Scores


@dataclass(frozen=True)
class Spread:
    """Of one score over `n` volumes that have it: sample standard deviation (None for fewer than two) and range."""

    n: int
    mean: float
    std: float | None
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread | None:
        """None where no volume has the score."""
        known = np.array([value for value in values if not math.isnan(value)], float)
        if known.size == 0:
            return None
        # equal images have an infinite PSNR, and no deviation from it
        deviates = known.size > 1 and bool(np.isfinite(known).all())
        std = float(known.std(ddof=1)) if deviates else None
        return cls(known.size, float(known.mean()), std, float(known.min()), float(known.max()))


@dataclass(frozen=True)
class VolumeScores:
    """Scores of the volume `name`, made by `method` ("unknown" where nothing tells)."""

    name: str
    scores: Scores
    method: str = "unknown"

    @property
    def row(self) -> Row:
        return self.scores.mean


@dataclass(frozen=True)
class FolderScores:
    """Scores of the volumes of a folder under one protocol against one kind of reference.

    Attributes
    ----------
    reference : "rss", "esc", "simulated", "combined", "reconstruction of METHOD", or "unstated".
    volumes : in the order of their names.
    missing, surplus : stems of targets without prediction, and of predictions without target.
    failed : name and reason of each pair that could not be read or scored.
    """

    protocol: str
    reference: str
    volumes: tuple[VolumeScores, ...]
    missing: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every volume of both folders stands in the table."""
        return not (self.missing or self.surplus or self.failed)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the scores."""
        return tuple(self.volumes[0].row)

    @property
    def methods(self) -> tuple[str, ...]:
        """What made the volumes, each once."""
        return tuple(sorted({volume.method for volume in self.volumes}))

    def spread(self, name: str) -> Spread | None:
        """Of the score `name` over volumes, each counting once however many slices it has."""
        return Spread.of([volume.row[name] for volume in self.volumes])

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON: None instead of nan and of infinity, which PSNR is where nothing differs."""
        spreads = {name: self.spread(name) for name in self.names}
        return {
            "protocol": self.protocol,
            "reference": self.reference,
            "methods": list(self.methods),
            "mean": {name: _finite(s and s.mean) for name, s in spreads.items()},
            "std": {name: _finite(s and s.std) for name, s in spreads.items()},
            "range": {name: [_finite(s and s.low), _finite(s and s.high)] for name, s in spreads.items()},
            "volumes": [_volume(volume) for volume in self.volumes],
            "missing": list(self.missing),
            "surplus": list(self.surplus),
            "failed": [{"name": name, "reason": reason} for name, reason in self.failed],
        }


def _volume(volume: VolumeScores) -> dict[str, Any]:
    rows = [{name: _finite(value) for name, value in row.items()} for row in (volume.row, *volume.scores.slices)]
    return {"name": volume.name, "method": volume.method, "mean": rows[0], "slices": rows[1:]}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
