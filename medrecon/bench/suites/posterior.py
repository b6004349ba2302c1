"""Is it a posterior? Coverage of the standard deviation, and what the mean of K draws gains over one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, final

from medrecon.bench.cases import Case, costs, evenly, in_scan_units, scored, solved
from medrecon.bench.conditions import Choice, Grid
from medrecon.bench.coverage import of_slices
from medrecon.bench.runners import Runner, takes
from medrecon.bench.suite import Recipe, Suite, Variant
from medrecon.errors import InputError
from medrecon.evaluation.foreground import foreground_mask

SAMPLES = 8


@final
class Posterior(Suite):
    """Only methods that draw take part, with K > 1 samples a slice; scores are those of their mean."""

    name: ClassVar[str] = "posterior"
    grid: ClassVar[Grid] = Grid(settings=(("random", 4.0), ("random", 8.0)), slices=3)
    samples: ClassVar[tuple[int, ...]] = (SAMPLES,)
    science: ClassVar[tuple[str, ...]] = ("bench/suites/posterior.py", "bench/coverage.py")

    def recipes(self, choice: Choice) -> Iterator[Recipe]:
        for method in choice.methods:
            if takes(method, "samples"):
                drawn = (recipe for recipe in self.draws(method, choice) if recipe.options.get("samples", 1) > 1)
                yield from drawn

    def measure(self, case: Case, runner: Runner, slices: int | None, variant: Variant) -> dict[str, Any]:  # noqa: ARG002
        part = evenly(case.problem.n_slices, slices)
        done = solved(case.problem.select(part), runner, case.seed)
        samples = in_scan_units(done.solution.samples, done.problem, case.scan)
        if done.solution.std is None:
            raise InputError(f"{runner.method} gave a single sample; coverage needs at least 2 of them")
        image, std = samples.mean(0).abs(), in_scan_units(done.solution.std, done.problem, case.scan)
        truth = case.reference[part]
        mean, deviation, true = (list(each.double().numpy()) for each in (image, std, truth))
        heads = list(foreground_mask(truth).numpy())
        single = scored(samples[0].abs(), case, part)
        return {
            **scored(image, case, part),
            **costs(done, case),
            "samples": len(samples),
            "spread": done.solution.spread,
            "coverage": of_slices(mean, deviation, true, heads),
            "one_sample": {"mean": single["mean"], "slices": single["slices"]},
        }
