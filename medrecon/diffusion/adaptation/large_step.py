"""`LargeStep`: what the three stages ask of a denoising diffusion GAN."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class LargeStep(Protocol):
    """Draws x_0 from noisy states of complex images `(n, y, x)`, in a Problem's units.

    Levels t are 0-d integer tensors, from T (noise) to 1; 0 is the image. The network's lie on its device; those of
    `noised` and `previous` may lie on the host, where reading them waits for nothing.
    """

    def __call__(self, x: Tensor, t: Tensor, z: Tensor) -> Tensor:
        """x_0 from the state `x` at level t, and the latent z `(n, latent)`."""
        ...

    def noised(self, image: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t of an image, with complex `noise` of unit variance per real component."""
        ...

    def previous(self, x: Tensor, x0: Tensor, t: Tensor, noise: Tensor | None = None) -> Tensor:
        """A draw of x_t-1 given x_t = `x` and `x0`, or its mean without noise; at t = 1 `x0` bit for bit."""
        ...
