"""The denoising diffusion GAN: generator, discriminator, schedule, and the prior made of them."""

from medrecon.networks.ddgan.denoiser import DdganDenoiser
from medrecon.networks.ddgan.discriminator import Discriminator, DiscriminatorOptions
from medrecon.networks.ddgan.generator import Generator, GeneratorOptions
from medrecon.networks.ddgan.schedule import Schedule

__all__ = ["DdganDenoiser", "Discriminator", "DiscriminatorOptions", "Generator", "GeneratorOptions", "Schedule"]
