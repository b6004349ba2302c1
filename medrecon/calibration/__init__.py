"""Calibration: what the sampled data say about coils, noise and scale. `Scan -> Problem` is `build_problem`."""

from medrecon.calibration.build import CalibrationOptions, build_problem, calibration_region, volume_scale
from medrecon.calibration.compress import Compression, compression
from medrecon.calibration.espirit import espirit_maps
from medrecon.calibration.noise import NoiseLevel, noise_level
from medrecon.calibration.phase import fix_phase
from medrecon.calibration.scale import acs_image_scale, acs_images
from medrecon.calibration.spirit_kernel import spirit_kernel
from medrecon.calibration.whiten import Whitening, whitening

__all__ = [
    "CalibrationOptions",
    "Compression",
    "NoiseLevel",
    "Whitening",
    "acs_image_scale",
    "acs_images",
    "build_problem",
    "calibration_region",
    "compression",
    "espirit_maps",
    "fix_phase",
    "noise_level",
    "spirit_kernel",
    "volume_scale",
    "whitening",
]
