"""Cropping about the centre pixel n // 2, where the centred Fourier transform keeps its zero position."""

from torch import Tensor


def centre_crop(x: Tensor, size: tuple[int, int]) -> Tensor:
    """The central `size` (h, w) of the last two axes; an axis that is already smaller stays as it is.

    Index n // 2 of the input becomes index m // 2 of the output, for odd sizes too, so that cropping an image or its
    k-space never shifts the other.
    """
    return x[..., centred(x.shape[-2], size[0]), centred(x.shape[-1], size[1])]


def centred(n: int, size: int) -> slice:
    """The window of `size` elements, at most all `n`, around index n // 2."""
    kept = min(n, size)
    start = n // 2 - kept // 2
    return slice(start, start + kept)
