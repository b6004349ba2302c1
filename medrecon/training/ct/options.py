"""Options of the CT recipes: everything that decides what network comes out."""

from __future__ import annotations

from dataclasses import dataclass, field

from medrecon.networks.ct.codec import CodecOptions
from medrecon.networks.ct.cold import ColdOptions
from medrecon.networks.ct.ddpm import DdpmOptions
from medrecon.networks.ct.red_cnn import RedCnnOptions
from medrecon.training.loop import LoopOptions


@dataclass(frozen=True)
class CtCodecOptions:
    """The codec's recipe.

    loss : "rmse", the root mean square error of each image, "l1" or "mse". The first hears slices without noise, whose
        error can become small, as much as noisy ones, of which half can never be kept.
    kl : weight of the Kullback-Leibler divergence from a standard normal, mean over the latent's values.
    low_share : share of the images that are shown at a low dose, the others being full-dose slices and truths.
    phantom_share : share of the images that show phantoms: the only ones whose every detail can be kept.
    """

    network: CodecOptions = field(default_factory=CodecOptions)
    size: int = 256
    batch: int = 32
    loss: str = "rmse"
    kl: float = 1e-6
    low_share: float = 0.5
    phantom_share: float = 0.3
    loop: LoopOptions = field(default_factory=lambda: LoopOptions(seconds=240.0, learning_rate=1e-3))


@dataclass(frozen=True)
class CtColdOptions:
    """The recipe of cold diffusion: z_t = (1 - t) z_0 + t z_T, t uniform on (0, 1].

    loss : "l1" or "mse" of the clean state.
    decoded : weight of the same loss on decoded images.
    lattice : weight of the squared pattern that errors of decoded images share from block to block; no part in pixels.
        While a network still learns to denoise it costs RMSE; for runs that go on from trained weights.
    vectors_only : hold tensors of two axes and more as they were begun with. Storage in int8 rounds these alone, which
        is where most of the lattice comes from; biases and norms can make up for it (after Nagel et al. 2019).
    at_end : share of the states at t = 1 exactly. A network that sees the end point can read the clean image off any
        state before it, so that there above all it learns to denoise.
    own : share of the states before the end whose clean part is the network's own estimate at the end, as it is in
        use; nothing can be read off these, and a further step learns to improve on the one before.
    """

    network: ColdOptions = field(default_factory=ColdOptions)
    size: int = 256
    batch: int = 32
    loss: str = "l1"
    decoded: float = 0.0
    lattice: float = 0.0
    vectors_only: bool = False
    at_end: float = 0.4
    own: float = 0.5
    loop: LoopOptions = field(default_factory=lambda: LoopOptions(seconds=240.0))


@dataclass(frozen=True)
class CtDdpmOptions:
    """The recipe of the conditional DDPM: mean square error of epsilon, all steps alike."""

    network: DdpmOptions = field(default_factory=DdpmOptions)
    size: int = 256
    batch: int = 32
    loop: LoopOptions = field(default_factory=lambda: LoopOptions(seconds=240.0))


@dataclass(frozen=True)
class CtRegressionOptions:
    """The recipe of networks that restore in one step.

    architecture : "one-step", the network of cold diffusion held at t = 1, or "red-cnn".
    network, red_cnn : of the one and the other.
    loss : "l1" or "mse", of the state for a one-step network. decoded, lattice,
        vectors_only : as for cold diffusion.
    """

    architecture: str = "one-step"
    network: ColdOptions = field(default_factory=ColdOptions)
    red_cnn: RedCnnOptions = field(default_factory=RedCnnOptions)
    size: int = 256
    batch: int = 32
    loss: str = "l1"
    decoded: float = 0.0
    lattice: float = 0.0
    vectors_only: bool = False
    loop: LoopOptions = field(default_factory=lambda: LoopOptions(seconds=240.0))
