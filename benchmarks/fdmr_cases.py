"""The scans that FDMR is measured on, in groups: held-out patients, and four kinds of images unlike the training's.

`DATA` is a folder with the packs val.h5 and tune.h5, brain16_128.h5, and shift.h5 of `fdmr_shift.py`. A group whose
file is not there is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from medrecon.bench.cases import Case, calibrated, undersampled
from medrecon.bench.conditions import Condition
from medrecon.bench.sources import Source, Volume, sources
from medrecon.datasets.volume import TrainingVolume

COILS, SNR, MASK_SEED = 8, 40.0, 0
TINY = 64
"""Pixels a side in a rehearsal."""
ACROSS, CT = "_across", "chest_"
"""How names of shift.h5 end, or begin, that are reformatted volumes, or CT."""
GROUPS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "val": ("val.h5", lambda _: True),
    "tune": ("tune.h5", lambda _: True),
    "sagittal": ("tune.h5", lambda name: name.endswith("sag")),
    "reformatted": ("shift.h5", lambda name: name.endswith(ACROSS)),
    "brain16": ("brain16_128.h5", lambda _: True),
    "ct-chest": ("shift.h5", lambda name: name.startswith(CT)),
}
"""Each group's file, and which of its volumes."""
SHIFTED = ("sagittal", "ct-chest", "brain16", "reformatted")
MEASURED = ("val", *SHIFTED)


@dataclass(frozen=True, eq=False)
class Named:
    """A calibrated case with where it belongs."""

    group: str
    accel: float
    case: Case


class Cases:
    """Calibrated cases, each made when it is first asked for and kept from then on."""

    def __init__(self, data: Path, slices: int, device: torch.device, *, tiny: bool = False) -> None:
        self.data, self.slices, self.device, self.tiny = data, slices, device, tiny
        self._held: dict[tuple[str, str, float], Named] = {}

    def __call__(self, groups: Sequence[str], accels: Sequence[float]) -> Iterator[Named]:
        """8 coils at SNR 40 where they are simulated, random lines; the R of one scan after another."""
        for group in groups:
            for source in sources_of(self.data, group)[: 1 if self.tiny else None]:
                for accel in accels:
                    key = (group, source.name, accel)
                    if key not in self._held:
                        self._held[key] = self._made(group, source, accel)
                    yield self._held[key]

    def _made(self, group: str, source: Source, accel: float) -> Named:
        source = _small(source) if self.tiny and isinstance(source, Volume) else source
        coils, snr = (COILS, SNR) if source.coils is None else (source.coils, None)
        condition = Condition(source.name, coils, snr, self.slices, "random", accel, MASK_SEED)
        scan = undersampled(source.scan(condition), condition)
        return Named(group, accel, calibrated(scan, MASK_SEED, self.device))


def sources_of(data: Path, group: str) -> list[Source]:
    """The group's scans, in the order of their names; none where its file is not there."""
    file, belongs = GROUPS[group]
    found = sources(data / file)[0] if (data / file).is_file() else []
    return [source for source in found if belongs(source.name)]


def _small(source: Volume) -> Source:
    """The volume at few pixels, for a rehearsal."""

    def read() -> TrainingVolume:
        whole = source.read()
        values = torch.nn.functional.adaptive_avg_pool2d(whole.values[:, None], TINY)[:, 0]
        z, y, x = whole.voxel_mm
        factors = [n / TINY for n in whole.values.shape[1:]]
        return TrainingVolume(values, (z, y * factors[0], x * factors[1]), whole.subject, whole.name)

    return Volume(source.name, read)
