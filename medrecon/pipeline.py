"""The whole way in one call: calibrate, solve, scale back, measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from medrecon.errors import InputError
from medrecon.evaluation import score
from medrecon.evaluation.footprint import pixel_warning
from medrecon.evaluation.residual import residual_warning
from medrecon.mri import Method, method_class
from medrecon.placed_scan import output_affine
from medrecon.progress import OnStep, silent
from medrecon.provenance import provenance
from medrecon.reconstruction import Reconstruction
from medrecon.scan import Scan
from medrecon.solving import Part, Solved, Task

if TYPE_CHECKING:
    from medrecon.diffusion.prior import Prior

PROTOCOL = "full-range"


def reconstruct(
    scan: Scan,
    method: str | Method = "spirit",
    *,
    prior: str | Prior | None = None,
    device: torch.device | str = "cpu",
    seed: int = 0,
    holdout: bool = False,
    slices: tuple[int | None, int | None] = (None, None),
    on_step: OnStep = silent,
    **options: Any,
) -> Reconstruction:
    """Reconstruct `scan` as it is, and score it where a reference is known.

    scan : as it was acquired or undersampled; a fully sampled one is reconstructed at R = 1.
    method : a name of `medrecon.METHODS` with its `options`, or an instance.
    options : those of the method's dataclass.
    prior : name, path or loaded prior; None takes a shipped one, the small on a CPU, the
        large on CUDA. Only diffusion methods use it.
    device : where to compute.
    seed : drives the samplers' random streams and the hold-out.
    holdout : also reconstruct without 5 % of the samples, and score the prediction of them.
    slices : `[start:stop]` of the volume; on the CPU its images equal those of the whole volume, bit for bit.
    on_step : called with a `Progress` in units of slices as the work goes on.

    Raises InputError for an unknown method or option, a scan that cannot be calibrated, or a matrix that
    the prior cannot take.
    """
    recipe, on = _recipe(method, options), torch.device(device)
    task = Task(recipe, prior_of(recipe, prior, on), on, seed, holdout)
    return finished(task.solved(scan, slices, on_step), task)


def finished(solved: Solved, task: Task) -> Reconstruction:
    """The image with reference and scores where one is known, warnings, and the record; needs no device."""
    result = _scored(_joined(solved.parts, solved.scan, solved), solved.reference)
    result = replace(result, warnings=tuple(_warnings(result, task)))
    record = provenance(result, solved.scan, task.method, task.prior, task.seed, task.device)
    return replace(result, provenance=record)


def _recipe(method: str | Method, options: dict[str, Any]) -> Method:
    if isinstance(method, Method):
        return replace(method, **options)
    kind = method_class(method)
    known = [f.name for f in fields(kind)]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise InputError(f"method '{method}' has no option '{unknown[0]}'; it has {', '.join(known) or 'none'}")
    return kind(**options)


def prior_of(
    method: Method, prior: str | Prior | None, device: torch.device, place: torch.device | None = None
) -> Prior | None:
    """The prior that `method` uses on `device`, loaded at `place`, `device` unless given; None where it uses none.

    `prior` is one, or the name or path of one; None takes the method's own, or the one that is shipped for the device.
    """
    if not method.needs_prior:
        return None
    if prior is not None and not isinstance(prior, str):
        return prior
    from medrecon.networks import load_prior

    return load_prior(prior or method.default_prior or default_prior(device), place or device)


def default_prior(device: torch.device) -> str:
    """The small image prior on a CPU, the large one on an accelerator."""
    return "mri-image-small" if device.type == "cpu" else "mri-image"


def _joined(parts: Sequence[Part], scan: Scan, solved: Solved) -> Reconstruction:
    image = torch.cat([p.image for p in parts])
    zero_filled = torch.cat([p.zero_filled for p in parts])
    drawn = [p.std for p in parts if p.std is not None]
    residual = torch.cat([p.residual for p in parts])
    foretold = [p.withheld for p in parts if p.withheld is not None]
    return Reconstruction(
        image=image,
        zero_filled=zero_filled,
        std=torch.cat(drawn) if drawn else None,
        spread=parts[0].spread,
        residual=None if residual.isnan().any() else tuple(residual.tolist()),
        holdout_nmse=sum(e for e, _ in foretold) / sum(s for _, s in foretold) if foretold else None,
        seconds_per_slice=(solved.calibrating + solved.solving) / len(image),
        calibration_seconds_per_slice=solved.calibrating / len(image),
        network_calls=parts[0].calls,
        peak_memory_mib=solved.peak_memory_mib,
        voxel_mm=scan.voxel_mm,
        slice_mm=scan.slice_mm,
        affine=output_affine(scan),
        header=scan.header,
    )


def _warnings(result: Reconstruction, task: Task) -> Iterator[str]:
    """What residual and prior give reason to say; a single sample of a diffusion method should leave the noise."""
    drawn = result.std is None and task.method.needs_prior
    if said := residual_warning(result.residual or (), drawn):
        yield said
    if task.prior is not None:
        pixels = task.prior.record.get("pixel_range")
        if said := pixel_warning(result.voxel_mm, pixels, task.prior.name):
            yield said


def _scored(result: Reconstruction, found: tuple[Tensor, str] | None) -> Reconstruction:
    """With reference and scores, where a reference is known."""
    if found is None:
        return result
    reference, kind = found
    scores = {
        "protocol": PROTOCOL,
        "reference": kind,
        "method": score(result.magnitude, reference, PROTOCOL).as_dict(),
        "zero_filled": score(result.zero_filled, reference, PROTOCOL).as_dict(),
    }
    return replace(result, reference=reference, reference_kind=kind, scores=scores)
