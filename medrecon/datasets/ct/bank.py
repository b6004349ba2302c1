"""`PairBank`: CT slices with their noise, from which training draws pairs of low and full dose."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, final

import torch
from torch import Tensor

from medrecon.ct.units import LOWEST, to_units
from medrecon.datasets.augmentation.draw import Draw
from medrecon.datasets.ct.noise import NoiseOptions, noise_components
from medrecon.datasets.ct.volume import CtVolume
from medrecon.errors import InputError
from medrecon.progress import OnStep, silent

CANVAS = 512
AIR = int(LOWEST)
Simulate = Callable[..., Tensor]
"""As `noise_components`."""


@dataclass(frozen=True)
class PairOptions:
    """What pairs are made of.

    noise : of the simulated scans.
    lowest, highest : dose as a share of the full one, log-uniform between.
    phantoms : textured phantoms in the bank, whose noise-free truth is the target.
    phantom_share : share of the images drawn that show one.
    canvas : pixels a side that every slice is brought to, with air or by a cut.
    """

    noise: NoiseOptions = field(default_factory=NoiseOptions)
    lowest: float = 0.05
    highest: float = 0.5
    phantoms: int = 32
    phantom_share: float = 0.1
    canvas: int = CANVAS


@dataclass(frozen=True, eq=False)
class Pairs:
    """A batch in network units: `low` and `full` `(n, 1, size, size)`, `dose` `(n,)`; full is truth for phantoms."""

    low: Tensor
    full: Tensor
    dose: Tensor


@final
class PairBank:
    """Slices of all volumes and phantoms on one canvas, with noise fields of both kernels at several photon counts.

    The scan at dose k is `hu + a quantum + b electronic`, a^2 = 1 / k - n and b^2 = 1 / k^2 - n, where n is 1 for a
    patient, whose full-dose noise is in `hu`, and 0 for a phantom's truth.

    Attributes
    ----------
    hu : `(slice, canvas, canvas)` int16. noise : `(slice, variant, 2, canvas, canvas)` float16 HU.
    noisy : `(slice,)` the n above. chance : `(slice,)` probability among patients, subjects alike, and among phantoms.
    """

    def __init__(
        self,
        volumes: Sequence[CtVolume],
        options: PairOptions,
        device: torch.device | str,
        seed: int = 0,
        *,
        simulate: Simulate = noise_components,
        on_step: OnStep = silent,
    ) -> None:
        """Simulate everything; phantoms are the volumes that are `noise_free`. Raises InputError without volumes."""
        patients = [volume for volume in volumes if not volume.noise_free]
        if not patients:
            raise InputError("there are no CT volumes to train on; give a pack of medrecon data pack-ct")
        self.options, self.device, self.seed = options, torch.device(device), seed
        generator = torch.Generator(self.device).manual_seed(seed)
        noise = []
        for volume in volumes:
            fields = simulate(volume, options.noise, self.device, generator, on_step)
            noise.append(on_canvas(fields, options.canvas, 0))
        self.noise = torch.cat(noise)
        self.hu = torch.cat([on_canvas(v.values.to(self.device), options.canvas, AIR) for v in volumes])
        counts = [len(v.values) for v in volumes]
        self.noisy = self._by_slice([0.0 if v.noise_free else 1.0 for v in volumes], counts)
        self.chance = self._by_slice(_chances(volumes), counts)
        self.names = [[v.name, list(v.values.shape)] for v in volumes]

    def __len__(self) -> int:
        return len(self.hu)

    @property
    def facts(self) -> dict[str, Any]:
        """What a run must share with its checkpoint."""
        names = hashlib.sha256(json.dumps(self.names).encode()).hexdigest()[:12]
        return {"volumes": len(self.names), "names": names, "bank_seed": self.seed, "pairs": asdict(self.options)}

    def draw(self, batch: int, size: int, generator: torch.Generator, *, phantom_share: float | None = None) -> Pairs:
        """Random crops of `size` pixels a side, turned and mirrored, at random doses.

        `phantom_share` takes the place of the options'. Raises InputError for crops larger than the canvas.
        """
        draw = Draw(batch, generator)
        place = self._places(size, draw, self._chance(phantom_share))
        dose = draw.log_uniform(self.options.lowest, self.options.highest)
        index, rows, columns = place
        variant = _whole(draw.uniform(0, self.noise.shape[1]), self.noise.shape[1])[:, None, None]
        hu = self.hu[index, rows, columns].float()
        quantum, electronic = (self.noise[index, variant, part, rows, columns].float() for part in (0, 1))
        low = with_noise(hu, quantum, electronic, dose, self.noisy[index.flatten()])
        turned = draw.chance(0.5, 1, 1)
        low, hu = (torch.where(turned, x.mT, x)[:, None] for x in (low, hu))
        return Pairs(to_units(low), to_units(hu), dose)

    def _chance(self, phantom_share: float | None) -> Tensor:
        """`(slice,)` probabilities; the share changes none without phantoms."""
        share = self.options.phantom_share if phantom_share is None else phantom_share
        patients = self.chance * self.noisy
        phantoms = self.chance * (1 - self.noisy)
        return (1 - share) * patients + share * phantoms

    def _places(self, size: int, draw: Draw, chance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Indices of slice, row and column that broadcast to `(batch, size, size)`, mirrored at random."""
        index = torch.multinomial(chance, draw.batch, replacement=True, generator=draw.generator)
        starts = self.options.canvas - size + 1
        if starts < 1:
            raise InputError(f"size is {size}; give at most {self.options.canvas}, the slices' own")
        offset = torch.arange(size, device=self.device)
        rows, columns = (
            _whole(draw.uniform(0, starts, 1), starts) + torch.where(draw.chance(0.5, 1), offset, size - 1 - offset)
            for _ in range(2)
        )
        return index[:, None, None], rows[:, :, None], columns[:, None, :]

    def _by_slice(self, values: Sequence[float], counts: Sequence[int]) -> Tensor:
        return torch.tensor(values).repeat_interleave(torch.tensor(counts)).to(self.device)


def with_noise(hu: Tensor, quantum: Tensor, electronic: Tensor, dose: Tensor, noisy: Tensor) -> Tensor:
    """Images `(n, y, x)` in HU as scans at `dose` `(n,)`; `noisy` is 1 where `hu` holds full-dose noise, else 0."""
    a, b = (1 / dose - noisy).sqrt(), (1 / dose**2 - noisy).sqrt()
    return (hu + a[:, None, None] * quantum + b[:, None, None] * electronic).clamp(min=LOWEST)


def on_canvas(images: Tensor, size: int, fill: int) -> Tensor:
    """`(…, y, x)` in the middle of `(…, size, size)`, cut or filled."""
    canvas = images.new_full((*images.shape[:-2], size, size), fill)
    source, target = zip(*(_overlap(n, size) for n in images.shape[-2:]), strict=True)
    canvas[(..., *target)] = images[(..., *source)]
    return canvas


def _overlap(n: int, size: int) -> tuple[slice, slice]:
    common = min(n, size)
    source, target = (n - common) // 2, (size - common) // 2
    return slice(source, source + common), slice(target, target + common)


def _chances(volumes: Sequence[CtVolume]) -> list[float]:
    """Of each slice of a volume, among patients, all subjects alike, or among phantoms."""
    slices: dict[tuple[bool, str], int] = {}
    for v in volumes:
        who = (v.noise_free, "" if v.noise_free else v.subject)
        slices[who] = slices.get(who, 0) + len(v.values)
    subjects = sum(not noise_free for noise_free, _ in slices)
    return [1 / slices[True, ""] if v.noise_free else 1 / (subjects * slices[False, v.subject]) for v in volumes]


def _whole(u: Tensor, count: int) -> Tensor:
    """Whole numbers of uniform ones in [0, count), also where rounding reaches the end."""
    return u.long().clamp(max=count - 1)
