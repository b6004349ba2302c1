"""Networks behind the priors, and how a prior is made from weights."""

from medrecon.networks.edm import EDMDenoiser
from medrecon.networks.load import image_denoiser, image_prior, load_prior
from medrecon.networks.unet import UNet, UNetOptions

__all__ = ["EDMDenoiser", "UNet", "UNetOptions", "image_denoiser", "image_prior", "load_prior"]
