"""Slices of any matrix: continued to the multiple that a network needs, and cut into tiles where they are too large.

A tile is shown with as much around it as the network looks at, and that margin is cut off again: tiles meet without
seams, and the slice is that of one whole call but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product

import torch
from torch import Tensor

from medrecon.errors import InputError


def extended(x: Tensor, multiple: int, smallest: int = 1) -> Tensor:
    """`(…, y, x)` mirrored beyond its lower and right edges, to sides that are multiples, none below `smallest`."""
    for axis in (-2, -1):
        n = x.shape[axis]
        longer = -(-max(n, smallest) // multiple) * multiple
        if longer > n:
            x = x.index_select(axis, _mirrored(n, longer).to(x.device))
    return x


def _mirrored(n: int, longer: int) -> Tensor:
    """Positions 0 … n - 1, back to 0 and on again, `longer` of them."""
    position = torch.arange(longer) % max(2 * n - 2, 1)
    return torch.where(position < n, position, 2 * n - 2 - position)


def tiled(
    function: Callable[..., Tensor], inputs: tuple[Tensor, ...], size: int | None, reach: int, multiple: int
) -> Tensor:
    """`function(*inputs)` on tiles, put together; the grid of its result may be finer or coarser than the inputs'.

    inputs : `(n, c, y, x)` of one y and x, multiples of `multiple`.
    size : side of a tile with its margins, in pixels of the inputs; None for one call.
    reach : pixels that the function looks to each side.
    multiple : tiles begin and end on multiples of it, as the whole does.

    Raises InputError where a tile would be nothing but margin.
    """
    height, width = inputs[0].shape[-2:]
    if size is None or max(height, width) <= size:
        return function(*inputs)
    margin = -(-reach // multiple) * multiple
    core = (size // multiple) * multiple - 2 * margin
    if core < multiple:
        raise InputError(
            f"tiles of {size} leave nothing beside a margin of {margin} to each side, as far as the network looks; "
            f"give tiles of at least {2 * margin + multiple}, or none"
        )
    out: Tensor | None = None
    for rows, columns in product(_spans(height, core, margin), _spans(width, core, margin)):
        (top, bottom), (left, right) = rows[1], columns[1]
        part = function(*(x[..., top:bottom, left:right] for x in inputs))
        scale = Fraction(part.shape[-2], bottom - top)
        if out is None:
            out = part.new_empty((*part.shape[:-2], _at(height, scale), _at(width, scale)))
        inner = [slice(_at(a - p, scale), _at(b - p, scale)) for (a, b), (p, _) in (rows, columns)]
        outer = [slice(_at(a, scale), _at(b, scale)) for (a, b), _ in (rows, columns)]
        out[..., outer[0], outer[1]] = part[..., inner[0], inner[1]]
    assert out is not None
    return out


def _spans(length: int, core: int, margin: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """(what a tile gives, what it is shown) along an axis."""
    for start in range(0, length, core):
        stop = min(start + core, length)
        yield (start, stop), (max(start - margin, 0), min(stop + margin, length))


def _at(position: int, scale: Fraction) -> int:
    return int(position * scale)
