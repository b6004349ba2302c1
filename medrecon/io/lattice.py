"""Which points a scan sampled, and which of k-space its protocol covers at all (evaluation.md 1).

A file tells neither when it only holds k-space with zeros in it. What is judged here are points that are zero in every
coil and slice. Three things leave such points, and only the first two shrink the lattice:

- a zero-filled border or a partial-Fourier gap: lines missing at an edge;
- an elliptical shutter: corners missing from an otherwise solid pattern;
- undersampling: points missing between sampled ones, and, by the same chance, some at the edges.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from medrecon.errors import InputError

# An empty edge beside irregular lines is a border when it is this many times wider than the widest gap inside. Of
# variable-density masks as in evaluation.md 1 (96-368 lines, R 2-10) 1-7 % leave such an edge by chance; a factor of
# 3 misjudges 3-18 %. Beside equispaced lines an edge wider than the gap is never chance.
EDGE_TO_GAP = 4.0
# Lines are equispaced when at least this many gaps exist and this share of them is as wide as the widest, within one.
REGULAR_GAPS, REGULAR_SHARE = 4, 0.8
# ... or, for 2-D patterns, when its lines would hold this many samples at the density of the outermost sampled lines.
EXPECTED_SAMPLES = 12.0
# A pattern is made of whole lines when at most this share of the points on sampled lines is missing.
MISSING_ON_LINES = 0.01


@dataclass(frozen=True, eq=False)
class Sampling:
    """`mask` and `lattice`, both `(y, x)` bool, and the phase-encoded axes."""

    mask: Tensor
    lattice: Tensor
    phase_axes: tuple[str, ...]


def sampled_points(kspace: Tensor) -> Tensor:
    """`(y, x)` bool: points that are not zero in some coil of `(slice, coil, y, x)`.

    Empty slices do not count. Raises InputError if two slices were sampled at different points.
    """
    points = torch.stack([(k != 0).any(0) for k in kspace])
    counts = points.sum((-2, -1))
    union = points.any(0)
    differing = (counts > 0) & (counts < (1 - MISSING_ON_LINES) * union.sum())
    if differing.any():
        raise InputError(
            f"slice {int(differing.nonzero()[0, 0])} is sampled at other points than the rest of the volume; "
            "medrecon expects one mask a volume: store slices with different masks in separate files"
        )
    return union


def detect_sampling(points: Tensor, phase_axes: tuple[str, ...] | None = None) -> Sampling:
    """Mask, lattice and phase axes of sampled points `(y, x)` bool.

    Where `phase_axes` is None: the axis along which whole lines are missing between others; both axes for any other
    pattern of points; y if nothing is missing.
    """
    lines = _on_lines(points)
    if lines is None:
        return Sampling(points, detect_lattice(points), ("y", "x"))
    rows, columns = lines
    gaps = tuple(axis for axis, line in (("y", rows), ("x", columns)) if _widest_gap(line) > 0)
    axes = tuple(dict.fromkeys((phase_axes or ()) + gaps)) or ("y",)
    mask = rows[:, None] & columns[None]
    return Sampling(mask, detect_lattice(mask), tuple(a for a in ("y", "x") if a in axes))


def detect_lattice(points: Tensor) -> Tensor:
    """`(y, x)` bool: the lattice behind sampled points `(y, x)`, bool or k-space `(…, y, x)`.

    All-zero edges leave it where they cannot be undersampling: any edge of a solid pattern; beside equispaced lines one
    wider than their gap; beside irregular lines one four times wider than the widest gap; in a pattern of points one
    that would hold 12 samples at the density of the lines next to it. Corners leave it only when the pattern is solid
    (elliptical scanning). Narrower borders of an irregular pattern look like undersampling: a file must name them.
    """
    points = (points != 0).reshape(-1, *points.shape[-2:]).any(0)
    lines = _on_lines(points)
    if lines is not None:
        rows, columns = (_span(line, _line_limit(line)) for line in lines)
    elif _is_solid(points) and _is_solid(points.T):
        return points
    else:
        rows, columns = (_span(c > 0, _point_limit(c)) for c in (points.sum(1), points.sum(0)))
    return rows[:, None] & columns[None]


def _on_lines(points: Tensor) -> tuple[Tensor, Tensor] | None:
    """Sampled rows and columns, if the pattern is their product."""
    rows, columns = points.any(1), points.any(0)
    missing = 1 - points.sum() / (rows.sum() * columns.sum())
    return (rows, columns) if missing <= MISSING_ON_LINES else None


def _is_solid(points: Tensor) -> bool:
    """Whether no row has a gap between its first and its last sample."""
    between = (points.cumsum(1) > 0) & (points.flip(1).cumsum(1).flip(1) > 0)
    return bool((points == between).all())


def _gaps(line: Tensor) -> Tensor:
    """Widths of the gaps between neighbouring samples."""
    return line.nonzero().flatten().diff() - 1


def _widest_gap(line: Tensor) -> int:
    gaps = _gaps(line)
    return int(gaps.max()) if len(gaps) else 0


def _line_limit(line: Tensor) -> tuple[float, float]:
    gaps = _gaps(line)
    gaps = gaps[gaps > 0]
    widest = _widest_gap(line)
    regular = len(gaps) >= REGULAR_GAPS and (gaps >= widest - 1).double().mean() >= REGULAR_SHARE
    limit = widest if regular else EDGE_TO_GAP * widest
    return limit, limit


def _point_limit(counts: Tensor) -> tuple[float, float]:
    """Widest edges (low, high) that chance explains, from the density on the outermost twentieth of sampled lines."""
    kept = counts[counts > 0].double()
    few = max(3, len(kept) // 20)
    return EXPECTED_SAMPLES / float(kept[:few].mean()), EXPECTED_SAMPLES / float(kept[-few:].mean())


def _span(line: Tensor, widest: tuple[float, float]) -> Tensor:
    """From the first to the last sample, and on to an edge that is no wider than `widest` (low, high)."""
    where = line.nonzero().flatten()
    first, last = int(where[0]), int(where[-1])
    if first <= widest[0]:
        first = 0
    if len(line) - 1 - last <= widest[1]:
        last = len(line) - 1
    index = torch.arange(len(line), device=line.device)
    return (index >= first) & (index <= last)
