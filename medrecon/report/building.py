"""`PageBuilder`: the page as it grows, one volume in memory at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import medrecon
from medrecon.errors import InputError
from medrecon.io.picture import ERROR_GAIN
from medrecon.io.records import UNREADABLE
from medrecon.report import words
from medrecon.report.caveats import caveats
from medrecon.report.finding import LeftOut
from medrecon.report.groups import Group, Place, grouped
from medrecon.report.markup import fill, source, text
from medrecon.report.pictures import SIDES, Budget, Picture, plan
from medrecon.report.results import Result
from medrecon.report.sections import group_section
from medrecon.report.stack import Stack, read_stack
from medrecon.report.tables import Entry
from medrecon.report.volumes import Slices, volume_section

FOR_EXTREMES = 1 / 6
"""Share of the limit for the worst and best slices, which no volume may take from them."""
FULL = "its slices are left out, since the page has reached its limit of pictures"
LOST = "its image is not in the folder"


class PageBuilder:
    """Takes the results one by one, and gives the page; pictures take at most `limit` bytes together."""

    def __init__(self, results: Sequence[Result], limit: int) -> None:
        self.results, self.groups, self.limit = results, grouped(results), limit
        self.group_of = {result.name: group for group in self.groups for result in group.results}
        self.first, self.rest = Budget(int(FOR_EXTREMES * limit)), Budget(limit - int(FOR_EXTREMES * limit))
        self.plan = plan(results, self.rest.limit)
        self.entries: dict[str, Entry] = {}
        self.chosen: dict[tuple[str, int], list[Picture]] = {}
        self.volumes: list[str] = []
        self.unreadable: list[tuple[str, str]] = []

    def add(self, result: Result, *, is_open: bool) -> None:
        """Read the volume, make its pictures, write its section."""
        slices, said = self._pictures(result) if result.path is not None else ({}, (LOST,))
        entry = Entry(f"volume-{len(self.volumes) + 1}", (*caveats(result), *said))
        self.entries[result.name] = entry
        self.volumes.append(volume_section(result, self.group_of[result.name], entry, slices, is_open))

    def html(self, title: str, left_out: LeftOut, *, hide_names: bool) -> str:
        """The whole page; `left_out` beside what could not be read on the way."""
        return fill(
            "page",
            title=text(title),
            version=medrecon.__version__,
            style=source("page.css"),
            script=source("page.js"),
            lead=words.lead(self.results),
            gain=str(ERROR_GAIN),
            alerts=words.alerts(left_out, len(self.groups)),
            groups="\n".join(group_section(g, i + 1, self.entries, self.chosen) for i, g in enumerate(self.groups)),
            volumes="\n".join(self.volumes),
            size=words.size(self.first.spent + self.rest.spent, self.limit, self.plan),
            names=words.HIDDEN if hide_names else words.NAMES,
        )

    def _pictures(self, result: Result) -> tuple[Slices, tuple[str, ...]]:
        """Pictures of the slices shown, and what is to be said of the images."""
        try:
            stack = read_stack(result)
        except (InputError, *UNREADABLE) as error:
            self.unreadable.append((result.name, _short(error, result)))
            return {}, ("its image cannot be shown",)
        for place in _extremes(self.group_of[result.name], result):
            if place.index < len(stack.image) and (
                found := self._drawn(stack, place.index, self.first, SIDES[0], result)
            ):
                self.chosen[result.name, place.index] = found
        group = self.group_of[result.name]
        actual = replace(result, shape=tuple(stack.image.shape))
        shown = self.plan.shown(actual, group.rank if group.scores else None)
        drawn = {i: self._drawn(stack, i, self.rest, self.plan.side, result) for i in shown}
        slices = {i: found for i, found in drawn.items() if found is not None}
        return slices, (*stack.warnings, *([] if slices else [FULL]))

    @staticmethod
    def _drawn(stack: Stack, i: int, budget: Budget, side: int, result: Result) -> list[Picture] | None:
        return budget.pictures(stack.panels(i), side, result.aspect)


def _extremes(group: Group, result: Result) -> list[Place]:
    """Slices of the result among the worst and the best of its group."""
    places = (*group.worst(), *group.best()) if group.scores else ()
    return [place for place in places if place.result.name == result.name]


def _short(error: Exception, result: Result) -> str:
    """The reason without the place of the file on its user's disk."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said.removeprefix(f"{result.path}: ").replace(str(result.path), "the file")
