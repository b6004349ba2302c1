"""Several scans through one method at once on a CUDA device, calibrated one by one and solved in shared batches."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from medrecon.calibration import build_problem, volume_scale
from medrecon.instruments import Stopwatch, peak_memory_mib, reset_peak_memory
from medrecon.mri.together import solve_together
from medrecon.scan import Scan
from medrecon.solving import CHUNK, Range, Solved, Task, first_slice

MEMORY = 2**35
"""Bytes of a device for which batches of `CHUNK` are meant where two workers share it (11 GB each with `spirit`)."""


def solved_together(task: Task, scans: Sequence[Scan], slices: Range) -> list[Solved]:
    """What `task.solved` gives for each scan, but for rounding; the seconds of a batch are shared out by slices.

    Raises InputError where one of the scans cannot be calibrated or solved.
    """
    reset_peak_memory(task.device)
    chosen = [scan.slices(*slices) for scan in scans]
    problems, calibrating = [], []
    for scan in scans:
        clock = Stopwatch(task.device)
        with clock.running():
            here = scan.to(task.device)
            scale, first = volume_scale(here), first_slice(scan, slices)
            problems.append(build_problem(here.slices(*slices), scale=scale, first_slice=first))
        calibrating.append(clock.seconds)
    most = min(images_at_once(task.device, scan) for scan in scans)
    clock = Stopwatch(task.device)
    with clock.running():
        solutions = solve_together(task.method, problems, prior=task.prior, seed=task.seed, most=most)
    parts = [task.part(*each) for each in zip(problems, solutions, chosen, strict=True)]
    share = clock.seconds / sum(scan.n_slices for scan in chosen)
    peak = peak_memory_mib(task.device)
    return [
        Solved(scan, [part], task.reference(scan), seconds, share * scan.n_slices, peak)
        for scan, part, seconds in zip(chosen, parts, calibrating, strict=True)
    ]


def images_at_once(device: torch.device, scan: Scan) -> int:
    """Images of a scan that the memory of the device holds with all that a method keeps of them."""
    times = 1
    if device.type == "cuda":
        times = max(1, torch.cuda.get_device_properties(device).total_memory // MEMORY)
    return max(1, times * CHUNK // scan.kspace[0].numel())
