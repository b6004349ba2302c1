"""What a file is, as a table of labels and texts."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Facts(ABC):
    """Facts of a scan, a volume or a series; printed as its lines."""

    @abstractmethod
    def rows(self) -> dict[str, str]:
        """Label to text, in the order of the printed table."""

    def lines(self) -> list[str]:
        """The table as aligned text."""
        rows = self.rows()
        width = max(map(len, rows))
        return [f"{label:<{width}}  {value}" for label, value in rows.items()]

    def __str__(self) -> str:
        return "\n".join(self.lines())
