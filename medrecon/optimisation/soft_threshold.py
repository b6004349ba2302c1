"""Complex soft thresholding."""

import torch
from torch import Tensor


def soft_threshold(x: Tensor, threshold: Tensor) -> Tensor:
    """Shrink magnitudes by `threshold` (broadcast, >= 0) and keep phases: the prox of threshold * sum|x|."""
    magnitude = x.abs()
    tiny = torch.finfo(magnitude.dtype).tiny
    return x * ((magnitude - threshold).clamp(min=0) / magnitude.clamp(min=tiny))
