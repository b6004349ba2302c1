"""What the generator and its controls learnt: static scores by objective and levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sheets.parts import Record, table

SCORE = "psnr_foreground_r"
WORDS = (
    " Foreground PSNR in dB on tuning volumes: of stage 1 alone with a call a level, the `ddpm`'s of 20 calls with the "
    "same data step. Error at the first level: of the estimate over the image, whole images. Spread: of estimates over "
    "latents, at the fourth level, over the image. With the weights as stored, 8 bits each."
)


def ddgan_training(records: Sequence[Record]) -> str:
    """One line a run."""
    (record,) = records
    body = [
        (
            each["name"], _objective(each), _levels(each), each["started_from"] or "–", each["steps"],
            f"{each['seconds']:.0f}", *(_score(each, accel) for accel in (4, 8)),
            *(_number(each, key) for key in ("estimate_1", "spread_4")),
        )
        for each in record["rows"]
    ]  # fmt: skip
    head = ("run", "objective", "levels", "started from", "steps", "seconds", "R 4", "R 8", "error at the first level",
            "spread")  # fmt: skip
    cards = sorted({each["versions"].get("gpu", "cpu") for each in record["rows"]})
    return table(head, body) + f"\n\n*{', '.join(cards)}, commit {record['commit']}.*" + WORDS


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


def _score(each: dict[str, Any], accel: int) -> str:
    found = each["validation_int8"]
    value = found.get(f"{SCORE}{accel}", found.get(f"{SCORE}{accel}_20_calls"))
    return "–" if value is None else f"{value:.2f}"


def _number(each: dict[str, Any], key: str) -> str:
    value = each["validation_int8"].get(key)
    return "–" if value is None else f"{value:.3f}"
