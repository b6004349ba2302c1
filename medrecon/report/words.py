"""What the page says of itself: what it holds, what it leaves out, how large its pictures are, whose names it shows."""

from __future__ import annotations

from collections.abc import Sequence

from medrecon.report.finding import LeftOut
from medrecon.report.markup import items, text
from medrecon.report.pictures import SIDES, Plan
from medrecon.report.results import Result

MIB = 2**20
NAMES = (
    "Volumes are called by the names of their files, as the user wrote them; nothing of a file's header is shown. "
    "Where file names name people, write the page anew with --hide-names before it is passed on."
)
HIDDEN = "Volumes are numbered in the order of their files' names; neither these names nor any header is shown."
SEVERAL = "These results have several protocols or references, which do not compare: each has tables of its own."


def lead(results: Sequence[Result]) -> str:
    """How many volumes and slices, and what made them."""
    slices = sum(result.n_slices for result in results)
    methods = ", ".join(sorted({result.method for result in results}))
    return text(f"{counted(len(results), 'volume')}, {counted(slices, 'slice')}, made by {methods}.")


def size(spent: int, limit: int, plan: Plan) -> str:
    """Of all pictures together, and of each."""
    return (
        f"Pictures: {spent / MIB:.1f} of at most {limit / MIB:.3g} MiB, averaged down to at most {plan.side} pixels a "
        f"side ({SIDES[0]} for the worst and best slices); up to {counted(plan.slices, 'evenly spaced slice')} of a "
        "volume beside its worst and best. Numbers are those of the whole images, from their records."
    )


def alerts(left_out: LeftOut, groups: int) -> str:
    """What a reader has to know before the tables."""
    parts = []
    if left_out:
        lines = [f"{name}: {reason}" for name, reason in left_out]
        parts.append(f'<div class="alert" role="note"><strong>Left out</strong>{items(lines, "ul")}</div>')
    if groups > 1:
        parts.append(f'<p class="alert" role="note">{text(SEVERAL)}</p>')
    return "\n".join(parts)


def counted(n: int, word: str) -> str:
    """A number with its word."""
    return f"{n} {word}{'s' * (n != 1)}"
