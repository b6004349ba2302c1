"""Files in and out, one file a format. Names are imported when first used: `--help` needs none of them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medrecon.io.derivation import Derivation
    from medrecon.io.images import load_images
    from medrecon.io.info import ScanInfo, describe
    from medrecon.io.loading import load
    from medrecon.io.picture import save_picture
    from medrecon.io.saving import check_result_writable, save
    from medrecon.io.volume_info import VolumeInfo, describe_volume
    from medrecon.io.volume_saving import check_volume_writable, save_volume
    from medrecon.io.volumes import holds_volume, load_volume
    from medrecon.io.writable import check_writable, write_json

_HOME = {
    "Derivation": "medrecon.io.derivation",
    "ScanInfo": "medrecon.io.info",
    "VolumeInfo": "medrecon.io.volume_info",
    "check_result_writable": "medrecon.io.saving",
    "check_volume_writable": "medrecon.io.volume_saving",
    "check_writable": "medrecon.io.writable",
    "describe": "medrecon.io.info",
    "describe_volume": "medrecon.io.volume_info",
    "holds_volume": "medrecon.io.volumes",
    "load": "medrecon.io.loading",
    "load_images": "medrecon.io.images",
    "load_volume": "medrecon.io.volumes",
    "save": "medrecon.io.saving",
    "save_picture": "medrecon.io.picture",
    "save_volume": "medrecon.io.volume_saving",
    "write_json": "medrecon.io.writable",
}

__all__ = [
    "Derivation",
    "ScanInfo",
    "VolumeInfo",
    "check_result_writable",
    "check_volume_writable",
    "check_writable",
    "describe",
    "describe_volume",
    "holds_volume",
    "load",
    "load_images",
    "load_volume",
    "save",
    "save_picture",
    "save_volume",
    "write_json",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'medrecon.io' has no attribute '{name}'")
