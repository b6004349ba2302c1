"""A small campaign on a phantom: one volume, a few slices, a prior without weights."""

from collections.abc import Iterable
from pathlib import Path

import torch
from phantom import gaussian, head

from medrecon.bench.campaign import Campaign
from medrecon.bench.conditions import Choice
from medrecon.bench.identity import identity
from medrecon.bench.plan import Shard, plan
from medrecon.bench.runners import methods
from medrecon.bench.sources import Volume
from medrecon.bench.suites import SUITES
from medrecon.datasets.volume import TrainingVolume

CPU = torch.device("cpu")
COSTS = {"seconds_per_slice", "calibration_seconds_per_slice", "peak_memory_mib", "workers"}


def volume(name: str = "head") -> Volume:
    values = torch.from_numpy(head(8, 48, 48)).float()
    return Volume(name, lambda: TrainingVolume(values, (5.0, 2.0, 2.0), "nobody", name))


def choice(**changes) -> Choice:
    small = {
        "accel": (2.0,), "seeds": (0,), "slices": 2, "coils": (4,), "snr": (40.0,), "steps": (3,), "samples": (1,),
        "methods": ("zero-filled", "sense", "spirit"),
    }  # fmt: skip
    return Choice(**{**small, **changes})


def campaign(
    out: Path,
    suites: Iterable[str] = ("standard",),
    shard: Shard | None = None,
    policy="stop",
    sources=None,
    registry=None,
    **changes,
) -> Campaign:
    sources = [volume()] if sources is None else sources
    registry = methods([gaussian()]) if registry is None else registry
    units = plan(sources, [SUITES[name] for name in suites], choice(**changes), registry)
    return Campaign(units, out, shard, policy)


def rows(campaign: Campaign) -> list[dict]:
    """Of all its files, without what no two runs share."""
    found = [row for store in campaign.stores.values() for row in store.rows]
    return [{key: value for key, value in row.items() if key not in COSTS} for row in found]


def by_identity(campaign: Campaign) -> dict[str, dict]:
    """The same, in no order."""
    return {identity(row): row for row in rows(campaign)}
