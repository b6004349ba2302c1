"""The measurements of a Siemens twix file (.dat), VB or VD/VE: protocol and readouts, by the package twixtools.

The walk from readout to readout is done here, against the file's own length: a file that was cut off is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from medrecon.errors import InputError

MOST_MEASUREMENTS = 64
"""Entries of the table that VD/VE files begin with; VB files begin with the length of a header, above 10000 bytes."""
ENTRY, TABLE = struct.Struct("<IIQQ64s64s"), struct.Struct("<II")
SHORTEST_HEADER = 10000
SCAN_HEADER, CHANNEL_HEADER, VB_HEADER = 192, 32, 128
"""Bytes."""
ODD = (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, struct.error)


@dataclass(frozen=True, eq=False)
class Line:
    """One readout: `(coil, sample)` data, a view of the file; its header (MDH) and its flags."""

    data: NDArray[np.complex64]
    mdh: Any
    flags: frozenset[str]


@dataclass(frozen=True, eq=False)
class Measurement:
    """One measurement of a file; `protocol` is twixtools' dictionary of its headers, which name the patient."""

    protocol: Mapping[str, Any]
    lines: list[Line]


def is_twix(path: Path) -> bool:
    """Whether the file begins as twix files do, in either version."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(TABLE.size + ENTRY.size)
        if len(start) < TABLE.size + ENTRY.size:
            return False
        if _is_table(start):
            offset = ENTRY.unpack_from(start, TABLE.size)[2]
            return SHORTEST_HEADER <= offset < size
        length, buffers = TABLE.unpack_from(start)
        return SHORTEST_HEADER <= length < size and 1 <= buffers <= 16 and start[8:12].isalpha()


def read_measurements(path: Path) -> list[Measurement]:
    """All measurements of a file; raises InputError without twixtools, for a damaged protocol and a cut-off file."""
    try:
        import twixtools  # noqa: F401
    except ImportError:
        raise InputError(
            f"{path}: Siemens twix files are read with twixtools, which is not here; pip install 'medrecon[twix]'"
        ) from None
    size = path.stat().st_size
    with path.open("rb") as file, _silently():
        table = file.read(TABLE.size + MOST_MEASUREMENTS * ENTRY.size)
        if not _is_table(table):
            return [_measurement(file, 0, size, False, path)]
        found = [ENTRY.unpack_from(table, TABLE.size + i * ENTRY.size)[2:4] for i in range(TABLE.unpack_from(table)[1])]
        for offset, length in found:
            if offset + length > size:
                raise _cut_off(path)
        return [_measurement(file, offset, offset + length, True, path) for offset, length in found]


def _is_table(start: bytes) -> bool:
    first, count = TABLE.unpack_from(start)
    return first < SHORTEST_HEADER and 1 <= count <= MOST_MEASUREMENTS


def _measurement(file: BinaryIO, start: int, end: int, new: bool, path: Path) -> Measurement:
    from twixtools.twixprot import parse_twix_hdr

    file.seek(start)
    head = file.read(4)
    length = struct.unpack("<I", head)[0] if len(head) == 4 else 0
    if length == 0 or start + length > end:
        raise _cut_off(path)
    file.seek(start)
    try:
        protocol = parse_twix_hdr(file)
    except ODD as error:
        raise InputError(
            f"{path}: its protocol cannot be read ({type(error).__name__}), damaged?; export it again"
        ) from error
    return Measurement(protocol, list(_lines(file, start + length, end, new, path)))


def _lines(file: BinaryIO, start: int, end: int, new: bool, path: Path) -> Iterator[Line]:
    """Until the readout that ends the measurement."""
    from twixtools.mdb import Mdb

    mapped = np.memmap(path, np.uint8, "r")
    position = start
    while True:
        file.seek(position)
        try:
            block = Mdb(file, new)
        except ValueError:  # fewer bytes than its header asks for
            raise _cut_off(path) from None
        length = int(block.dma_len)
        if block.is_flag_set("ACQEND"):
            return
        if length == 0 or position + length > end:
            raise _cut_off(path)
        if not block.is_flag_set("SYNCDATA"):
            yield Line(_samples(mapped, position, block.mdh, new), block.mdh, frozenset(block.get_active_flags()))
        position += length


def _samples(mapped: NDArray[np.uint8], position: int, mdh: Any, new: bool) -> NDArray[np.complex64]:
    """VD/VE: one header a readout and one a coil; VB: a whole header before each coil."""
    skip, first = (CHANNEL_HEADER, SCAN_HEADER) if new else (VB_HEADER, 0)
    row = np.dtype([("skip", "V", skip), ("data", "<c8", (int(mdh.SamplesInScan),))])
    return np.frombuffer(mapped, row, int(mdh.UsedChannels), position + first)["data"]


def _cut_off(path: Path) -> InputError:
    return InputError(
        f"{path}: ends in the middle of a measurement, cut off?; expected a whole twix file: export it again"
    )


@contextmanager
def _silently() -> Iterator[None]:
    """Without what twixtools prints, and without numpy's warnings of numbers that a damaged file makes too large."""
    with redirect_stdout(StringIO()), np.errstate(all="ignore"):
        yield
