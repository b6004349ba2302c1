"""Where the strengths of `nlm` and `tv` come from: RMSE over multiples of the slice's noise, on training volumes.

python benchmarks/ct_strengths.py TRAIN OUT.json [--slices 2]

TRAIN is a folder of NIfTI volumes at full dose, or a pack of them; textured phantoms of seeds that no table shows stand
beside them. Doses 25 and 10 %. The best strength is that of the least geometric mean of RMSE over all conditions.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from medrecon.bench.ct.cases import CtCase, CtCondition, ct_case
from medrecon.bench.ct.sources import PIXEL_MM, PIXELS, SLICE_MM, CtScan, CtSource, ct_sources
from medrecon.bench.stale import commit
from medrecon.ct import ct_method_class
from medrecon.evaluation import score_ct
from medrecon.io import write_json
from medrecon.provenance import versions
from medrecon.simulate.ct.phantom import LEVELS, Level, textured_phantom

DOSES = (0.25, 0.1)
PROTOCOLS = ("ct-full", "ct-chest", "ct-abdomen")
STRENGTHS = {"nlm": (0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2), "tv": (0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0)}
FIRST_SEED = 0x70000000


def phantom(level: Level) -> CtSource:
    def made(n: int) -> CtScan:
        bodies = [textured_phantom(FIRST_SEED + i, PIXELS, PIXEL_MM, level=level).hu for i in range(n)]
        return CtScan(torch.stack(bodies), True, (SLICE_MM, PIXEL_MM, PIXEL_MM))

    return CtSource(f"tuning-{level}", made)


def cases(train: Path, slices: int, device: torch.device) -> Iterator[CtCase]:
    sources = [*ct_sources(train, ())[0], *map(phantom, LEVELS)]
    for source in sources:
        for dose in DOSES:
            yield ct_case(source, CtCondition(source.name, dose, 0, slices), device)


def rows(case: CtCase) -> Iterator[dict[str, Any]]:
    for method, strengths in STRENGTHS.items():
        for strength in strengths:
            chosen: Any = ct_method_class(method)
            found = chosen(strength=strength).denoise(case.low, dose=case.condition.dose, voxel_mm=case.voxel_mm)
            rmse = {name: score_ct(found.values, case.reference, name).mean["rmse"] for name in PROTOCOLS}
            yield {"scan": case.condition.scan, "dose": case.condition.dose, "method": method, "strength": strength} | {
                "rmse": {name: float(f"{value:.5g}") for name, value in rmse.items()}
            }


def means(found: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Geometric mean of RMSE over the conditions, by method, protocol and strength."""

    def mean(method: str, strength: float, protocol: str) -> float:
        logs = [math.log(r["rmse"][protocol]) for r in found if (r["method"], r["strength"]) == (method, strength)]
        return float(f"{math.exp(sum(logs) / len(logs)):.5g}")

    return {m: {p: {str(s): mean(m, s, p) for s in some} for p in PROTOCOLS} for m, some in STRENGTHS.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--slices", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    found = []
    for case in cases(options.train, options.slices, device):
        found += rows(case)
        print(case.condition.scan, case.condition.dose, flush=True)
    table = means(found)
    made = {"commit": commit(), "versions": versions(device), "slices": options.slices}
    write_json({**made, "means": table, "rows": found}, options.out)
    for method, by_protocol in table.items():
        for protocol, by_strength in by_protocol.items():
            best = min(by_strength, key=lambda s: by_strength[s])
            print(f"{method} {protocol}: best {best}, RMSE {by_strength[best]:.2f} HU")


if __name__ == "__main__":
    main()
