"""What the two published forms of HFS-SDE share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, final

from torch import Tensor

from medrecon.diffusion.band_denoiser import BandDenoiser, restricted
from medrecon.diffusion.hfs_chain import HfsChain, hfs_times
from medrecon.diffusion.path import VP
from medrecon.diffusion.predictor_corrector import Chain
from medrecon.diffusion.prior import Prior
from medrecon.mri.low_band import WIDEST, high_pass, sampled_lines
from medrecon.mri.published import Published
from medrecon.operators.highpass import HighPass
from medrecon.optimisation.sampling_normal import SenseNormal
from medrecon.problem import Problem


@dataclass(frozen=True)
class PublishedHfs(Published):
    """Options of HFS-SDE's predictor-corrector forms (Cao et al., IEEE TMI 2024), on the VP path whatever the prior's.

    snr : size of a Langevin step; 0.16, and 0.32 for 100 steps (released configuration; VP 0.27 and 0.43).
    predictor_weight : of the data against the score in the predictor; 2.5 (released configuration, HFS and VP).
    corrector_weight : the same in the corrector; 0.1 (released configuration, tuned for a phantom; 5 in its base, 2.5
        for VP).
    width : of the low band in lines; unless given all of the sampled centre, at most 32 (16 of 320 in their code).
    """

    default_prior: ClassVar[str | None] = "mri-hfs"
    faithful: ClassVar[bool]

    snr: float = 0.16
    predictor_weight: float = 2.5
    corrector_weight: float = 0.1
    width: int | None = None

    @abstractmethod
    def low(self, problem: Problem, high: HighPass) -> Tensor:
        """`(slice, y, x)` image that the chain starts from."""

    def lines(self, problem: Problem) -> int:
        """Of the low band."""
        return min(sampled_lines(problem), WIDEST) if self.width is None else self.width

    @final
    def chain(self, problem: Problem, prior: Prior) -> tuple[Chain, tuple[int, ...]]:
        high = high_pass(problem, self.lines(problem))
        local = restricted(prior, high).denoise
        assert isinstance(local, BandDenoiser)
        chain = HfsChain(
            times=hfs_times(self.steps, problem.kspace),
            denoiser=replace(local, path=VP()),
            gram=SenseNormal(problem.maps, problem.mask),
            data=problem.forward.H(problem.kspace),
            low=self.low(problem, high),
            snr=self.snr,
            predictor_weight=self.predictor_weight,
            corrector_weight=self.corrector_weight,
            faithful=self.faithful,
        )
        return chain, problem.image_shape[1:]
