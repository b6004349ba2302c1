"""A bank's simulated noise in a file, so that a run that is cut into several calls simulates once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from medrecon.atomic import whole_file
from medrecon.datasets.ct.bank import PairBank, PairOptions
from medrecon.datasets.ct.volume import CtVolume
from medrecon.errors import InputError

FACTS = "facts"


def keep_noise(bank: PairBank, path: Path) -> None:
    """Write the noise of `bank`, whole or not at all."""
    with whole_file(path) as partial:
        save_file({"noise": bank.noise.cpu()}, partial, {FACTS: json.dumps(bank.facts)})


def kept_bank(
    path: Path, volumes: Sequence[CtVolume], options: PairOptions, device: torch.device, seed: int = 0
) -> PairBank:
    """The bank of `volumes` with the noise of a file; raises InputError where that is another bank's."""
    try:
        with safe_open(path, "pt", device=str(device)) as file:
            facts, noise = json.loads((file.metadata() or {}).get(FACTS, "{}")), file.get_tensor("noise")
    except (SafetensorError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} cannot be read as a bank's noise ({reason}); delete it to simulate anew") from None
    counts = [len(volume.values) for volume in volumes]
    if sum(counts) != len(noise):
        raise InputError(f"{path} holds the noise of {len(noise)} slices, not of these; delete it to simulate anew")
    waiting = iter(noise.split(counts))

    def read(*_: Any) -> Tensor:
        return next(waiting)

    bank = PairBank(volumes, options, device, seed, simulate=read)
    if json.loads(json.dumps(bank.facts)) != facts:
        raise InputError(f"{path} holds the noise of other volumes or options; delete it to simulate anew")
    return bank
