"""`hfs-paper`: HFS-SDE as its paper describes it, there to be measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from medrecon.diffusion.band_denoiser import BandDenoiser, restricted
from medrecon.diffusion.hfs_chain import HfsChain, hfs_times
from medrecon.diffusion.path import VP
from medrecon.diffusion.predictor_corrector import Chain
from medrecon.diffusion.prior import Prior
from medrecon.mri.low_band import high_pass, low_band
from medrecon.mri.published import Published
from medrecon.optimisation.sampling_normal import SenseNormal
from medrecon.problem import Problem


@final
@dataclass(frozen=True)
class HfsPaper(Published):
    """HFS-SDE (Cao et al., IEEE TMI 2024): predictor-corrector, projected score, the low band re-imposed.

    The low band is that of `hfs`, from a SENSE solve. With `width` 0 and an image prior this is
    VP-SDE with predictor and corrector.

    snr : 0.16, and 0.32 for 100 steps (released configuration; VP 0.27 and 0.43).
    predictor_weight : 2.5 (released configuration, HFS and VP).
    corrector_weight : 0.1 (released configuration, tuned for a phantom; 5 in its base, 2.5 for VP).
    width : of the low band in lines; unless given all of the sampled centre, at most 32 (16 of 320 in their code).
    """

    name: ClassVar[str] = "hfs-paper"
    default_prior: ClassVar[str | None] = "mri-hfs"

    snr: float = 0.16
    predictor_weight: float = 2.5
    corrector_weight: float = 0.1
    width: int | None = None

    def chain(self, problem: Problem, prior: Prior) -> tuple[Chain, tuple[int, ...]]:
        high = high_pass(problem, self.width)
        local = restricted(prior, high).denoise
        assert isinstance(local, BandDenoiser)
        chain = HfsChain(
            times=hfs_times(self.steps, problem.kspace),
            denoiser=replace(local, path=VP()),
            gram=SenseNormal(problem.maps, problem.mask),
            data=problem.forward.H(problem.kspace),
            low=low_band(problem, high),
            snr=self.snr,
            predictor_weight=self.predictor_weight,
            corrector_weight=self.corrector_weight,
            faithful=True,
        )
        return chain, problem.image_shape[1:]
