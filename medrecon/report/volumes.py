"""The section of a volume: its warnings, the viewer of its slices, how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medrecon.report.drawings import profile
from medrecon.report.groups import Group, Score, extremes
from medrecon.report.markup import fill, items, number, text
from medrecon.report.pictures import Picture
from medrecon.report.results import Result
from medrecon.report.sections import panels
from medrecon.report.tables import Entry
from medrecon.report.words import counted

Slices = Mapping[int, Sequence[Picture]]
"""Number of a slice to its pictures."""
WORDS = {"net_acceleration": "net acceleration", "nominal_acceleration": "nominal acceleration", "dose": "dose"}
NUMBERS = {"net_acceleration": ".3f", "nominal_acceleration": ".3f", "dose": "g"}


def volume_section(result: Result, group: Group, entry: Entry, slices: Slices, is_open: bool) -> str:
    """`slices` are those shown."""
    return fill(
        "volume",
        id=entry.id,
        open=" open" if is_open else "",
        name=text(result.name),
        chips=_chips(result, group),
        warnings=items(entry.warnings, 'ul class="warnings"'),
        viewer=_viewer(result, group, entry.id, slices),
        facts="".join(f"<dt>{text(word)}</dt><dd>{text(value)}</dd>" for word, value in facts(result).items()),
    )


def facts(result: Result) -> dict[str, str]:
    """How it was made. Only what medrecon itself writes into a record is shown, word by word."""
    record, scores = result.record, result.scores
    weights = record.get("weights") or {}
    found: dict[str, Any] = {"method": result.method, "options": _options(record.get("options") or {})}
    found |= {word: number(record.get(key), NUMBERS[key]) for key, word in WORDS.items() if record.get(key) is not None}
    found["mask"] = (record.get("options") or {}).get("mask")
    found["prior"] = _prior(weights) if weights else "none"
    found["scores"] = _scored(scores) if scores else "none, no reference was at hand"
    found["zero-filled, input"] = _baseline(result, group_scores=scores)
    found["standard deviation"] = result.spread if "std" in result.panels else None
    found["residual"] = _number(record.get("residual"), ".3f")
    found["NMSE on withheld samples"] = _number(record.get("holdout_nmse"), ".4f")
    found["network calls a slice"] = record.get("network_calls")
    found["seconds a slice"] = _number(record.get("seconds_per_slice"), ".3f")
    found["peak memory"] = f"{record['peak_memory_mib']:.0f} MiB" if record.get("peak_memory_mib") else None
    found["seed"], found["device"] = record.get("seed"), record.get("device")
    found["versions"] = " · ".join(f"{name} {value}" for name, value in (record.get("versions") or {}).items())
    found["image"] = " x ".join(map(str, result.shape)) + " (slice, y, x)" if result.shape else "not in the folder"
    found["pixel"] = "{:.3g} x {:.3g} mm".format(*result.voxel_mm) if result.voxel_mm else None
    return {word: str(value) for word, value in found.items() if value not in (None, "")}


def _options(options: Mapping[str, Any]) -> str:
    plain = {k: v for k, v in options.items() if k not in ("scan", "mask") and isinstance(v, bool | int | float | str)}
    return ", ".join(f"{name} {value}" for name, value in plain.items()) or "none"


def _prior(weights: Mapping[str, Any]) -> str:
    name = str(weights["name"]).replace("\\", "/").rsplit("/", 1)[-1]
    codec = weights.get("codec") or {}
    tail = f"; codec {codec.get('name')}, sha256 {codec.get('sha256')}" if codec else ""
    return f"{name}, sha256 {weights['sha256']}{tail}"


def _scored(scores: Mapping[str, Any]) -> str:
    reference = f", reference {scores['reference']}" if scores.get("reference") else ""
    return f"protocol {scores['protocol']}{reference}"


def _baseline(result: Result, group_scores: Mapping[str, Any]) -> str | None:
    """Scores of what the method began with."""
    mean = (group_scores.get("input" if result.is_ct else "zero_filled") or {}).get("mean")
    return mean and f"PSNR {number(mean.get('psnr'), '.2f')} dB, SSIM {number(mean.get('ssim'), '.4f')}"


def _number(value: float | None, form: str) -> str | None:
    return None if value is None else format(value, form)


def _chips(result: Result, group: Group) -> str:
    scores = (score.said(result.mean.get(score.key)) for score in group.scores[:2])
    return text(" · ".join((result.setting, f"{counted(result.n_slices, 'slice')}", *scores)))


def _viewer(result: Result, group: Group, id_: str, slices: Slices) -> str:
    if not slices:
        return ""
    shown = sorted(slices)
    ends = extremes(result, group.rank) if group.scores else None
    middle = min(range(len(shown)), key=lambda i: abs(shown[i] - result.n_slices // 2))
    thinned = f"{len(shown)} of {result.n_slices} slices are shown." if len(shown) < result.n_slices else ""
    return fill(
        "viewer",
        id=id_,
        last=str(len(shown) - 1),
        start=str(middle),
        place=_place(result, shown[middle]),
        buttons=_buttons(ends) if ends else "",
        profile=_profile(result, group.rank) if group.scores else "",
        slices="\n".join(_slice(result, group, i, slices[i]) for i in shown),
        note=f'<p class="note">{thinned}</p>' if thinned else "",
    )


def _profile(result: Result, score: Score) -> str:
    drawn = profile([row.get(score.key) for row in result.slices], score)
    return f'{drawn}<p class="strip">{text(score.name)} of each slice, taller is better</p>' if drawn else ""


def _buttons(ends: tuple[int, int]) -> str:
    words = zip(("Worst slice", "Best slice"), ends, strict=True)
    return "".join(f'<button type="button" data-slice="{i}">{word}</button>' for word, i in words)


def _slice(result: Result, group: Group, i: int, pictures: Sequence[Picture]) -> str:
    row = result.slices[i] if i < len(result.slices) else {}
    numbers = "".join(_value(row.get(score.key), score) for score in group.scores)
    where = _place(result, i)
    return (
        f'<figure class="slice" data-slice="{i}" data-place="{where}">'
        f"{panels(pictures, f'slice {where} of {result.name}')}"
        f'<figcaption class="numbers"><span>slice <b>{where}</b></span>{numbers}</figcaption></figure>'
    )


def _value(value: float | None, score: Score) -> str:
    if value is None:
        return ""
    shown = f"{text(score.name)} <b>{number(value, score.form)}</b> {score.unit}"
    return f'<span data-score="{score.key}" data-value="{value!r}">{shown.strip()}</span>'


def _place(result: Result, i: int) -> str:
    return f"{i + 1} of {result.n_slices}"
