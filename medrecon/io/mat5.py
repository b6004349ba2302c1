"""MATLAB's MAT-files of level 5 (v5 to v7.2): numeric arrays and texts, from MathWorks' description of the format.

Read here and not by scipy, whose reader ends the whole process on some damaged files.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HEADER = 128
MATRIX, COMPRESSED = 14, 15
NUMBERS = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
    16: "u1",
    17: "u2",
}
"""By the type of an element, texts in UTF-8 and UTF-16 among them."""
TEXT, NUMERIC = 4, range(6, 16)
"""Classes of arrays that are read; cells, structures, objects and sparse arrays are passed over."""
IS_COMPLEX = 0x08


def read_mat5(path: Path) -> dict[str, NDArray]:
    """Variables by name, texts as one string; raises ValueError for what does not follow the format."""
    data = path.read_bytes()
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if order is None:
        raise ValueError("no header of level 5")
    found = {}
    for kind, body in _elements(memoryview(data)[HEADER:], order):
        if kind == COMPRESSED:
            ((kind, body),) = list(_elements(memoryview(zlib.decompress(body)), order))
        if kind == MATRIX and (variable := _variable(body, order)) is not None:
            name, values = variable
            found[name] = values
    return found


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """(type, bytes) of each data element; each begins at a multiple of 8 bytes, but after compressed ones."""
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            raise ValueError("ends within a tag")
        kind, size = struct.unpack_from(order + "II", data, at)
        start = at + 8
        if kind >> 16:  # a small element keeps its bytes within the tag
            kind, size, start = kind & 0xFFFF, kind >> 16, at + 4
        if start + size > len(data) or (start == at + 4 and size > 4):
            raise ValueError("an element reaches beyond the end")
        yield kind, data[start : start + size]
        at = start + size if kind == COMPRESSED else start + size + -(start + size) % 8


def _variable(body: memoryview, order: str) -> tuple[str, NDArray] | None:
    """Name and values of a matrix, None of a class that is not read."""
    parts = _elements(body, order)
    flags, shape, name = (next(parts, (0, memoryview(b""))) for _ in range(3))
    word = int(_numbers(flags, order)[0]) if len(flags[1]) == 8 else 0
    kind = word & 0xFF
    if kind != TEXT and kind not in NUMERIC:
        return None
    sides = _numbers(shape, order).tolist()
    rest = [_numbers(part, order) for part in parts]
    values = rest[0] if len(rest) == 1 else _complex(rest, bool(word >> 8 & IS_COMPLEX))
    if not sides or min(sides) < 0 or math.prod(sides) != len(values):
        raise ValueError("its sizes do not fit its values")
    if kind == TEXT:
        values, sides = np.array(["".join(map(chr, values.tolist()))]), [1]
    return bytes(name[1]).decode("latin-1"), values.reshape(sides, order="F")


def _numbers(element: tuple[int, memoryview], order: str) -> NDArray:
    kind, data = element
    if kind not in NUMBERS:
        raise ValueError(f"values of the unknown type {kind}")
    return np.frombuffer(data, order + NUMBERS[kind])


def _complex(parts: list[NDArray], expected: bool) -> NDArray:
    if len(parts) != 2 or not expected or len(parts[0]) != len(parts[1]):
        raise ValueError("an array of no real and imaginary part")
    made = np.empty(len(parts[0]), np.complex64 if parts[0].dtype.itemsize <= 4 else np.complex128)
    made.real, made.imag = parts
    return made
