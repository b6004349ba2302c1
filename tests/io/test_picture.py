"""The picture, and how a result shows itself in a notebook."""

import io
import re
import sys
from base64 import b64decode
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.image import imread

from medrecon.errors import InputError
from medrecon.io import save_picture
from medrecon.io.panels import shown_slices
from medrecon.io.picture import figure
from medrecon.io.thumbnail import grey_png
from medrecon.reconstruction import Reconstruction

MEAN = {"psnr": 31.25, "ssim": 0.871, "psnr_foreground": 28.5, "ssim_foreground": 0.91}
SCORES = {
    "protocol": "full-range",
    "reference": "combined",
    "method": {"mean": MEAN, "slices": [{"psnr": 31.25, "ssim": 0.871}]},
    "zero_filled": {"mean": MEAN, "slices": [{"psnr": 22.5, "ssim": 0.5}]},
}


def result(slices=1, scored=True, drawn=True):
    truth = torch.linspace(0, 1, slices * 30 * 20).reshape(slices, 30, 20)
    return Reconstruction(
        image=truth.to(torch.complex64) + 0.01,
        zero_filled=truth * 0.8,
        std=torch.full_like(truth, 0.02) if drawn else None,
        reference=truth if scored else None,
        reference_kind="combined" if scored else None,
        scores=SCORES if scored else None,
        residual=(1.0,) * slices,
        network_calls=50,
        provenance={"method": "spirit", "net_acceleration": 4.02, "weights": {"name": "small", "sha256": "0"}},
    )


def titles(made):
    return [axes.get_title() for axes in figure(made).axes]


def test_panels_with_a_reference():
    shown = titles(result())
    assert shown[0] == "reference (combined)"
    assert "22.5 dB" in shown[1]
    assert "spirit" in shown[2]
    assert "31.2 dB" in shown[2]
    assert shown[3:] == ["error ×5", "std ×5, not calibrated"]


def test_panels_without_a_reference():
    assert titles(result(scored=False)) == ["zero-filled", "spirit", "std ×5, not calibrated"]
    assert titles(result(scored=False, drawn=False)) == ["zero-filled", "spirit"]


def test_zero_filling_is_shown_once():
    assert titles(replace(result(scored=False, drawn=False), provenance={"method": "zero-filled"})) == ["zero-filled"]


def test_heading_says_how_it_was_made_and_measured():
    text = " ".join(t.get_text() for t in figure(result()).texts)
    for part in ("spirit", "net R 4.02", "50 network calls", "small", "31.25 dB", "0.871", "full-range", "combined"):
        assert part in text
    assert "research use only" in text


def test_error_and_spread_share_a_scale_of_a_fifth():
    drawn = [axes.images[0] for axes in figure(result()).axes]
    tops = [image.get_clim()[1] for image in drawn]
    assert tops[0] == tops[1] == tops[2] == pytest.approx(5 * tops[3])
    assert tops[3] == tops[4]
    np.testing.assert_allclose(drawn[3].get_array(), 0.01, atol=1e-6)


def test_slices_are_spread_over_the_volume():
    assert shown_slices(1) == [0]
    assert shown_slices(2) == [0, 1]
    assert shown_slices(30) == [5, 15, 25]
    assert len(figure(result(slices=5)).axes) == 15


def test_png_is_written_and_the_backend_stays(tmp_path):
    backend, pyplot = matplotlib.get_backend(), "matplotlib.pyplot" in sys.modules
    save_picture(result(slices=2), tmp_path / "p.png")
    pixels = imread(tmp_path / "p.png")
    assert pixels.shape[0] > 300
    assert pixels.std() > 0.05
    assert matplotlib.get_backend() == backend
    assert ("matplotlib.pyplot" in sys.modules) == pyplot
    with pytest.raises(InputError, match="ending"):
        save_picture(result(), tmp_path / "p.h5")
    with pytest.raises(InputError, match="does not exist"):
        save_picture(result(), tmp_path / "none" / "p.png")


def test_thumbnail_is_a_png():
    image = torch.zeros(7, 5)
    image[3, 2], image[0, 4] = 1.0, 0.5
    pixels = imread(io.BytesIO(grey_png(image)))
    np.testing.assert_allclose(pixels, image, atol=1 / 255)
    assert imread(io.BytesIO(grey_png(torch.zeros(3, 4)))).max() == 0


def test_notebooks_see_a_table_and_the_middle_slice():
    made = result(slices=3)
    html = made._repr_html_()
    assert "31.25 dB / 0.871 (full-range)" in html
    found = re.search(r"base64,([^\"]+)", html)
    assert found
    assert imread(io.BytesIO(b64decode(found[1]))).shape == (30, 20)
