"""`Scan -> Problem`: every calibration in one call."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from medrecon.calibration.compress import MAX_COILS, compression
from medrecon.calibration.espirit import KERNEL, THRESHOLD, espirit_maps
from medrecon.calibration.model_error import model_error, off_range
from medrecon.calibration.noise import noise_level, prescan_covariance
from medrecon.calibration.phase import fix_phase
from medrecon.calibration.scale import acs_image_scale, acs_images, combined
from medrecon.calibration.spirit_kernel import TIKHONOV, kernel_width, spirit_kernel, withheld_error
from medrecon.calibration.whiten import Whitening, intensity, whitening
from medrecon.errors import InputError
from medrecon.masks.acs import acs_size
from medrecon.problem import Problem
from medrecon.progress import OnStep, Progress, silent
from medrecon.scan import Scan

NOISE_FLOOR = 1e-4  # of the image scale: noise-free files still weigh their data finitely
SLICES_ON_GPU = 8


@dataclass(frozen=True)
class CalibrationOptions:
    """Options of the calibration; every None is set by a rule from the data.

    Attributes
    ----------
    acs : lines of the fully sampled centre to use along each phase axis, instead of all that are detected.
    max_acs : lines beyond which more of the centre no longer improves maps and kernels.
    coils : virtual coils after compression, 0 for all.
    espirit_kernel, espirit_threshold : width of ESPIRiT's windows, and share of the largest singular value that counts
        as signal, by default what exceeds the noise.
    spirit_width, tikhonov : width and ridge of the SPIRiT kernel (specs: 5x5 with 1e-3 for 12 lines).
    support : eigenvalue below which a pixel is labelled background.
    whiten : prewhiten where the noise covariance is known.
    """

    acs: int | None = None
    max_acs: int = 48
    coils: int = MAX_COILS
    espirit_kernel: int = KERNEL
    espirit_threshold: float | None = None
    spirit_width: int | None = None
    tikhonov: float = TIKHONOV
    support: float = 0.8
    whiten: bool = True


DEFAULTS = CalibrationOptions()


def build_problem(
    scan: Scan,
    *,
    options: CalibrationOptions = DEFAULTS,
    scale: float | None = None,
    first_slice: int = 0,
    on_step: OnStep = silent,
) -> Problem:
    """Calibrate all that a method may know of `scan`, on the scan's device.

    Slices never influence each other but through `scale`, the volume's (`volume_scale` of this scan by default;
    give the volume's when `scan` holds some of its slices, and `first_slice` for their numbers). On the CPU slices
    are calibrated one at a time, so that any chunk gives the same bits.
    Raises InputError where the centre of k-space is not sampled or smaller than the kernel.
    """
    acs = calibration_region(scan, options)
    scale = volume_scale(scan, options=options) if scale is None else scale
    step = 1 if scan.kspace.device.type == "cpu" else SLICES_ON_GPU
    parts = []
    for start in range(0, scan.n_slices, step):
        on_step(Progress("calibration", start, scan.n_slices))
        part = scan.slices(start, min(start + step, scan.n_slices))
        parts.append(_calibrate(part, acs, options, scale, first_slice + start))
    on_step(Progress("calibration", scan.n_slices, scan.n_slices))
    return _joined(parts)


def volume_scale(scan: Scan, *, options: CalibrationOptions = DEFAULTS) -> float:
    """99th percentile of the combined ACS image over all slices, in the scan's units (whitened where known)."""
    acs = calibration_region(scan, options)
    whitener = _whitener(scan, options)
    images = [
        combined(acs_images(kspace if whitener is None else whitener(kspace), acs)) for kspace in scan.kspace.split(1)
    ]
    return acs_image_scale(torch.cat(images))


def calibration_region(scan: Scan, options: CalibrationOptions = DEFAULTS) -> tuple[int, int]:
    """(y, x) size of the fully sampled centre to calibrate on. Raises InputError where there is none."""
    found = acs_size(scan.mask, scan.lattice, scan.phase_axes)
    lines = [found[0 if axis == "y" else 1] for axis in scan.phase_axes]
    if min(found) < 4:
        remedy = "scan with at least 8 centre lines" if scan.full is None else "choose a mask with a centre (--acs 12)"
        raise InputError(
            f"{scan.name} has no fully sampled centre to calibrate on (found {found[0]}x{found[1]} (y, x)); {remedy}"
        )
    if options.acs is not None and (options.acs < 4 or options.acs > min(lines)):
        raise InputError(
            f"an ACS of {options.acs} lines was asked for, but {min(lines)} are sampled; give 4 to {min(lines)}"
        )
    limit = options.max_acs if options.acs is None else options.acs
    acs = tuple(min(n, limit) if axis in scan.phase_axes else n for axis, n in zip("yx", found, strict=True))
    width = options.spirit_width or kernel_width((acs[0], acs[1]))
    if min(acs) < width:
        raise InputError(
            f"the ACS is {acs[0]}x{acs[1]} (y, x) but the SPIRiT kernel is {width}x{width}; give at least {width} lines"
        )
    return acs[0], acs[1]


def _calibrate(scan: Scan, acs: tuple[int, int], options: CalibrationOptions, scale: float, first: int) -> Problem:
    kspace = torch.where(scan.mask & scan.lattice, scan.kspace, 0)
    whitener, noise = _whitener(scan, options), noise_level(scan, acs).sigma
    colour = None
    if whitener is not None:
        kspace, colour = whitener(kspace), whitener.colour.to(kspace.device).expand(scan.n_slices, -1, -1)
    if 0 < options.coils < scan.n_coils:
        squeeze = compression(kspace, acs, options.coils)
        kspace = squeeze(kspace)
        colour = None if colour is None else colour @ squeeze.matrix.mH.to(colour.dtype)
    kspace, noise = kspace / scale, (noise / scale).clamp_min(NOISE_FLOOR)
    threshold = options.espirit_threshold
    maps, eigenvalue = espirit_maps(
        kspace,
        acs,
        kernel=options.espirit_kernel,
        threshold=THRESHOLD if threshold is None else threshold,
        noise=noise if threshold is None else None,
    )
    maps = fix_phase(maps, kspace, acs)
    kernel, inconsistency = None, torch.zeros_like(noise)
    if kspace.shape[1] > 1:
        kernel = spirit_kernel(kspace, acs, width=options.spirit_width, tikhonov=options.tikhonov)
        inconsistency = withheld_error(kspace, acs, width=options.spirit_width, tikhonov=options.tikhonov)
    mask = scan.mask & scan.lattice
    return Problem(
        kspace=kspace,
        mask=mask,
        maps=maps,
        support=eigenvalue > options.support,
        noise=noise,
        model_error=model_error(kspace, maps, noise, mask, acs),
        kernel=kernel,
        off_range=off_range(kspace, maps, acs),
        inconsistency=inconsistency,
        intensity=intensity(maps, colour),
        scale=scale,
        phase_axes=scan.phase_axes,
        acs=acs,
        slice_ids=tuple(range(first, first + scan.n_slices)),
        case=scan.name,
    )


def _whitener(scan: Scan, options: CalibrationOptions) -> Whitening | None:
    if not options.whiten or scan.noise is None or scan.noise.shape[-1] <= scan.n_coils:
        return None
    return whitening(prescan_covariance(scan.noise))


def _joined(parts: list[Problem]) -> Problem:
    if len(parts) == 1:
        return parts[0]

    def cat(name: str) -> Tensor:
        return torch.cat([getattr(p, name) for p in parts])

    per_slice = ("kspace", "maps", "support", "noise", "model_error", "off_range", "inconsistency", "intensity")
    return replace(
        parts[0],
        **{name: cat(name) for name in per_slice},
        kernel=None if parts[0].kernel is None else cat("kernel"),
        slice_ids=tuple(i for p in parts for i in p.slice_ids),
    )
