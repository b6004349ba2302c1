"""Cropping keeps index n // 2 at index m // 2."""

import pytest
import torch

from medrecon.crop import centre_crop


@pytest.mark.parametrize("n", [7, 8])
@pytest.mark.parametrize("m", [1, 3, 4, 7, 8, 9])
def test_centre_stays_at_the_centre(n, m):
    x = torch.arange(n) - n // 2
    cropped = centre_crop(x.expand(2, 5, n), (3, m))
    kept = min(n, m)
    assert cropped.shape == (2, 3, kept)
    assert torch.equal(cropped[0, 0], torch.arange(kept) - kept // 2)
