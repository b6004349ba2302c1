"""Is it a posterior? Every sampler and data step on problems whose posterior is known (evaluation.md 5).

python benchmarks/posterior_fixtures.py [--problems 48] [--samples 16] [--out FILE]

Mixtures of 1 and 4 Gaussians, eigenvalues over half a decade and over two, noise 0.02 and 0.1, two coils, a third of
the columns (`medrecon.diffusion.fixtures`). The settings of the posterior draws were chosen on the tuned mixtures,
among some forty variants. The fresh ones had no part in that, nor in the thirty variants tried afterwards on seeds 201
to 208, of which none was better by more than the draws' own scatter. Results are printed as they come.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from kept import write_json
from torch import Tensor
from wavelet_vs_bart import commit

from medrecon.diffusion.annealing import CG, Annealing
from medrecon.diffusion.datasteps import DataStep, Hard, NullSpace, PosteriorStep
from medrecon.diffusion.fixtures import (
    DECADES,
    KINDS,
    SHAPE,
    SIGMAS,
    Fixture,
    band_prior,
    banded,
    consistent,
    high_band,
    mixture,
    weighted,
)
from medrecon.diffusion.grids import Karras
from medrecon.diffusion.integrators import DDIM, DPMpp2M, Heun, Integrator, Momentum
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.sampler import Sampler
from medrecon.problem import Problem
from medrecon.provenance import versions

RESULTS = Path(__file__).parent / "results" / "posterior_fixtures.json.xz"
FRESH = tuple(range(101, 109))
"""Seeds of mixtures on which nothing was chosen; the tuned ones have their number of components as seed."""

BAND = "high band"
"""The step of `hfs`: the low band is known, mixtures have nothing in it, and the path is VP."""
STEPS: dict[str, Callable[[Problem, float, int], DataStep]] = {
    "noise-weighted": weighted,
    "self-consistent": consistent,
    BAND: high_band,
    "hard": lambda problem, _variance, _iterations: Hard(problem),
    "null space": lambda problem, _variance, _iterations: NullSpace(problem, 30),
}


@dataclass(frozen=True)
class Drawn:
    """A sampler by its integrator: levels from `start` prior deviations to `end` data deviations.

    eta, amplitude : of `Sampler`.
    told : share of the last level that the denoiser is told of, falling evenly from 1.
    """

    integrator: Integrator
    eta: float
    steps: int = 50
    start: float = 1.5
    end: float = 0.5
    rho: float = 20.0
    cg: int = 5
    amplitude: float = 1.0
    told: float = 1.0

    @property
    def calls(self) -> int:
        return 2 * self.steps - 1 if self.integrator.looks_ahead else self.steps

    def images(self, fixture: Fixture, prior: Prior, step: DataStep) -> Tensor:
        first, last = self.start * prior.variance**0.5, self.end * fixture.sigma
        levels = Karras(self.rho)(prior.path, first, last, self.steps)
        t = levels[0]
        a, b = prior.path.a(t), prior.path.b(t)
        x = a * step(fixture.empty(), prior.path.sigma(t)) + b * fixture.normal(1)[:, 0]
        shares = None if self.told == 1 else torch.linspace(1, self.told, self.steps).to(levels)
        sampler = Sampler(prior.path, levels, self.integrator, self.eta, self.amplitude, told=shares)
        return sampler(x, prior.denoise, step, lambda _: fixture.normal(1)[:, 0]).image


SAMPLERS = {
    "ddim, eta 0": Drawn(DDIM(), 0.0),
    "ddim, eta 1": Drawn(DDIM(), 1.0),
    "dpmpp2m, eta 0": Drawn(DPMpp2M(), 0.0),
    "dpmpp2m, eta 1": Drawn(DPMpp2M(), 1.0),
    "heun, eta 0": Drawn(Heun(), 0.0, steps=25),
    "heun, eta 1": Drawn(Heun(), 1.0, steps=25),
    "estimates": Drawn(Momentum(), 1.0, steps=20, start=1.0, end=1.0, rho=15.0, amplitude=0.0, told=0.6),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=48)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    both = ("noise-weighted", "self-consistent", BAND)
    pairs = [("posterior draws", step, seed) for step in both for seed in (None, *FRESH)]
    pairs += [("posterior draws, twice the calls", "noise-weighted", seed) for seed in (None, *FRESH)]
    pairs += [("dpmpp2m, eta 1", "noise-weighted", seed) for seed in FRESH]
    pairs += [(name, step, None) for name in SAMPLERS for step in STEPS]
    rows = []
    for name, step, seed in pairs:
        found = [
            measured(name, step, kind, sigma, seed, options.problems, options.samples)
            for kind in KINDS
            for sigma in SIGMAS
        ]
        rows += found
        print(
            name, step, seed, json.dumps([[row[k] for k in ("bias", "total", "measured")] for row in found]), flush=True
        )
    head = {"problems": options.problems, "samples": options.samples, "settings": asdict(Annealing()) | {"cg": CG}}
    device = torch.device("cpu")
    write_json({**head, "device": "cpu", "commit": commit(), "versions": versions(device), "rows": rows}, options.out)


def measured(
    name: str, step_name: str, kind: tuple[int, str], sigma: float, seed: int | None, problems: int, samples: int
) -> dict[str, Any]:
    """One row: a sampler's ratios on one mixture."""
    components, spread = kind
    images = mixture(SHAPE, components, DECADES[spread], components if seed is None else seed)
    generator = torch.Generator().manual_seed(0 if seed is None else 1000 + seed)
    if step_name == BAND:
        images = banded(images)
    fixture = Fixture(images, sigma, generator, problems, samples)
    prior = band_prior(images) if step_name == BAND else images.prior()
    sampler = SAMPLERS.get(name)
    step = STEPS[step_name](fixture.problem, prior.variance, CG if sampler is None else sampler.cg)
    if sampler is None:
        assert isinstance(step, PosteriorStep)
        annealing = Annealing(steps=Annealing().steps * (2 if name.endswith("twice the calls") else 1))
        calls = annealing.steps
        drawn = fixture.annealed(annealing, prior, step)
    else:
        calls, drawn = sampler.calls, sampler.images(fixture, prior, step)
    ratios = fixture.ratios(drawn)
    return {
        "sampler": name, "data_step": step_name, "calls": calls, "components": components, "kind": spread,
        "mixture": "tuned" if seed is None else seed, "sigma": sigma,
        **{k: round(v, 4) for k, v in asdict(ratios).items()}, "posterior": ratios.posterior,
    }  # fmt: skip


if __name__ == "__main__":
    main()
