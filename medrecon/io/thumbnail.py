"""8-bit PNGs in memory, grey or coloured, without any imaging library."""

import struct
import zlib

import torch
from torch import Tensor

from medrecon.io.window import window_top


def grey_png(image: Tensor) -> bytes:
    """PNG file of a real image `(y, x)`, black at 0 and white at its 99.5th percentile."""
    values = image.detach().float().cpu()
    return unit_png(values / window_top(values))


def unit_png(image: Tensor) -> bytes:
    """PNG file of an image `(y, x)`, black at 0 and below, white at 1 and above (PNG 1.2, colour type 0)."""
    return _file(image, kind=0)


def coloured_png(image: Tensor, palette: bytes) -> bytes:
    """PNG file of an image `(y, x)` in the colours of `palette`, 256 times (red, green, blue), from 0 to 1."""
    return _file(image, kind=3, palette=palette)


def _file(image: Tensor, kind: int, palette: bytes = b"") -> bytes:
    pixels = image.detach().float().cpu().clamp(0, 1).mul(255).round().to(torch.uint8)
    height, width = pixels.shape
    rows = torch.nn.functional.pad(pixels, (1, 0)).contiguous().numpy().tobytes()  # each row starts with filter type 0
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))
    colours = _chunk(b"PLTE", palette) if palette else b""
    data = _chunk(b"IDAT", zlib.compress(rows, 9))
    return b"\x89PNG\r\n\x1a\n" + header + colours + data + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
