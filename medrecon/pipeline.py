"""The whole way in one call: calibrate, solve, scale back, measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from medrecon.calibration import build_problem, volume_scale
from medrecon.crop import centre_crop
from medrecon.errors import InputError
from medrecon.evaluation import reference_image, score
from medrecon.evaluation.footprint import pixel_warning
from medrecon.evaluation.holdout import energies_on, withheld
from medrecon.evaluation.residual import residual_warning, residuals
from medrecon.instruments import Stopwatch, peak_memory_mib, reset_peak_memory
from medrecon.mri import Method, Solution, method_class
from medrecon.operators import fft2c
from medrecon.placed_scan import output_affine
from medrecon.problem import Problem
from medrecon.progress import OnStep, Progress, silent
from medrecon.provenance import provenance
from medrecon.reconstruction import Reconstruction
from medrecon.scan import Scan

if TYPE_CHECKING:
    from medrecon.diffusion.prior import Prior

CHUNK = 2**24  # coil pixels, all samples together, that a CUDA device solves at once
PROTOCOL = "full-range"
BLOCK = (5, 5)  # hold-out block of a scan that has no SPIRiT kernel


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
    task = _Task(_recipe(method, options), torch.device(device), seed, holdout)
    task.prior = _prior(task.method, prior, task.device)
    chosen = scan.slices(*slices)
    start = range(scan.n_slices)[slice(*slices)][0]
    reset_peak_memory(task.device)
    with task.calibrating.running():
        scale = volume_scale(scan)
    parts = [
        task.run(chosen.slices(a, b), start + a, scale, _within(on_step, a, b, chosen.n_slices))
        for a, b in _chunks(chosen, task)
    ]
    result = _scored(_joined(parts, chosen, task), chosen)
    result = replace(result, warnings=tuple(_warnings(result, task)))
    return replace(result, provenance=provenance(result, chosen, task.method, task.prior, seed, task.device))


@dataclass(frozen=True)
class _Part:
    """Results of some slices, on the CPU, in the scan's units and on its cropped grid."""

    image: Tensor
    zero_filled: Tensor
    std: Tensor | None
    residual: Tensor
    withheld: tuple[float, float] | None
    calls: int
    spread: str


class _Task:
    """One method with its clocks, run on any slices."""

    def __init__(self, method: Method, device: torch.device, seed: int, holdout: bool) -> None:
        self.method, self.device, self.seed, self.holdout = method, device, seed, holdout
        self.prior: Prior | None = None
        self.calibrating, self.solving = Stopwatch(device), Stopwatch(device)

    def run(self, scan: Scan, first_slice: int, scale: float, on_step: OnStep) -> _Part:
        with self.calibrating.running():
            problem = build_problem(scan.to(self.device), scale=scale, first_slice=first_slice)
        with self.solving.running():
            solution = self._solve(problem, on_step)
        zero_filled = method_class("zero-filled")().solve(problem).image
        back = problem.scale * problem.intensity
        return _Part(
            image=_finished(solution.image * back, scan),
            zero_filled=_finished((zero_filled * back).abs(), scan),
            std=None if solution.std is None else _finished(solution.std * back, scan),
            residual=residuals(problem, solution.image).cpu(),
            withheld=self._foretell(problem) if self.holdout else None,
            calls=solution.calls,
            spread=solution.spread,
        )

    def _solve(self, problem: Problem, on_step: OnStep = silent) -> Solution:
        return self.method.solve(problem, prior=self.prior, seed=self.seed, on_step=on_step)

    def _foretell(self, problem: Problem) -> tuple[float, float]:
        """Error energy and energy of withheld samples, by the method's own coil-wise k-space."""
        block = BLOCK if problem.kernel is None else (problem.kernel.shape[-2], problem.kernel.shape[-1])
        generator = torch.Generator().manual_seed(self.seed)
        points = withheld(problem.mask, problem.acs, problem.phase_axes, block, generator)
        kept = problem.mask & ~points
        solution = self._solve(problem.with_kspace(problem.kspace * kept, kept))
        kspace = solution.coil_kspace
        kspace = fft2c(problem.coils(solution.image)) if kspace is None else kspace
        return energies_on(kspace, problem.kspace, points)


def _recipe(method: str | Method, options: dict[str, Any]) -> Method:
    if isinstance(method, Method):
        return replace(method, **options)
    kind = method_class(method)
    known = [f.name for f in fields(kind)]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise InputError(f"method '{method}' has no option '{unknown[0]}'; it has {', '.join(known) or 'none'}")
    return kind(**options)


def _prior(method: Method, prior: str | Prior | None, device: torch.device) -> Prior | None:
    if not method.needs_prior:
        return None
    if prior is not None and not isinstance(prior, str):
        return prior
    from medrecon.networks import load_prior

    return load_prior(prior or method.default_prior or default_prior(device), device)


def default_prior(device: torch.device) -> str:
    """The small image prior on a CPU, the large one on an accelerator."""
    return "mri-image-small" if device.type == "cpu" else "mri-image"


def _chunks(scan: Scan, task: _Task) -> Iterator[tuple[int, int]]:
    """Slices one at a time on the CPU, for bit-equal images; as many as fit on CUDA, or for a start from each other."""
    size = 1
    if task.device.type == "cuda" or getattr(task.method, "warm", False):
        samples = getattr(task.method, "samples", 1)
        size = max(1, CHUNK // (samples * scan.kspace[0].numel()))
    for a in range(0, scan.n_slices, size):
        yield a, min(a + size, scan.n_slices)


def _within(on_step: OnStep, start: int, stop: int, total: int) -> OnStep:
    """Map the progress of slices `start:stop` to that of the volume, in slices."""

    def step(p: Progress) -> None:
        on_step(Progress(p.stage, start * p.total + (stop - start) * p.done, total * p.total))

    return step


def _finished(image: Tensor, scan: Scan) -> Tensor:
    return (image if scan.crop is None else centre_crop(image, scan.crop)).cpu()


def _joined(parts: Sequence[_Part], scan: Scan, task: _Task) -> Reconstruction:
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
        seconds_per_slice=(task.calibrating.seconds + task.solving.seconds) / len(image),
        calibration_seconds_per_slice=task.calibrating.seconds / len(image),
        network_calls=parts[0].calls,
        peak_memory_mib=peak_memory_mib(task.device),
        voxel_mm=scan.voxel_mm,
        slice_mm=scan.slice_mm,
        affine=output_affine(scan),
        header=scan.header,
    )


def _warnings(result: Reconstruction, task: _Task) -> Iterator[str]:
    """What residual and prior give reason to say; a single sample of a diffusion method should leave the noise."""
    drawn = result.std is None and task.method.needs_prior
    if said := residual_warning(result.residual or (), drawn):
        yield said
    if task.prior is not None:
        pixels = task.prior.record.get("pixel_range")
        if said := pixel_warning(result.voxel_mm, pixels, task.prior.name):
            yield said


def _scored(result: Reconstruction, scan: Scan) -> Reconstruction:
    """With reference and scores, where a reference is known."""
    found = reference_image(scan)
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
