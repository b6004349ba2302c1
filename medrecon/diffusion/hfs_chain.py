"""HFS-SDE's reverse process as published, and as released (Cao et al. 2024; specification 1.6, 2.5, 2.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from medrecon.diffusion.band_denoiser import BandDenoiser
from medrecon.diffusion.langevin import balanced, langevin, norm
from medrecon.diffusion.path import VP
from medrecon.diffusion.predictor_corrector import Chain
from medrecon.optimisation.sampling_normal import SenseNormal

END = 1e-3
"""Last time."""
TABLE = 1000
"""Entries of the table of beta in the released code, whatever the number of steps."""


@final
@dataclass(frozen=True, eq=False)
class HfsChain(Chain):
    """dx = [-beta F_h x / 2 - beta F_h score] dt + sqrt(beta) F_h dw backwards, by Euler-Maruyama and Langevin steps.

    Attributes
    ----------
    times : `(steps,)` from 1 to `END`.
    denoiser : on the VP path and the band at hand.
    gram, data : A^H A and A^H y of the problem; the data's gradient is gram(x) - data.
    low : `(slice, y, x)` what the chain starts from; with `faithful` also what it is set back to.
    snr, predictor_weight, corrector_weight : as the methods' options.
    faithful : the published process: the predictor's score is projected, and the low band set back after every step.
        Else the released one, in which the network's unprojected score and the data move it.
    """

    times: Tensor
    denoiser: BandDenoiser
    gram: SenseNormal
    data: Tensor
    low: Tensor
    snr: float
    predictor_weight: float
    corrector_weight: float
    faithful: bool

    @property
    def path(self) -> VP:
        path = self.denoiser.path
        assert isinstance(path, VP)
        return path

    def start(self, z: Tensor) -> Tensor:
        """The low band's image and noise in the high one."""
        return self.low + self.denoiser.high(z)

    def corrected(self, x: Tensor, t: Tensor, z: Tensor) -> Tensor:
        """|z| is taken before its projection, |s| after (both as released)."""
        high = self.denoiser.high
        score = high(self.score(x, t))
        pull = balanced(score, self.gram(x) - self.data, self.corrector_weight)
        return self._kept(langevin(x, score, pull, high(z), norm(z), self.snr, self._alpha(t)))

    def predicted(self, x: Tensor, t: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        high, step = self.denoiser.high, self.path.beta(t) / len(self.times)
        score = high(self.score(x, t)) if self.faithful else self.score(x, t)
        pull = balanced(score, self.gram(x) - self.data, self.predictor_weight)
        mean = self._kept(x + step / 2 * high(x) + step * (score - pull))
        return mean + step.sqrt() * high(z), mean

    def score(self, x: Tensor, t: Tensor) -> Tensor:
        """The network's score on all frequencies, of which the high band was trained."""
        a, b = self.path.a(t), self.path.b(t)
        return (a * self.denoiser.unprojected(x, t) - self.denoiser.high(x)) / b**2

    def _alpha(self, t: Tensor) -> Tensor:
        """1 - beta_i / N of the table's entry i = floor(t (steps - 1))."""
        steps = len(self.times)
        entries = steps if self.faithful else TABLE
        position = (t * (steps - 1)).floor() / max(entries - 1, 1)
        return 1 - self.path.beta(position) / entries

    def _kept(self, x: Tensor) -> Tensor:
        return self.low + self.denoiser.high(x) if self.faithful else x


def hfs_times(steps: int, like: Tensor) -> Tensor:
    """`(steps,)` even times from 1 to `END`."""
    return torch.linspace(1, END, steps, dtype=torch.float64).to(like.real)
