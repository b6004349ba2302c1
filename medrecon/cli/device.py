"""Which device to compute on: guessed here, at the rim, and nowhere else."""

from __future__ import annotations

import torch

from medrecon.errors import InputError

CHOICES = "auto, cpu, cuda or cuda:N"


def resolve(name: str, threads: int | None = None) -> torch.device:
    """The device called `name`; "auto" is CUDA where there is one.

    The thread count is fixed along with it, because sums on the CPU depend on it; None keeps what torch found.
    Raises InputError for another name or a device that does not exist.
    """
    if threads is not None and threads < 1:
        raise InputError(f"--threads is {threads}; give at least 1")
    torch.set_num_threads(threads or torch.get_num_threads())
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda" if count else "cpu")
    kind, _, index = name.partition(":")
    if name != "cpu" and (kind != "cuda" or (index and not index.isdecimal()) or name.endswith(":")):
        raise InputError(f"unknown device '{name}'; choose {CHOICES}")
    if kind == "cuda" and int(index or 0) >= count:
        found = f"{count} CUDA device(s), cuda:0 to cuda:{count - 1}" if count else "no CUDA device"
        raise InputError(f"--device {name} asks for a GPU that is not there: torch finds {found}; use --device auto")
    device = torch.device(name)
    if device.index is not None:
        torch.cuda.set_device(device)  # graphs are recorded on, and kernels launched to, the thread's own
    return device
