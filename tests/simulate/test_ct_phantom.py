"""CT phantoms: anatomy in HU, texture, inserts that can be taken away again."""

import numpy as np
import pytest
import torch
from random_state import random_state_untouched
from scipy import ndimage

from medrecon.simulate.ct.canvas import HuCanvas, blended, oval, pink
from medrecon.simulate.ct.inserts import CONTRASTS_HU, DIAMETERS_MM
from medrecon.simulate.ct.phantom import LEVELS, draw_trunk, textured_phantom
from medrecon.simulate.ct.vessels import cut, grow, within
from medrecon.simulate.shapes import FAR, Plane

N, PIXEL = 256, 1.5


def plane(n=N, pixel=PIXEL):
    along = (np.arange(n) - (n - 1) / 2) * pixel
    return Plane(along, along)


@pytest.fixture(scope="module")
def trunks():
    return {level: draw_trunk(level, N, PIXEL, 1) for level in LEVELS}


def share(hu, low, high):
    return float(((hu > low) & (hu < high)).mean())


@pytest.mark.parametrize("level", LEVELS)
def test_a_trunk_holds_air_fat_soft_tissue_and_bone(trunks, level):
    hu = trunks[level].hu
    assert share(hu, -1001, -990) > 0.3
    assert share(hu, -140, -70) > 0.05
    assert share(hu, 0, 220) > 0.1
    assert share(hu, 600, 1300) > 0.002
    assert hu.min() >= -1001
    assert hu.max() < 1400


def test_only_the_chest_has_lungs(trunks):
    assert share(trunks["chest"].hu, -950, -700) > 0.08
    assert share(trunks["abdomen"].hu, -950, -700) < 0.02


@pytest.mark.parametrize("level", LEVELS)
def test_one_body_within_the_field(trunks, level):
    body = ndimage.binary_fill_holes(ndimage.binary_opening(trunks[level].hu > -500, iterations=2))
    sizes = np.bincount(ndimage.label(body)[0].ravel())[1:]
    assert sizes.max() > 0.97 * sizes.sum()
    assert not (body[0] | body[:, 0] | body[:, -1]).any()


def test_bones_have_a_dense_shell_and_a_lighter_core(trunks):
    bone = trunks["chest"].hu > 160
    spine = bone & (np.abs(plane().x) < 20) & (plane().y > 20)
    assert np.percentile(trunks["chest"].hu[spine], 95) > 700
    assert np.percentile(trunks["chest"].hu[spine], 30) < 400


def test_texture_falls_as_one_over_f():
    field = pink(plane(512, 0.5), np.random.default_rng(0), 1.5, 60.0)
    assert field.std() == pytest.approx(1)
    power = np.abs(np.fft.fft2(field)) ** 2
    k = np.hypot(np.fft.fftfreq(512, 0.5)[:, None], np.fft.fftfreq(512, 0.5))
    low, high = (power[(k > f / 1.1) & (k < f * 1.1)].mean() for f in (0.05, 0.2))
    assert np.sqrt(low / high) == pytest.approx(4, rel=0.15)


def test_liver_texture_stands_between_8_and_15_hu():
    phantom = textured_phantom(1, 512, 0.75, level="abdomen", blur_mm=0)
    healthy = (phantom.hu - phantom.contrast).numpy()
    x = plane(512, 0.75).x
    y = plane(512, 0.75).y
    patch = healthy[(np.hypot(x + 95, y - 10) < 18)]
    spread = 1.4826 * np.median(np.abs(patch - np.median(patch)))  # vessels do not count
    assert 6 < spread < 17


def test_inserts_are_of_every_size_and_contrast_and_come_off_again(trunks):
    inserts = trunks["abdomen"].inserts
    assert set(inserts.diameters_mm) == set(DIAMETERS_MM)
    assert set(inserts.contrasts_hu) == set(CONTRASTS_HU)
    for i, (diameter, contrast) in enumerate(zip(inserts.diameters_mm, inserts.contrasts_hu, strict=True)):
        inner = inserts.labels == i + 1
        if diameter >= 4:
            assert inserts.added[inner].max() == contrast
            assert 2 * np.sqrt(inner.sum() / np.pi) * PIXEL == pytest.approx(diameter, abs=1.2)
    assert inserts.labels.max() == len(inserts.diameters_mm) == 15
    assert not inserts.added[ndimage.binary_dilation(inserts.labels > 0, iterations=2) == 0].any()


def test_inserts_do_not_touch(trunks):
    for trunk in trunks.values():
        _, count = ndimage.label(trunk.inserts.added > 0)
        assert count == len(trunk.inserts.diameters_mm)


def test_phantoms_come_back_from_their_seed():
    with random_state_untouched():
        first = textured_phantom(3, 128, 3.0)
    again, other = textured_phantom(3, 128, 3.0), textured_phantom(4, 128, 3.0)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.hu, other.hu)
    assert (first.hu.dtype, first.inserts.dtype, first.contrast.dtype) == (torch.float32, torch.uint8, torch.float32)
    assert {level for seed in range(8) for level in [_level(seed)]} == {True, False}


def _level(seed):
    return share(textured_phantom(seed, 96, 4.0).hu.numpy(), -950, -700) > 0.05


def test_bodies_differ():
    widths = {int((textured_phantom(seed, 96, 4.0).hu[48] > -300).sum()) for seed in range(6)}
    assert len(widths) > 3


def test_vessels_branch_thin_and_stay_inside():
    flat = plane(200, 1.0)
    disc = oval(flat, (0, 0), (60, 60))
    tree = grow((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), 4.0, within(flat, disc), np.random.default_rng(0))
    assert len(tree.radii) > 100
    assert tree.radii.max() == 4.0
    assert tree.radii.min() > 0.3
    assert np.hypot(tree.ends[:, 0], tree.ends[:, 1]).max() < 62
    # every piece but the root starts where another ends, and no thicker than it
    for start, radius in zip(tree.starts[1:], tree.radii[1:], strict=True):
        parent = np.linalg.norm(tree.ends - start, axis=1).argmin()
        np.testing.assert_allclose(tree.ends[parent], start, atol=1e-9)
        assert radius < tree.radii[parent]


def test_a_cut_vessel_is_as_wide_as_its_distance_from_the_slice_leaves_it():
    flat = plane(101, 0.5)
    from medrecon.simulate.ct.vessels import Tree

    tree = Tree(np.array([[-10.0, 0, 3.0]]), np.array([[10.0, 0, 3.0]]), np.array([5.0]))
    distance = cut(flat, tree)
    column = distance[:, 50]
    width = (column < 0).sum() * 0.5
    assert width == pytest.approx(8.0, abs=0.6)  # a chord of a circle of 5 mm, 3 mm from its centre
    assert distance[0, 0] == FAR


def test_blended_shapes_join_smoothly():
    a, b = np.array([0.0, 30.0]), np.array([0.0, 1.0])
    np.testing.assert_allclose(blended(2.0, a, b), [-2 * np.log(2), 1.0], atol=1e-5)


def test_later_paint_covers_earlier():
    canvas = HuCanvas(plane(64, 2.0), np.random.default_rng(0))
    canvas.paint(oval(canvas.plane, (0, 0), (40, 40)), 50.0, host=True)
    canvas.paint(oval(canvas.plane, (0, 0), (10, 10)), 100.0)
    assert canvas.hu[32, 32] == 100
    assert canvas.host[32, 32] == 0
    assert canvas.hu[32, 45] == 50
    assert canvas.host[32, 45] == 1
    assert canvas.hu[0, 0] == -1000
