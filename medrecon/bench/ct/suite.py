"""What the CT bench asks of every method: scores under every protocol, the noise's texture, the contrast of lesions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from medrecon.bench.cases import evenly
from medrecon.bench.columns import packed
from medrecon.bench.ct.cases import CtCase, CtCondition, ct_case
from medrecon.bench.ct.runners import INPUT, CtRunner, default, takes
from medrecon.bench.ct.sources import CtSource
from medrecon.bench.lesions import coverage
from medrecon.evaluation import CT_PROTOCOLS, score_ct
from medrecon.evaluation.lesion_contrast import recovered_contrast
from medrecon.evaluation.noise_power import spectrum_distance
from medrecon.instruments import reset_peak_memory

PROTOCOL = "ct-full"
LESION_CALLS = 1000
"""Network calls a slice up to which a second run, with lesions, is made."""
MULTIPLES = (0.25, 0.5, 0.71, 1.41, 2.0, 4.0)
"""Of a classical method's own strength, at which it is tried besides; the best by the truth is a line of the tables."""
STEPS = {"cold-latent": (1, 2, 5, 10), "cold-pixel": (1, 5, 10), "ddpm": (10, 50, 1000)}
SAMPLES = {"ddpm": (1, 8)}
STRENGTH = "strength"


@dataclass(frozen=True)
class CtChoice:
    """What the user asks for; None leaves the suite's own.

    Attributes
    ----------
    few : slices of a scan for methods that draw, which take up to thousands of network calls a slice.
    options : further options of the methods that have them.
    """

    methods: tuple[str, ...]
    steps: tuple[int, ...] | None = None
    samples: tuple[int, ...] | None = None
    few: int = 2
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CtRecipe:
    """A method with its options, and how many of a scan's slices it is run on (None for all)."""

    method: str
    options: Mapping[str, Any]
    slices: int | None


@final
class CtSuite:
    """Quality, texture and contrast in one row a (scan, dose, method)."""

    name: ClassVar[str] = "ct"
    science: ClassVar[tuple[str, ...]] = ()

    def recipes(self, choice: CtChoice) -> Iterator[CtRecipe]:
        """What is run under every condition."""
        for method in choice.methods:
            if takes(method, STRENGTH):
                rule = default(method, STRENGTH)
                yield CtRecipe(method, {}, None)
                strengths = (float(f"{rule * multiple:.4g}") for multiple in MULTIPLES)
                yield from (CtRecipe(method, {STRENGTH: strength}, None) for strength in strengths)
                continue
            steps = (choice.steps or STEPS.get(method, (None,))) if takes(method, "steps") else (None,)
            samples = (choice.samples or SAMPLES.get(method, (1,))) if takes(method, "samples") else (1,)
            further = {name: value for name, value in choice.options.items() if takes(method, name)}
            for n, k in product(steps, samples):
                options = {**({"steps": n} if n else {}), **({"samples": k} if k > 1 else {}), **further}
                yield CtRecipe(method, options, choice.few if takes(method, "samples") else None)

    def prepare(self, source: CtSource, condition: CtCondition, device: torch.device) -> CtCase:
        """Everything that the runs of one condition share."""
        return ct_case(source, condition, device)

    def measure(self, case: CtCase, runner: CtRunner, slices: int | None, device: torch.device) -> dict[str, Any]:
        """The measured fields of a row, over `slices` slices of the case (None for all)."""
        part = evenly(len(case.low), slices)
        how: dict[str, Any] = {
            "dose": case.condition.dose,
            "voxel_mm": case.voxel_mm,
            "seed": case.condition.seed,
            "device": device,
        }
        _warmed(runner, case, part, how)
        reset_peak_memory(device)
        done = runner.solve(case.low[part], **how)
        again = None
        if done.network_calls <= LESION_CALLS:
            again = runner.solve(case.with_lesions[part], **how).values
        return {
            **_scores(done.values.to(device), case, part),
            "noise": _noise(done.values, case, part),
            "lesions": None if again is None else _lesions(again, done.values, case, part),
            "network_calls": done.network_calls,
            "seconds_per_slice": None if runner.method == INPUT else done.seconds_per_slice,
            "peak_memory_mib": None if runner.method == INPUT else done.peak_memory_mib,
        }


def _warmed(runner: CtRunner, case: CtCase, part: slice, how: Mapping[str, Any]) -> None:
    """Let a GPU choose its kernels before the clock runs: the same slices, by one step where a method has steps."""
    if how["device"].type != "cuda" or runner.prior is None:
        return
    first = {**runner.options, "steps": 1} if takes(runner.method, "steps") else runner.options
    replace(runner, options=first).solve(case.low[part], **how)


def _scores(values: Tensor, case: CtCase, part: slice) -> dict[str, Any]:
    """`mean`, `slices` and `scored` under PROTOCOL, and the same of every other protocol in `windows`.

    A slice that was left out has null scores; `scored` counts the others.
    """
    found = {name: _of_protocol(name, values, case, part) for name in CT_PROTOCOLS}
    windows = {name: packed(each) for name, each in found.items() if name != PROTOCOL}
    return {**found[PROTOCOL], "scored": len(values), "windows": windows}


def _of_protocol(name: str, values: Tensor, case: CtCase, part: slice) -> dict[str, Any]:
    scores = score_ct(values, case.reference[part].to(values.device), name).as_dict()
    rows = iter(scores["slices"])
    names, there = list(scores["mean"]), set(range(len(case.low))[part])
    slices = [_short(next(rows)) if i in there else dict.fromkeys(names) for i in range(len(case.low))]
    return {"mean": _short(scores["mean"]), "slices": slices}


def _noise(values: Tensor, case: CtCase, part: slice) -> dict[str, Any] | None:
    """Texture, power and strength of the noise against that of full dose; None without uniform tissue."""
    seen, wanted = case.spectrum(values, part), case.spectrum(case.full[part], part)
    if seen is None or wanted is None:
        return None
    far = spectrum_distance(seen, wanted)
    squares = sum(index in set(range(len(case.low))[part]) for index, _, _ in case.squares)
    return {**_short(vars(far)), "deviation": float(f"{seen.deviation:.5g}"), "squares": squares}


def _lesions(ill: Tensor, healthy: Tensor, case: CtCase, part: slice) -> list[dict[str, Any]]:
    """Every lesion with its contrast recovered."""
    found = []
    for row, index in enumerate(range(len(case.low))[part]):
        shape = (case.low.shape[-2], case.low.shape[-1])
        for lesion in case.lesions[index]:
            inside = torch.from_numpy(coverage(lesion, shape, case.pixel_mm) > 0)
            slope = recovered_contrast(ill[row], healthy[row], case.difference[index], inside)
            found.append({**lesion.as_dict(), "recovered": slope})
    return found


def _short(scores: Mapping[str, float | None] | Sequence[Any]) -> dict[str, float | None]:
    """Seven digits of each, and None for what is not finite, which JSON cannot hold."""
    pairs = dict(scores)
    return {k: float(f"{v:.7g}") if v is not None and abs(v) < float("inf") else None for k, v in pairs.items()}
