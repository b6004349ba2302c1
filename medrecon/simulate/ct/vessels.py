"""Branching vessels: a tree grown in three dimensions and cut by the slice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from medrecon.simulate.ct.canvas import window
from medrecon.simulate.shapes import FAR, Field, Plane

Points = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Tree:
    """Straight pieces of vessel: ends `(piece, 3)` as (x, y, z) mm, z = 0 in the slice, and radii `(piece,)` in mm."""

    starts: Points
    ends: Points
    radii: Points

    def thicker_than(self, radius_mm: float) -> Tree:
        """The trunk and its larger branches."""
        kept = self.radii > radius_mm
        return Tree(self.starts[kept], self.ends[kept], self.radii[kept])

    def beside(self, shift: tuple[float, float, float], share: float) -> Tree:
        """A companion that runs along, `share` as thick, moved by `shift` times the radius."""
        moved = np.asarray(shift) * self.radii[:, None]
        return Tree(self.starts + moved, self.ends + moved, share * self.radii)


def grow(
    root: tuple[float, float, float],
    towards: tuple[float, float, float],
    radius_mm: float,
    contains: Callable[[Points, Points], NDArray[np.bool_]],
    generator: np.random.Generator,
    finest_mm: float = 0.3,
) -> Tree:
    """Grow a tree from `root`, all branches of a generation at once.

    A branch splits in two whose radii obey r^2.7 = r1^2.7 + r2^2.7 (between Murray's 3 and 2), some six radii after the
    last split, and turns the more the thinner it is. Pieces that end where `contains(x, y)` is False are not grown.
    """
    position, direction = np.array([root]), np.array([towards]) / np.linalg.norm(towards)
    radius = np.array([radius_mm])
    pieces: list[tuple[Points, Points, Points]] = []
    while len(radius):
        length = radius * generator.uniform(4.0, 7.5, len(radius)) + 1.0
        end = position + length[:, None] * direction
        alive = contains(end[:, 0], end[:, 1])
        position, direction, radius, end = position[alive], direction[alive], radius[alive], end[alive]
        pieces.append((position, end, radius))
        share = generator.uniform(0.18, 0.5, len(radius))
        both = np.concatenate([share, 1 - share])
        turned = _turned(np.tile(direction, (2, 1)), np.deg2rad(75 * (1 - both) ** 1.3 + 6), generator)
        position, direction, radius = np.tile(end, (2, 1)), turned, np.tile(radius, 2) * both ** (1 / 2.7)
        thick = radius > finest_mm
        position, direction, radius = position[thick], direction[thick], radius[thick]
    starts, ends, radii = (np.concatenate(part) for part in zip(*pieces, strict=True))
    return Tree(starts, ends, radii)


def within(plane: Plane, distance: Field) -> Callable[[Points, Points], NDArray[np.bool_]]:
    """For `grow`: whether places (x, y) lie inside the shape with this distance, or at its border."""

    def contains(x: Points, y: Points) -> NDArray[np.bool_]:
        row, column = (
            np.clip(np.rint((at - plane.origin[axis]) / plane.step[axis]).astype(int), 0, distance.shape[axis] - 1)
            for axis, at in enumerate((y, x))
        )
        return distance[row, column] < 0

    return contains


def _turned(direction: Points, angle: Points, generator: np.random.Generator) -> Points:
    """Unit vectors turned by `angle` about random axes."""
    side = np.cross(direction, generator.standard_normal(direction.shape))
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    return np.cos(angle)[:, None] * direction + np.sin(angle)[:, None] * side


def cut(plane: Plane, tree: Tree, margin_mm: float = 1.5) -> Field:
    """Distance in the slice z = 0 to the vessels of a tree; FAR beyond `margin_mm` from their walls."""
    best = np.full(plane.x.shape, FAR)
    low = np.minimum(tree.starts, tree.ends) - (tree.radii + margin_mm)[:, None]
    high = np.maximum(tree.starts, tree.ends) + (tree.radii + margin_mm)[:, None]
    # no further along z than the vessel itself: partial volume of a thin slice
    crosses = (low[:, 2] + margin_mm < 0) & (high[:, 2] - margin_mm > 0)
    for i in np.flatnonzero(crosses):
        rows, columns = window(plane, (low[i, 0], low[i, 1]), (high[i, 0], high[i, 1]))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        along = tree.ends[i] - tree.starts[i]
        px, py = plane.x[rows, columns] - tree.starts[i, 0], plane.y[rows, columns] - tree.starts[i, 1]
        pz = -tree.starts[i, 2]
        t = np.clip((px * along[0] + py * along[1] + pz * along[2]) / (along @ along), 0, 1)
        gap = np.sqrt((px - t * along[0]) ** 2 + (py - t * along[1]) ** 2 + (pz - t * along[2]) ** 2) - tree.radii[i]
        best[rows, columns] = np.minimum(best[rows, columns], gap)
    return best
