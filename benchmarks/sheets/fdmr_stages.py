"""What each stage of `fdmr` adds: the stages cut off one after the other, on the same slices of held-out patients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fdmr_summary import FOREGROUND, lines

from sheets.fdmr import VAL, caption
from sheets.parts import Record, table

STAGES = {
    "static": "stage 1",
    "fdmr, no iterations": "and stage 3, a last call",
    "fdmr, not adapted": "and stage 2 without learning: a call weighed by withheld samples",
    "fdmr": "and adapted: all of `fdmr`",
}


def fdmr_stages(records: Sequence[Record]) -> str:
    """A line a stage, with what it adds to the line above."""
    (held,) = records
    rows = [row for row in held["rows"] if row["group"] == VAL and row["entry"] in STAGES]
    found = {(line["entry"], line["accel"]): line for line in lines(rows)}
    accels, before, body = sorted({accel for _, accel in found}), {}, []
    for entry in (entry for entry in STAGES if all((entry, accel) in found for accel in accels)):
        scores = {accel: found[entry, accel][FOREGROUND] for accel in accels}
        gained = [f"{scores[accel] - before[accel]:+.2f}" if before else "–" for accel in accels]
        body.append((
            STAGES[entry], *(f"{scores[a]:.2f} / {found[entry, a]['ssim_foreground']:.3f}" for a in accels), *gained
        ))  # fmt: skip
        before = scores
    head = ("done", *(f"R {accel:g}" for accel in accels), *(f"added, dB, R {accel:g}" for accel in accels))
    return table(head, body) + caption(held, rows) + " PSNR / SSIM of the foreground, on the slices that all have."


KINDS: tuple[Callable[[Sequence[Record]], str], ...] = (fdmr_stages,)
