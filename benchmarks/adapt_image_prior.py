"""Whether adapting the *image* prior to each scan helps `spirit` and `dds`, above all under domain shift (issue 7).

python benchmarks/adapt_image_prior.py DATA OUT.json [--prior mri-image] [--methods spirit] [--steps 20]
                                       [--sigma 0.05 0.15] [--shown noised clean] [--rate 0.003]
                                       [--at 0 10 25 50 100 200] [--accel 4 8] [--slices 6]
                                       [--groups sagittal ct-chest brain16 reformatted val]
                                       [--device cuda] [--seconds 560] [--tiny]

An experiment, no option of the methods. The method's own image, made without the withheld samples, is shown to the
network at noise level sigma, and the scales and shifts of its norms (offsets on every block's modulation, a slice's
own) are fitted to the k-space as FDMR's stage 2 does it. Then the method runs again on all data with the adapted
network. Shown `clean`, as AdaDiff does it, a denoiser can learn to pass everything on; `noised`, it has to go on
removing noise. `--at` are the iterates of one run that this is done with; 0 is the prior as it is, and those that E2
would have kept come beside them. Networks run plain and in single precision here (bfloat16 products on CUDA): the form
of fewer passes over memory has no backward pass. Rows that OUT.json holds are not made again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any, cast

import torch
from fdmr_cases import GROUPS, SHIFTED, Cases, Named
from fdmr_curves import Truth, stopped
from kept import rows_so_far, write_json
from torch import Tensor, nn

from medrecon.bench.stale import code_digest, commit
from medrecon.diffusion.adaptation.adam import Adam
from medrecon.diffusion.adaptation.adapt import Adaptation
from medrecon.diffusion.adaptation.misfit import Misfit
from medrecon.diffusion.adaptation.modulation import Modulation
from medrecon.diffusion.adaptation.stopping import Count, HoldOut
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.streams import Streams
from medrecon.errors import InputError
from medrecon.mri import method_class
from medrecon.mri.fdmr.holdout import withheld_samples, without
from medrecon.networks import EDMDenoiser, load_prior
from medrecon.networks.inference import InferenceUNet
from medrecon.networks.unet import Block, UNet
from medrecon.problem import Problem
from medrecon.provenance import versions

SHARE = 0.1
Denoise = Callable[[Tensor, Tensor], Tensor]


class Plain(nn.Module):
    """An EDM denoiser that can be differentiated, with the latent that an `Adaptation` also gives, and ignores."""

    def __init__(self, denoiser: EDMDenoiser) -> None:
        super().__init__()
        held = denoiser.network
        network = deepcopy(held.unet if isinstance(held, InferenceUNet) else held).float().requires_grad_(False)
        self.unet = cast(UNet, network)
        self.denoiser = EDMDenoiser(self.unet, denoiser.sigma_data, denoiser.multiple)

    def forward(self, x: Tensor, sigma: Tensor, latent: Tensor | None = None) -> Tensor:  # noqa: ARG002
        # without the cache, so that a graph can hold the casts
        with torch.autocast(x.device.type, torch.bfloat16, enabled=x.is_cuda, cache_enabled=False):
            return self.denoiser(x, sigma)

    def modulations(self) -> list[nn.Linear]:
        """The layers whose outputs scale and shift features."""
        return [module.modulation for module in self.unet.modules() if isinstance(module, Block)]


@dataclass(frozen=True, eq=False)
class Experiment:
    """One method, level and step of Adam, on batches of slices."""

    method: str
    steps: int
    sigma: float
    shown: str
    rate: float
    at: tuple[int, ...]
    prior: Prior
    plain: Plain

    @property
    def key(self) -> dict[str, Any]:
        return {"method": self.method, "steps": self.steps, "sigma": self.sigma, "shown": self.shown, "rate": self.rate}

    def records(self, problem: Problem, truth: Truth, part: slice) -> Iterator[dict[str, Any]]:
        """One for every iterate of `at`, and one for those that E2 keeps."""
        held = withheld_samples(problem, SHARE, 0)
        adapter, misfit = Modulation(self.plain, self.plain.modulations()), Misfit(problem.mask)
        shown = self._solved(without(problem, held), self.plain)
        if self.shown == "noised":
            streams = Streams(0, problem.case, problem.slice_ids, [0] * problem.n_slices).to(shown.device)
            shown = shown + self.sigma * streams.normal(0, problem.image_shape[1:])
        inputs = (shown, torch.tensor(self.sigma, device=shown.device), shown.real)
        values: list[Tensor] = []
        losses: list[Tensor] = []
        Adaptation(adapter, misfit, Count(), Adam(self.rate), max(self.at))(
            inputs, misfit.samples(problem, held), adapter.start(problem.n_slices),
            on_iterate=lambda _, __, found: losses.append(found.held.clone()),
            on_values=lambda _, found: values.append(found.clone()),
        )  # fmt: skip
        n, kept = problem.n_slices, stopped(HoldOut(), torch.stack(losses).cpu())[0]
        for label, at in [*((str(j), torch.full((n,), j)) for j in self.at), ("E2", kept)]:
            own = torch.stack([values[j][i] for i, j in enumerate(at.tolist())])
            whole, inside = truth.scores(self._solved(problem, partial(adapter, own)), part)
            foretold = [losses[j][i].item() for i, j in enumerate(at.tolist())]
            yield {
                "j": label, "kept": at.tolist(), "held": foretold,
                "psnr": whole.tolist(), "psnr_foreground": inside.tolist(),
            }  # fmt: skip

    def _solved(self, problem: Problem, denoise: Denoise) -> Tensor:
        method = method_class(self.method)(steps=self.steps, batch=problem.n_slices)  # type: ignore[call-arg]
        return method.solve(problem, prior=replace(self.prior, denoise=denoise)).image


def row(experiment: Experiment, named: Named) -> dict[str, Any]:
    """The records of all slices, joined, and what adaptation gains over none, dB in the foreground by iterate."""
    problem, truth = named.case.problem, Truth.of(named.case)
    # on the CPU the methods show the network one slice at a time, and values are a slice's own
    size = problem.n_slices if problem.device.type == "cuda" else 1
    joined: dict[str, dict[str, Any]] = {}
    for first in range(0, problem.n_slices, size):
        part = slice(first, min(first + size, problem.n_slices))
        for record in experiment.records(problem.select(part), truth, part):
            whole = joined.setdefault(record["j"], {})
            for name, value in record.items():
                whole[name] = value if name == "j" else whole.get(name, []) + value
    base = mean(joined["0"]["psnr_foreground"])
    gains = {j: mean(each["psnr_foreground"]) - base for j, each in joined.items()}
    return {**experiment.key, **_place(named), "gain_db": gains, "records": list(joined.values())}


def _place(named: Named) -> dict[str, Any]:
    return {"group": named.group, "scan": named.case.scan.name, "accel": named.accel}


def main() -> None:
    given, began = arguments(), time.monotonic()
    device = torch.device(given.device)
    prior = load_prior(given.prior, device)
    plain, at = Plain(cast(EDMDenoiser, prior.denoise)).to(device), tuple(sorted({0, *given.at}))
    rows = rows_so_far(given.out)
    head = {
        "device": str(device), "versions": versions(device), "commit": commit(), "prior": prior.name,
        "weights_sha256": prior.sha256, "code": {m: code_digest(m) for m in ("fdmr", *given.methods)},
        "protocol": "full-range", "slices": given.slices, "tiny": given.tiny,
    }  # fmt: skip
    cases = Cases(given.data, given.slices, device, tiny=given.tiny)
    for named in cases(given.groups, given.accel):
        for method, sigma, shown in product(given.methods, given.sigma, given.shown):
            experiment = Experiment(method, given.steps, sigma, shown, given.rate, at, prior, plain)
            key = {**experiment.key, **_place(named)}
            if any(all(held[name] == value for name, value in key.items()) for held in rows):
                continue
            if time.monotonic() - began > given.seconds:
                return print("out of time: run it again", flush=True)
            try:
                rows.append(row(experiment, named))
            except InputError as error:
                print(f"{key} refused: {error}", flush=True)
                continue
            gains = " ".join(f"{j} {gain:+.2f}" for j, gain in rows[-1]["gain_db"].items())
            print(f"{key} {gains} dB, {time.monotonic() - began:.0f} s", flush=True)
            write_json({**head, "rows": rows}, given.out)
    return print("all there", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--prior", default="mri-image")
    parser.add_argument("--methods", nargs="+", choices=("spirit", "dds"), default=["spirit"])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--sigma", type=float, nargs="+", default=[0.05, 0.15])
    parser.add_argument("--shown", nargs="+", choices=("noised", "clean"), default=["noised", "clean"])
    parser.add_argument("--groups", nargs="+", choices=tuple(GROUPS), default=[*SHIFTED, "val"])
    parser.add_argument("--accel", type=float, nargs="+", default=[4.0, 8.0])
    parser.add_argument("--slices", type=int, default=6)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--at", type=int, nargs="+", default=[0, 10, 25, 50, 100, 200])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=560)
    parser.add_argument("--tiny", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
