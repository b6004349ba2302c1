"""The tables of a group: a row a setting with mean and spread, and a row a volume that sorts by any column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medrecon.report.groups import Group, Score, spread
from medrecon.report.markup import NOTHING, cell, number, text
from medrecon.report.results import Result


@dataclass(frozen=True)
class Entry:
    """Of a result: the id of its section, and its warnings."""

    id: str
    warnings: tuple[str, ...] = ()


Entries = Mapping[str, Entry]
"""By name of the result."""


def summary_table(group: Group) -> str:
    """Mean, standard deviation and range over volumes, a row a setting; nothing where nothing is scored."""
    if not group.scores:
        return ""
    head = _heads(("Made by", "Volumes"), group.scores)
    rows = "".join(_summary_row(setting, group.of(setting), group.scores) for setting in group.settings)
    return _table("Mean ± standard deviation over volumes, range below", head, rows, "summary")


def volume_table(group: Group, entries: Entries) -> str:
    """One row a volume."""
    facts = ("Dose",) if group.is_ct else ("Net R", "Residual")
    head = "".join(_sorter(name, is_text=i < 2) for i, name in enumerate(("Volume", "Made by", "Slices")))
    head += "".join(_sorter(score.heading) for score in group.scores)
    head += "".join(_sorter(name) for name in (*facts, "s / slice", "Warnings"))
    rows = "".join(_volume_row(result, group, entries[result.name]) for result in group.results)
    return _table("Volumes", head, rows, "sortable")


def _summary_row(setting: str, results: Sequence[Result], scores: Sequence[Score]) -> str:
    cells = "".join(_spread_cell(results, score) for score in scores)
    return f'<tr><th scope="row" class="text name">{text(setting)}</th><td>{len(results)}</td>{cells}</tr>'


def _spread_cell(results: Sequence[Result], score: Score) -> str:
    found = spread(results, score)
    if found is None:
        return f"<td>{NOTHING}</td>"
    deviation = "" if found.std is None else f" ± {number(found.std, score.form)}"
    below = f"{number(found.low, score.form)} to {number(found.high, score.form)}" if found.n > 1 else ""
    small = f"<small>{below}</small>" if below else ""
    shown = f"{number(found.mean, score.form)}{deviation}{small}"
    return f'<td data-score="{score.key}" data-value="{found.mean!r}">{shown}</td>'


def _volume_row(result: Result, group: Group, entry: Entry) -> str:
    record = result.record
    facts = (
        [(record.get("dose"), "g")]
        if group.is_ct
        else [(record.get("net_acceleration"), ".2f"), (record.get("residual"), ".2f")]
    )
    name = f'<a href="#{entry.id}" data-volume="{entry.id}">{text(result.name)}</a>'
    warned = len(entry.warnings)
    numbers = [cell(result.n_slices, "d")]
    numbers += [cell(result.mean.get(score.key), score.form) for score in group.scores]
    numbers += [cell(value, form) for value, form in (*facts, (record.get("seconds_per_slice"), ".2f"))]
    flag = f'<span class="flag">{warned}</span>' if warned else "0"
    return (
        f'<tr><th scope="row" class="text name">{name}</th><td class="text">{text(result.setting)}</td>'
        f'{"".join(numbers)}<td data-value="{warned}">{flag}</td></tr>'
    )


def _heads(words: Sequence[str], scores: Sequence[Score]) -> str:
    kinds = ((word, i == 0) for i, word in enumerate((*words, *(score.heading for score in scores))))
    return "".join(f'<th scope="col"{_text_class(is_text)}>{text(word)}</th>' for word, is_text in kinds)


def _sorter(word: str, is_text: bool = False) -> str:
    return f'<th scope="col" aria-sort="none"{_text_class(is_text)}><button type="button">{text(word)}</button></th>'


def _text_class(is_text: bool) -> str:
    return ' class="text"' if is_text else ""


def _table(caption: str, head: str, rows: str, kind: str) -> str:
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption)}"><table class="{kind}">'
        f"<caption>{text(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
