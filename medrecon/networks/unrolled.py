"""A supervised reconstruction: networks and data steps in turn, trained end to end on undersampled scans.

Data steps by conjugate gradients after MoDL (Aggarwal et al. 2019), each iteration with a network of its own as in
E2E-VarNet (Sriram et al. 2020). It knows the accelerations that it was trained for, which a prior does not: the control
that evaluation.md 3 asks for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor, nn

from medrecon import weights
from medrecon.errors import InputError
from medrecon.networks.edm import MARGIN
from medrecon.networks.ready import network_dtype
from medrecon.networks.unet import UNet, UNetOptions
from medrecon.networks.wrap import wrap_pad
from medrecon.operators import LinearOperator
from medrecon.optimisation.conjugate_gradient import conjugate_gradient
from medrecon.optimisation.sampling_normal import SenseNormal
from medrecon.problem import Problem

KIND = "mri-unrolled"
UNIT = 0.3
"""What images are divided by before a network sees them: about their standard deviation."""
TOGETHER = 16
"""Slices that are solved together on CUDA; on the CPU one, so that images are bit-equal for any number."""


@dataclass(frozen=True)
class UnrolledOptions:
    """Size of the whole.

    network : of each iteration.
    iterations : networks, with a data step behind each.
    cg : conjugate-gradient iterations of a data step; their count is part of the method.
    variance : per real component, of the images themselves, before the first data step (that of `sense`).
    first_error, last_error : standard deviations per real component of the first and the last network's error that
        training begins with; it learns them.
    """

    network: UNetOptions = field(default_factory=lambda: UNetOptions((64, 96, 128), (1, 1, 1), (2, 1, 1), embedding=64))
    iterations: int = 6
    cg: int = 4
    variance: float = 0.02
    first_error: float = 0.06
    last_error: float = 0.02

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "network": self.network.as_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> UnrolledOptions:
        return cls(**{**values, "network": UNetOptions.from_dict(values["network"])})


@final
class Unrolled(nn.Module):
    """x <- argmin |A x - y|^2 / (2 s^2) + |x - z|^2 / (2 v), z = x + sqrt(v) F(x), iteration by iteration.

    s is the standard deviation of the data and v the variance of what network F leaves wrong, learnt, both per real
    component. The first x is that of z = 0. Networks see images as `EDMDenoiser` shows them, periodically continued.
    """

    def __init__(self, options: UnrolledOptions) -> None:
        super().__init__()
        self.options = options
        self.networks = nn.ModuleList(UNet(options.network) for _ in range(options.iterations))
        errors = torch.linspace(math.log(options.first_error), math.log(options.last_error), options.iterations)
        self.log_variance = nn.Parameter(torch.cat([torch.tensor([math.log(options.variance)]), 2 * errors]))

    def forward(self, normal: LinearOperator, data: Tensor, sigma: Tensor) -> Tensor:
        """Images `(batch, y, x)` from A^H A, `data` = A^H y of that shape, and `sigma` `(batch,)` of the samples."""
        noise, label = sigma[:, None, None] ** 2, sigma.log() / 4
        variances = self.log_variance.float().exp()
        x = _data_step(normal, data, noise / variances[0], None, self.options.cg)
        for network, variance in zip(self.networks, variances[1:], strict=True):
            z = x + variance.sqrt() * self._correction(network, x, label)
            x = _data_step(normal, data, noise / variance, z, self.options.cg)
        return x

    @torch.no_grad()
    def solve(self, problem: Problem) -> Tensor:
        """Images `(slice, y, x)` of a Problem, in its units; slices never influence each other."""
        together = 1 if problem.device.type == "cpu" else TOGETHER
        parts = [problem.select(slice(n, n + together)) for n in range(0, problem.n_slices, together)]
        return torch.cat([
            self(SenseNormal(part.maps, part.mask), part.forward.H(part.kspace), part.data_sigma) for part in parts
        ])  # fmt: skip

    def _correction(self, network: nn.Module, x: Tensor, label: Tensor) -> Tensor:
        channels, crop = wrap_pad(torch.view_as_real(x / UNIT).movedim(-1, 1), self.options.network.multiple, MARGIN)
        dtype = next(network.parameters()).dtype
        out = network(channels.to(dtype), label).float()[crop]
        return torch.view_as_complex(out.movedim(1, -1).contiguous())


def _data_step(normal: LinearOperator, data: Tensor, weight: Tensor, start: Tensor | None, iterations: int) -> Tensor:
    """(A^H A + weight) x = A^H y + weight * start from `start`, which is zero if None; differentiable."""
    rhs = data if start is None else data + weight * start
    return conjugate_gradient(lambda x: normal(x) + weight * x, rhs, start, iterations)


def load_unrolled(path: str | Path, device: torch.device | str = "cpu") -> tuple[Unrolled, str]:
    """The network in a weights file, ready on `device`, and the file's sha256.

    Convolutions compute in bfloat16 where the processor multiplies it, data steps in float32.
    Raises InputError for a damaged file, or weights of another kind.
    """
    tensors, settings, sha256 = weights.load(str(path))
    if settings.get("kind") != KIND:
        raise InputError(f"{path} holds weights of kind '{settings.get('kind')}'; the control is of kind '{KIND}'")
    return unrolled(tensors, settings, torch.device(device)), sha256


def unrolled(tensors: Mapping[str, Tensor], settings: Mapping[str, Any], device: torch.device) -> Unrolled:
    """The network for inference, from weights and the settings that were stored with them."""
    network = Unrolled(UnrolledOptions.from_dict(settings["options"]))
    network.load_state_dict(dict(tensors))
    network.networks.to(dtype=network_dtype(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.to(device).eval().requires_grad_(False)
