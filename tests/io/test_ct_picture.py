"""The picture of denoised CT: panels, window, and what stands around them."""

from dataclasses import replace

import pytest
import torch

from medrecon.errors import InputError
from medrecon.io.ct_picture import CtPicture, ct_figure, save_ct_picture

ROW = {"psnr": 40.25, "ssim": 0.912, "rmse": 11.5}
SCORES = {
    "protocol": "ct-abdomen",
    "method": {"mean": ROW, "slices": [ROW] * 5},
    "input": {"mean": ROW, "slices": [{**ROW, "psnr": None}] * 5},
}


def picture(slices=5, scored=True):
    reference = torch.linspace(-1000, 1000, slices * 30 * 20).reshape(slices, 30, 20)
    record = {
        "method": "cold-latent", "dose": 0.25, "network_calls": 5, "seconds_per_slice": 0.12, "device": "cpu",
        "weights": {"name": "ct-cold", "sha256": "0"}, "scores": SCORES if scored else None,
    }  # fmt: skip
    return CtPicture(reference + 50, reference + 8, reference if scored else None, (1.0, 0.5), (-150.0, 250.0), record)


def test_three_slices_with_low_dose_result_reference_and_error():
    axes = ct_figure(picture()).axes
    assert len(axes) == 12
    titles = [each.get_title() for each in axes[:4]]
    assert titles[0] == "1 of 5: low dose   ? dB / 0.912"
    assert titles[1] == "cold-latent   40.2 dB / 0.912"
    assert titles[2:] == ["reference", "error, ±40 HU"]


def test_images_share_the_window_and_the_error_has_its_sign():
    shown = [each.images[0] for each in ct_figure(picture(1)).axes]
    assert [image.get_clim() for image in shown[:3]] == [(-150, 250)] * 3
    assert shown[3].get_clim() == (-40, 40)
    assert float(shown[3].get_array().mean()) == pytest.approx(8, abs=1e-4)


def test_without_a_reference_there_are_two_panels_and_no_scores():
    figure = ct_figure(picture(1, scored=False))
    assert [each.get_title() for each in figure.axes] == ["low dose", "cold-latent"]
    assert "no reference" in " ".join(text.get_text() for text in figure.texts)


def test_the_words_name_dose_cost_protocol_and_window():
    said = " ".join(text.get_text() for text in ct_figure(picture()).texts)
    for words in ("0.25 of full dose", "5 network calls", "ct-cold", "40.25 dB", "RMSE 11.5 HU", "ct-abdomen",
                  "-150 to 250 HU", "research use only"):  # fmt: skip
        assert words in said


@pytest.mark.parametrize("scored", [True, False])
def test_no_word_runs_over_the_edge(scored):
    shown = picture(1, scored=scored)
    weights = {"name": "a-network-of-ones-own", "sha256": "0"}
    record = {**shown.record, "seconds_per_slice": 0.0746, "device": "cuda:0", "weights": weights}
    figure = ct_figure(replace(shown, record=record))
    figure.canvas.draw()
    for text in figure.texts:
        assert text.get_window_extent().x1 <= figure.bbox.x1


def test_it_is_written_whole_and_as_png_alone(tmp_path):
    save_ct_picture(picture(1), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="ending"):
        save_ct_picture(picture(1), tmp_path / "a.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
