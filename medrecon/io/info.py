"""`describe`: what `medrecon info` says of a scan."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from medrecon.errors import InputError
from medrecon.io.facts import Facts
from medrecon.scan import Scan

LABELS = {"field_strength_t": "field strength T"}


@dataclass(frozen=True)
class ScanInfo(Facts):
    """Facts of a scan; None is "unknown", or "none" for the mask of a fully sampled scan.

    Sizes are (y, x); lengths in mm; `noise` is the median over slices, per real component, in the scan's units.
    """

    name: str
    coils: int
    slices: int
    matrix: tuple[int, int]
    acquired_matrix: tuple[int, int]
    output_matrix: tuple[int, int]
    voxel_mm: tuple[float, float] | None
    slice_mm: float | None
    phase_axes: tuple[str, ...]
    fully_sampled: bool
    mask: str | None
    net_acceleration: float
    acs: tuple[int, int]
    noise: float | None
    noise_source: str
    header: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)

    def rows(self) -> dict[str, str]:
        """Label to text, in the order of the printed table."""
        voxel = "unknown" if self.voxel_mm is None else f"{_times(self.voxel_mm, '.3g')} mm"
        noise = "unknown" if self.noise is None else f"{self.noise:.4g}"
        return {
            "name": self.name,
            "coils": str(self.coils),
            "slices": str(self.slices),
            "matrix": f"{_times(self.matrix)} (y, x)",
            "acquired matrix": _times(self.acquired_matrix),
            "output matrix": _times(self.output_matrix),
            "voxel": voxel,
            "slice distance": "unknown" if self.slice_mm is None else f"{self.slice_mm:.3g} mm",
            "phase axes": ", ".join(self.phase_axes),
            "sampling": "fully sampled" if self.fully_sampled else "undersampled",
            "mask": self.mask or "none",
            "net acceleration": f"{self.net_acceleration:.2f}",
            "ACS": f"{_times(self.acs)} (y, x)" if min(self.acs) else "none",
            "noise": f"{noise} per real component",
            "noise from": self.noise_source,
            **{LABELS.get(name, name.replace("_", " ")): str(value) for name, value in self.header.items()},
        }


def describe(scan: Scan) -> ScanInfo:
    """Facts of `scan`, its mask and its noise; a noise level that cannot be found is None, with the reason."""
    from medrecon.masks.acs import acs_size

    noise, source = _noise(scan)
    return ScanInfo(
        name=scan.name,
        coils=scan.n_coils,
        slices=scan.n_slices,
        matrix=scan.matrix,
        acquired_matrix=scan.acquired_matrix,
        output_matrix=scan.crop or scan.matrix,
        voxel_mm=scan.voxel_mm,
        slice_mm=scan.slice_mm,
        phase_axes=scan.phase_axes,
        fully_sampled=scan.is_fully_sampled,
        mask=describe_mask(scan),
        net_acceleration=scan.net_acceleration,
        acs=acs_size(scan.mask, scan.lattice, scan.phase_axes),
        noise=noise,
        noise_source=source,
        header=dict(scan.header),
    )


def describe_mask(scan: Scan) -> str | None:
    """The sampling pattern in words, None for a fully sampled scan."""
    if scan.is_fully_sampled:
        return None
    sampled = scan.mask & scan.lattice
    if len(scan.phase_axes) == 2:
        return f"2-D, {int(sampled.sum())} of {int(scan.lattice.sum())} points"
    readout = 1 if scan.phase_axes == ("y",) else 0
    lines, covered = int(sampled.any(readout).sum()), int(scan.lattice.any(readout).sum())
    return f"1-D along {scan.phase_axes[0]}, {lines} of {covered} lines"


def _noise(scan: Scan) -> tuple[float | None, str]:
    from medrecon.calibration.noise import noise_level

    try:
        level = noise_level(scan)
    except InputError as error:
        return None, str(error)
    return float(level.sigma.median()), level.source


def _times(sizes: tuple[float, ...], form: str = "") -> str:
    return " x ".join(format(size, form) for size in sizes)
