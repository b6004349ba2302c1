"""Volumes: parts of them lie where they lay, and numbers that are no HU are noticed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from medrecon.errors import InputError
from medrecon.volume import DicomSource, SliceFile, Volume

AFFINE = np.array([[0, 0, 0.8, -90.0], [0.5, 0.7, 0, -80.0], [2.5, 0, 0, 10.0], [0, 0, 0, 1]])


def volume(values=None, **fields):
    if values is None:
        values = torch.linspace(-1000, 500, 4 * 6 * 5).reshape(4, 6, 5)
    return Volume(values, AFFINE, **fields)


def test_a_part_lies_where_it_lay():
    files = tuple(SliceFile(Path(f"{i}.dcm")) for i in range(4))
    padding = torch.zeros(4, 6, 5, dtype=torch.bool)
    padding[2, 0] = True
    whole = volume(padding=padding, source=DicomSource(files))
    part = whole.slices(2, None)
    assert torch.equal(part.values, whole.values[2:])
    assert torch.equal(part.padding, padding[2:])
    assert part.source.slices == files[2:]
    assert part.affine @ [0, 3, 4, 1] == pytest.approx(whole.affine @ [2, 3, 4, 1])
    assert whole.slices(-1, None).affine[:3, 3] == pytest.approx((whole.affine @ [3, 0, 0, 1])[:3])
    with pytest.raises(InputError, match="select nothing of 4 slices"):
        whole.slices(4, 5)


def test_the_distance_of_planes_is_along_their_normal():
    assert volume().voxel_mm == pytest.approx((2.5, 0.7, 0.8))
    assert volume().tilt_degrees == pytest.approx(np.degrees(np.arctan(0.2)))


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(-1000, 500, None), (0, 1, "too narrow"), (0, 4095, "without their intercept"), (-1000, 65535, "beyond any")],
)
def test_values_that_look_like_no_hu(low, high, words):
    found = volume(torch.linspace(low, high, 120).reshape(4, 6, 5)).warnings
    assert found == () if words is None else words in found[0]


def test_padding_takes_no_part_in_the_look():
    values = torch.linspace(0, 1, 120).reshape(4, 6, 5)
    padding = torch.zeros(4, 6, 5, dtype=torch.bool)
    padding[0] = True
    values[0] = -1024
    assert "too narrow" in volume(values, padding=padding).warnings[0]
    assert volume(values, padding=torch.ones_like(padding)).warnings == ("no pixel of the volume was measured",)
