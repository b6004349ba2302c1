"""Cropping about the centre pixel n // 2, where the centred Fourier transform keeps its zero position."""

from torch import Tensor


def centre_crop(x: Tensor, size: tuple[int, int]) -> Tensor:
    """The central `size` (h, w) of the last two axes; an axis that is already smaller stays as it is.

    Index n // 2 of the input becomes index m // 2 of the output, for odd sizes too, so that cropping an image or its
    k-space never shifts the other.
    """
    return x[..., _central(x.shape[-2], size[0]), _central(x.shape[-1], size[1])]


def _central(n: int, wanted: int) -> slice:
    kept = min(n, wanted)
    start = n // 2 - kept // 2
    return slice(start, start + kept)
