"""`CtBench`: a campaign of `medrecon bench ct`, as it can be sent to a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import torch

from medrecon.bench.ct.campaign import CtRows, CtUnit, ct_plan
from medrecon.bench.ct.runners import cast
from medrecon.bench.ct.sources import CtSource, ct_sources
from medrecon.bench.ct.suite import CtChoice
from medrecon.bench.row_work import BenchWork
from medrecon.networks.ct.load import CtPrior


@final
@dataclass(frozen=True)
class CtBench(BenchWork):
    """Scans, doses and methods.

    data, phantoms : as `ct_sources` takes them.
    priors : names or files of networks by method, of those that are not to have their own.
    """

    data: Path | None = field(kw_only=True)
    phantoms: tuple[str, ...] = field(kw_only=True)
    doses: tuple[float, ...] = field(kw_only=True)
    seeds: tuple[int, ...] = field(kw_only=True)
    slices: int = field(kw_only=True)
    choice: CtChoice = field(kw_only=True)
    priors: Mapping[str, str] = field(default_factory=dict)

    def planned(self, device: torch.device) -> list[CtUnit]:
        found, _ = ct_sources(self.data, self.phantoms)
        _, priors, _ = cast(self.choice.methods, self.priors, device)
        return self.plan(found, priors)

    def plan(self, found: Sequence[CtSource], priors: Mapping[str, CtPrior]) -> list[CtUnit]:
        """The same of sources and networks that are there; raises InputError."""
        return list(ct_plan(found, self.doses, self.seeds, self.slices, self.choice, priors))

    def maker(self, device: torch.device) -> CtRows:
        return CtRows(device)
