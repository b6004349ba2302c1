"""`Group`: volumes whose scores compare, of one protocol and one reference; a table never holds two groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from medrecon.evaluation.folders import Spread
from medrecon.report.markup import number
from medrecon.report.results import Result

SHOWN = 4


@dataclass(frozen=True)
class Score:
    """A column: key in the records, name, format, unit, whether more is better."""

    key: str
    name: str
    form: str
    unit: str = ""
    more_is_better: bool = True

    @property
    def heading(self) -> str:
        """Name and unit, for the head of a column."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def said(self, value: float | None) -> str:
        """Name, value and unit."""
        return " ".join(filter(None, (self.name, number(value, self.form), self.unit)))


MRI = (
    Score("psnr", "PSNR", ".2f", "dB"),
    Score("ssim", "SSIM", ".4f"),
    Score("nmse", "NMSE", ".5f", more_is_better=False),
    Score("psnr_foreground", "PSNR fg", ".2f", "dB"),
    Score("ssim_foreground", "SSIM fg", ".4f"),
)
CT = (
    Score("psnr", "PSNR", ".2f", "dB"),
    Score("ssim", "SSIM", ".4f"),
    Score("rmse", "RMSE", ".2f", "HU", more_is_better=False),
)


@dataclass(frozen=True)
class Place:
    """A slice of a result, and the score by which it was chosen."""

    result: Result
    index: int
    value: float


@dataclass(frozen=True)
class Group:
    """Volumes of one modality, protocol and reference; `protocol` is None where nothing was scored."""

    is_ct: bool
    protocol: str | None
    reference: str | None
    results: tuple[Result, ...]

    @property
    def scores(self) -> tuple[Score, ...]:
        if self.protocol is None:
            return ()
        return CT if self.is_ct else MRI

    @property
    def rank(self) -> Score:
        """What the worst and the best slices are chosen by: the foreground's PSNR, of CT that of the window."""
        return next((score for score in self.scores if score.key == "psnr_foreground"), self.scores[0])

    @property
    def settings(self) -> tuple[str, ...]:
        """What made the volumes, each once, in order of appearance."""
        return tuple(dict.fromkeys(result.setting for result in self.results))

    def of(self, setting: str) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.setting == setting)

    def worst(self) -> tuple[Place, ...]:
        """Up to SHOWN slices of the whole group, the worst first."""
        return self._places[: self._shown()]

    def best(self) -> tuple[Place, ...]:
        """As many, the best first; no slice is among the worst and the best."""
        return self._places[::-1][: min(self._shown(), len(self._places) - self._shown())]

    def _shown(self) -> int:
        return min(SHOWN, (len(self._places) + 1) // 2)

    @cached_property
    def _places(self) -> tuple[Place, ...]:
        """All scored slices that can be shown, the worst first."""
        shown = (result for result in self.results if result.path is not None)
        found = [place for result in shown for place in places(result, self.rank)] if self.scores else []
        return tuple(sorted(found, key=lambda place: place.value))


def grouped(results: Iterable[Result]) -> tuple[Group, ...]:
    """Scored groups first, MR before CT."""
    found: dict[tuple[bool, str | None, str | None], list[Result]] = {}
    for result in results:
        scores = result.scores
        key = (result.is_ct, scores.get("protocol") or None, scores.get("reference") or None)
        found.setdefault(key, []).append(result)
    ordered = sorted(found, key=lambda key: (key[1] is None, key[0], str(key[1]), str(key[2])))
    return tuple(Group(*key, tuple(found[key])) for key in ordered)


def spread(results: Sequence[Result], score: Score) -> Spread | None:
    """Of the score over volumes."""
    return Spread.of([value for result in results if (value := result.mean.get(score.key)) is not None])


def places(result: Result, score: Score) -> list[Place]:
    """Its slices that have the score."""
    values = enumerate(row.get(score.key) for row in result.slices[: result.n_slices])
    return [Place(result, i, value) for i, value in values if value is not None]


def extremes(result: Result, score: Score) -> tuple[int, int] | None:
    """(worst, best) slice of a result; None where none is scored."""
    found = sorted(places(result, score), key=lambda place: place.value)
    return (found[0].index, found[-1].index) if found else None
