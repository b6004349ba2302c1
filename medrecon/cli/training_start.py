"""From the command line to a training run: recipe and volumes, what cannot work, and how many processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from medrecon.errors import InputError

if TYPE_CHECKING:
    import torch

    from medrecon.cli.recipe import Volumes
    from medrecon.training.loop import LoopOptions
    from medrecon.weights.quantise import Storage

Recipe = TypeVar("Recipe")

SHORT = {
    "network": "network",
    "size": "size",
    "batch": "batch",
    "seconds": "loop.seconds",
    "steps": "loop.steps",
    "seed": "loop.seed",
}
"""Options that stand for keys of the recipe."""


class TrainingOptions(Protocol):
    """What the options of every training command have."""

    @property
    def config(self) -> Path | None: ...
    @property
    def data(self) -> Path | None: ...
    @property
    def out(self) -> Path: ...
    @property
    def validate(self) -> Path | None: ...
    @property
    def devices(self) -> int: ...
    @property
    def threads(self) -> int | None: ...
    @property
    def checkpoint(self) -> Path | None: ...
    @property
    def tensorboard(self) -> Path | None: ...
    @property
    def storage(self) -> Storage: ...
    @property
    def state(self) -> Path: ...


def recipe_of(
    options: TrainingOptions, given: dict[str, Any], command: str, default: Recipe, source: str
) -> tuple[Recipe, Volumes]:
    """What is to be trained on what: command line over config over defaults; `source` says what --data takes."""
    from medrecon.cli.recipe import Volumes, read_recipe

    try:
        recipe, named = read_recipe(default, options.config, _asked(options, given))
    except InputError:
        raise
    except ValueError as error:  # of a network that cannot be
        raise InputError(f"the network cannot be built: {error}") from None
    train = str(options.data or named.train)
    if train in ("", "."):
        raise InputError(f"no volumes to train on; give --data {source}; see medrecon {command} --help")
    return recipe, Volumes(train, str(options.validate or named.held_out))


def _asked(options: TrainingOptions, given: dict[str, Any]) -> dict[str, Any]:
    """The tree of dotted options with the short ones in it; of two budgets the one that is given holds."""
    from medrecon.training.config import merged, nested

    for option, key in SHORT.items():
        value = getattr(options, option, None)
        if value is not None:
            given = merged(given, nested(key, value))
    budget = given.get("loop", {})
    if "seconds" in budget and "steps" in budget:
        raise InputError("--seconds and --steps are two budgets; give one of them")
    if "seconds" in budget:  # also over a config's steps
        given = merged(given, nested("loop.steps", 0))
    return given


def check_run(options: TrainingOptions, loop: LoopOptions) -> None:
    """Raise InputError for outputs, budgets and processes that cannot be."""
    from medrecon.cli.training_log import check_tensorboard
    from medrecon.io import check_writable

    check_writable(options.out, (".safetensors",))
    if not (loop.steps or loop.seconds):
        raise InputError("--seconds is 0; give a positive number, or --steps")
    if options.devices < 1:
        raise InputError(f"--devices is {options.devices}; give at least 1")
    if options.checkpoint is not None and not options.checkpoint.parent.is_dir():
        raise InputError(f"--checkpoint {options.checkpoint}: its folder does not exist; create it first")
    if options.state.resolve() == options.out.resolve():
        raise InputError(f"--checkpoint {options.checkpoint} is the output as well; give it a name of its own")
    if options.tensorboard is not None:
        check_tensorboard()


def launched(
    work: Callable[..., int], device: torch.device, options: TrainingOptions, recipe: Any, where: Volumes
) -> int:
    """`work(team, device, options, recipe, where)` in this process, or in one a device; gives the exit code."""
    from medrecon.training.team import ALONE

    if options.devices == 1:
        return work(ALONE, device, options, recipe, where)
    if device.index is not None:
        raise InputError(f"--device {device} is one device, but --devices is {options.devices}; leave one of them out")
    from medrecon.cli.interrupt import first_interrupt
    from medrecon.training.launch import launch

    with first_interrupt():  # the other processes hear of it, and end at a step
        return launch(work, options.devices, device.type, options, recipe, where)
