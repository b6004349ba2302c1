"""Checkpoints as safetensors: the whole state of a run, so that it goes on as if nothing had happened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from medrecon.atomic import whole_file
from medrecon.errors import InputError
from medrecon.training.optimiser_state import under
from medrecon.training.state import State
from medrecon.training.team import ALONE, Team
from medrecon.training.watch import Entry

MARKS = {"clock", "facts"}
NAMED = 3
"""Changes that a message names; more are counted."""


def save_checkpoint(path: Path, run: State, facts: Mapping[str, Any], team: Team = ALONE) -> None:
    """Write the state, and the `facts` that a run must share to go on from it; process 0 writes, all must call."""
    generators = team.gather(run.generator.get_state())
    if team.rank:
        return
    tensors = run.tensors()
    tensors["generators"] = generators
    tensors["running"] = torch.stack(run.running) if run.running else torch.empty(0)
    held = {k: v.detach().contiguous().cpu() for k, v in tensors.items()}
    about = {"clock": json.dumps([run.step, run.spent, run.history]), "facts": json.dumps(facts)}
    with whole_file(path) as partial:
        save_file(held, partial, about)


def load_checkpoint(path: Path, run: State, facts: Mapping[str, Any], rank: int = 0) -> None:
    """Restore everything in `run`; raises InputError for a damaged file or one of a run with other `facts`."""
    tensors, about = _read(path)
    _check_same(path, json.loads(about["facts"]), json.loads(json.dumps(facts)))
    run.restore(tensors)
    run.generator.set_state(tensors["generators"][rank].clone())
    run.running = list(tensors["running"].to(run.generator.device))
    step, spent, history = json.loads(about["clock"])
    run.step, run.spent, run.history = step, spent, [Entry(*row) for row in history]


def is_checkpoint(path: Path) -> bool:
    """Whether the file is there and says that it is a checkpoint."""
    try:
        with safe_open(path, "pt") as file:
            return set(file.metadata() or {}) >= MARKS
    except (SafetensorError, OSError):
        return False


def averaged_weights(path: Path) -> dict[str, Tensor]:
    """The averaged weights in a checkpoint, to begin another run with; raises InputError for another file."""
    return under(_read(path)[0], "ema.")


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            if not set(about) >= MARKS:
                raise InputError(f"{path} is no checkpoint of a training run; give another name, or delete it")
            return {k: file.get_tensor(k) for k in file.keys()}, about  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} cannot be read as a checkpoint ({reason}); delete it to begin anew") from None


def _check_same(path: Path, then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    before, after = _flat(then), _flat(now)
    names = [name for name in [*after, *(set(before) - set(after))] if before.get(name) != after.get(name)]
    if not names:
        return
    said = [f"{n} (was {_said(before.get(n))}, is now {_said(after.get(n))})" for n in names[:NAMED]]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    raise InputError(
        f"{path} is the checkpoint of a run with other settings: {', '.join(said)}{more}; give the same ones to go on, "
        "another output to begin a new run, or delete the file"
    )


def _flat(values: Mapping[str, Any], table: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{table}{key}.") if isinstance(value, Mapping) else {table + key: value}
    return found


def _said(value: Any) -> str:
    return "not set" if value is None else json.dumps(value)
