"""`hfs`: diffusion in high-frequency space, one network call a step, the sampled centre left as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from medrecon.diffusion.band_denoiser import BandDenoiser, restricted
from medrecon.diffusion.datasteps import DataStep, HighBand
from medrecon.diffusion.mirrored_band import MirroredEstimate
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.sampler import Sampler
from medrecon.errors import InputError
from medrecon.mri.drawing import Drawing
from medrecon.mri.low_band import WIDEST, high_pass, sampled_lines
from medrecon.mri.tv_low_band import tv_low_band
from medrecon.problem import Problem


@final
@dataclass(frozen=True)
class HFS(Drawing):
    """HFS-SDE (Cao et al. 2024) with estimates that gain momentum and a noise-weighted data step in the high band.

    The low band comes from total variation and stays: noise, network and data move the high band only, so that the low
    band is the same for every seed, as the paper promises. The network sees it.

    It starts at two deviations of the band, since one leaves aliasing where the calls are few.

    mirrored : show the network image and low band mirrored alike by turns, so that some of its errors average out.
    width : of the low band in lines; unless given half of the sampled centre, at most 16: coils mix neighbouring lines,
        so that the outer ones are known worst. 0 is VP on the whole image.
    """

    name: ClassVar[str] = "hfs"
    default_prior: ClassVar[str | None] = "mri-hfs"
    deviations: ClassVar[float] = 2.0

    width: int | None = None

    def lines(self, problem: Problem) -> int:
        """Of the low band."""
        sampled = min(sampled_lines(problem), WIDEST)
        return sampled - sampled // 2 if self.width is None else self.width

    def local(self, problem: Problem, prior: Prior) -> Prior:
        """The prior outside the low band of these images."""
        high = high_pass(problem, self.lines(problem))
        local = restricted(prior, high, tv_low_band(problem, high))
        if not self.mirrored:
            return local
        band = local.denoise
        assert isinstance(band, BandDenoiser)
        sampler = self.sampler(problem, local)
        sigmas = prior.path.sigma(sampler.levels[:-1]).flatten(1)[:, 0]
        sigmas = sigmas if sampler.told is None else sampler.told * sigmas
        return replace(local, denoise=replace(band, estimate=MirroredEstimate(band.estimate, sigmas)))

    def sampler(self, problem: Problem, prior: Prior) -> Sampler:
        """As of every drawing method, but for the views, which are the prior's here: it knows where the low band is."""
        return replace(super().sampler(problem, prior), mirrored=False)

    def data_step(self, problem: Problem, prior: Prior) -> DataStep:
        band = prior.denoise
        assert isinstance(band, BandDenoiser)
        assert band.low is not None
        return HighBand(problem, band.high, band.low, prior.variance, self.iterations)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width is not None and self.width < 0:
            raise InputError(f"width is {self.width}; give a number of lines of at least 0")
