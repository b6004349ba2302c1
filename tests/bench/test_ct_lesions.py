"""Lesions of CT: HU as asked, in tissue, apart from each other."""

import numpy as np
import pytest

from medrecon.bench.ct.lesions import CONTRASTS_HU, draw_lesions, lesion_difference
from medrecon.bench.lesions import APART_MM, DIAMETERS_MM

PIXEL = (0.8, 0.8)


def body(noise=0.0):
    y, x = np.mgrid[:256, :256] - 127.5
    image = np.where(np.hypot(y, x) < 100, 40.0, -1000.0)
    image[100:140, 60:110] = -800.0
    return image + noise * np.random.default_rng(1).standard_normal(image.shape)


def drawn(noise=0.0, index=0):
    return draw_lesions(body(noise), index, PIXEL, np.random.default_rng(5))


@pytest.mark.parametrize("noise", [0.0, 40.0])
def test_every_size_finds_a_place_in_tissue_away_from_its_edge_and_from_others(noise):
    image, found = body(), drawn(noise)
    assert sorted(each.diameter_mm for each in found) == list(DIAMETERS_MM)
    for i, each in enumerate(found):
        reach = int(each.diameter_mm / 2 / PIXEL[0]) + 1
        around = image[each.y - reach : each.y + reach + 1, each.x - reach : each.x + reach + 1]
        assert (around == 40).all()
        for other in found[:i]:
            gap = np.hypot(each.y - other.y, each.x - other.x) * PIXEL[0]
            assert gap - other.diameter_mm / 2 > APART_MM


def test_six_slices_show_every_size_at_every_contrast():
    seen = {(x.diameter_mm, x.contrast) for index in range(6) for x in drawn(index=index)}
    assert seen == {(d, c) for d in DIAMETERS_MM for c in CONTRASTS_HU}
    assert {10.0, 40.0} == {min(map(abs, CONTRASTS_HU)), max(map(abs, CONTRASTS_HU))}


def test_the_difference_has_the_lesions_height_and_area():
    (lesion,) = [each for each in drawn() if each.diameter_mm == 6.0]
    difference = lesion_difference([lesion], (256, 256), PIXEL)
    assert np.abs(difference).max() == pytest.approx(abs(lesion.contrast))
    area = difference.sum() / lesion.contrast * PIXEL[0] * PIXEL[1]
    assert area == pytest.approx(np.pi * 9, rel=0.03)


def test_air_alone_holds_no_lesion():
    assert draw_lesions(np.full((64, 64), -1000.0), 0, PIXEL, np.random.default_rng(0)) == []
