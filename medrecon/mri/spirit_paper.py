"""`spirit-paper`: SPIRiT-Diffusion as its paper describes it, there to be measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from medrecon.diffusion.predictor_corrector import Chain
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.spirit_chain import SpiritChain, spirit_times
from medrecon.errors import InputError
from medrecon.mri.published import Published
from medrecon.operators import Coils, LinearOperator, SelfConsistency, Zero
from medrecon.operators.spirit import spirit_matrices
from medrecon.optimisation.sampling_normal import SamplingNormal
from medrecon.problem import Problem


@final
@dataclass(frozen=True)
class SpiritPaper(Published):
    """SPIRiT-Diffusion (Cui et al., IEEE TMI 2024): VE on coil images, a step of self-consistency a predictor.

    The score is the image prior's on u = S^H x, which for sum|S|^2 = 1 is what the original's loss trains, at a coil's
    share of its calls. Noise and start are projected, as in the paper; the released code projects neither.

    snr : size of a Langevin step; 0.7 (released configuration), outside of what makes the corrector a sampler.
    predictor_weight : of the data against the score in the predictor; 0.2 (released; 0.8 in the follow-up, 100 steps).
    corrector_weight : the same in the corrector; 0.2 (released).
    eta : of the drift -eta / 2 Psi x; 0.45, 0.40 with other maps (released). A step, whatever the number of steps.
    sigma_min, sigma_max : 0.01 and 348 (paper). Levels beyond the prior's are extrapolated by its preconditioning.
    """

    name: ClassVar[str] = "spirit-paper"

    snr: float = 0.7
    predictor_weight: float = 0.2
    corrector_weight: float = 0.2
    eta: float = 0.45
    sigma_min: float = 0.01
    sigma_max: float = 348.0

    def chain(self, problem: Problem, prior: Prior) -> tuple[Chain, tuple[int, ...]]:
        """Raises InputError where eta is too large for the kernel: the drift would grow."""
        shape = tuple(problem.maps.shape)
        chain = SpiritChain(
            times=spirit_times(self.steps, problem.kspace),
            denoise=prior.denoise,
            path=prior.path,
            coils=Coils(problem.maps),
            consistency=self._consistency(problem),
            gram=SamplingNormal(problem.mask, shape),
            data=problem.sampling.H(problem.kspace),
            sigma_min=self.sigma_min,
            sigma_max=self.sigma_max,
            eta=self.eta,
            snr=self.snr,
            predictor_weight=self.predictor_weight,
            corrector_weight=self.corrector_weight,
        )
        return chain, shape[1:]

    def combined(self, state: Tensor, problem: Problem) -> Tensor:
        return problem.coils.H(state)

    def _consistency(self, problem: Problem) -> LinearOperator:
        """Psi of the calibrated kernel; none for a single coil, which has no kernel."""
        shape = tuple(problem.maps.shape)
        if problem.kernel is None:
            return Zero(shape, shape)
        matrices = spirit_matrices(problem.kernel, problem.image_shape[1:])
        # On the CPU: cuSOLVER asks for a MiB of workspace a pixel.
        largest = float(torch.linalg.eigvalsh(matrices.permute(0, 3, 4, 1, 2).cpu()).max())
        if self.eta / 2 * largest >= 2:
            raise InputError(
                f"eta is {self.eta} and the kernel's largest eigenvalue {largest:.3g}: the drift grows; give an eta "
                f"below {4 / largest:.3g}"
            )
        return SelfConsistency(matrices)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.eta < math.inf:
            raise InputError(f"eta is {self.eta}; give a number of at least 0")
        if not 0 < self.sigma_min < self.sigma_max < math.inf:
            raise InputError(f"sigma from {self.sigma_min} to {self.sigma_max}; give 0 < sigma_min < sigma_max")
