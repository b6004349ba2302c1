"""A grey 8-bit PNG in memory, without any imaging library: for notebooks."""

import struct
import zlib

import torch
from torch import Tensor

from medrecon.io.window import window_top


def grey_png(image: Tensor) -> bytes:
    """PNG file of a real image `(y, x)`, black at 0 and white at its 99.5th percentile (PNG 1.2, colour type 0)."""
    values = image.detach().float().cpu()
    pixels = (values / window_top(values)).clamp(0, 1).mul(255).round().to(torch.uint8)
    height, width = pixels.shape
    rows = torch.nn.functional.pad(pixels, (1, 0)).contiguous().numpy().tobytes()  # each row starts with filter type 0
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
