"""How far rows differ that differ in their seed alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from math import sqrt
from statistics import variance
from typing import Any

from medrecon.bench.identity import identity

Row = Mapping[str, Any]


def spread_over_seeds(rows: Iterable[Row], value: Callable[[Row], float | None]) -> float | None:
    """Standard deviation of `value` over seeds, root mean square over what else distinguishes the rows.

    The seed draws mask and sampler; under a mask that has no seed (`hfs-uniform`) it is the sampler's alone. Rows
    without a value are passed over; None where nothing was measured with two seeds.
    """
    groups: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if (found := value(row)) is not None:
            groups[identity({**row, "seed": None})].append(found)
    variances = [variance(values) for values in groups.values() if len(values) > 1]
    return sqrt(sum(variances) / len(variances)) if variances else None
