"""medrecon: raw MRI k-space and low-dose CT into images with fast diffusion models.

>>> import medrecon
>>> scan = medrecon.load(medrecon.demo_path())  # doctest: +SKIP
>>> medrecon.reconstruct(scan.undersample(medrecon.masks.pattern("random", 4)), method="spirit")  # doctest: +SKIP
>>> medrecon.denoise(medrecon.load_volume("chest/"), "cold-latent", dose=0.25)  # doctest: +SKIP

Names are imported when they are first used, so that `import medrecon` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medrecon import calibration, masks, operators
    from medrecon.ct import CT_METHODS
    from medrecon.ct_pipeline import denoise
    from medrecon.denoised import Denoised
    from medrecon.errors import InputError
    from medrecon.io import load, load_volume, save, save_picture, save_volume
    from medrecon.mri import METHODS
    from medrecon.pipeline import reconstruct
    from medrecon.problem import Problem
    from medrecon.reconstruction import Reconstruction
    from medrecon.scan import Scan
    from medrecon.simulate.demo import demo_path
    from medrecon.volume import Volume

__version__ = "0.1.0"

_HOME = {
    "CT_METHODS": "medrecon.ct",
    "Denoised": "medrecon.denoised",
    "InputError": "medrecon.errors",
    "METHODS": "medrecon.mri",
    "Problem": "medrecon.problem",
    "Reconstruction": "medrecon.reconstruction",
    "Scan": "medrecon.scan",
    "Volume": "medrecon.volume",
    "demo_path": "medrecon.simulate.demo",
    "denoise": "medrecon.ct_pipeline",
    "load": "medrecon.io",
    "load_volume": "medrecon.io",
    "reconstruct": "medrecon.pipeline",
    "save": "medrecon.io",
    "save_picture": "medrecon.io",
    "save_volume": "medrecon.io",
}
_ROOMS = ("calibration", "masks", "operators")

__all__ = [
    "CT_METHODS",
    "METHODS",
    "Denoised",
    "InputError",
    "Problem",
    "Reconstruction",
    "Scan",
    "Volume",
    "calibration",
    "demo_path",
    "denoise",
    "load",
    "load_volume",
    "masks",
    "operators",
    "reconstruct",
    "save",
    "save_picture",
    "save_volume",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"medrecon.{name}")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'medrecon' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
