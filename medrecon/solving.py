"""Calibrate and solve: slices of a scan through one method on one device, before anything is judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import torch
from torch import Tensor

from medrecon.calibration import build_problem, volume_scale
from medrecon.crop import centre_crop
from medrecon.evaluation import reference_image
from medrecon.evaluation.holdout import energies_on, withheld
from medrecon.evaluation.residual import residuals
from medrecon.instruments import Stopwatch, peak_memory_mib, reset_peak_memory
from medrecon.mri import Method, Solution, method_class
from medrecon.operators import fft2c
from medrecon.problem import Problem
from medrecon.progress import OnStep, Progress, silent
from medrecon.scan import Scan

if TYPE_CHECKING:
    from medrecon.diffusion.prior import Prior

CHUNK = 2**24  # coil pixels, all samples together, that a CUDA device solves at once
REFERENCES = 16  # slices whose reference a CUDA device makes at once
BLOCK = (5, 5)  # hold-out block of a scan that has no SPIRiT kernel
Range = tuple[int | None, int | None]


@dataclass(frozen=True)
class Part:
    """Results of some slices, on the CPU, in the scan's units and on its cropped grid."""

    image: Tensor
    zero_filled: Tensor
    std: Tensor | None
    residual: Tensor
    withheld: tuple[float, float] | None
    calls: int
    spread: str


@dataclass(frozen=True, eq=False)
class Solved:
    """Slices of a scan and what was made of them; all of it on the CPU, so that any thread may go on with it.

    scan : the slices that were asked for.
    reference : image and kind, where one is known.
    calibrating, solving : seconds.
    """

    scan: Scan
    parts: Sequence[Part]
    reference: tuple[Tensor, str] | None
    calibrating: float
    solving: float
    peak_memory_mib: float


@final
@dataclass(frozen=True, eq=False)
class Task:
    """One method with what it needs, for any scan."""

    method: Method
    prior: Prior | None
    device: torch.device
    seed: int = 0
    holdout: bool = False

    def solved(self, scan: Scan, slices: Range = (None, None), on_step: OnStep = silent) -> Solved:
        """The slices `[start:stop]` of `scan`, a chunk after the other; on the CPU each alone, for bit-equal images."""
        calibrating, solving = Stopwatch(self.device), Stopwatch(self.device)
        chosen = scan.slices(*slices)
        start = first_slice(scan, slices)
        reset_peak_memory(self.device)
        with calibrating.running():
            scale = volume_scale(scan)
        parts: list[Part] = []
        for a, b in self._chunks(chosen):
            chunk = chosen.slices(a, b)
            with calibrating.running():
                problem = build_problem(chunk.to(self.device), scale=scale, first_slice=start + a)
            with solving.running():
                solution = self._solve(problem, _within(on_step, a, b, chosen.n_slices))
            parts.append(self.part(problem, solution, chunk))
        peak = peak_memory_mib(self.device)
        return Solved(chosen, parts, self.reference(chosen), calibrating.seconds, solving.seconds, peak)

    def reference(self, scan: Scan) -> tuple[Tensor, str] | None:
        """`evaluation.reference_image`, made on the device: maps of all coils from all of k-space are much work."""
        full = scan if scan.full is None else scan.full
        if self.device.type == "cpu" or scan.truth is not None or not full.is_fully_sampled:
            return reference_image(scan)
        chunks = (full.slices(a, a + REFERENCES).to(self.device) for a in range(0, full.n_slices, REFERENCES))
        found = [image_and_kind for chunk in chunks if (image_and_kind := reference_image(chunk)) is not None]
        return torch.cat([image.cpu() for image, _ in found]), found[0][1]

    def part(self, problem: Problem, solution: Solution, scan: Scan) -> Part:
        """What `solution` says of the slices of `scan`, back in its units."""
        zero_filled = method_class("zero-filled")().solve(problem).image
        back = problem.scale * problem.intensity
        return Part(
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

    def _chunks(self, scan: Scan) -> Iterator[tuple[int, int]]:
        """Slices one at a time on the CPU; as many as fit on CUDA, or for a start from each other."""
        size = 1
        if self.device.type == "cuda" or getattr(self.method, "warm", False):
            samples = getattr(self.method, "samples", 1)
            size = max(1, CHUNK // (samples * scan.kspace[0].numel()))
        for a in range(0, scan.n_slices, size):
            yield a, min(a + size, scan.n_slices)


def first_slice(scan: Scan, slices: Range) -> int:
    """The number within `scan` of the first of its `slices`."""
    return range(scan.n_slices)[slice(*slices)][0]


def _within(on_step: OnStep, start: int, stop: int, total: int) -> OnStep:
    """Map the progress of slices `start:stop` to that of the volume, in slices."""

    def step(p: Progress) -> None:
        on_step(Progress(p.stage, start * p.total + (stop - start) * p.done, total * p.total))

    return step


def _finished(image: Tensor, scan: Scan) -> Tensor:
    return (image if scan.crop is None else centre_crop(image, scan.crop)).cpu()
