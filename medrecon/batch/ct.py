"""`medrecon ct` on every volume: NIfTI gives .nii.gz, a DICOM series a folder, by the same functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import torch

from medrecon.batch.file_work import FileSteps, FileWork
from medrecon.batch.work import Written
from medrecon.ct.method import CtMethod
from medrecon.ct_pipeline import denoise
from medrecon.errors import InputError
from medrecon.io import Derivation, load_volume, save_volume
from medrecon.networks.ct.load import load_ct

if TYPE_CHECKING:
    from medrecon.denoised import Denoised
    from medrecon.networks.ct.load import CtPrior
    from medrecon.volume import Volume

Range = tuple[int | None, int | None]


@final
@dataclass(frozen=True)
class CtWork(FileWork):
    """The arguments of `denoise`, and whether derived series keep the patient's identity."""

    method: CtMethod
    dose: float
    prior: str | None = None
    seed: int = 0
    slices: Range = (None, None)
    keep_identity: bool = False

    @property
    def command(self) -> str:
        return "ct"

    @property
    def options(self) -> dict[str, Any]:
        own = {"dose": self.dose, "seed": self.seed, "slices": list(self.slices), "keep_identity": self.keep_identity}
        return {"method": self.method.name, **asdict(self.method), **own}

    def weights(self, device: torch.device) -> dict[str, Any] | None:  # noqa: ARG002 - one network for every device
        prior = self._loaded(torch.device("cpu"))
        return None if prior is None else {"name": prior.name, "sha256": prior.sha256}

    def on(self, device: torch.device) -> CtSteps:
        return CtSteps(self, self._loaded(device), device)

    def _loaded(self, device: torch.device) -> CtPrior | None:
        if not self.method.needs_prior:
            return None
        name = self.prior or self.method.default_prior
        if name is None:
            raise InputError(f"{self.method.name} needs a network and got none; name one with --prior")
        return load_ct(name, device)


@final
class CtSteps(FileSteps["Volume", "Denoised"]):
    """Volumes on one device."""

    def __init__(self, work: CtWork, prior: CtPrior | None, device: torch.device) -> None:
        self.work, self.prior, self.device = work, prior, device

    def read(self, path: Path) -> Volume:
        return load_volume(path)

    def reconstruct(self, given: Sequence[Volume]) -> list[Denoised]:
        work = self.work
        return [
            denoise(
                volume,
                work.method,
                dose=work.dose,
                prior=self.prior,
                device=self.device,
                seed=work.seed,
                slices=work.slices,
            )
            for volume in given
        ]

    def write(self, given: Volume, made: Denoised, out: Path) -> Written:
        chosen, record = given.slices(*self.work.slices), made.provenance
        weights = record["weights"]
        derivation = Derivation(record["method"], record["versions"]["medrecon"], weights and weights["sha256"])
        save_volume(made.values, chosen, out, derivation=derivation, keep_identity=self.work.keep_identity)
        return Written(chosen.n_slices, (*given.warnings, *made.warnings))
