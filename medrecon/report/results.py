"""`Result`: one reconstructed volume of a folder, as its files and its record tell; images are read when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medrecon.io.records import Record, is_ct

Row = Mapping[str, float | None]


@dataclass(frozen=True)
class Result:
    """A volume of the report.

    Attributes
    ----------
    name : stem of its files, as the user called them.
    path : its image, a file or the folder of a series; None where only the record is left.
    shape : (slice, y, x) of the image, None without one.
    panels : names of the image's parts that are there: "image", "reference", "std".
    record : what the result says of itself; empty where it says nothing.
    voxel_mm : (y, x) of a pixel, None where unknown.
    spread : what `std` is worth, in the words of the file.
    """

    name: str
    path: Path | None
    shape: tuple[int, int, int] | None = None
    panels: tuple[str, ...] = ()
    record: Record = field(default_factory=dict)
    voxel_mm: tuple[float, float] | None = None
    spread: str = "spread, not calibrated"

    @property
    def is_ct(self) -> bool:
        return is_ct(self.record)

    @property
    def aspect(self) -> float:
        """Width of a pixel over its height."""
        return 1.0 if self.voxel_mm is None else self.voxel_mm[1] / self.voxel_mm[0]

    @property
    def method(self) -> str:
        return str(self.record.get("method", "unknown method"))

    @property
    def scores(self) -> Mapping[str, Any]:
        """{"protocol", "reference" of MR, "method": {"mean", "slices"}, ...}; empty without a reference."""
        return self.record.get("scores") or {}

    @property
    def mean(self) -> Row:
        return (self.scores.get("method") or {}).get("mean") or {}

    @property
    def slices(self) -> Sequence[Row]:
        """Scores of each slice; empty without a reference."""
        return (self.scores.get("method") or {}).get("slices") or ()

    @property
    def n_slices(self) -> int:
        return self.shape[0] if self.shape else len(self.slices)

    @property
    def weights(self) -> str | None:
        """Name and start of the hash of the network; None without one. Folders of a path are left out."""
        weights = self.record.get("weights")
        return f"{Path(str(weights['name'])).name} {str(weights['sha256'])[:8]}" if weights else None

    @property
    def setting(self) -> str:
        """What made it, in a few words; volumes of one setting may be averaged."""
        net, dose = self.record.get("net_acceleration"), self.record.get("dose")
        condition = f"net R {net:.1f}" if net is not None else f"dose {dose:g}" if dose is not None else None
        return " · ".join(filter(None, (self.method, condition, self.weights)))
