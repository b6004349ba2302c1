"""Files in and out, one file a format. Names are imported when first used: `--help` needs none of them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medrecon.io.images import load_images
    from medrecon.io.info import ScanInfo, describe
    from medrecon.io.loading import load
    from medrecon.io.picture import save_picture
    from medrecon.io.saving import save
    from medrecon.io.writable import check_writable, write_json

_HOME = {
    "ScanInfo": "medrecon.io.info",
    "check_writable": "medrecon.io.writable",
    "describe": "medrecon.io.info",
    "load": "medrecon.io.loading",
    "load_images": "medrecon.io.images",
    "save": "medrecon.io.saving",
    "save_picture": "medrecon.io.picture",
    "write_json": "medrecon.io.writable",
}

__all__ = ["ScanInfo", "check_writable", "describe", "load", "load_images", "save", "save_picture", "write_json"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'medrecon.io' has no attribute '{name}'")
