import torch

from medrecon.datasets.volume import TrainingVolume
from medrecon.networks import UNet, UNetOptions, image_prior
from medrecon.training.mri_image import prior_settings
from medrecon.training.validation import ValidationOptions, validate

TINY = UNetOptions(widths=(8, 8), encoder_blocks=(1, 1), decoder_blocks=(1, 1), embedding=8)


def test_validation_repeats_and_knows_a_worse_prior():
    z, y, x = torch.meshgrid(*[torch.linspace(-1, 1, n) for n in (12, 96, 88)], indexing="ij")
    values = ((z**2 / 4 + y**2 + x**2) < 0.6).float() * (1 + 0.3 * torch.sin(9 * x * y))
    volume = TrainingVolume(values, (5.0, 2.0, 2.0), "nobody", "head")
    options = ValidationOptions(accels=(4.0,), slices=1, steps=2, batches=1, batch=2)

    def scores(sigma_data: float) -> dict[str, float]:
        settings = prior_settings(TINY, sigma_data, (0.001, 10.0))
        prior = image_prior(UNet(TINY).state_dict(), settings, torch.device("cpu"), "linear", None)
        return validate(prior, [volume], options, 48)

    good = scores(0.3)
    assert good == scores(0.3)
    assert set(good) == {"psnr_foreground_r4", "loss"}
    assert good["psnr_foreground_r4"] > scores(0.002)["psnr_foreground_r4"] + 3
