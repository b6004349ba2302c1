"""Training by several processes through Lightning Fabric: the only room that knows it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, final

import torch
from torch import Tensor, distributed, nn
from torch.multiprocessing.spawn import ProcessRaisedException

from medrecon.errors import InputError
from medrecon.training.team import Team

if TYPE_CHECKING:
    from lightning_fabric import Fabric

START = {"spawn": "ddp_spawn", "fork": "ddp_fork"}
INPUT_ERROR = f"{InputError.__module__}.{InputError.__qualname__}: "

Work = Callable[..., Any]
"""`work(team, device, *arguments)`, a function of a module, so that other processes find it."""


def launch(
    work: Work, devices: int, accelerator: str, *arguments: Any, start: Literal["spawn", "fork"] = "spawn"
) -> Any:
    """Call `work(team, device, *arguments)` in `devices` processes, one a device; gives what process 0 returns.

    accelerator : "cpu" or "cuda". What `work` takes and returns is pickled, and should be small.
    start : "fork" is quicker, and needs a parent that has used neither threads nor CUDA.

    Raises InputError where there are fewer devices, where Fabric is not installed, and as `work` raises it.
    """
    try:
        import lightning_fabric
    except ImportError:
        raise InputError(
            "training on several devices needs lightning_fabric; pip install lightning-fabric, or leave --devices at 1"
        ) from None
    if accelerator == "cuda" and devices > torch.cuda.device_count():
        raise InputError(f"--devices {devices} is more than the {torch.cuda.device_count()} GPUs that torch finds")
    fabric = lightning_fabric.Fabric(accelerator=accelerator, devices=devices, strategy=START[start])
    try:
        return fabric.launch(partial(_member, work=work, arguments=arguments))
    except ProcessRaisedException as error:
        _, found, line = str(error).rpartition(INPUT_ERROR)
        if found:
            raise InputError(line.strip()) from None
        raise


def _member(fabric: Fabric, work: Work, arguments: tuple[Any, ...]) -> Any:
    return work(_FabricTeam(fabric), fabric.device, *arguments)


@final
class _FabricTeam(Team):
    """The processes that Fabric has started."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        # decisions of the host travel apart from the gradients, so that they never wait for a GPU
        self.host: distributed.ProcessGroup = distributed.new_group(backend="gloo")  # type: ignore[assignment]

    @property
    def rank(self) -> int:
        return self.fabric.global_rank

    @property
    def size(self) -> int:
        return self.fabric.world_size

    def share(self, network: nn.Module) -> nn.Module:
        return self.fabric.setup_module(network, move_to_device=False)

    def agree(self, values: list[float]) -> list[float]:
        agreed = torch.tensor(values, dtype=torch.float64)
        distributed.broadcast(agreed, 0, group=self.host)
        return agreed.tolist()

    def mean(self, value: Tensor) -> Tensor:
        total = value.detach().double().cpu()
        distributed.all_reduce(total, group=self.host)
        return total / self.size

    def gather(self, value: Tensor) -> Tensor:
        parts = [torch.empty_like(value, device="cpu") for _ in range(self.size)]
        distributed.all_gather(parts, value.cpu(), group=self.host)
        return torch.stack(parts)
