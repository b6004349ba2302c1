"""`hfs`: diffusion in high-frequency space, one network call a step, the sampled centre left as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

from medrecon.diffusion.band_denoiser import BandDenoiser, restricted
from medrecon.diffusion.datasteps import DataStep, HighBand
from medrecon.diffusion.prior import Prior
from medrecon.errors import InputError
from medrecon.mri.drawing import Drawing
from medrecon.mri.low_band import high_pass, low_band
from medrecon.problem import Problem


@final
@dataclass(frozen=True)
class HFS(Drawing):
    """HFS-SDE (Cao et al. 2024) with DPM-Solver++(2M) and a noise-weighted data step in the high band.

    The low band comes from a SENSE solve and stays: noise, network and data move the
    high band only, so that the low band is the same for every seed, as the paper promises. The network sees it.

    mirrored : not for this method, whose network is told where the low band lies.
    width : of the low band in lines; unless given all of the sampled centre, at most 32. 0 is VP on the whole image.
    """

    name: ClassVar[str] = "hfs"
    default_prior: ClassVar[str | None] = "mri-hfs"

    integrator: Literal["momentum", "ddim", "dpmpp2m", "heun"] = "dpmpp2m"
    told: float = 1.0
    mirrored: bool = False
    width: int | None = None

    def local(self, problem: Problem, prior: Prior) -> Prior:
        """The prior outside the low band of these images."""
        high = high_pass(problem, self.width)
        return restricted(prior, high, low_band(problem, high))

    def data_step(self, problem: Problem, prior: Prior) -> DataStep:
        band = prior.denoise
        assert isinstance(band, BandDenoiser)
        assert band.low is not None
        return HighBand(problem, band.high, band.low, prior.variance, self.iterations)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mirrored:
            raise InputError(
                "mirrored views are not for hfs, whose network is told where the low band lies; leave it out"
            )
        if self.width is not None and self.width < 0:
            raise InputError(f"width is {self.width}; give a number of lines of at least 0")
