"""Seconds a slice of the diffusion methods, and the network's share of the card (evaluation.md 8).

python benchmarks/mri_speed.py OUT.json [--prior mri-image] [--device cuda]
                               [--network plain|fused|compiled]

Sampling apart from calibration; one warm-up, then the median of five. The share is the network's arithmetic a
second over that of a large bfloat16 matrix product measured in the same run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from medrecon.calibration import build_problem
from medrecon.io import write_json
from medrecon.masks import pattern
from medrecon.mri import method_class
from medrecon.networks import EDMDenoiser, load_prior
from medrecon.networks.inference import InferenceUNet
from medrecon.operators import fft2c
from medrecon.provenance import versions
from medrecon.scan import Scan

CASES = ((256, 8), (320, 15))


def timed(work: Callable[[], object], repeats: int = 5) -> float:
    work()
    seconds = []
    for _ in range(repeats):
        _wait()
        start = time.perf_counter()
        work()
        _wait()
        seconds.append(time.perf_counter() - start)
    return median(seconds)


def random_scan(slices: int, coils: int, n: int, device: torch.device) -> Scan:
    """Smooth coils around a textured disc: speed does not depend on what is shown."""
    generator = torch.Generator().manual_seed(0)
    axis = torch.linspace(-1, 1, n)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    disc = (y**2 + x**2 < 0.7).float() * (1 + 0.2 * torch.randn(n, n, generator=generator))
    angle = torch.arange(coils) * (6.2832 / coils)
    distance = (y - 1.3 * angle.sin()[:, None, None]) ** 2 + (x - 1.3 * angle.cos()[:, None, None]) ** 2
    coil_images = disc * torch.polar(1 / (0.2 + distance), distance)
    kspace = fft2c(coil_images.to(torch.complex64)).expand(slices, -1, -1, -1).clone()
    kspace += 0.01 * kspace.abs().mean() * torch.randn(kspace.shape, generator=generator, dtype=torch.complex64)
    full = torch.ones(n, n, dtype=torch.bool)
    scan = Scan(kspace, full, full, ("x",)).undersample(pattern("random", 8, None, 0))
    return scan.to(device)


def as_run(denoiser: EDMDenoiser, network: str) -> EDMDenoiser:
    """The denoiser with its network as it is, in fewer passes over memory, or compiled."""
    ways = {"plain": lambda n: n, "fused": InferenceUNet, "compiled": torch.compile}
    return EDMDenoiser(ways[network](denoiser.network), denoiser.sigma_data, denoiser.multiple)


def matrix_rate(device: torch.device, n: int = 8192) -> float:
    """TFLOP/s of a bfloat16 product of random matrices."""
    n = n if device.type == "cuda" else 1024
    a, b = (torch.randn(n, n, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * n**3 / timed(lambda: a @ b, 20) / 1e12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--prior", default="mri-image")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--network", choices=("plain", "fused", "compiled"), default="plain")
    options = parser.parse_args()
    device = torch.device(options.device)
    prior, rate = load_prior(options.prior, device), matrix_rate(device)
    rows = []
    for n, coils in CASES:
        for batch in (1, 16):
            x = torch.randn(batch, n, n, device=device, dtype=torch.complex64)
            sigma = torch.tensor(0.1, device=device)
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                prior.denoise(x, sigma)
            flop = counter.get_total_flops()
            run = replace(prior, denoise=as_run(prior.denoise, options.network))  # type: ignore[arg-type]
            with torch.no_grad():
                call = timed(lambda run=run, x=x, sigma=sigma: run.denoise(x, sigma), 20)
            scan = random_scan(batch, coils, n, device)
            calibration = timed(lambda scan=scan: build_problem(scan), 2)
            problem = build_problem(scan)
            for name in ("dds", "spirit"):
                for steps in (20, 50):
                    method = method_class(name)(steps=steps)
                    seconds = timed(lambda m=method, p=problem, r=run: m.solve(p, prior=r))
                    rows.append({
                        "method": name, "matrix": [n, n], "coils": coils, "batch": batch, "calls": steps,
                        "seconds_per_slice": seconds / batch, "calibration_seconds_per_slice": calibration / batch,
                        "network_seconds_per_call": call, "network_gflop_per_slice": flop / batch / 1e9,
                        "network_tflops": flop / call / 1e12, "share_of_card": flop / call / 1e12 / rate,
                        "network_share_of_time": call * steps / seconds, "network": options.network,
                    })  # fmt: skip
                    _report(rows[-1])
            head = {"device": str(device), "versions": versions(device), "matrix_product_tflops": rate}
            write_json({**head, "prior": prior.name, "weights_sha256": prior.sha256, "rows": rows}, options.out)


def _report(row: dict[str, Any]) -> None:
    print(
        f"{row['method']:7s} {row['matrix'][0]}x{row['matrix'][1]}x{row['coils']} batch {row['batch']:2d} "
        f"calls {row['calls']}: {row['seconds_per_slice']:.3f} s a slice, "
        f"calibration {row['calibration_seconds_per_slice']:.3f} s, "
        f"network {row['network_tflops']:.0f} TFLOP/s = {100 * row['share_of_card']:.0f} % of the card",
        flush=True,
    )


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
