"""How an adaptation goes, iterate by iterate: what it fits, what it foretells, and how near the truth it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from medrecon.bench.cases import Case, evenly
from medrecon.crop import centre_crop
from medrecon.diffusion.adaptation.misfit import Losses
from medrecon.diffusion.adaptation.stopping import HoldOut, Watch
from medrecon.diffusion.prior import Prior
from medrecon.evaluation.foreground import foreground_mask
from medrecon.evaluation.metrics import psnr, psnr_foreground
from medrecon.mri.fdmr.method import Fdmr
from medrecon.problem import Problem

Trust = Literal["level", "holdout"]
Settled = Callable[[Problem, Tensor, Tensor], Tensor]
"""An image of the adapted network after the data."""


def due(j: int) -> bool:
    """Iterates whose image is scored: all of the first, then fewer."""
    return j <= 20 or (j <= 200 and j % 5 == 0) or j % 25 == 0


@dataclass(frozen=True, eq=False)
class Truth:
    """The reference on a device, to score images of some slices against without leaving it."""

    case: Case
    reference: Tensor
    inside: Tensor

    @staticmethod
    def of(case: Case) -> Truth:
        device = case.problem.device
        return Truth(case, case.reference.to(device), foreground_mask(case.reference).to(device))

    def scores(self, image: Tensor, slices: slice) -> tuple[Tensor, Tensor]:
        """PSNR of whole images and of the foreground, `(slice,)` each, in the range of all slices."""
        problem, scan = self.case.problem, self.case.scan
        magnitude = (image * problem.scale * problem.intensity[slices]).abs()
        magnitude = magnitude if scan.crop is None else centre_crop(magnitude, scan.crop)
        reference, high = self.reference[slices], float(self.reference.max())
        return (
            psnr(magnitude, reference, high),
            psnr_foreground(magnitude, reference, high, self.inside[slices]),
        )


def curve(
    case: Case, method: Fdmr, prior: Prior, seed: int, few: int | None = None, trusts: Sequence[Trust] = ()
) -> list[dict[str, Any]]:
    """One record a slice, of an adaptation that withholds samples, but goes on to the last iterate.

    Every record has `fit`, `held` and `noise` (power of the misfit over that of the noise) of all iterates, `at` those
    that were scored with their `psnr` and `psnr_foreground` after the data step; `stopped` is where E2 with the
    method's patience would have stopped and what it would have kept, `best` the iterate that the truth would choose.
    `trusts` are further ways to weigh the data against the image, whose `psnr_foreground` stands under their names.
    `few` slices are taken, evenly spaced.
    """
    endless = replace(method, stop="holdout", patience=10**9, refine="none", warm=False)
    stages, truth = endless.stages(prior, case.problem, seed), Truth.of(case)
    ways = {trust: replace(endless, trust=trust).stages(prior, case.problem, seed) for trust in trusts}
    settled = {"": stages.settled} | {trust: way.settled for trust, way in ways.items()}
    chosen = range(case.problem.n_slices)[evenly(case.problem.n_slices, few)]
    size = method.batch if stages.together and case.problem.device.type == "cuda" else 1
    records: list[dict[str, Any]] = []
    for first in range(0, len(chosen), size):
        some = chosen[first : first + size]
        part = slice(some.start, some.stop, some.step)
        seen = _Seen(settled, case.problem.select(part), truth, part)
        stages(seen.problem, on_iterate=seen)
        records += seen.records(HoldOut(method.patience, method.gain))
    return records


class _Seen:
    """What `on_iterate` gathers, on the device: nothing waits for it until the end."""

    def __init__(self, settled: Mapping[str, Settled], problem: Problem, truth: Truth, part: slice) -> None:
        self.settled, self.problem, self.truth, self.part = settled, problem, truth, part
        self.losses: list[Tensor] = []
        self.at: list[int] = []
        self.scores: list[Tensor] = []

    def __call__(self, j: int, image: Tensor, losses: Losses) -> None:
        self.losses.append(torch.stack([losses.fit, losses.held, losses.fit_power / losses.noise_power]))
        if due(j):
            self.at.append(j)
            images = [settle(self.problem, image, losses.held_power) for settle in self.settled.values()]
            self.scores.append(torch.stack([torch.stack(self.truth.scores(x, self.part)) for x in images]))

    def records(self, rule: HoldOut) -> list[dict[str, Any]]:
        fit, held, noise = torch.stack(self.losses, 1).cpu()
        scores = torch.stack(self.scores, -1).cpu()  # (way, whole or inside, slice, iterate)
        kept, ran = stopped(rule, held)
        return [
            {
                "slice": self.problem.slice_ids[n],
                "fit": _short(fit[:, n]),
                "held": _short(held[:, n]),
                "noise": _short(noise[:, n]),
                "at": self.at,
                "psnr": _short(scores[0, 0, n]),
                "psnr_foreground": _short(scores[0, 1, n]),
                **{way: _short(scores[i, 1, n]) for i, way in enumerate(self.settled) if way},
                "stopped": {"kept": int(kept[n]), "ran": int(ran[n]), "at": _near(self.at, int(kept[n]))},
                "best": self.at[int(scores[0, 1, n].argmax())],
            }
            for n in range(self.problem.n_slices)
        ]


def stopped(rule: HoldOut, held: Tensor) -> tuple[Tensor, Tensor]:
    """(the iterate kept, iterates run) by `rule` on curves `(iterate, slice)`."""
    watch, ran = Watch.begin(held.shape[1], held.device), torch.zeros(held.shape[1], dtype=torch.int32)
    nothing = torch.zeros(held.shape[1])
    for number, value in enumerate(held):
        ran += watch.running
        watch, _ = rule.after(Losses(value, value, nothing, nothing, nothing), torch.tensor(number), watch)
    return watch.kept, ran


def _near(at: list[int], j: int) -> int:
    """The scored iterate nearest to j."""
    return min(at, key=lambda scored: abs(scored - j))


def _short(values: Tensor) -> list[float]:
    return [float(f"{v:.5g}") for v in values.tolist()]
