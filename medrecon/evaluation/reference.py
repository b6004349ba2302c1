"""The reference image of a scan: one for all rows of a table (evaluation.md 1)."""

from __future__ import annotations

import torch
from torch import Tensor

from medrecon.calibration.espirit import KERNEL, THRESHOLD, espirit_maps
from medrecon.calibration.noise import noise_level
from medrecon.calibration.windows import window_gram
from medrecon.crop import centre_crop
from medrecon.masks.acs import acs_size
from medrecon.operators import Coils, ifft2c
from medrecon.scan import Scan

CENTRE = 32  # central samples a side from which the signal's strength is read
NOISE_MARGIN = 4.0
HIGHEST = 0.2


def reference_image(scan: Scan) -> tuple[Tensor, str] | None:
    """`(slice, y, x)` magnitude on the cropped grid and its kind, None where nothing better than the scan is known.

    "simulated": the noise-free truth of the file. "combined": |sum_c conj(S_c) x_c| of the fully sampled scan with
    ESPIRiT maps from all of its k-space, one set, no crop. The noise of so many windows must stay out of ESPIRiT's
    signal space; with the usual 2 % it does not, and the maps lose up to a third of the signal in places.
    """
    if scan.truth is not None:
        return scan.truth, "simulated"
    full = scan if scan.full is None else scan.full
    if not full.is_fully_sampled:
        return None
    region = acs_size(full.mask, full.lattice, full.phase_axes)
    parts = zip(full.kspace.split(1), noise_level(full).sigma.tolist(), strict=True)
    image = torch.cat([_combined(kspace, region, sigma) for kspace, sigma in parts])
    return (image if full.crop is None else centre_crop(image, full.crop)), "combined"


def _combined(kspace: Tensor, region: tuple[int, int], sigma: float) -> Tensor:
    maps, _ = espirit_maps(kspace, region, threshold=_threshold(kspace, region, sigma))
    return Coils(maps).H(ifft2c(kspace)).abs()


def _threshold(kspace: Tensor, region: tuple[int, int], sigma: float) -> float:
    """Share of the largest singular value that counts as signal: the usual one, or a margin above that of noise.

    The largest singular value is read from the centre, which holds nearly all of it.
    """
    kernel = (min(KERNEL, region[0]), min(KERNEL, region[1]))
    centre = centre_crop(kspace, (min(region[0], CENTRE), min(region[1], CENTRE)))
    largest = float(torch.linalg.eigvalsh(window_gram(centre, kernel))[..., -1].clamp_min(0).sqrt())
    windows = (region[0] - kernel[0] + 1) * (region[1] - kernel[1] + 1)
    noise = sigma * (2 * windows) ** 0.5
    return max(THRESHOLD, min(NOISE_MARGIN * noise / largest, HIGHEST)) if largest > 0 else THRESHOLD
