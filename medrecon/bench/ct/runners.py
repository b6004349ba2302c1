"""What the CT bench measures: a method with the options, network and weights that its rows carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from medrecon.ct import CT_METHODS, ct_method_class
from medrecon.errors import InputError
from medrecon.instruments import peak_memory_mib
from medrecon.networks.ct.load import CtPrior, load_ct
from medrecon.volume import Volume
from medrecon.weights import find

if TYPE_CHECKING:
    from medrecon.ct.method import CtMethod

INPUT = "input"
"""The low-dose scan itself, as if a method left it as it is."""


@dataclass(frozen=True, eq=False)
class Cleaned:
    """Result `(slice, y, x)` HU on the CPU with what it cost."""

    values: Tensor
    seconds_per_slice: float
    network_calls: int
    peak_memory_mib: float | None


@dataclass(frozen=True, eq=False)
class CtRunner:
    """One line of a table; a `prior` is loaded already, on the device that it runs on."""

    method: str
    options: Mapping[str, Any]
    prior: CtPrior | None = None

    @property
    def weights(self) -> dict[str, str | None] | None:
        """{"name", "sha256"} of the network, None without one."""
        return None if self.prior is None else {"name": self.prior.name, "sha256": self.prior.sha256}

    def solve(
        self, low: Tensor, *, dose: float, voxel_mm: tuple[float, float, float], seed: int, device: torch.device
    ) -> Cleaned:
        """Denoise `low` `(slice, y, x)` HU, taken at `dose`, by the way that `medrecon ct` goes."""
        if self.method == INPUT:
            return Cleaned(low, 0.0, 0, peak_memory_mib(device))
        from medrecon.ct_pipeline import denoise

        volume = Volume(low, np.diag([*voxel_mm, 1.0]))
        done = denoise(volume, made(self.method, self.options), dose=dose, prior=self.prior, device=device, seed=seed)
        return Cleaned(done.values, done.seconds_per_slice, done.network_calls, done.peak_memory_mib)


def made(method: str, options: Mapping[str, Any]) -> CtMethod:
    """The method with those options; raises InputError for a name or an option that there is not."""
    kind = ct_method_class(method)
    unknown = sorted(set(options) - {f.name for f in fields(kind)})
    if unknown:
        raise InputError(f"method '{method}' has no option '{unknown[0]}'; leave it out")
    return kind(**options)


def takes(method: str, option: str) -> bool:
    """Whether `method` is one of the package that has this option."""
    return method in CT_METHODS and option in {f.name for f in fields(ct_method_class(method))}


def default(method: str, option: str) -> Any:
    """Default of a method's option."""
    return next(f.default for f in fields(ct_method_class(method)) if f.name == option)


def cast(
    names: Sequence[str], given: Mapping[str, str], device: torch.device
) -> tuple[tuple[str, ...], dict[str, CtPrior], tuple[str, ...]]:
    """(methods, their networks by method, reasons why others are left out); all methods where none is named.

    `given` are names or files of networks by method; the others have their own where it is there.
    Raises InputError for weights that cannot be loaded, and for a method that was named and has none.
    """
    for method in given:
        if method not in CT_METHODS or not ct_method_class(method).needs_prior:
            needing = ", ".join(name for name in CT_METHODS if ct_method_class(name).needs_prior)
            raise InputError(f"'{method}' is no method with a network; give one of {needing}")
    methods, left_out = [], []
    priors: dict[str, CtPrior] = {}
    for name in names or (INPUT, *CT_METHODS):
        if name != INPUT and ct_method_class(name).needs_prior:
            weights = given.get(name) or _own(name)
            if weights is None:
                if names:
                    raise InputError(f"method '{name}' needs a network; give its weights with --prior {name}=FILE")
                left_out.append(f"{name}: no network for it; give its weights with --prior {name}=FILE")
                continue
            priors[name] = load_ct(weights, device)
        methods.append(name)
    return tuple(methods), priors, tuple(left_out)


def _own(method: str) -> str | None:
    """Name of a method's own network where its weights are at hand; those of controls are recorded alone."""
    name = ct_method_class(method).default_prior
    found = None if name is None else find(name)
    return name if found is not None and found[0].file is not None else None
