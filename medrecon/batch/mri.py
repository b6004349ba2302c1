"""`MriWork`: what `medrecon mri` does to one file and `medrecon batch` to every one, which it writes as .h5."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import torch

from medrecon.batch.file_work import FileSteps, FileWork
from medrecon.batch.joint import solved_together
from medrecon.batch.work import Written
from medrecon.errors import InputError
from medrecon.io import load, save
from medrecon.masks.undersampling import Undersampling
from medrecon.mri.method import Method
from medrecon.mri.together import can_share
from medrecon.pipeline import finished, prior_of
from medrecon.solving import Range, Solved, Task

if TYPE_CHECKING:
    from medrecon.scan import Scan

TOGETHER = 32
"""Slices of several files that are solved at once: two full batches of the diffusion methods."""
LARGEST = 64
"""Slices that the device holds at once; of a file with more of them it is given one chunk after the other."""


@final
@dataclass(frozen=True)
class MriWork(FileWork):
    """The arguments of `reconstruct`, what is asked of fully sampled scans, and which volume of a file is meant.

    pick : of `io.load`, the same for every file.
    """

    method: Method
    undersampling: Undersampling = field(default_factory=Undersampling)
    prior: str | None = None
    seed: int = 0
    holdout: bool = False
    slices: Range = (None, None)
    pick: Mapping[str, str] = field(default_factory=dict)

    @property
    def command(self) -> str:
        return "mri"

    @property
    def options(self) -> dict[str, Any]:
        asked = asdict(self.undersampling)
        if self.undersampling.file is not None:
            asked["mask"] = _content(self.undersampling.file)
        own = {"seed": self.seed, "holdout": self.holdout, "slices": list(self.slices), "pick": dict(self.pick) or None}
        return {"method": self.method.name, **asdict(self.method), **asked, **own}

    def weights(self, device: torch.device) -> dict[str, Any] | None:
        prior = prior_of(self.method, self.prior, device, torch.device("cpu"))
        return None if prior is None else {"name": prior.name, "sha256": prior.sha256}

    def on(self, device: torch.device) -> MriSteps:
        return MriSteps(self, device)

    def task(self, device: torch.device) -> Task:
        """What solves scans on `device`, with the prior loaded; raises InputError."""
        return Task(self.method, prior_of(self.method, self.prior, device), device, self.seed, self.holdout)

    def read(self, path: Path, *, keep_identity: bool = False) -> Scan:
        """The scan of a file, undersampled as is asked; raises InputError."""
        return self.undersampling.of(load(path, keep_identity=keep_identity, pick=self.pick))


@final
class MriSteps(FileSteps["Scan", "Solved"]):
    """Scans on one device; on CUDA slices of several at once, where the method allows it and nothing is withheld."""

    def __init__(self, work: MriWork, device: torch.device) -> None:
        self.work, self.task = work, work.task(device)
        shared = device.type == "cuda" and can_share(work.method) and not work.holdout
        self.together = TOGETHER if shared else 0

    def read(self, path: Path) -> Scan:
        return self.work.read(path)

    def slices(self, given: Scan) -> int:
        return len(range(given.n_slices)[slice(*self.work.slices)])

    def reconstruct(self, given: Sequence[Scan]) -> list[Solved]:
        if self.together and sum(map(self.slices, given)) <= LARGEST:
            return solved_together(self.task, given, self.work.slices)
        return [self.task.solved(scan, self.work.slices) for scan in given]

    def write(self, given: Scan, made: Solved, out: Path) -> Written:  # noqa: ARG002 - a volume's place is in it
        result = finished(made, self.task)
        save(result, out)
        return Written(result.n_slices, result.warnings)


def _content(path: Path) -> str:
    """A file by what it holds, not by where it lies."""
    try:
        return f"{path.name}, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}"
    except OSError as error:
        raise InputError(f"mask file {path} cannot be read ({error.strerror}); give a .npy, .mat or .h5 file") from None
