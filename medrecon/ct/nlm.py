"""`nlm`: non-local means (Buades et al. 2005), a control that no training helped."""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from skimage.restoration import denoise_nl_means
from torch import Tensor

from medrecon.ct.classical import Classical


@final
@dataclass(frozen=True)
class NonLocalMeans(Classical):
    """Every pixel as a mean of those with like surroundings; scikit-image's, on the CPU.

    strength : h in units of the slice's noise; 0.6 has the least error in benchmarks/results/ct_strengths.json.
    patch : pixels a side of what is compared.
    distance : pixels to each side in which it is looked for.
    """

    name: ClassVar[str] = "nlm"

    strength: float = 0.6
    patch: int = 7
    distance: int = 11

    def smooth(self, image: Tensor, noise: Tensor) -> Tensor:
        sigma = float(noise)
        found = denoise_nl_means(
            image.cpu().numpy(),
            patch_size=self.patch,
            patch_distance=self.distance,
            h=self.strength * sigma,
            sigma=sigma,
            preserve_range=True,
        )
        return torch.from_numpy(found).to(image)
