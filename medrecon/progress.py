"""What the core reports while it works; bars and pictures are drawn at the rim."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units of a named stage ("calibration", "sampling", ...)."""

    stage: str
    done: int
    total: int


OnStep = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """The default callback."""
