"""Robustness to maps: one of three calibrations is made wrong in one of five ways (evaluation.md 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, cast, final

import torch

from medrecon.bench.cases import Case, calibrated, costs, evenly, scored, solved, undersampled
from medrecon.bench.conditions import Condition, Grid
from medrecon.bench.map_errors import (
    Calibration,
    Where,
    calibration_of,
    combined,
    distance,
    perturbed,
    with_smooth_error,
)
from medrecon.bench.runners import Runner
from medrecon.bench.sources import Source
from medrecon.bench.suite import Recipe, Suite, Variant
from medrecon.calibration import CalibrationOptions, build_problem
from medrecon.crop import centre_crop, centred
from medrecon.evaluation.foreground import foreground_mask
from medrecon.problem import Problem
from medrecon.scan import Scan

ALL_COILS = CalibrationOptions(coils=0)  # one basis of coils for all calibrations of a scan
LINES = (12, 16, 24)
NEIGHBOUR, SMOOTH = "neighbouring slice", "5 % smooth error"
WITHOUT_KERNEL = ("zero-filled", "sense", "wavelet", "tv", "dds")
WITHOUT_MAPS = ("spirit-linear",)


@dataclass(frozen=True, eq=False)
class MapCase(Case):
    """A calibrated scan, and the same slices and their neighbours fully sampled, to calibrate wrongly on."""

    full: Scan
    beside: Callable[[], Scan]
    condition: Condition
    known: dict[str, Calibration] = field(default_factory=dict)

    def neighbour(self) -> Problem:
        """The slices beside those of the case, calibrated on their own centre lines."""
        other = undersampled(self.beside(), self.condition)
        return build_problem(other.to(self.problem.device), options=ALL_COILS, scale=self.problem.scale)

    def calibration(self, how: str) -> Calibration:
        """The calibration called `how`, made once; "none" is the scan's own."""
        if how not in self.known:
            self.known[how] = self._calibration(how)
        return self.known[how]

    def _calibration(self, how: str) -> Calibration:
        if how == "none":
            return calibration_of(self.problem)
        if how == NEIGHBOUR:
            return calibration_of(self.neighbour(), self.problem)
        if how == SMOOTH:
            return with_smooth_error(self.problem, self.seed)
        return calibration_of(self.from_lines(int(how.split()[0])), self.problem)

    def from_lines(self, lines: int) -> Problem:
        """Calibrated on that many lines of the centre, as a separate calibration scan of the same slices has them."""
        scan = with_centre(self.scan, self.full, lines)
        options = replace(ALL_COILS, acs=lines)
        return build_problem(scan.to(self.problem.device), options=options, scale=self.problem.scale)


@final
class Maps(Suite):
    """Maps inside the prior's projection, the SPIRiT kernel, or the maps of the output combination."""

    name: ClassVar[str] = "maps"
    grid: ClassVar[Grid] = Grid(settings=(("random", 4.0), ("random", 8.0)), slices=3)
    science: ClassVar[tuple[str, ...]] = ("bench/suites/maps.py", "bench/map_errors.py")

    def variants(self, source: Source, recipe: Recipe) -> Sequence[Variant]:
        """Every way in every place that concerns the method, after the undisturbed row."""
        ways = [*(f"{lines} lines" for lines in LINES), *([NEIGHBOUR] if source.has_neighbours else []), SMOOTH]
        places = [
            *([] if recipe.method in WITHOUT_MAPS else ["projection"]),
            *([] if recipe.method in WITHOUT_KERNEL else ["kernel"]),
            "combination",
        ]
        disturbed = [{"perturbed": where, "perturbation": how} for where in places for how in ways]
        return [{"perturbed": "none", "perturbation": "none"}, *disturbed]

    def prepare(self, source: Source, condition: Condition, device: torch.device) -> MapCase:
        full = source.scan(condition)
        base = calibrated(undersampled(full, condition), condition.seed, device, ALL_COILS)
        return MapCase(**vars(base), full=full, beside=lambda: source.neighbours(condition), condition=condition)

    def measure(self, case: Case, runner: Runner, slices: int | None, variant: Variant) -> dict[str, Any]:
        assert isinstance(case, MapCase)
        where = cast(Where, variant["perturbed"])
        own, wrong = case.calibration("none"), case.calibration(variant["perturbation"])
        part = evenly(case.problem.n_slices, slices)
        given = perturbed(case.problem, wrong, where).select(part)
        done = solved(given, runner, case.seed)
        image = combined(done.solution, given, _part(wrong if where == "combination" else own, part)) * given.scale
        magnitude = (image if case.scan.crop is None else centre_crop(image, case.scan.crop)).abs().cpu()
        size = case.problem.image_shape
        head = foreground_mask(case.reference) if tuple(case.reference.shape) == size else case.problem.support
        return {
            **scored(magnitude, case, part),
            **costs(done, case),
            "map_error": distance(own.maps, wrong.maps, head.to(own.maps.device)),
        }


def with_centre(under: Scan, full: Scan, lines: int) -> Scan:
    """`under` with at least `lines` lines of the centre along each phase axis."""
    centre = torch.zeros_like(under.mask)
    rows, columns = (
        centred(n, min(lines, n)) if axis in under.phase_axes else slice(None)
        for axis, n in zip("yx", under.mask.shape, strict=True)
    )
    centre[rows, columns] = True
    mask = (under.mask | centre) & under.lattice
    return replace(under, kspace=full.kspace * mask, mask=mask)


def _part(calibration: Calibration, part: slice) -> Calibration:
    kernel = None if calibration.kernel is None else calibration.kernel[part]
    return Calibration(calibration.maps[part], calibration.intensity[part], kernel)
