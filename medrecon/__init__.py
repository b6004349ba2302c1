"""medrecon: raw MRI k-space into images with fast diffusion models.

>>> import medrecon
>>> scan = medrecon.load(medrecon.demo_path())  # doctest: +SKIP
>>> medrecon.reconstruct(scan.undersample(medrecon.masks.pattern("random", 4)), method="spirit")  # doctest: +SKIP

Names are imported when they are first used, so that `import medrecon` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medrecon import calibration, masks, operators
    from medrecon.errors import InputError
    from medrecon.io import load, save, save_picture
    from medrecon.mri import METHODS
    from medrecon.pipeline import reconstruct
    from medrecon.problem import Problem
    from medrecon.reconstruction import Reconstruction
    from medrecon.scan import Scan
    from medrecon.simulate.demo import demo_path

__version__ = "0.1.0"

_HOME = {
    "InputError": "medrecon.errors",
    "METHODS": "medrecon.mri",
    "Problem": "medrecon.problem",
    "Reconstruction": "medrecon.reconstruction",
    "Scan": "medrecon.scan",
    "demo_path": "medrecon.simulate.demo",
    "load": "medrecon.io",
    "reconstruct": "medrecon.pipeline",
    "save": "medrecon.io",
    "save_picture": "medrecon.io",
}
_ROOMS = ("calibration", "masks", "operators")

__all__ = [
    "METHODS",
    "InputError",
    "Problem",
    "Reconstruction",
    "Scan",
    "calibration",
    "demo_path",
    "load",
    "masks",
    "operators",
    "reconstruct",
    "save",
    "save_picture",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"medrecon.{name}")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'medrecon' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
