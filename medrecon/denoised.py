"""`Denoised`: a finished CT volume, and what made it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from torch import Tensor

SOFT_TISSUE = (-160.0, 240.0)
"""Window in HU of what a notebook shows."""


@dataclass(frozen=True, eq=False)
class Denoised:
    """What `medrecon.denoise` returns.

    Attributes
    ----------
    values : `(slice, y, x)` float32 HU on the CPU; pixels that were never measured, and metal beyond 3072 HU, as they
        were.
    std : `(slice, y, x)` HU, how far samples lie apart, None for a single one; calibrated by nothing.
    seconds_per_slice : wall time without loading.
    network_calls : a slice, all samples together.
    peak_memory_mib : peak memory of the device (CUDA) or of the process (CPU).
    scores : {"protocol", "method", "input"}, the last two {"mean": {psnr, ssim, rmse}, "slices": [...]}; None without
        a reference.
    provenance : everything that made the volume, ready for JSON.
    warnings : where the scan lies outside what the network was trained on, one sentence each without a full stop.
    """

    values: Tensor
    std: Tensor | None = None
    seconds_per_slice: float = 0.0
    network_calls: int = 0
    peak_memory_mib: float | None = None
    scores: Mapping[str, Any] | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def n_slices(self) -> int:
        return self.values.shape[0]

    def summary(self) -> dict[str, str]:
        """The facts worth a glance, label to text."""
        made = self.provenance
        rows = {
            "method": str(made.get("method", "unknown")),
            "volume": f"{' x '.join(map(str, self.values.shape))} (slice, y, x)",
            "dose of the input": f"{made['dose']:g} of full dose" if "dose" in made else "unknown",
            "seconds a slice": f"{self.seconds_per_slice:.2f}",
            "network calls": str(self.network_calls),
        }
        if self.scores:
            for name in ("method", "input"):
                rows[f"score of the {name}"] = f"{_scored(self.scores[name]['mean'])} ({self.scores['protocol']})"
        return rows

    def _repr_html_(self) -> str:
        from medrecon.io.thumbnail import unit_png

        low, high = SOFT_TISSUE
        png = base64.b64encode(unit_png((self.values[self.n_slices // 2] - low) / (high - low))).decode()
        cells = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in self.summary().items())
        return f'<table>{cells}</table><img alt="middle slice" src="data:image/png;base64,{png}"/>'


def _scored(mean: Mapping[str, float | None]) -> str:
    forms = {"psnr": ".2f", "ssim": ".3f", "rmse": ".2f"}
    psnr, ssim, rmse = ("-" if mean[k] is None else format(mean[k], form) for k, form in forms.items())
    return f"{psnr} dB, SSIM {ssim}, RMSE {rmse} HU"
