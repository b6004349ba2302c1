"""The corrector and the guidance of the published score-based reconstructions (specification 1.4 and 1.6).

Norms are taken image by image, where the released codes take one of the whole batch; with one image they agree.
"""

import torch
from torch import Tensor


def norm(x: Tensor) -> Tensor:
    """Euclidean norm of each image of `(image, …)`, its axes kept."""
    return x.abs().square().sum(tuple(range(1, x.ndim)), keepdim=True).sqrt()


def balanced(score: Tensor, gradient: Tensor, weight: float) -> Tensor:
    """The gradient of the data term at the score's size, weight |s| g / |g|; 0 where the data are met exactly."""
    size = norm(gradient)
    return weight * norm(score) * gradient / size.clamp(min=torch.finfo(size.dtype).tiny)


def langevin(x: Tensor, score: Tensor, pull: Tensor, noise: Tensor, size: Tensor, snr: float, alpha: Tensor) -> Tensor:
    """One step x + e (s - pull) + sqrt(2 e) z with e = 2 alpha (snr |z| / |s|)^2 (Song et al. 2021, Algorithms 4, 5).

    `size` is |z|, which some take before `noise` was projected. On white Gaussians the variance comes out too large by
    the factor 1 + snr^2, since the step follows from the score's own size.
    """
    step = 2 * alpha * (snr * size / norm(score).clamp(min=torch.finfo(size.dtype).tiny)) ** 2
    return x + step * (score - pull) + (2 * step).sqrt() * noise
