"""`cold-latent`: cold diffusion in the latents of a codec."""

from dataclasses import dataclass
from typing import ClassVar, final

from medrecon.ct.cold import Cold


@final
@dataclass(frozen=True)
class ColdLatent(Cold):
    """One encoding, `steps` calls of a network on the latent's grid, one decoding (after Rombach et al. 2022).

    The posterior's mean is encoded, never a sample, so that the process stays cold.
    """

    name: ClassVar[str] = "cold-latent"
    default_prior: ClassVar[str | None] = "ct-latent"
    spaces: ClassVar[tuple[str, ...]] = ("latent",)

    batch: int = 32
