"""What the manifests of `medrecon batch` say of its results: what made them, their warnings, and which failed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medrecon.io.records import Record

NAMES = "manifest*.jsonl"
NOT_OPTIONS = ("method", "dose", "seed", "slices", "keep_identity", "device", "threads")


@dataclass(frozen=True)
class Manifests:
    """Of a folder of results; all of it empty where no batch wrote there.

    Attributes
    ----------
    records : what a CT result does not say of itself, by its place in the folder.
    warnings : of each result, by its place in the folder.
    failed : file and reason.
    """

    records: Mapping[str, Record] = field(default_factory=dict)
    warnings: Mapping[str, list[str]] = field(default_factory=dict)
    failed: tuple[tuple[str, str], ...] = ()


def read_manifests(folder: Path) -> Manifests:
    """Of every shard: the first line tells how all was made, each other one what became of a file, the last one counts.

    What failed in one shard's manifest and was done later under another has not failed.

    Lines that cannot be read are passed over; of a killed run the last may be torn.
    """
    records: dict[str, Record] = {}
    warnings: dict[str, list[str]] = {}
    failed: dict[str, tuple[str, str]] = {}
    done: set[str] = set()
    for path in sorted(folder.glob(NAMES)):
        head, *entries = [*_lines(path)] or [{}]
        for entry in {str(each.get("file")): each for each in entries}.values():
            place = str(entry.get("out"))
            if entry.get("status") != "done":
                failed[place] = str(entry.get("file")), str(entry.get("reason") or "failed")
                continue
            if (folder / place).exists():
                done.add(place)
            warnings[place] = [str(each) for each in entry.get("warnings") or ()]
            if head.get("command") == "ct":
                records[place] = _ct_record(head)
    return Manifests(records, warnings, tuple(said for place, said in failed.items() if place not in done))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def _ct_record(head: Mapping[str, Any]) -> Record:
    """As far as the first line tells it; nothing was scored."""
    options = head.get("options") or {}
    return {
        "method": str(options.get("method")),
        "options": {name: value for name, value in options.items() if name not in NOT_OPTIONS},
        "dose": options.get("dose"),
        "seed": options.get("seed"),
        "weights": head.get("weights"),
        "device": options.get("device"),
        "versions": {"medrecon": head.get("medrecon"), "threads": options.get("threads")},
        "scores": None,
    }
