"""The section of a group: its tables, its worst and best slices, its histograms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from medrecon.evaluation.ct_protocols import CT_PROTOCOLS
from medrecon.report.drawings import histogram
from medrecon.report.groups import Group, Place, Score
from medrecon.report.markup import fill, number, text
from medrecon.report.pictures import Picture
from medrecon.report.results import Result, Row
from medrecon.report.tables import Entries, summary_table, volume_table

NOTES = {
    "full-range": "Whole image and foreground (fg), uncropped; the range is the reference's maximum.",
    "fastmri": "Centre-cropped to a square; PSNR and NMSE of the volume, SSIM its slices' mean, as fastmri.evaluate.",
}
FEWEST = 3
"""Slices of which a histogram says more than a table."""
Chosen = Mapping[tuple[str, int], Sequence[Picture]]
"""Pictures of the worst and best slices, by name of the result and number of the slice."""


def group_section(group: Group, index: int, entries: Entries, chosen: Chosen) -> str:
    """All of a group but its volumes."""
    return fill(
        "group",
        id=f"group-{index}",
        title=_title(group),
        note=_note(group),
        summary=summary_table(group),
        table=volume_table(group, entries),
        extremes=_extremes(group, entries, chosen),
        histograms=_histograms(group),
    )


def panels(pictures: Sequence[Picture], where: str) -> str:
    """Pictures side by side, each with its words; `where` ends their alternative texts."""
    parts = "".join(
        f'<div class="panel"><img alt="{text(f"{each.title}, {where}")}" src="{each.uri}" width="{each.width}" '
        f'height="{each.height}" decoding="async"{_shape(each)}><span>{text(each.title)}</span></div>'
        for each in pictures
    )
    return f'<div class="panels" style="--parts:{len(pictures)}">{parts}</div>'


def _shape(picture: Picture) -> str:
    """Pixels need not be square."""
    return f' style="aspect-ratio:{picture.aspect:.4f}"'


def _title(group: Group) -> str:
    kind = "CT" if group.is_ct else "MR"
    if group.protocol is None:
        return f"{kind} · not scored"
    against = f" · reference {text(group.reference)}" if group.reference else ""
    return f"{kind} · protocol {text(group.protocol)}{against}"


def _note(group: Group) -> str:
    if group.protocol is None:
        return "No reference was at hand: residual and withheld samples are what there is to judge by."
    rule = CT_PROTOCOLS.get(group.protocol)
    if rule is not None:
        said = f"PSNR and RMSE inside the window of {rule.low:g} to {rule.high:g} HU."
    else:
        said = NOTES.get(group.protocol, "")
    return f"{said} Scores of other protocols or references do not compare with these."


def _extremes(group: Group, entries: Entries, chosen: Chosen) -> str:
    if not group.scores:
        return ""
    columns = []
    for word, found in (("Worst", group.worst()), ("Best", group.best())):
        shown = [
            _extreme(place, group.rank, entries, chosen)
            for place in found
            if (place.result.name, place.index) in chosen
        ]
        if shown:
            columns.append(f"<div><h3>{word} slices by {text(group.rank.name)}</h3>{''.join(shown)}</div>")
    return f'<div class="extremes">{"".join(columns)}</div>' if columns else ""


def _extreme(place: Place, score: Score, entries: Entries, chosen: Chosen) -> str:
    name, id_ = place.result.name, entries[place.result.name].id
    where = f"slice {place.index + 1} of {place.result.n_slices}"
    link = f'<a href="#{id_}" data-volume="{id_}" data-slice="{place.index}">{text(name)}, {where}</a>'
    value = f'<span data-value="{place.value!r}">{text(score.said(place.value))}</span>'
    drawn = panels(chosen[name, place.index], f"{where} of {name}")
    return f'<figure class="extreme card">{drawn}<figcaption>{link} · {value}</figcaption></figure>'


def _histograms(group: Group) -> str:
    """A row of histograms a setting, of all slices of its volumes."""
    return "".join(_histogram_row(setting, group.of(setting), group.scores) for setting in group.settings)


def _histogram_row(setting: str, results: Sequence[Result], scores: Sequence[Score]) -> str:
    rows = [row for result in results for row in result.slices]
    drawn = "".join(_histogram(rows, score, setting) for score in scores)
    title = f"Scores of {len(rows)} slices: {text(setting)}"
    return f'<h3>{title}</h3><div class="histograms">{drawn}</div>' if drawn else ""


def _histogram(rows: Sequence[Row], score: Score, setting: str) -> str:
    values = [value for row in rows if (value := row.get(score.key)) is not None and math.isfinite(value)]
    if len(values) < FEWEST:
        return ""
    low, high = (number(end(values), score.form) for end in (min, max))
    return (
        f'<figure class="card"><figcaption>{text(score.heading)}</figcaption>'
        f"{histogram(values, score, f'{len(values)} slices, {setting}')}"
        f'<div class="axis" aria-hidden="true"><span>{low}</span><span>{high}</span></div></figure>'
    )
