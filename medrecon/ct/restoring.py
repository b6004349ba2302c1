"""What methods with a network share: batches of slices in network units, of any matrix."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from medrecon.ct.method import CtMethod, CtSolution, Voxel, check_at_least_one, part_of
from medrecon.ct.tiled_prior import TiledPrior
from medrecon.ct.tiles import extended
from medrecon.ct.units import to_hu, to_units
from medrecon.diffusion.sampler import NonFiniteError
from medrecon.errors import InputError
from medrecon.networks.ct.load import CtPrior
from medrecon.progress import OnStep, silent


@final
@dataclass(frozen=True, eq=False)
class Batch:
    """Slices that share network calls.

    low : `(n, 1, y, x)` network units, sides as the network needs them.
    dose : `(n,)`.
    slice_ids : numbers in the volume.
    seed : the user's.
    """

    low: Tensor
    dose: Tensor
    slice_ids: Sequence[int]
    seed: int


def at_once(batch: int, device: torch.device) -> int:
    """Images of one network call: one on the CPU, where results shall be bit-equal for any batch."""
    return 1 if device.type == "cpu" else batch


@dataclass(frozen=True)
class Restoring(CtMethod):
    """Options of the methods with a network.

    batch : slices a network call on CUDA; on the CPU always one, so that bits do not depend on it.
    tile : side in pixels of the tiles that larger slices are cut into, for matrices that do not fit into memory; unless
        given, slices are taken whole.
    """

    needs_prior: ClassVar[bool] = True
    smallest: ClassVar[int] = 1

    batch: int = 8
    tile: int | None = None

    def __post_init__(self) -> None:
        check_at_least_one(batch=self.batch, tile=self.tile)

    @property
    def together(self) -> int:
        """Slices of a batch on CUDA."""
        return self.batch

    @abstractmethod
    def fits(self, prior: CtPrior) -> str | None:
        """None for a network that this method can use; else what it needs, as in "a network of kind 'ct-cold'"."""

    @abstractmethod
    def restore(self, batch: Batch, prior: TiledPrior, on_step: OnStep) -> tuple[Tensor, int]:
        """Samples `(sample, n, 1, y, x)` in network units, and network calls a slice."""

    @final
    def denoise(
        self,
        images: Tensor,
        *,
        dose: float,
        voxel_mm: Voxel,  # noqa: ARG002
        prior: CtPrior | None = None,
        seed: int = 0,
        first_slice: int = 0,
        on_step: OnStep = silent,
    ) -> CtSolution:
        """See `CtMethod.denoise`. Raises InputError without a network, or with one of another kind."""
        if prior is None:
            raise InputError(f"{self.name} needs a network and got none; name one with --prior")
        wanted = self.fits(prior)
        if wanted is not None:
            raise InputError(f"{prior.name} is of kind '{prior.kind}', and {self.name} needs {wanted}; give another")
        parts, calls = [], 0
        height, width = images.shape[-2:]
        with torch.no_grad():
            for start, stop in self._spans(images):
                low = extended(to_units(images[start:stop])[:, None], prior.multiple, self.smallest)
                ids = range(first_slice + start, first_slice + stop)
                batch = Batch(low, low.new_full((len(low),), dose), ids, seed)
                step = part_of(on_step, start, stop, len(images))
                restored, calls = self._restored(batch, prior, step)
                parts.append(to_hu(restored[:, :, 0, :height, :width]))
        return CtSolution(torch.cat(parts, 1), calls)

    def _restored(self, batch: Batch, prior: CtPrior, on_step: OnStep) -> tuple[Tensor, int]:
        first, last = batch.slice_ids[0], batch.slice_ids[-1]
        broken = f"{prior.name} made NaN or infinity of slices {first} to {last}; give other weights"
        try:
            found, calls = self.restore(batch, TiledPrior(prior, self.tile), on_step)
        except NonFiniteError as error:
            raise InputError(broken) from error
        if not bool(torch.isfinite(found).all()):
            raise InputError(broken)
        return found, calls

    def _spans(self, images: Tensor) -> Iterator[tuple[int, int]]:
        size = at_once(self.together, images.device)
        for start in range(0, len(images), size):
            yield start, min(start + size, len(images))
