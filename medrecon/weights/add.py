"""Weights into the user's folder: a file under the hash of its content, then its line in the registry there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from medrecon.atomic import whole_file
from medrecon.errors import InputError
from medrecon.weights.files import decode, sha256
from medrecon.weights.registry import REGISTRY, Record, records, register
from medrecon.weights.user import checked_name, user_folder

NOT_STATED = "not stated"


def described(name: str, data: bytes) -> Record:
    """The record of a weights file from what it says of itself. Raises InputError for any but an intact file."""
    tensors, settings = decode(data, name)
    pixels = settings.get("pixel_range")
    return Record(
        name=checked_name(name),
        kind=str(settings.get("kind", NOT_STATED)),
        file=f"{name}-{sha256(data)[:8]}.safetensors",
        sha256=sha256(data),
        licence=str(settings.get("licence", NOT_STATED)),
        attribution=str(settings.get("attribution", NOT_STATED)),
        parameters=_count(tensors),
        pixel_range=None if pixels is None else (float(pixels[0]), float(pixels[1])),
        training=_facts(settings, "training"),
        validation=_facts(settings, "validation"),
    )


def keep(data: bytes, record: Record, *, replacing: bool = False) -> None:
    """Write `data` to the user's folder and register it there, as `record` says.

    The registry names the new file only when it is whole, and the old one goes last: whenever this ends, every name
    loads. Raises InputError where the user's folder has other weights of that name already, unless `replacing`.
    """
    folder = user_folder()
    folder.mkdir(parents=True, exist_ok=True)
    known = records(folder) if (folder / REGISTRY).exists() else []
    old = next((each for each in known if each.name == record.name), None)
    if old is not None and old.sha256 != record.sha256 and not replacing:
        raise InputError(
            f"{folder} has other weights called '{record.name}' already (sha256 {old.sha256[:12]}); "
            "choose another --name, or give --replace"
        )
    with whole_file(folder / str(record.file)) as temporary:
        temporary.write_bytes(data)
    register(record, folder)
    if old is not None and old.file not in (None, record.file):
        (folder / str(old.file)).unlink(missing_ok=True)


def _count(tensors: Mapping[str, Tensor]) -> int:
    return sum(value.numel() for value in tensors.values())


def _facts(settings: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = settings.get(key)
    return dict(found) if isinstance(found, Mapping) else {}
