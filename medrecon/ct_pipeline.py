"""The whole way of a CT volume in one call: denoise slice by slice, keep what is no tissue, score, record."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from medrecon.ct import ct_method_class
from medrecon.ct.method import CtMethod, part_of
from medrecon.ct.units import HIGHEST
from medrecon.ct_caveats import ct_warnings
from medrecon.ct_provenance import ct_provenance, plain_scores
from medrecon.ct_reference import checked_reference
from medrecon.denoised import Denoised
from medrecon.errors import InputError
from medrecon.evaluation import score_ct
from medrecon.instruments import Stopwatch, peak_memory_mib, reset_peak_memory
from medrecon.networks.ct.load import CtPrior, load_ct
from medrecon.progress import OnStep, silent
from medrecon.volume import Volume

CHUNK = 2**23
"""Pixels, all samples together, that are on a CUDA device at once: 32 slices of 512x512."""
PROTOCOL = "ct-full"
UNMEASURED = -1500.0
"""HU below which no noise brings air: what files hold outside the field of view where they do not say so."""


def denoise(
    volume: Volume,
    method: str | CtMethod = "cold-latent",
    *,
    dose: float,
    prior: str | CtPrior | None = None,
    device: torch.device | str = "cpu",
    seed: int = 0,
    slices: tuple[int | None, int | None] = (None, None),
    reference: Volume | None = None,
    protocol: str = PROTOCOL,
    on_step: OnStep = silent,
    **options: Any,
) -> Denoised:
    """Denoise a low-dose CT volume as it is, and score it where a reference is given.

    volume : in HU; never degraded.
    method : a name of `medrecon.CT_METHODS` with its `options`, or an instance.
    dose : fraction of full dose at which the volume was taken, which networks are told.
    prior : name, path or loaded network, on `device`; None takes the method's own.
    device : where to compute.
    seed : of methods that draw.
    slices : `[start:stop]` of the volume; on the CPU they have the bits of those of the whole volume.
    reference : the same slices at full dose, for scores.
    protocol : what the scores mean, a name of `medrecon.evaluation.CT_PROTOCOLS`.
    on_step : called with a `Progress` in units of slices as the work goes on.

    Raises InputError for an unknown method or option, a dose or a volume that cannot be, a network that does not
    fit the method, or a reference of other slices.
    """
    recipe = _recipe(method, options)
    on = torch.device(device)
    chosen = volume.slices(*slices)
    wanted = None if reference is None else checked_reference(volume, reference).slices(*slices)
    _check(chosen, dose)
    start = range(volume.n_slices)[slice(*slices)][0]
    run = _Run(recipe, dose, _network(recipe, prior, on), seed, on)
    reset_peak_memory(on)
    result = _scored(_denoised(run, chosen, start, on_step), chosen, wanted, protocol)
    made = ct_provenance(result, chosen, recipe, dose=dose, prior=run.prior, seed=seed, device=on)
    return replace(result, provenance=made, warnings=tuple(ct_warnings(chosen, run.prior, dose)))


@dataclass(frozen=True)
class _Part:
    """Results of some slices, on the CPU."""

    values: Tensor
    std: Tensor | None
    calls: int


class _Run:
    """One method with all that it is told, and its clock."""

    def __init__(self, method: CtMethod, dose: float, prior: CtPrior | None, seed: int, device: torch.device) -> None:
        self.method, self.dose, self.prior, self.seed, self.device = method, dose, prior, seed, device
        self.clock = Stopwatch(device)

    def part(self, volume: Volume, first_slice: int, on_step: OnStep) -> _Part:
        images = volume.values.to(self.device, torch.float32)
        solution = self.method.denoise(
            images,
            dose=self.dose,
            voxel_mm=volume.voxel_mm,
            prior=self.prior,
            seed=self.seed,
            first_slice=first_slice,
            on_step=on_step,
        )
        kept = _kept(images, volume.padding)
        std = solution.std
        return _Part(
            torch.where(kept, images, solution.values).cpu(),
            None if std is None else std.masked_fill(kept, 0).cpu(),
            solution.calls,
        )


def _kept(images: Tensor, padding: Tensor | None) -> Tensor:
    """Pixels that stay what they were: never measured, or metal, beyond the scale that networks know.

    What lies a little below -1024 HU is the noise of air, and is denoised as such.
    """
    outside = (images < UNMEASURED) | (images > HIGHEST)
    return outside if padding is None else outside | padding.to(images.device)


def _recipe(method: str | CtMethod, options: dict[str, Any]) -> CtMethod:
    if isinstance(method, CtMethod):
        return replace(method, **options)
    kind = ct_method_class(method)
    known = [f.name for f in fields(kind)]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise InputError(f"method '{method}' has no option '{unknown[0]}'; it has {', '.join(known)}")
    return kind(**options)


def _network(method: CtMethod, prior: str | CtPrior | None, device: torch.device) -> CtPrior | None:
    if not method.needs_prior:
        return None
    if isinstance(prior, CtPrior):
        return prior
    name = prior or method.default_prior
    if name is None:
        raise InputError(f"{method.name} needs a network and got none; name one with --prior")
    return load_ct(name, device)


def _check(volume: Volume, dose: float) -> None:
    if not (math.isfinite(dose) and 0 < dose <= 1):
        raise InputError(f"the dose is {dose:g}; give the fraction of full dose, above 0 and up to 1")
    if not all(bool(torch.isfinite(image).all()) for image in volume.values):
        raise InputError(f"{volume.name} holds NaN or infinite values; give finite HU")


def _chunks(volume: Volume, method: CtMethod, device: torch.device) -> Iterator[tuple[int, int]]:
    """Slices one at a time on the CPU; as many as CHUNK holds on CUDA."""
    size = 1
    if device.type == "cuda":
        size = max(1, CHUNK // (getattr(method, "samples", 1) * volume.values[0].numel()))
    for a in range(0, volume.n_slices, size):
        yield a, min(a + size, volume.n_slices)


def _denoised(run: _Run, volume: Volume, start: int, on_step: OnStep) -> Denoised:
    """Part by part into one result, so that a long volume takes the memory of itself and of what comes out."""
    values, std, calls = torch.empty(volume.values.shape), None, 0
    with run.clock.running():
        for a, b in _chunks(volume, run.method, run.device):
            part = run.part(volume.slices(a, b), start + a, part_of(on_step, a, b, volume.n_slices))
            values[a:b], calls = part.values, part.calls
            if part.std is not None:
                std = torch.empty(volume.values.shape) if std is None else std
                std[a:b] = part.std
    return Denoised(
        values=values,
        std=std,
        seconds_per_slice=run.clock.seconds / len(values),
        network_calls=calls,
        peak_memory_mib=peak_memory_mib(run.device),
    )


def _scored(result: Denoised, volume: Volume, reference: Volume | None, protocol: str) -> Denoised:
    if reference is None:
        return result
    scores = {
        "protocol": protocol,
        "method": plain_scores(score_ct(result.values, reference.values, protocol)),
        "input": plain_scores(score_ct(volume.values, reference.values, protocol)),
    }
    return replace(result, scores=scores)
