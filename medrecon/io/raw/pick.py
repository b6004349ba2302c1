"""`Pick`: which of several volumes of a file is meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import final

from medrecon.errors import InputError

COUNTERS = ("encoding", "contrast", "phase", "repetition", "set")


@final
class Pick:
    """Numbers by name, such as contrast 1, for files that hold several volumes."""

    def __init__(self, chosen: Mapping[str, int | str] | None, path: Path) -> None:
        self.chosen, self.path = dict(chosen or {}), path

    def check(self, known: Iterable[str]) -> None:
        """Raises InputError for a name that this format does not have."""
        names = list(known)
        for name in self.chosen:
            if name not in names:
                have = ", ".join(names) or "nothing: it holds one volume"
                raise InputError(f"{self.path}: cannot pick by '{name}'; this format has {have}")

    def number(self, name: str, present: Sequence[int]) -> int:
        """The number that was chosen, or the only one; raises InputError where there is no such or no choice."""
        there = ", ".join(map(str, present))
        if name in self.chosen:
            try:
                wanted = int(self.chosen[name])
            except (ValueError, TypeError):
                raise InputError(
                    f"{self.path}: {name}={self.chosen[name]} is no whole number; it holds {name} {there}"
                ) from None
            if wanted not in present:
                raise InputError(f"{self.path}: has no {name} {wanted}; it holds {name} {there}: pick one of these")
            return wanted
        if len(present) != 1:
            raise InputError(
                f"{self.path}: holds {len(present)} images by {name} ({there}); one volume is read: "
                f"pick one, such as {name}={present[0]} (--pick {name}={present[0]})"
            )
        return present[0]

    def word(self, name: str) -> str | None:
        """The word that was chosen, None where there was none."""
        return str(self.chosen[name]) if name in self.chosen else None
