"""What the generator and its controls learnt: static scores by objective and levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sheets.parts import Record, table

SCORE = "psnr_foreground_r"
ACCELS = (4, 8)
WORDS = (
    " Foreground PSNR in dB at R 4 and 8 on two tuning volumes, four slices each, with the weights as stored, 8 bits "
    "each. Samples of the process, with a data step at each of the prior's levels, of the `ddpm` at {calls}; "
    "estimates, 12 calls without the noise of the process: stage 1 of `fdmr`, and `dds` for the `ddpm`; `dds` with 8 "
    "calls, which is how training validates. Weights without the first two are not there any more. Error at the first "
    "level: of the estimate over the image, whole images. Spread: of estimates over latents, at the fourth level, over "
    "the image."
)


def ddgan_training(records: Sequence[Record]) -> str:
    """One line a run."""
    (record,) = records
    body = [
        (
            each["name"], _objective(each), _levels(each), each["started_from"] or "–", each["steps"],
            f"{each['seconds']:.0f}", *(_scored(each, kind) for kind in ("sample", "estimate", "dds")),
            *(_number(each, key) for key in ("estimate_1", "spread_4")),
        )
        for each in record["rows"]
    ]  # fmt: skip
    head = ("run", "objective", "levels", "started from", "steps", "seconds", "samples, R 4 / R 8",
            "estimates, R 4 / R 8", "`dds`, 8 calls", "error at the first level", "spread")  # fmt: skip
    cards = sorted({each["versions"].get("gpu", "cpu") for each in record["rows"]})
    return table(head, body) + f"\n\n*{', '.join(cards)}{_scorers(record)}.*" + WORDS.format(calls=_ddpm_calls(record))


KINDS = (ddgan_training,)


def _objective(each: dict[str, Any]) -> str:
    objective = each["objective"]
    if objective is None:
        return "epsilon"
    if objective["kind"] == "l1":
        return "l1"
    return f"adversary, l1 × {objective['l1']:g}" if objective["l1"] else "adversary"


def _levels(each: dict[str, Any]) -> str:
    diffusion = each["diffusion"]
    return "1000" if diffusion is None else f"{diffusion['steps']}, even in {diffusion.get('spacing', 'time')}"


def _scored(each: dict[str, Any], kind: str) -> str:
    """As they were scored alike; by `dds` as training validated where that is all that is known."""
    found = each.get("scores", {}).get(kind, {}).get("psnr_foreground", {})
    told = each["validation_int8"] if kind == "dds" else {}
    values = [found.get(str(accel), told.get(f"{SCORE}{accel}")) for accel in ACCELS]
    return "–" if None in values else " / ".join(f"{value:.2f}" for value in values)


def _scorers(record: Record) -> str:
    """On what, and by which code, the columns were made that training does not make."""
    found = [score for each in record["rows"] for score in each.get("scores", {}).values()]
    devices, commits = ({score[key] for score in found} for key in ("device", "commit"))
    return f"; scored on {', '.join(sorted(devices))}, commit {', '.join(sorted(commits))}" if found else ""


def _ddpm_calls(record: Record) -> str:
    """Of its samples: the one row without levels of its own."""
    calls = [
        each["scores"]["sample"]["calls"]
        for each in record["rows"]
        if each["diffusion"] is None and "sample" in each.get("scores", {})
    ]
    return f"{calls[0]} of them" if calls else "some of them"


def _number(each: dict[str, Any], key: str) -> str:
    value = each["validation_int8"].get(key)
    return "–" if value is None else f"{value:.3f}"
