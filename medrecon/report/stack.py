"""`Stack`: the images of a result, with the grey window in which all of its slices are shown."""

from __future__ import annotations

from dataclasses import dataclass

import h5py
import torch
from torch import Tensor

from medrecon.errors import InputError
from medrecon.evaluation.ct_protocols import CT_PROTOCOLS
from medrecon.io.images import load_images
from medrecon.io.picture import ERROR_GAIN
from medrecon.io.volumes import load_volume
from medrecon.io.window import window_top
from medrecon.report.results import Result

SOFT_TISSUE = (-160.0, 240.0)


@dataclass(frozen=True, eq=False)
class Panel:
    """An image `(y, x)` between 0 (dark) and 1 (bright), and what it shows; `warm` ones are coloured."""

    pixels: Tensor
    title: str
    warm: bool = False


@dataclass(frozen=True, eq=False)
class Stack:
    """Images `(slice, y, x)` of one grid, `window` (dark, bright) in their units.

    `warnings` are those of the values themselves, one sentence each without a full stop.
    """

    image: Tensor
    reference: Tensor | None
    std: Tensor | None
    window: tuple[float, float]
    titles: tuple[str, str, str]
    warnings: tuple[str, ...] = ()

    def panels(self, i: int) -> list[Panel]:
        """Of slice `i`: reference, image, error and deviation, as far as they are there."""
        found = [] if self.reference is None else [Panel(self._grey(self.reference[i]), self.titles[0])]
        found.append(Panel(self._grey(self.image[i]), self.titles[1]))
        if self.reference is not None:
            error = (self.image[i] - self.reference[i]).abs()
            found.append(Panel(self._gained(error), f"error ×{ERROR_GAIN}", warm=True))
        if self.std is not None:
            found.append(Panel(self._gained(self.std[i]), self.titles[2], warm=True))
        return found

    def _grey(self, image: Tensor) -> Tensor:
        low, high = self.window
        return (image - low) / (high - low)

    def _gained(self, image: Tensor) -> Tensor:
        low, high = self.window
        return ERROR_GAIN * image / (high - low)


def read_stack(result: Result) -> Stack:
    """Raises InputError for images that cannot be read, and what h5py raises."""
    assert result.path is not None
    if result.is_ct:
        volume = load_volume(result.path)
        return Stack(volume.values, None, None, _ct_window(result), ("", result.method, ""), tuple(volume.warnings))
    is_hdf5 = result.path.suffix.lower() in (".h5", ".hdf5")
    parts = _hdf5(result) if is_hdf5 else {"image": load_images(result.path)}
    image, reference = parts["image"], parts.get("reference")
    if not bool(torch.isfinite(image).all()):
        raise InputError("the image holds NaN or infinite values")
    top = window_top(image if reference is None else reference)
    kind = result.scores.get("reference")
    calibrated = "" if result.spread == "posterior" else ", not calibrated"
    titles = (f"reference ({kind})" if kind else "reference", result.method, f"std ×{ERROR_GAIN}{calibrated}")
    return Stack(image, reference, parts.get("std"), (0.0, top), titles)


def _hdf5(result: Result) -> dict[str, Tensor]:
    names = {"image": "reconstruction", "reference": "reference", "std": "std"}
    with h5py.File(result.path, "r") as file:
        return {part: torch.from_numpy(file[names[part]][()]).float() for part in result.panels}  # type: ignore[index]


def _ct_window(result: Result) -> tuple[float, float]:
    rule = CT_PROTOCOLS.get(str(result.scores.get("protocol")))
    return SOFT_TISSUE if rule is None else rule.window
