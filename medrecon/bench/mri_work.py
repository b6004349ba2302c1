"""`MriBench`: a campaign of `medrecon bench mri`, as it can be sent to a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import torch

from medrecon.bench.campaign import MriRows
from medrecon.bench.conditions import Choice
from medrecon.bench.plan import Unit, plan
from medrecon.bench.row_work import BenchWork
from medrecon.bench.runners import control, methods
from medrecon.bench.sources import Source, sources
from medrecon.bench.suites import SUITES
from medrecon.diffusion.prior import Prior
from medrecon.networks import load_prior


@final
@dataclass(frozen=True)
class MriBench(BenchWork):
    """Scans, suites and what is chosen of them.

    data : as `sources` takes it.
    priors : names or files.
    control : weights of a supervised network.
    """

    data: Path = field(kw_only=True)
    suites: tuple[str, ...] = field(kw_only=True)
    choice: Choice = field(kw_only=True)
    priors: tuple[str, ...] = ()
    control: Path | None = None

    def planned(self, device: torch.device) -> list[Unit]:
        found, _ = sources(self.data)
        return self.plan(found, [load_prior(name, device) for name in self.priors], device)

    def plan(self, found: Sequence[Source], priors: Sequence[Prior], device: torch.device) -> list[Unit]:
        """The same of sources and priors that are there; raises InputError."""
        registry = methods(priors)
        if self.control is not None:
            registry |= control(self.control, device)
        return list(plan(found, [SUITES[name] for name in self.suites], self.choice, registry))

    def maker(self, device: torch.device) -> MriRows:
        return MriRows(device)
