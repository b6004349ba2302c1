"""What a prior's record says of its spread: the denoiser's error by level, and the temperature of posterior draws.

python benchmarks/calibrate_prior.py TUNE --prior NAME [--accel 4 8] [--slices 4] [--samples 8] [--device cuda]
                                     [--out FILE] [--register]

TUNE is a folder of tuning volumes or a pack of them, never those that scores are reported on. Standard conditions (8
coils, SNR 40, 1-D random masks, calibrated maps), draws of `dds`, or of `hfs` for a prior of the high band. The
temperature is the factor on the draws' standard deviation at which 68 % of the foreground lies within one of them: the
geometric mean over slices. --register writes `calibration` of the file into the prior's record.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medrecon import weights
from medrecon.bench.conditions import Condition
from medrecon.bench.coverage import attainable_correlation, coverage, needed_factor, rank_correlation
from medrecon.bench.sources import sources
from medrecon.bench.stale import commit
from medrecon.calibration import build_problem
from medrecon.diffusion.annealing import CG, Annealing
from medrecon.diffusion.band_denoiser import restricted
from medrecon.diffusion.denoiser_error import DenoiserError, measured_error
from medrecon.diffusion.prior import Prior
from medrecon.evaluation import score
from medrecon.evaluation.foreground import foreground_mask
from medrecon.io import write_json
from medrecon.masks import pattern
from medrecon.mri.dds import DDS
from medrecon.mri.hfs import HFS
from medrecon.mri.low_band import high_pass
from medrecon.networks import load_prior
from medrecon.provenance import versions
from medrecon.scan import Scan
from medrecon.weights.registry import FOLDER

LEVELS = tuple(0.0025 * 2**n for n in range(10))
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volumes", type=Path)
    parser.add_argument("--prior", required=True)
    parser.add_argument("--accel", type=float, nargs="+", default=[4.0, 8.0])
    parser.add_argument("--slices", type=int, default=4)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--register", action="store_true")
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    device = torch.device(options.device)
    prior, scans = load_prior(options.prior, device), list(simulated(options.volumes, options.slices))
    error = error_on(prior, scans, device) if prior.of_band is None else error_in_band(prior, scans, device)
    print({k: [round(v, 4) for v in values] for k, values in asdict(error).items()}, flush=True)
    rows: list[dict[str, Any]] = []
    for scan in scans:
        for accel in options.accel:
            found = rows_of(scan, accel, replace(prior, error=error), options.samples, device)
            rows += found
            print(*found, sep="\n", flush=True)
    temperature = math.exp(sum(math.log(row["factor"]) for row in rows) / len(rows))
    calibration = {**asdict(error), "temperature": round(temperature, 3)}
    settings = asdict(Annealing()) | {"cg": CG, "samples": options.samples}
    out = options.out or RESULTS / f"calibration_{options.prior}.json"
    write_json({
        "prior": options.prior, "weights_sha256": prior.sha256, "calibration": calibration, "settings": settings,
        "device": device.type, "commit": commit(),
        "versions": versions(device), "rows": rows,
    }, out)  # fmt: skip
    print(calibration)
    if options.register:
        register(options.prior, calibration)


def register(name: str, calibration: dict[str, Any]) -> None:
    """Into the record of a shipped prior."""
    found = weights.find(name, FOLDER)
    assert found is not None
    weights.register(replace(found[0], calibration=calibration))


def simulated(volumes: Path, slices: int) -> Iterator[Scan]:
    """Fully sampled scans under the standard conditions."""
    for source in sources(volumes)[0]:
        yield source.scan(Condition(source.name, 8, 40.0, slices, "none", 1.0, 0))


def error_on(prior: Prior, scans: Sequence[Scan], device: torch.device) -> DenoiserError:
    """On the foregrounds of the true images, with the phase that calibration leaves and in a Problem's units."""
    images, heads = zip(*(true_image(scan) for scan in scans), strict=True)
    return measured_error(on(device, prior), prior.path, images, LEVELS, torch.Generator().manual_seed(0), heads)


def error_in_band(prior: Prior, scans: Sequence[Scan], device: torch.device) -> DenoiserError:
    """The same outside the band of `hfs` at R 8, the low band shown as it is; mean square over scans."""
    found = []
    for scan in scans:
        image, head = true_image(scan)
        problem = build_problem(scan.undersample(pattern("random", 8.0, None, 0)).to(device))
        high = high_pass(problem, HFS().lines(problem))
        low = image.to(device) - high(image.to(device))
        denoise = on(device, restricted(prior, high, low))
        found.append(measured_error(denoise, prior.path, [image], LEVELS, torch.Generator().manual_seed(0), [head]))
    errors = (math.sqrt(fmean(e**2 for e in each)) for each in zip(*(error.errors for error in found), strict=True))
    return DenoiserError(LEVELS, tuple(errors))


def true_image(scan: Scan) -> tuple[Tensor, Tensor]:
    """Complex images `(slice, y, x)` and their foregrounds."""
    assert scan.truth is not None
    problem = build_problem(scan)
    phase = problem.forward.H(problem.kspace).angle()
    image = torch.polar(scan.truth / (problem.scale * problem.intensity), phase).to(torch.complex64)
    return image, foreground_mask(scan.truth)


def on(device: torch.device, prior: Prior) -> Callable[[Tensor, Tensor], Tensor]:
    """The prior's denoiser, computed on `device` for images on the CPU."""
    return lambda x, t: prior.denoise(x.to(device), t.to(device)).cpu()


def rows_of(scan: Scan, accel: float, prior: Prior, samples: int, device: torch.device) -> list[dict[str, Any]]:
    """Coverage and scores of every slice."""
    assert scan.truth is not None
    problem = build_problem(scan.undersample(pattern("random", accel, None, 0)).to(device))
    method = DDS if prior.of_band is None else HFS
    drawn = method(samples=samples, draws="posterior").solve(problem, prior=replace(prior, temperature=None))
    assert drawn.std is not None
    images, deviation = ((x * problem.scale * problem.intensity).cpu() for x in (drawn.samples, drawn.std))
    mean, heads = images.mean(0).abs(), foreground_mask(scan.truth)
    singles = [score(image.abs(), scan.truth).as_dict()["slices"] for image in images]
    means = score(mean, scan.truth).as_dict()["slices"]
    rows = []
    for i, head in enumerate(heads):
        error, std = ((x[i][head]).double().numpy() for x in (mean - scan.truth, deviation))
        within = coverage(error, std)
        rows.append({
            "scan": scan.name, "slice": i, "accel": accel, "within_1_std": within[0], "within_2_std": within[1],
            "factor": needed_factor(error, std), "rank_correlation": rank_correlation(error, std),
            "attainable_correlation": attainable_correlation(std),
            "psnr_foreground_mean": means[i]["psnr_foreground"],
            "psnr_foreground_one": float(np.mean([one[i]["psnr_foreground"] for one in singles])),
        })  # fmt: skip
    return rows


if __name__ == "__main__":
    main()
