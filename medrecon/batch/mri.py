"""`medrecon mri` on every file: scan in, .h5 out, by the same functions with the same arguments."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import torch

from medrecon.batch.work import Steps, Work, Written
from medrecon.errors import InputError
from medrecon.io import load, save
from medrecon.masks.undersampling import Undersampling
from medrecon.mri.method import Method
from medrecon.networks import load_prior
from medrecon.pipeline import default_prior, reconstruct

if TYPE_CHECKING:
    from medrecon.diffusion.prior import Prior
    from medrecon.reconstruction import Reconstruction
    from medrecon.scan import Scan

Range = tuple[int | None, int | None]


@final
@dataclass(frozen=True)
class MriWork(Work):
    """The arguments of `reconstruct`, and what is asked of scans that are fully sampled."""

    method: Method
    undersampling: Undersampling = field(default_factory=Undersampling)
    prior: str | None = None
    seed: int = 0
    holdout: bool = False
    slices: Range = (None, None)

    @property
    def command(self) -> str:
        return "mri"

    @property
    def options(self) -> dict[str, Any]:
        asked = asdict(self.undersampling)
        if self.undersampling.file is not None:
            asked["mask"] = _content(self.undersampling.file)
        own = {"seed": self.seed, "holdout": self.holdout, "slices": list(self.slices)}
        return {"method": self.method.name, **asdict(self.method), **asked, **own}

    def weights(self, device: torch.device) -> dict[str, Any] | None:
        prior = self._loaded(device, torch.device("cpu"))
        return None if prior is None else {"name": prior.name, "sha256": prior.sha256}

    def on(self, device: torch.device) -> MriSteps:
        return MriSteps(self, self._loaded(device, device), device)

    def _loaded(self, device: torch.device, place: torch.device) -> Prior | None:
        """The prior that is used on `device`, at `place`."""
        if not self.method.needs_prior:
            return None
        return load_prior(self.prior or self.method.default_prior or default_prior(device), place)


@final
class MriSteps(Steps["Scan", "Reconstruction"]):
    """Scans on one device."""

    def __init__(self, work: MriWork, prior: Prior | None, device: torch.device) -> None:
        self.work, self.prior, self.device = work, prior, device

    def read(self, path: Path) -> Scan:
        return self.work.undersampling.of(load(path))

    def reconstruct(self, given: Scan) -> Reconstruction:
        work = self.work
        return reconstruct(
            given,
            work.method,
            prior=self.prior,
            device=self.device,
            seed=work.seed,
            holdout=work.holdout,
            slices=work.slices,
        )

    def write(self, given: Scan, made: Reconstruction, out: Path) -> Written:  # noqa: ARG002 - a volume's place is in it
        save(made, out)
        return Written(made.n_slices, made.warnings)


def _content(path: Path) -> str:
    """A file by what it holds, not by where it lies."""
    try:
        return f"{path.name}, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}"
    except OSError as error:
        raise InputError(f"mask file {path} cannot be read ({error.strerror}); give a .npy, .mat or .h5 file") from None
