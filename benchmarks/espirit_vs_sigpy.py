"""ESPIRiT against SigPy's EspiritCalib: same square ACS, no crop; agreement |<S, S'>| and seconds on the same cores.

python benchmarks/espirit_vs_sigpy.py SCAN.h5 [SCAN.h5 ...] [--acs 24] [--threads 2] [--repeats 5]
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import sigpy
import sigpy.mri.app
import torch
from torch import Tensor

from medrecon.calibration import espirit_maps
from medrecon.operators import fft2c, ifft2c

RESULTS = Path(__file__).parent / "results" / "espirit_vs_sigpy.json"


def synthetic(matrix: tuple[int, int] = (256, 256), coils: int = 8, snr: float = 40.0) -> Tensor:
    """`(slice, coil, y, x)` k-space of a textured ellipse seen by dipole-like coils around it."""
    generator = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(*((torch.arange(n, dtype=torch.float64) - n // 2) / (n / 2) for n in matrix), indexing="ij")
    angle = 2 * math.pi * torch.arange(coils)[:, None, None] / coils
    dy, dx = y - 1.1 * angle.sin(), x - 1.1 * angle.cos()
    maps = torch.complex(dx * angle.sin() - dy * angle.cos() + 0.4, dy) / (dy**2 + dx**2 + 0.15) ** 1.5
    maps = maps / torch.linalg.vector_norm(maps, dim=0)
    image = ((y / 0.8) ** 2 + (x / 0.65) ** 2 < 1) * (1 + 0.3 * torch.sin(17 * y + 9 * x**2) * torch.cos(23 * x))
    kspace = fft2c(torch.polar(image, 2 * y + x**2) * maps)
    noise = torch.view_as_complex(torch.randn((*kspace.shape, 2), generator=generator, dtype=torch.float64))
    return (kspace + noise / snr).to(torch.complex64)[None]


def median_seconds(run: Callable[[], object], repeats: int) -> float:
    run()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def compare(name: str, kspace: Tensor, acs: int, repeats: int) -> dict[str, object]:
    array = kspace[0].numpy()

    def theirs() -> np.ndarray:
        return sigpy.mri.app.EspiritCalib(array, calib_width=acs, crop=0, show_pbar=False).run()

    def ours() -> Tensor:
        return espirit_maps(kspace, (acs, acs))[0]

    maps, reference = ours()[0], torch.as_tensor(theirs())
    image = (maps.conj() * ifft2c(kspace[0])).sum(0).abs()
    agreement = (maps.conj() * reference).sum(0).abs()[image > 0.1 * image.quantile(0.99)]
    row = {
        "scan": name,
        "coils": kspace.shape[1],
        "matrix": list(kspace.shape[-2:]),
        "acs": acs,
        "median_agreement": float(agreement.median()),
        "percentile_5_agreement": float(agreement.quantile(0.05)),
        "seconds": median_seconds(ours, repeats),
        "sigpy_seconds": median_seconds(theirs, repeats),
    }
    print(
        f"{name}: median |<S,S'>| {row['median_agreement']:.5f} (5th percentile {row['percentile_5_agreement']:.4f}), "
        f"{row['seconds']:.3f} s against SigPy's {row['sigpy_seconds']:.3f} s"
    )
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", nargs="*", type=Path, help=".h5 files with `kspace` (slice, coil, y, x)")
    parser.add_argument("--acs", type=int, default=24)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = [compare("synthetic", synthetic(), options.acs, options.repeats)]
    for path in options.scans:
        with h5py.File(path) as file:
            kspace = torch.as_tensor(file["kspace"][:1])
        rows.append(compare(path.stem, kspace, options.acs, options.repeats))
    versions = {"torch": torch.__version__, "sigpy": sigpy.__version__, "python": platform.python_version()}
    record = {"threads": options.threads, "repeats": options.repeats, "versions": versions, "rows": rows}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
