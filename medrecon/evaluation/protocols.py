"""Scores under a named protocol; a score never travels without it (evaluation.md 2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medrecon.crop import centre_crop
from medrecon.errors import InputError
from medrecon.evaluation import metrics
from medrecon.evaluation.foreground import foreground_mask

Row = dict[str, float]


@dataclass(frozen=True)
class Scores:
    """Six scores of a volume and of each of its slices; nan where one is undefined (an empty slice's foreground)."""

    protocol: str
    mean: Row
    slices: tuple[Row, ...]

    def as_dict(self) -> dict[str, Any]:
        """`{"mean": {...}, "slices": [...]}`, None instead of nan."""
        return {"mean": _defined(self.mean), "slices": [_defined(row) for row in self.slices]}


def score(prediction: Tensor | np.ndarray, reference: Tensor | np.ndarray, protocol: str = "full-range") -> Scores:
    """Scores of `(slice, y, x)` magnitudes (complex images are scored by theirs).

    "full-range": the uncropped image, range = maximum of the reference over the slices together, every score (NMSE and
    RMSE too) a slice, then their mean. "fastmri": both centre-cropped to a square of the target's width, PSNR, RMSE and
    NMSE of the volume, SSIM the mean of its slices, as `fastmri.evaluate`.
    Raises InputError for an unknown protocol, shapes that differ, non-finite values, a reference without signal.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"unknown protocol '{protocol}'; choose one of {', '.join(PROTOCOLS)}")
    p, t = _magnitude(prediction), _magnitude(reference)
    _check(p, t)
    return PROTOCOLS[protocol](p.to(t.device), t)


def _full_range(prediction: Tensor, reference: Tensor) -> Scores:
    columns = _columns(prediction, reference, float(reference.max()))
    return Scores("full-range", {name: float(values.nanmean()) for name, values in columns.items()}, _rows(columns))


def _fastmri(prediction: Tensor, reference: Tensor) -> Scores:
    width = reference.shape[-1]
    prediction, reference = (centre_crop(image, (width, width)) for image in (prediction, reference))
    data_range = float(reference.max())
    columns = _columns(prediction, reference, data_range)
    # all slices below one another are one image, whose mean square is the volume's
    p, t = (image.reshape(1, -1, image.shape[-1]) for image in (prediction, reference))
    mask = foreground_mask(reference).reshape(t.shape)
    volume = {
        "psnr": metrics.psnr(p, t, data_range),
        "rmse": metrics.rmse(p, t, data_range),
        "nmse": metrics.nmse(p, t),
        "psnr_foreground": metrics.psnr_foreground(p, t, data_range, mask),
    }
    return Scores(
        "fastmri", {name: float((volume.get(name, columns[name])).nanmean()) for name in columns}, _rows(columns)
    )


PROTOCOLS: dict[str, Callable[[Tensor, Tensor], Scores]] = {"full-range": _full_range, "fastmri": _fastmri}


def _columns(p: Tensor, t: Tensor, data_range: float) -> dict[str, Tensor]:
    """`(slice,)` values of every score, all of the same arrays and range."""
    mask = foreground_mask(t)
    return {
        "psnr": metrics.psnr(p, t, data_range),
        "ssim": metrics.ssim(p, t, data_range),
        "rmse": metrics.rmse(p, t, data_range),
        "nmse": metrics.nmse(p, t),
        "psnr_foreground": metrics.psnr_foreground(p, t, data_range, mask),
        "ssim_foreground": metrics.ssim_foreground(p, t, data_range, mask),
    }


def _rows(columns: dict[str, Tensor]) -> tuple[Row, ...]:
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    return tuple(dict(zip(columns, row, strict=True)) for row in values)


def _defined(row: Row) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in row.items()}


def _magnitude(image: Tensor | np.ndarray) -> Tensor:
    tensor = torch.as_tensor(image).detach()
    return tensor.abs() if tensor.is_complex() else tensor.double()


def _check(p: Tensor, t: Tensor) -> None:
    if p.shape != t.shape:
        raise InputError(
            f"the image has shape {tuple(p.shape)} but the reference {tuple(t.shape)}; give both on the same grid "
            "(slice, y, x)"
        )
    if t.ndim != 3 or min(t.shape[-2:]) < metrics.WINDOW or t.shape[0] == 0:
        raise InputError(f"images have shape {tuple(t.shape)}; scores need (slice, y, x) of at least 7x7 pixels")
    for name, image in (("image", p), ("reference", t)):
        if not bool(torch.isfinite(image).all()):
            raise InputError(f"the {name} holds NaN or infinite values; scores need finite ones")
    if float(t.max()) <= 0:
        raise InputError("the reference holds no signal (its maximum is not positive); give another reference")
