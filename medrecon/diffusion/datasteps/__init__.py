"""Data steps, one a file."""

from medrecon.diffusion.datasteps.hard import Hard
from medrecon.diffusion.datasteps.high_band import HighBand
from medrecon.diffusion.datasteps.noise_weighted import NoiseWeighted
from medrecon.diffusion.datasteps.null_space import NullSpace
from medrecon.diffusion.datasteps.self_consistent import SelfConsistent
from medrecon.diffusion.datasteps.step import DataStep, PosteriorStep, trust

__all__ = ["DataStep", "Hard", "HighBand", "NoiseWeighted", "NullSpace", "PosteriorStep", "SelfConsistent", "trust"]
