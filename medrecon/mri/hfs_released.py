"""`hfs-released`: HFS-SDE as its public code computes it, there to be measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from medrecon.diffusion.band_denoiser import BandDenoiser, restricted
from medrecon.diffusion.hfs_chain import HfsChain, hfs_times
from medrecon.diffusion.path import VP
from medrecon.diffusion.predictor_corrector import Chain
from medrecon.diffusion.prior import Prior
from medrecon.mri.low_band import centre_lines, high_pass
from medrecon.mri.published import Published
from medrecon.optimisation.sampling_normal import SenseNormal
from medrecon.problem import Problem


@final
@dataclass(frozen=True)
class HfsReleased(Published):
    """HFS-SDE (Cao et al. 2024) in the points of its code that change the image (specification 2.5, 2.6 and 4).

    The predictor's score is not projected, so that whatever the network says of low frequencies moves them; the data's
    gradient is not projected either; the chain starts from the low band's lines combined with the maps, without a
    solve; beta's table keeps 1000 entries for any number of steps. The released code also samples with the last weights
    instead of their average: for that, give a prior of such weights.

    snr : 0.16, and 0.32 for 100 steps (released configuration).
    predictor_weight : 2.5 (released configuration).
    corrector_weight : 0.1 (released configuration, tuned for a phantom; 5 in its base).
    width : of the low band in lines; unless given all of the sampled centre, at most 32 (16 of 320 in the code).
    """

    name: ClassVar[str] = "hfs-released"
    default_prior: ClassVar[str | None] = "mri-hfs"

    snr: float = 0.16
    predictor_weight: float = 2.5
    corrector_weight: float = 0.1
    width: int | None = None

    def chain(self, problem: Problem, prior: Prior) -> tuple[Chain, tuple[int, ...]]:
        high = high_pass(problem, self.width)
        local = restricted(prior, high).denoise
        assert isinstance(local, BandDenoiser)
        lines = centre_lines(problem, high)
        chain = HfsChain(
            times=hfs_times(self.steps, problem.kspace),
            denoiser=replace(local, path=VP()),
            gram=SenseNormal(problem.maps, problem.mask),
            data=problem.forward.H(problem.kspace),
            low=problem.forward.H(problem.kspace * lines),
            snr=self.snr,
            predictor_weight=self.predictor_weight,
            corrector_weight=self.corrector_weight,
            faithful=False,
        )
        return chain, problem.image_shape[1:]
