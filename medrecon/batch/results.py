"""The folder of results: whether it may be used, and what lies in it already."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from medrecon.batch.leavings import TEMPORARY
from medrecon.batch.locks import is_at_work
from medrecon.batch.manifest import Entry, Head, manifest_name, read_manifest, shard_of
from medrecon.batch.plan import FileItem, Plan, Shard
from medrecon.errors import InputError

COMPARED = ("command", "options", "weights")


def check_unused(folder: Path, plan: Plan, shard: Shard) -> None:
    """Raise InputError unless `folder` is new, or holds nothing but what other shards of the same plan write."""
    if not folder.exists():
        return
    names = sorted(path.name for path in folder.iterdir())
    expected: set[str] = set()
    if shard.count > 1:
        expected = {manifest_name(Shard(i, shard.count)) for i in range(shard.count) if i != shard.index}
        expected |= {item.out.relative_to(folder).parts[0] for item in plan.items}
    left = [name for name in names if name not in expected and not (shard.count > 1 and TEMPORARY.fullmatch(name))]
    left += [item.out.name for item in plan.part(shard) if item.out.exists()]
    if left:
        raise InputError(f"{folder} holds {left[0]} already; --resume goes on with it, or name a new folder")


def check_resumable(folder: Path, head: Head, shard: Shard) -> None:
    """Raise InputError unless all manifests of `folder` were made with the options of `head`.

    Shards of one count must have been dealt from the same plan; of another count none may be at work.
    """
    found = [path for path in sorted(folder.iterdir()) if shard_of(path.name)] if folder.exists() else []
    if not found and folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty, and has no manifest to resume from; name another folder")
    for path in found:
        before, _, _ = read_manifest(path)
        other = shard_of(path.name)
        assert other is not None
        if before is None:
            continue
        _compare(before, head, path)
        if other.count > 1 and other.count == shard.count and before["plan"] != head.plan:
            raise InputError(
                f"{path.name} was dealt from {before['files']} files, and there are {head.files} now, or others; give "
                "the same files to all shards, or resume without --shard"
            )
        if other.count != shard.count and is_at_work(path):
            raise InputError(f"{path}: another medrecon batch is at work there; wait for its end, or stop it")


def done_items(folder: Path, items: Iterable[FileItem]) -> set[str]:
    """Names of items that any manifest of `folder` has as done, and whose outputs are there as they were written."""
    manifests = [path for path in folder.iterdir() if shard_of(path.name)]
    found = [read_manifest(path)[1] for path in manifests]
    return {item.name for item in items if any(_stands(entries.get(item.name), item) for entries in found)}


def size(out: Path) -> int:
    """Bytes of an output, of all files of a folder."""
    files = out.rglob("*") if out.is_dir() else [out]
    return sum(file.stat().st_size for file in files if file.is_file())


def settle(out: Path) -> None:
    """Have an output on disk before its entry is."""
    for path in [*(out.iterdir() if out.is_dir() else ()), out, out.parent]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _stands(entry: Entry | None, item: FileItem) -> bool:
    return entry is not None and entry.status == "done" and item.out.exists() and size(item.out) == entry.bytes


def _compare(before: dict[str, Any], head: Head, path: Path) -> None:
    now = asdict(head)
    for key in COMPARED:
        name, old, new = key, before[key], now[key]
        if isinstance(old, dict) and isinstance(new, dict):
            # an option that did not exist yet was not given
            other = next((k for k in {**old, **new} if old.get(k) != new.get(k)), None)
            if other is None:
                continue
            name, old, new = _called(key, other), old.get(other), new.get(other)
        if old != new:
            raise InputError(
                f"{path.name} was begun with {name} = {old}, and --resume came with {new}; give the same, or a new "
                "folder"
            )


def _called(key: str, name: str) -> str:
    return f"option {name}" if key == "options" else f"{name} of the weights"
