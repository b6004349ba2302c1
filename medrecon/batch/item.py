"""`Item`: what an engine deals to workers and knows of a piece of work, whatever is worked on."""

from __future__ import annotations

from abc import ABC


class Item(ABC):
    """One unit of work; frozen, to be pickled.

    name : its own among all items of a run; names nobody.
    slices : how many it holds, None where that is not known: its share of a worker's time.
    """

    name: str
    slices: int | None

    @property
    def rest(self) -> Item | None:
        """What the worker that is done with it goes on with, since it has at hand what that needs; None if nothing."""
        return None

    def clear(self) -> None:
        """Take away what a worker that is gone has left of it."""
        return

    def discreet(self, said: str) -> str:
        """`said`, the message of an InputError, as it may be shown."""
        return " ".join(said.split())

    @property
    def advice(self) -> str:
        """What to do about an error that no message explains, without a full stop."""
        return "it may be a bug: report it"
