import shutil

import pytest
import torch

from medrecon import weights
from medrecon.errors import InputError
from medrecon.networks import UNet, UNetOptions, image_prior, load_prior
from medrecon.training.mri_image import prior_settings

TINY = UNetOptions(widths=(8, 8), encoder_blocks=(1, 1), decoder_blocks=(1, 1), embedding=8)
CPU = torch.device("cpu")


def prior(**further):
    settings = prior_settings(TINY, 0.3, (0.001, 10.0)) | further
    return image_prior(UNet(TINY).state_dict(), settings, CPU, "tiny", None)


def test_a_record_says_how_far_the_denoiser_errs_and_how_wide_its_draws_are_to_be():
    calibrated = prior(calibration={"levels": [0.01, 0.1], "errors": [0.004, 0.02], "temperature": 1.4})
    assert calibrated.temperature == 1.4
    spread = calibrated.spread(torch.tensor([0.01, 0.1]))
    assert spread.tolist() == pytest.approx([0.004, 0.02])


@pytest.mark.parametrize("calibration", [None, {}])
def test_without_one_the_spread_is_that_of_the_best_linear_denoiser(calibration):
    plain = prior(calibration=calibration)
    assert plain.temperature is None
    sigma = torch.tensor(0.1)
    assert plain.spread(sigma).item() == pytest.approx((0.1**2 * 0.09 / (0.1**2 + 0.09)) ** 0.5)


def test_a_broken_record_is_one_line():
    with pytest.raises(InputError, match="tiny: weights and settings make no image prior"):
        prior(calibration={"levels": [0.1], "errors": [0.1], "temperature": 1.0})


def test_a_copy_of_registered_weights_keeps_their_record(tmp_path):
    record, folder = weights.find("mri-image-small")
    shutil.copy(folder / record.file, tmp_path / "copied.safetensors")
    named, copied = load_prior("mri-image-small"), load_prior(str(tmp_path / "copied.safetensors"))
    assert copied.temperature == named.temperature is not None
    assert copied.record["pixel_range"] == record.pixel_range
