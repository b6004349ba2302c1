"""Foreground of a reference image: the region on which `_foreground` scores are taken."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

THRESHOLD = 0.1
CLOSING = 3


def foreground_mask(reference: Tensor | np.ndarray) -> Tensor:
    """Bool mask of a magnitude image `(…, y, x)`, slice by slice (evaluation.md 2).

    Above 10 % of the slice's 99th percentile, closed with three iterations of the 4-neighbour cross, largest
    component, holes filled. The slice counts as surrounded by background, so that closing never removes a pixel.
    A slice of zeros has an empty foreground.
    """
    image = torch.as_tensor(reference)
    magnitude = (image.abs() if image.is_complex() else image).detach().cpu().numpy()
    flat = magnitude.reshape(-1, *magnitude.shape[-2:])
    masks = np.stack([_slice_mask(each) for each in flat])
    return torch.from_numpy(masks.reshape(magnitude.shape)).to(image.device)


def _slice_mask(image: np.ndarray) -> np.ndarray:
    bright = image > THRESHOLD * np.percentile(image, 99)
    closed = ndimage.binary_closing(np.pad(bright, CLOSING), iterations=CLOSING)
    if not closed.any():
        return bright
    labels = np.asarray(ndimage.label(closed)[0])  # pyright: ignore[reportIndexIssue]
    largest = labels == 1 + np.bincount(labels.ravel())[1:].argmax()
    inside = slice(CLOSING, -CLOSING)
    return np.asarray(ndimage.binary_fill_holes(largest))[inside, inside]
