"""The foreground rule of evaluation.md 2, piece by piece."""

import numpy as np
import torch
from phantom import head
from scipy import ndimage

from medrecon.evaluation import foreground_mask


def disc(n: int, radius: float, centre: tuple[float, float]) -> np.ndarray:
    y, x = np.mgrid[:n, :n]
    return np.hypot(y - centre[0], x - centre[1]) < radius


def test_equals_the_rule_written_out():
    image = head() + 0.02 * np.random.default_rng(0).random((3, 64, 56))
    expected = []
    for each in image:
        closed = ndimage.binary_closing(each > 0.1 * np.percentile(each, 99), iterations=3)
        labels, count = ndimage.label(closed)
        sizes = ndimage.sum(closed, labels, range(1, count + 1))
        expected.append(ndimage.binary_fill_holes(labels == 1 + np.argmax(sizes)))
    assert np.array_equal(foreground_mask(image).numpy(), np.stack(expected))


def test_largest_piece_with_its_holes_filled():
    body, hole, speck = disc(60, 20, (30, 25)), disc(60, 8, (30, 25)), disc(60, 4, (8, 53))
    mask = foreground_mask(torch.from_numpy((body & ~hole) * 1.0 + speck * 5.0))
    assert bool(mask[30, 25])
    assert not bool(mask[8, 53])
    assert np.array_equal(mask.numpy()[body], np.ones(body.sum(), dtype=bool))


def test_each_slice_has_its_own_threshold():
    body = disc(40, 12, (20, 20)) * 1.0
    mask = foreground_mask(torch.from_numpy(np.stack([body, 1e-3 * body])))
    assert torch.equal(mask[0], mask[1])
    assert bool(mask[0].any())


def test_a_body_cut_by_the_edge_keeps_its_edge():
    body = disc(40, 15, (20, 0))
    assert np.array_equal(foreground_mask(body * 1.0).numpy(), body)


def test_empty_slices_and_further_axes():
    image = torch.zeros(2, 3, 20, 20)
    image[1, 2, 5:15, 5:15] = 1
    mask = foreground_mask(image)
    assert mask.shape == image.shape
    assert mask.dtype == torch.bool
    assert torch.equal(mask, image > 0)


def test_a_complex_image_counts_by_its_magnitude():
    body = torch.from_numpy(disc(30, 9, (15, 15)) * 1.0)
    assert torch.equal(foreground_mask(body * torch.exp(torch.tensor(2.5j))), foreground_mask(body))
