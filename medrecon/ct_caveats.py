"""Does a CT scan lie where its network was trained?"""

from __future__ import annotations

from collections.abc import Iterator

from medrecon import weights
from medrecon.networks.ct.load import CtPrior
from medrecon.volume import Volume

DOSES = (0.05, 0.5)
"""Fractions of full dose that every recipe of medrecon trains CT networks on (`datasets.ct.bank.Bank`)."""
NEAR = 1.01
"""Pixels that are larger or smaller by less than this factor are as good as those of training."""


def ct_warnings(volume: Volume, prior: CtPrior | None, dose: float) -> Iterator[str]:
    """Pixel size, where a registry knows it, and dose outside training; a sentence each without a full stop."""
    if prior is None:
        return
    record = None if prior.sha256 is None else weights.known(prior.sha256)
    pixels = None if record is None else record.pixel_range
    _, y, x = volume.voxel_mm
    if pixels is not None and not (pixels[0] <= NEAR * min(y, x) and max(y, x) <= NEAR * pixels[1]):
        yield (
            f"pixels of {y:.3g} x {x:.3g} mm lie outside the {pixels[0]:g} to {pixels[1]:g} mm that {prior.name} was "
            "trained on: noise has another texture there; compare with the input and with a method without a network"
        )
    if not DOSES[0] <= dose <= DOSES[1]:
        yield (
            f"{dose:g} of full dose lies outside the {DOSES[0]:g} to {DOSES[1]:g} that {prior.name} was trained on: "
            "compare with the input"
        )
