"""MRI reconstruction methods by name. Modules are imported only when their method is asked for."""

from importlib import import_module

from medrecon.errors import InputError
from medrecon.mri.method import Method, Solution

METHODS = {
    "zero-filled": "medrecon.mri.zero_filled:ZeroFilled",
    "sense": "medrecon.mri.sense:Sense",
    "wavelet": "medrecon.mri.wavelet:Wavelet",
    "tv": "medrecon.mri.tv:TotalVariation",
    "spirit-linear": "medrecon.mri.spirit_linear:SpiritLinear",
    "dds": "medrecon.mri.dds:DDS",
    "spirit": "medrecon.mri.spirit:Spirit",
    "hfs": "medrecon.mri.hfs:HFS",
    "fdmr": "medrecon.mri.fdmr.method:Fdmr",
    "hfs-paper": "medrecon.mri.hfs_paper:HfsPaper",
    "hfs-released": "medrecon.mri.hfs_released:HfsReleased",
    "spirit-paper": "medrecon.mri.spirit_paper:SpiritPaper",
}


def method_class(name: str) -> type[Method]:
    """The dataclass of the method called `name`; raises InputError with the names that exist."""
    if name not in METHODS:
        raise InputError(f"unknown method '{name}'; choose one of {', '.join(METHODS)}")
    module, cls = METHODS[name].split(":")
    return getattr(import_module(module), cls)


__all__ = ["METHODS", "Method", "Solution", "method_class"]
