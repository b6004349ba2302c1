"""Seconds a slice of the diffusion methods, and the network's share of the card (evaluation.md 8).

python benchmarks/mri_speed.py OUT.json [--prior mri-image] [--device cuda]
                               [--network fused] [plain] [compiled]

Sampling apart from calibration; one warm-up, then the median of five. The share is the network's arithmetic a
second, replayed from a graph as the sampler does it, over that of a large bfloat16 matrix product of the same run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, cast

import torch
from kept import write_json
from torch.utils.flop_counter import FlopCounterMode

from medrecon.bench.stale import commit
from medrecon.calibration import build_problem
from medrecon.diffusion.prior import Prior
from medrecon.instruments import peak_memory_mib
from medrecon.masks import pattern
from medrecon.mri import method_class
from medrecon.networks import EDMDenoiser, load_prior
from medrecon.networks.inference import InferenceUNet
from medrecon.operators import fft2c
from medrecon.provenance import versions
from medrecon.replay import Replay
from medrecon.scan import Scan

CASES = ((256, 8), (320, 15))


def once(work: Callable[[], object]) -> float:
    _wait()
    start = time.perf_counter()
    work()
    _wait()
    return time.perf_counter() - start


def timed(work: Callable[[], object], repeats: int = 5) -> float:
    """Median of `repeats`, after a warm-up."""
    work()
    return median(once(work) for _ in range(repeats))


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
    """The denoiser with its network plain, in fewer passes over memory (the default on CUDA), or compiled."""
    held = denoiser.network
    plain = held.unet if isinstance(held, InferenceUNet) else held
    ways = {"plain": lambda n: n, "fused": InferenceUNet, "compiled": torch.compile}
    return EDMDenoiser(ways[network](plain), denoiser.sigma_data, denoiser.multiple)


def matrix_rate(device: torch.device, n: int = 8192) -> float:
    """TFLOP/s of a bfloat16 product of random matrices."""
    n = n if device.type == "cuda" else 1024
    a, b = (torch.randn(n, n, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * n**3 / timed(lambda: a @ b, 20) / 1e12


def first_and_steady(prior: Prior, device: torch.device) -> Iterator[dict[str, Any]]:
    """16 slices of 320x320x15, calibration in: what a user waits for in a new process, and from then on."""
    scan = random_scan(16, 15, 320, device)
    for name in ("spirit", "dds"):
        for steps in (20, 50):
            method = method_class(name)(steps=steps)  # type: ignore[call-arg]
            seconds = [once(lambda m=method: m.solve(build_problem(scan), prior=prior)) for _ in range(6)]
            yield {
                "method": name, "matrix": [320, 320], "coils": 15, "batch": 16, "calls": steps,
                "first_seconds_per_slice": seconds[0] / 16, "seconds_per_slice": median(seconds[1:]) / 16,
                "peak_memory_mib": peak_memory_mib(device),
            }  # fmt: skip


def network_call(run: EDMDenoiser, n: int, batch: int, device: torch.device) -> tuple[float, float]:
    """Seconds of a call as it is launched, and replayed from a graph as the sampler does it."""
    x = torch.randn(batch, n, n, device=device, dtype=torch.complex64)
    sigma = torch.full((batch,), 0.1, device=device)
    with torch.no_grad():
        launched = timed(lambda: run(x, sigma), 20)
        replay = Replay(lambda x, sigma: (run(x, sigma),))
        return launched, timed(lambda: replay(x, sigma), 20)


def gflop(denoiser: EDMDenoiser, n: int, device: torch.device) -> float:
    """Arithmetic of a call on one slice, counted on the plain network."""
    x = torch.randn(1, n, n, device=device, dtype=torch.complex64)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        as_run(denoiser, "plain")(x, torch.full((1,), 0.1, device=device))
    return counter.get_total_flops() / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--prior", default="mri-image")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--network", nargs="+", choices=("plain", "fused", "compiled"), default=["fused"])
    options = parser.parse_args()
    device = torch.device(options.device)
    prior = load_prior(options.prior, device)
    denoiser = cast(EDMDenoiser, prior.denoise)
    whole = list(first_and_steady(prior, device))
    for row in whole:
        print(row, flush=True)
    rate, rows = matrix_rate(device), []
    for network in options.network:
        run = as_run(denoiser, network)
        fast = replace(prior, denoise=run)
        for n, coils in CASES:
            work = gflop(denoiser, n, device)
            for batch in (1, 16):
                if network != options.network[0] and (n, batch) != (320, 16):
                    continue  # the others are measured where the card is fullest
                launched, replayed = network_call(run, n, batch, device)
                scan = random_scan(batch, coils, n, device)
                calibration = timed(lambda scan=scan: build_problem(scan), 2)
                problem = build_problem(scan)
                tflops = work * batch / replayed / 1e3
                for name in ("dds", "spirit"):
                    for steps in (20, 50):
                        method = method_class(name)(steps=steps)  # type: ignore[call-arg]
                        seconds = timed(lambda m=method, p=problem, r=fast: m.solve(p, prior=r))
                        rows.append({
                            "method": name, "matrix": [n, n], "coils": coils, "batch": batch, "calls": steps,
                            "seconds_per_slice": seconds / batch, "calibration_seconds_per_slice": calibration / batch,
                            "network_seconds_per_call": replayed, "launched_network_seconds_per_call": launched,
                            "network_gflop_per_slice": work, "network_tflops": tflops, "share_of_card": tflops / rate,
                            "launched_share_of_card": work * batch / launched / 1e3 / rate,
                            "network_share_of_time": replayed * steps / seconds, "network": network,
                        })  # fmt: skip
                        _report(rows[-1])
                head = {"device": str(device), "versions": versions(device), "matrix_product_tflops": rate}
                head |= {"commit": commit(), "prior": prior.name, "weights_sha256": prior.sha256}
                write_json({**head, "rows": rows, "first_and_steady": whole}, options.out)


def _report(row: dict[str, Any]) -> None:
    print(
        f"{row['network']:8s} {row['method']:7s} {row['matrix'][0]}x{row['matrix'][1]}x{row['coils']} "
        f"batch {row['batch']:2d} "
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
