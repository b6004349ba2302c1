"""How far networks look: pixels to each side, of their input's grid, that can change one pixel of the output."""

from __future__ import annotations

from torch import nn

from medrecon.networks.ct.codec import CodecOptions
from medrecon.networks.ct.cold import INNER, ColdNet
from medrecon.networks.ct.ddpm import CtDdpm
from medrecon.networks.ct.red_cnn import KERNEL, LAYERS, RedCnn
from medrecon.networks.unet import UNetOptions


def unet_reach(options: UNetOptions) -> int:
    """Of a U-Net: two 3x3 convolutions a block at every resolution, stem, head, and one cell of the coarsest grid."""
    blocks = [2 * (n + m) for n, m in zip(options.encoder_blocks, options.decoder_blocks, strict=True)]
    blocks[0] += 2
    return sum(count * 2 ** (level + 1) for level, count in enumerate(blocks)) + options.multiple


def encoder_reach(options: CodecOptions) -> int:
    """Of a codec's encoder in pixels: convolutions on blocks, one more block for the mean that ramps are freed of."""
    return options.factor * (2 * options.encoder_blocks + 4)


def decoder_reach(options: CodecOptions) -> int:
    """Of a codec's decoder in positions of the latent."""
    return 2 * options.decoder_blocks + 3


def network_reach(network: nn.Module) -> int:
    """Of a network that maps a grid to itself; raises ValueError for one that is not known."""
    if isinstance(network, ColdNet):
        whole = unet_reach(network.options.architecture)
        return whole if network.options.space == "pixel" else -(-whole // INNER)
    if isinstance(network, CtDdpm):
        return unet_reach(network.options.architecture)
    if isinstance(network, RedCnn):
        return 2 * LAYERS * (KERNEL // 2)
    raise ValueError(f"how far a {type(network).__name__} looks is not known")
