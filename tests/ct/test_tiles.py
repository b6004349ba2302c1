"""Any matrix, and tiles that leave no seam."""

import pytest
import torch
from ct_networks import cold_file, red_cnn_file
from torch.nn import functional as F

from medrecon.ct.cold_latent import ColdLatent
from medrecon.ct.cold_pixel import ColdPixel
from medrecon.ct.red_cnn import RedCnnMethod
from medrecon.ct.tiles import extended, tiled
from medrecon.errors import InputError
from medrecon.networks.ct.load import load_ct


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("height", "width"), [(16, 24), (17, 23), (5, 1), (1, 40)])
def test_slices_are_continued_by_their_mirror_image(height, width):
    x = drawn(2, height, width)
    out = extended(x, 8)
    assert torch.equal(out[..., :height, :width], x)
    assert all(n % 8 == 0 for n in out.shape[-2:])
    if height == 17:
        assert torch.equal(out[0, 17:24, 0], x[0, 9:16, 0].flip(0))
        assert torch.equal(out[0, 0, 23:], x[0, 0, 21:22])


def test_small_slices_reach_the_least_side():
    assert extended(drawn(1, 3, 30), 4, smallest=21).shape == (1, 24, 32)


def blur(x):
    return F.conv2d(x, torch.ones(1, 1, 7, 7, dtype=x.dtype) / 49, padding=3)


@pytest.mark.parametrize("size", [12, 16, 40])
def test_tiles_with_the_margin_that_a_function_needs_leave_no_seam(size):
    x = drawn(2, 1, 48, 32).double()
    assert torch.allclose(tiled(blur, (x,), size, 3, 4), blur(x), atol=1e-14)


def test_with_a_smaller_margin_seams_are_all_that_is_wrong():
    x = drawn(1, 1, 64, 64).double()
    wrong = (tiled(blur, (x,), 20, 2, 2) - blur(x)).abs() > 1e-12
    assert wrong.any()
    seams = torch.arange(16, 64, 16)
    near = ((torch.arange(64)[:, None] + 0.5 - seams).abs() < 1).any(1)
    assert bool((~wrong | near[:, None] | near[None, :]).all())


@pytest.mark.parametrize("scale", [4, 0.25])
def test_grids_may_change(scale):
    def function(x):
        return F.pixel_shuffle(x.repeat(1, 16, 1, 1), 4) if scale > 1 else F.pixel_unshuffle(x, 4)

    x = drawn(1, 1, 32, 48)
    assert torch.equal(tiled(function, (x,), 16, 0, 4), function(x))


def test_tiles_of_margin_alone_are_one_line():
    with pytest.raises(InputError, match="give tiles of at least 20"):
        tiled(blur, (drawn(1, 1, 64, 64),), 16, 6, 4)


def phantom(height, width):
    return 200 * drawn(1, height, width) - 200


@pytest.mark.parametrize(
    ("method", "space", "tile"),
    [(ColdPixel, "pixel", 80), (ColdPixel, "unshuffle", 112), (ColdLatent, "latent", 160), (RedCnnMethod, "", 64)],
)
def test_tiled_methods_equal_whole_slices(tmp_path, monkeypatch, method, space, tile):
    """In single precision: with bfloat16 a sum in another order is 0.03 HU off now and then, whole or in tiles."""
    monkeypatch.setattr("medrecon.networks.ct.load.network_dtype", lambda _: torch.float32)
    file = cold_file(tmp_path / "w.safetensors", space) if space else red_cnn_file(tmp_path / "w.safetensors")
    prior, how = load_ct(str(file)), {} if method is RedCnnMethod else {"steps": 2}
    low = phantom(190, 181)
    whole, tiles = (
        method(tile=t, **how).denoise(low, dose=0.25, voxel_mm=(3, 1, 1), prior=prior).values for t in (None, tile)
    )
    assert (whole - low).abs().max() > 1
    assert (whole - tiles).abs().max() < 0.01
