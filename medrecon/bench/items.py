"""What of a campaign goes to an engine: the rows that are missing under one condition, as places in the plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from medrecon.batch.item import Item
from medrecon.bench.row_maker import Work


@final
@dataclass(frozen=True)
class RowItem(Item):
    """The first of `units` is measured, the others follow where its case is at hand."""

    name: str
    units: tuple[int, ...]
    slices: int | None = None

    @staticmethod
    def of(units: tuple[int, ...]) -> RowItem:
        return RowItem(f"row {units[0]}", units)

    @property
    def rest(self) -> RowItem | None:
        return RowItem.of(self.units[1:]) if len(self.units) > 1 else None

    @property
    def advice(self) -> str:
        return "it may be a bug: report it, and leave the method or the scan out"


def by_condition(units: Iterable[tuple[int, Work]]) -> list[RowItem]:
    """An item for each condition of (place in the plan, unit), in their order."""
    found: dict[int, list[int]] = defaultdict(list)
    for place, unit in units:
        found[unit.number].append(place)
    return [RowItem.of(tuple(places)) for places in found.values()]
