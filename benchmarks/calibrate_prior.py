"""What a prior's record says of its spread: the denoiser's error by level, and the temperature of posterior draws.

python benchmarks/calibrate_prior.py VOLUMES --prior NAME [--accel 4 8] [--slices 2] [--samples 8] [--steps 50]
    [--device cpu] [--out FILE]

VOLUMES is a folder of NIfTI tuning volumes, never those that scores are reported on. Standard conditions (8 coils, SNR
40, 1-D random masks, calibrated maps), `dds`'s data step. The temperature is the factor on the draws' standard
deviation at which as many foreground pixels lie within one of them as `bench.coverage.if_calibrated` asks for: the
geometric mean over slices. The file's `calibration` goes into the prior's record as it stands.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from wavelet_vs_bart import commit

from medrecon.bench.coverage import coverage, if_calibrated, needed_factor, rank_correlation
from medrecon.calibration import build_problem
from medrecon.diffusion.annealing import CG, Annealing
from medrecon.diffusion.datasteps import NoiseWeighted
from medrecon.diffusion.denoiser_error import DenoiserError, measured_error
from medrecon.diffusion.prior import Prior
from medrecon.diffusion.streams import Streams
from medrecon.evaluation import score
from medrecon.evaluation.foreground import foreground_mask
from medrecon.io import write_json
from medrecon.masks import pattern
from medrecon.networks import load_prior
from medrecon.problem import Problem
from medrecon.provenance import versions
from medrecon.scan import Scan
from medrecon.simulate.nifti import load_volume
from medrecon.simulate.scan import evaluation_slices, simulate_scan

LEVELS = tuple(0.0025 * 2**n for n in range(10))
FACTORS = (1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0)
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volumes", type=Path)
    parser.add_argument("--prior", required=True)
    parser.add_argument("--accel", type=float, nargs="+", default=[4.0, 8.0])
    parser.add_argument("--slices", type=int, default=2)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    device = torch.device(options.device)
    prior, scans = load_prior(options.prior, device), list(simulated(options.volumes, options.slices))
    error = error_on(prior, scans, device)
    print({k: [round(v, 4) for v in values] for k, values in asdict(error).items()}, flush=True)
    rows: list[dict[str, Any]] = []
    for scan in scans:
        for accel in options.accel:
            found = rows_of(scan, accel, replace(prior, error=error), options.samples, options.steps, device)
            rows += found
            print(*found, sep="\n", flush=True)
    temperature = math.exp(sum(math.log(row["needed_factor"]) for row in rows) / len(rows))
    calibration = {**asdict(error), "temperature": round(temperature, 3)}
    settings = asdict(Annealing(steps=options.steps)) | {"cg": CG, "samples": options.samples}
    write_json({
        "prior": options.prior, "weights_sha256": prior.sha256, "calibration": calibration, "settings": settings,
        "if_calibrated": if_calibrated(options.samples), "device": device.type, "commit": commit(),
        "versions": versions(device), "rows": rows,
    }, options.out or RESULTS / f"calibration_{options.prior}.json")  # fmt: skip
    print(calibration)


def simulated(volumes: Path, slices: int) -> Iterator[Scan]:
    for path in sorted(volumes.glob("*.nii*")):
        volume = load_volume(path)
        chosen = evaluation_slices(len(volume.magnitude), slices)
        yield simulate_scan(
            volume.magnitude, volume.voxel_mm, slice_mm=volume.slice_mm, slices=chosen, name=volume.name
        )


def error_on(prior: Prior, scans: Sequence[Scan], device: torch.device) -> DenoiserError:
    """On the foregrounds of the true images, with the phase that calibration leaves and in a Problem's units."""
    images, heads = [], []
    for scan in scans:
        assert scan.truth is not None
        problem = build_problem(scan)
        phase = problem.forward.H(problem.kspace).angle()
        images.append(torch.polar(scan.truth / (problem.scale * problem.intensity), phase).to(torch.complex64))
        heads.append(foreground_mask(scan.truth))
    denoise: Callable[[Tensor, Tensor], Tensor] = lambda x, t: prior.denoise(x.to(device), t.to(device)).cpu()  # noqa: E731
    return measured_error(denoise, prior.path, images, LEVELS, torch.Generator().manual_seed(0), heads)


def rows_of(
    scan: Scan, accel: float, prior: Prior, samples: int, steps: int, device: torch.device
) -> list[dict[str, Any]]:
    """Coverage and scores of every slice."""
    assert scan.truth is not None
    problem = build_problem(scan.undersample(pattern("random", accel, None, 0)).to(device))
    images = torch.stack(
        [draws(problem.select(slice(i, i + 1)), prior, samples, steps) for i in range(len(scan.truth))], 1
    )
    images = (images * problem.scale * problem.intensity).cpu()
    mean, deviation, heads = images.mean(0).abs(), images.abs().std(0), foreground_mask(scan.truth)
    singles = [score(image.abs(), scan.truth).as_dict()["slices"] for image in images]
    means = score(mean, scan.truth).as_dict()["slices"]
    rows = []
    for i, head in enumerate(heads):
        error, std = ((x[i][head]).double().numpy() for x in (mean - scan.truth, deviation))
        within = coverage(error, std)
        rows.append({
            "scan": scan.name, "slice": i, "accel": accel, "within_1_std": within[0], "within_2_std": within[1],
            "within_at": {str(factor): coverage(error, factor * std) for factor in FACTORS},
            "needed_factor": needed_factor(error, std, samples), "rank_correlation": rank_correlation(error, std),
            "psnr_foreground_mean": means[i]["psnr_foreground"],
            "psnr_foreground_one": float(np.mean([one[i]["psnr_foreground"] for one in singles])),
        })  # fmt: skip
    return rows


def draws(problem: Problem, prior: Prior, samples: int, steps: int) -> Tensor:
    """`(sample, y, x)` of one slice, one at a time."""
    data, sigma = NoiseWeighted(problem, prior.variance, CG), problem.data_sigma[:, None, None]
    shape, out = problem.image_shape, []
    for sample in range(samples):
        streams, calls = (
            Streams(0, problem.case, problem.slice_ids, [sample]).to(problem.device),
            iter(range(steps + 1)),
        )

        def normal(n: int, streams: Streams = streams, calls: Iterator[int] = calls) -> Tensor:
            return streams.normal(next(calls), (n * shape[1], shape[2])).unflatten(1, (n, shape[1]))

        empty = torch.zeros(shape, dtype=problem.kspace.dtype, device=problem.device)
        out.append(Annealing(steps=steps)(empty, sigma, prior, data, normal))
    return torch.cat(out)


if __name__ == "__main__":
    main()
