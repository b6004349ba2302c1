"""`fdmr`: a few large steps, the network adapted to the scan and stopped early, a little refinement."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import torch

from medrecon.diffusion.adaptation.stopping import Count, Discrepancy, HoldOut, StopRule
from medrecon.diffusion.prior import Prior
from medrecon.errors import InputError
from medrecon.mri.drawing import images_together
from medrecon.mri.fdmr.plan import MODES, Draws, Mode, Parameters, Plan, Refine, Stop
from medrecon.mri.fdmr.setting import Setting
from medrecon.mri.fdmr.stages import Stages
from medrecon.mri.method import Method, Solution
from medrecon.networks.ddgan import DdganDenoiser
from medrecon.problem import Problem
from medrecon.progress import OnStep, Progress, silent


@final
@dataclass(frozen=True)
class Fdmr(Method):
    """FDMR (Magn. Reson. Imaging 2025, abstract only) on what AdaDiff (Guengoer et al. 2023) says of its parts.

    Three stages: generation from the noised zero-filled image, adaptation of the network to the slice's k-space until
    withheld samples are foretold no better, refinement. What the abstract leaves open is marked "inferred" in the
    specification, A.7, and an option here.

    mode : fdmr; static without adaptation and refinement; adadiff with all weights, a fixed count and no refinement;
        dip, an untrained network in the same loop.
    draws : how stage 1 goes down. estimate, as `dds` does: from each estimate with a share of fresh noise; the best
        single image. posterior: with the noise of the process, as
        published; a sample, which errs twice as much. Unless given estimate (adadiff: posterior).
    steps : network calls of stage 1 of estimates; unless given 12. With draws of the posterior a call a level.
    start : level of the noise that generation starts at; unless given the prior's last, 8, and for estimates that of
        `dds`. Fewer save calls of the posterior.
    iterations : of adaptation at most; unless given 20 (dip 200, adadiff 1000); on a CPU 40 at most.
    stop : when adaptation ends: after a count, where withheld samples are foretold no better, or where the data are
        explained to their noise (discrepancy); unless given holdout (adadiff: count).
    share : of the samples outside the fully sampled centre that holdout withholds from stages 1 and 2: whole lines, at
        least three, or blocks.
    patience : iterations without a gain after which holdout stops.
    gain : what counts as one, as a share.
    excess : of the noise's power at which discrepancy stops.
    parameters : what adapts: modulation, the scales and shifts of the norms, and low-rank, paths beside convolutions,
        are a slice's own, so that many adapt together; all weights adapt slice by slice. Unless given modulation
        (adadiff, dip: all).
    rank : of the low-rank paths.
    rate : step of Adam; unless given 0.01, 0.003 and 0.001 for the three.
    shown : what the network sees while it adapts: the image that generation ends at (AdaDiff), or a noisy state, which
        its level was trained on: that before the image, or for estimates the image with fresh noise.
    told : level that the network is told of while it adapts; the image is shown as faint as images are there.
    whole : once it has adapted, show the network what stage 1 makes of all samples, of withheld ones as well; else the
        image that it adapted on, which lacks them.
    refine : renoise, the last levels again with the adapted network (R1); estimate, the same as stage 1 of estimates
        goes down; deterministic, without noise and with data replaced (R2); original, with the network as it was
        trained (R3); none. Unless given estimate in mode fdmr, renoise for levels even in time.
    level : up to which refinement adds noise, or that the image's error stands for.
    runs : of the refinement, in antithetic pairs, whose mean is the image.
    data : data steps weigh by the noise, or replace samples (hard), which copies their noise into the image.
    cg : conjugate-gradient iterations of a data step.
    trust : in estimates of the adapted network, when data are weighed against them: by what they err on withheld
        samples (holdout), where there are any and up to the level `told`; else that of their level (level).
    final : whether the image has passed a last data step.
    warm : start a batch of slices from the last slice before it instead of the prior; slices then depend on others.
    batch : slices at a time on CUDA; on the CPU always one. Stage 1 shows the network two images of each, without and
        with the withheld samples, where `whole` wants both.
    """

    name: ClassVar[str] = "fdmr"
    needs_prior: ClassVar[bool] = True
    default_prior: ClassVar[str | None] = "mri-ddgan"

    mode: Mode = "fdmr"
    draws: Draws | None = None
    steps: int = 12
    start: int | None = None
    iterations: int | None = None
    stop: Stop | None = None
    share: float = 0.1
    patience: int = 5
    gain: float = 1e-3
    excess: float = 1.05
    parameters: Parameters | None = None
    rank: int = 4
    rate: float | None = None
    shown: Literal["image", "state"] = "image"
    told: int = 1
    whole: bool = True
    refine: Refine | None = None
    level: int = 1
    runs: int = 1
    data: Literal["noise-weighted", "hard"] = "noise-weighted"
    cg: int = 5
    trust: Literal["level", "holdout"] = "holdout"
    final: bool = True
    warm: bool = False
    batch: int = 16

    def plan(self, device: torch.device, spacing: str = "noise") -> Plan:
        """What the mode does with the options that were given, on a prior whose levels are spaced so."""
        mode = MODES[self.mode].of(spacing)
        mode = mode if self.iterations is not None else mode.on(device)
        names = ("stop", "parameters", "refine", "rate", "draws")
        given = {name: getattr(self, name) for name in names}
        return mode.with_given(self.iterations, **given)

    def rule(self, stop: Stop) -> StopRule:
        """When a slice's adaptation ends."""
        if stop == "holdout":
            return HoldOut(self.patience, self.gain)
        return Count() if stop == "count" else Discrepancy(self.excess)

    def solve(
        self, problem: Problem, *, prior: Prior | None = None, seed: int = 0, on_step: OnStep = silent
    ) -> Solution:
        """Reconstruct every slice.

        Raises InputError for options out of range or a prior that is no DDGAN, and its NonFiniteError where the
        adaptation breaks down.
        """
        stages = self.stages(prior, problem, seed)
        images = problem.kspace.new_empty(problem.image_shape)
        parts, calls, before = list(self._parts(problem, stages.together)), 0, None
        for n, slices in enumerate(parts):
            part = problem.select(slices)
            found = stages(part, before if self.warm else None, _part_of(on_step, n, len(parts)))
            images[slices], before = found.image, found.adapted
            calls += found.calls * part.n_slices
        return Solution(images[None], calls=calls // problem.n_slices)

    def stages(self, prior: Prior | None, problem: Problem, seed: int) -> Stages:
        """The three stages under the mask of `problem`, for any of its slices; what they record serves all batches."""
        denoiser = self._denoiser(prior)
        if prior is None or denoiser is None:
            got = "none" if prior is None else prior.name
            raise InputError(f"fdmr needs a DDGAN prior and got {got}; name one of kind mri-ddgan with --prior")
        steps = denoiser.schedule.steps
        for field in ("start", "level", "told"):
            value = getattr(self, field)
            if value is not None and not 1 <= value <= steps:
                raise InputError(f"{field} is {value}; give a level of the prior, 1 to {steps}")
        plan = self.plan(problem.device, denoiser.schedule.spacing)
        return Stages(Setting(self, plan, prior, denoiser, seed), problem.mask)

    @staticmethod
    def _denoiser(prior: Prior | None) -> DdganDenoiser | None:
        return prior.denoise if prior is not None and isinstance(prior.denoise, DdganDenoiser) else None

    def _parts(self, problem: Problem, together: bool) -> Iterator[slice]:
        size = images_together(self.batch, problem.device) if together else 1
        for first in range(0, problem.n_slices, size):
            yield slice(first, min(first + size, problem.n_slices))

    def __post_init__(self) -> None:
        _check_words(self)
        for field, least in LEAST.items():
            value = getattr(self, field)
            if value is not None and value < least:
                raise InputError(f"{field} is {value}; give a whole number of at least {least}")
        for field in ("share", "gain"):
            if not 0 < getattr(self, field) < 1:
                raise InputError(f"{field} is {getattr(self, field)}; give a share between 0 and 1")
        for field in ("rate", "excess"):
            value = getattr(self, field)
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"{field} is {value}; give a number above 0")
        if self.mode == "dip" and self.parameters not in (None, "all"):
            raise InputError(f"mode dip has nothing to modulate yet, and parameters is '{self.parameters}'; give all")


LEAST = {"steps": 1, "iterations": 0, "patience": 1, "rank": 1, "runs": 1, "cg": 1, "batch": 1}
WORDS: dict[str, tuple[str, ...]] = {
    "mode": tuple(MODES),
    "draws": ("estimate", "posterior"),
    "stop": ("count", "holdout", "discrepancy"),
    "parameters": ("modulation", "low-rank", "all"),
    "shown": ("image", "state"),
    "refine": ("renoise", "estimate", "deterministic", "original", "none"),
    "data": ("noise-weighted", "hard"),
    "trust": ("level", "holdout"),
}


def _check_words(method: Fdmr) -> None:
    for field, words in WORDS.items():
        value = getattr(method, field)
        if value is not None and value not in words:
            raise InputError(f"unknown {field} '{value}'; choose one of {', '.join(words)}")


def _part_of(on_step: OnStep, part: int, parts: int) -> OnStep:
    """Progress of one batch as progress of all."""
    return lambda p: on_step(Progress(p.stage, part * p.total + p.done, parts * p.total))
