"""The grey window of pictures."""

import torch
from torch import Tensor


def window_top(image: Tensor) -> float:
    """Value shown as white: the 99.5th percentile, or 1 for an empty image."""
    finite = image[torch.isfinite(image)].flatten().float()
    if finite.numel() == 0:
        return 1.0
    top = finite.kthvalue(max(1, round(0.995 * finite.numel()))).values.item()
    return top if top > 0 else finite.max().item() or 1.0
