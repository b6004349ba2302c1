"""`cold-pixel`: cold diffusion in the pixels themselves, or in blocks of them."""

from dataclasses import dataclass
from typing import ClassVar, final

from medrecon.ct.cold import Cold


@final
@dataclass(frozen=True)
class ColdPixel(Cold):
    """The control of `cold-latent` without its codec; pixels may be packed into channels ("unshuffle")."""

    name: ClassVar[str] = "cold-pixel"
    default_prior: ClassVar[str | None] = "ct-pixel"
    spaces: ClassVar[tuple[str, ...]] = ("pixel", "unshuffle")
