"""What the training programs leave of a network: its weights in few bits each, and the record of its run."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from medrecon import weights
from medrecon.diffusion.prior import Prior
from medrecon.networks.load import made_prior
from medrecon.provenance import versions
from medrecon.training.loop import Trained


class Network(Protocol):
    """What a recipe leaves: averaged weights, how to use them, and the run."""

    weights: dict[str, Tensor]
    settings: dict[str, Any]
    run: Trained


class RunRecord:
    """A record in its file, written anew whenever it grows: scores take minutes, and a call may be killed in them."""

    def __init__(self, file: Path, facts: Mapping[str, Any]) -> None:
        self.file, self.facts = file, dict(facts)
        self.add()

    def add(self, **facts: Any) -> None:
        self.facts |= facts
        self.file.write_text(json.dumps(self.facts))


@dataclass(frozen=True, eq=False)
class Stored:
    """A network in its file; `forms` are its weights as "trained", as they are stored and, where kept, the "last"."""

    name: str
    file: Path
    sha256: str
    settings: Mapping[str, Any]
    run: Trained
    forms: Mapping[str, Mapping[str, Tensor]]

    def record(self, options: Any, device: torch.device, **own: Any) -> RunRecord:
        """The record beside the weights: what every program's says, and what is the program's own."""
        facts = {
            "options": asdict(options),
            "steps": self.run.steps,
            "seconds": self.run.seconds,
            "history": self.run.history,
            "sha256": self.sha256,
            "versions": versions(device),
        }
        return RunRecord(self.file.with_suffix(".json"), own | facts)

    def parameters(self) -> int:
        """How many weights there are."""
        return sum(value.numel() for value in self.forms["trained"].values())

    def prior(self, form: str, device: torch.device) -> Prior:
        """The MR prior of one form."""
        return made_prior(self.forms[form], self.settings, device, self.name, self.sha256)


def store(
    out: Path, name: str, trained: Network, last: Mapping[str, Tensor] | None = None, storage: str = "int8"
) -> Stored:
    """Write NAME.safetensors, and NAME-last.safetensors of weights that were not averaged, into the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"{name}.safetensors"
    sha256 = weights.save(file, trained.weights, trained.settings, storage)
    forms: dict[str, Mapping[str, Tensor]] = {"trained": trained.weights, storage: weights.load(file)[0]}
    if last is not None:
        weights.save(out / f"{name}-last.safetensors", last, trained.settings, storage)
        forms["last"] = last
    return Stored(name, file, sha256, trained.settings, trained.run, forms)


def finished(file: Path) -> bool:
    """Whether a record says that nothing of its job is left to do."""
    return file.is_file() and bool(json.loads(file.read_text()).get("finished"))
