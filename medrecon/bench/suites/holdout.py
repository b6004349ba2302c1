"""Retain and predict for every method: does the error on withheld samples rank methods as the truth does?"""

from typing import Any, ClassVar, final

import torch

from medrecon.bench.cases import Case, evenly, solved
from medrecon.bench.conditions import Grid
from medrecon.bench.runners import Runner
from medrecon.bench.suite import Suite, Variant
from medrecon.evaluation.holdout import energies_on, withheld
from medrecon.operators import fft2c
from medrecon.problem import Problem

BLOCK = (5, 5)  # of points withheld where there is no kernel that could say how far they leak


@final
class Holdout(Suite):
    """Each image is reconstructed twice: with all samples for the scores, without some for the prediction of them."""

    name: ClassVar[str] = "holdout"
    grid: ClassVar[Grid] = Grid(settings=(("random", 4.0), ("random", 8.0)), slices=5)
    science: ClassVar[tuple[str, ...]] = ("bench/suites/holdout.py",)

    def measure(self, case: Case, runner: Runner, slices: int | None, variant: Variant) -> dict[str, Any]:
        part = evenly(case.problem.n_slices, slices)
        errors = predicted(case.problem.select(part), runner, case.seed)
        error, signal = (sum(values) for values in zip(*errors, strict=True))
        return {
            **super().measure(case, runner, slices, variant),
            "holdout_nmse": error / signal if signal > 0 else None,
            "holdout_nmse_slices": [e / s if s > 0 else None for e, s in errors],
        }


def predicted(problem: Problem, runner: Runner, seed: int) -> list[tuple[float, float]]:
    """(error energy, energy) a slice on 5 % of the samples outside the ACS, by the method's own coil-wise k-space.

    Which samples are withheld follows from `seed`, so that all methods predict the same ones.
    """
    block = BLOCK if problem.kernel is None else (problem.kernel.shape[-2], problem.kernel.shape[-1])
    points = withheld(problem.mask, problem.acs, problem.phase_axes, block, torch.Generator().manual_seed(seed))
    kept = problem.mask & ~points
    given = problem.with_kspace(problem.kspace * kept, kept)
    solution = solved(given, runner, seed).solution
    kspace = fft2c(problem.coils(solution.image)) if solution.coil_kspace is None else solution.coil_kspace
    pairs = zip(kspace.split(1), problem.kspace.split(1), strict=True)
    return [energies_on(prediction, measured, points) for prediction, measured in pairs]
