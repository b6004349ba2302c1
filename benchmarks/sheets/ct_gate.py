"""The gate that a CT codec passes before a network of its latents is trained, line by line."""

from __future__ import annotations

from collections.abc import Sequence

from sheets.parts import Record, machine, prior, table


def ct_gate(records: Sequence[Record]) -> str:
    """What was found, what is wanted; lines without a bound are shown to be known."""
    (record,) = records
    body = [
        (line["what"], f"{line['found']:.3g}", line["wanted"] or "–", _verdict(line["wanted"], line["passes"]))
        for line in record["rows"]
    ]
    network = prior({"name": record["codec"], "sha256": record["sha256"]})
    return table(("what", "found", "wanted", ""), body) + f"\n\n*Codec {network}; {machine(record)}.*"


def _verdict(wanted: str | None, passes: bool) -> str:
    return "" if wanted is None else "passes" if passes else "**fails**"


KINDS = (ct_gate,)
