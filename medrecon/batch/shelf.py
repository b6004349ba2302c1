"""`Shelf`: where what has been read waits for the device, as much of it as memory is to hold and no more."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar, final

Thing = TypeVar("Thing")


@final
class Shelf(Generic[Thing]):
    """First in, first out, with a weight for each thing; `most` is what may wait at once, one thing in any case."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._things: deque[tuple[Thing, int]] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, thing: Thing, weight: int) -> None:
        """Wait until there is room for it."""
        with self._changed:
            self._changed.wait_for(lambda: not self._things or self._weight() + weight <= self.most)
            self._things.append((thing, weight))
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, most: int) -> list[Thing]:
        """All that lies there up to the weight `most`, at least one thing, waited for; nothing at the end."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._things) or self._closed)
            taken, weight = [], 0
            while self._things and (not taken or weight + self._things[0][1] <= most):
                thing, own = self._things.popleft()
                taken.append(thing)
                weight += own
            self._changed.notify_all()
            return taken

    def _weight(self) -> int:
        return sum(weight for _, weight in self._things)
