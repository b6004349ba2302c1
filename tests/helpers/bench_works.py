"""A small campaign on files, as workers take it, and the same with rows that bring them into trouble."""

import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from campaigns import CPU, choice
from phantom import head

from medrecon.batch.local import LocalEngine
from medrecon.batch.work import Work
from medrecon.bench.campaign import Campaign
from medrecon.bench.mri_work import MriBench
from medrecon.bench.row_work import RowSteps, plan_digest
from medrecon.datasets.pack import write_pack
from medrecon.datasets.volume import TrainingVolume


def mri_bench(folder: Path, priors=(), **changes) -> MriBench:
    """Of one volume in a pack."""
    path = folder / "pack.h5"
    if not path.exists():
        values = torch.from_numpy(head(8, 48, 48)).float()
        write_pack(path, [TrainingVolume(values, (5.0, 2.0, 2.0), "nobody", "head")])
    return MriBench(data=path, suites=("standard",), choice=choice(**changes), priors=priors)


def begun(bench: MriBench, out: Path, shard=None) -> tuple[Campaign, MriBench]:
    """The campaign in files that start with `out`, and the work for its workers."""
    units = bench.planned(CPU)
    return Campaign(units, out, shard), replace(bench, digest=plan_digest(units))


def processes(workers: int) -> LocalEngine:
    """With this process's threads, on which rows depend."""
    return LocalEngine(None, workers=workers, threads=torch.get_num_threads())


@dataclass(frozen=True)
class Troubled(Work):
    """Seed 1 fails; the first worker that comes to `sense` of seed 2 is killed, after which `mark` is there."""

    bench: MriBench
    mark: Path

    def on(self, device):
        steps = self.bench.on(device)
        return RowSteps(steps.units, _Trouble(steps.maker, self.mark))


class _Trouble:
    def __init__(self, maker, mark):
        self.maker, self.mark = maker, mark

    def row(self, unit):
        if unit.condition.seed == 1:
            raise ValueError("the patient was Roe")
        if unit.condition.seed == 2 and unit.runner.method == "sense" and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.maker.row(unit)
