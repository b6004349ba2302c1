"""Weights files: safetensors that carry their own record and a hash of all that they hold. No pickle."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as serialise
from torch import Tensor

from medrecon.atomic import whole_file
from medrecon.errors import InputError
from medrecon.weights.quantise import Storage, pack, unpack

RECORD = "medrecon"  # metadata key; its text is the sha256 of the content, then the record as JSON
DIGITS = 64


def save(
    path: str | Path, state_dict: Mapping[str, Tensor], metadata: Mapping[str, Any], quantise: Storage = "fp16"
) -> str:
    """Write `state_dict` and the JSON-able `metadata`, whole or not at all; gives the file's sha256.

    Raises InputError for weights that are not finite or a folder that does not exist.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError(f"folder {path.parent} does not exist; make it first")
    data = encode(state_dict, metadata, quantise)
    with whole_file(path) as temporary:
        temporary.write_bytes(data)
    return sha256(data)


def encode(state_dict: Mapping[str, Tensor], metadata: Mapping[str, Any], quantise: Storage) -> bytes:
    """The bytes of a weights file. Raises InputError for weights that are not finite."""
    tensors = pack(dict(state_dict), quantise)
    record = json.dumps(dict(metadata), sort_keys=True)
    return serialise(tensors, {RECORD: content_digest(tensors, record) + record})


def read(path: Path) -> bytes:
    """The file's bytes, or InputError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"weights file {path} cannot be read ({error.strerror}); give a .safetensors file") from None


def is_own(data: bytes) -> bool:
    """Whether these are the bytes of a file of `save`, intact or not."""
    try:
        return RECORD in _header(data)
    except (ValueError, KeyError, struct.error):
        return False


def decode(data: bytes, name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """State dict (float32) and metadata of a file's bytes, checked against the hash that they carry.

    Raises InputError for anything but an intact file of `save`.
    """
    try:
        tensors = parse_tensors(data)
        header = _header(data)
    except (SafetensorError, ValueError, KeyError, struct.error) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{name} is damaged or no safetensors file ({reason}); fetch it again") from None
    if RECORD not in header:
        raise InputError(f"{name} carries no medrecon record; give a file that medrecon has written")
    digest, record = header[RECORD][:DIGITS], header[RECORD][DIGITS:]
    if content_digest(tensors, record) != digest:
        raise InputError(f"{name} is damaged (its content does not match its own sha256); fetch it again")
    return unpack(tensors), json.loads(record)


def _header(data: bytes) -> dict[str, str]:
    return json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]]).get("__metadata__", {})


def sha256(data: bytes) -> str:
    """Hexadecimal sha256."""
    return hashlib.sha256(data).hexdigest()


def content_digest(tensors: Mapping[str, Tensor], record: str) -> str:
    """Hash of record, names, dtypes, shapes and bytes, whatever the order in the file."""
    digest = hashlib.sha256(record.encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(json.dumps([name, str(value.dtype), list(value.shape)]).encode())
        digest.update(value.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
