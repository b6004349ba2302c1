"""Grey windows of CT pictures: which HU are black and which white."""

from __future__ import annotations

import re
from dataclasses import dataclass

from torch import Tensor

from medrecon.errors import InputError


@dataclass(frozen=True)
class HounsfieldWindow:
    """Centre and width in HU."""

    centre: float
    width: float

    @property
    def ends(self) -> tuple[float, float]:
        """(low, high) in HU."""
        return self.centre - self.width / 2, self.centre + self.width / 2

    def __call__(self, hu: Tensor) -> Tensor:
        """0 at the lower end of the window and below, 1 at the upper end and above."""
        return ((hu - self.centre) / self.width + 0.5).clamp(0, 1)


WINDOWS = {
    "soft-tissue": HounsfieldWindow(50, 400),
    "lung": HounsfieldWindow(-600, 1500),
    "bone": HounsfieldWindow(400, 1800),
    "brain": HounsfieldWindow(40, 80),
    "liver": HounsfieldWindow(60, 150),
}
"""As radiologists set them; schools differ by some tens of HU."""
NUMBERS = re.compile(r"(?P<centre>-?\d+(?:\.\d+)?)/(?P<width>(?=.*[1-9])\d+(?:\.\d+)?)")


def window_of(name: str) -> HounsfieldWindow:
    """The window of that name, or of CENTRE/WIDTH in HU such as 50/400; raises InputError for others."""
    if name in WINDOWS:
        return WINDOWS[name]
    if found := NUMBERS.fullmatch(name):
        return HounsfieldWindow(float(found["centre"]), float(found["width"]))
    raise InputError(f"'{name}' is no window; expected one of {', '.join(WINDOWS)}, or centre/width such as 50/400")
