"""Low-dose CT: attenuation, projection data, dose, and the methods that restore images, by name.

Modules of methods are imported only when their method is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from medrecon.errors import InputError

if TYPE_CHECKING:
    from medrecon.ct.method import CtMethod

CT_METHODS = {
    "cold-latent": "medrecon.ct.cold_latent:ColdLatent",
    "cold-pixel": "medrecon.ct.cold_pixel:ColdPixel",
    "one-step": "medrecon.ct.one_step:OneStep",
    "ddpm": "medrecon.ct.ddpm:Ddpm",
    "red-cnn": "medrecon.ct.red_cnn:RedCnnMethod",
    "nlm": "medrecon.ct.nlm:NonLocalMeans",
    "tv": "medrecon.ct.tv:TotalVariation",
}


def ct_method_class(name: str) -> type[CtMethod]:
    """The dataclass of the method called `name`; raises InputError with the names that exist."""
    if name not in CT_METHODS:
        raise InputError(f"unknown method '{name}'; choose one of {', '.join(CT_METHODS)}")
    module, cls = CT_METHODS[name].split(":")
    return getattr(import_module(module), cls)


__all__ = ["CT_METHODS", "ct_method_class"]
