"""Options of the DDGAN's recipe and of its DDPM control: everything that decides what prior comes out."""

from __future__ import annotations

from dataclasses import dataclass, field

from medrecon.datasets.augmentation import AugmentationOptions
from medrecon.networks.ddgan.ddpm import Process
from medrecon.networks.ddgan.discriminator import DiscriminatorOptions
from medrecon.networks.ddgan.options import GeneratorOptions
from medrecon.networks.unet import UNetOptions
from medrecon.training.loop import LoopOptions

KINDS = ("gan", "l1")


@dataclass(frozen=True)
class ObjectiveOptions:
    """What the generator learns from; all but `l1` of the adversarial one are AdaDiff's (Guengoer et al. 2023).

    kind : "gan", or "l1", the mean absolute error of x_0: the control of the same network without adversary, which
        leaves the rest of these out.
    rate : learning rate of the discriminator, whose warm-up and decay are the generator's.
    r1, interval : weight of half the squared gradient at real images, and the steps from one such penalty to the next;
        it is not multiplied by the interval, so that the weight in the mean is r1 / interval.
    head_start : steps in which the discriminator alone learns: where the generator starts from weights.
    l1 : weight of the mean absolute error of x_0 beside the adversarial loss: that of the shipped prior; 0 in the
        papers, which train for days. In minutes an adversary alone ruins what the network had learnt.
    """

    kind: str = "gan"
    rate: float = 1e-4
    r1: float = 1.0
    interval: int = 10
    head_start: int = 0
    l1: float = 30.0


@dataclass(frozen=True)
class DiffusionOptions:
    """Number of large steps: 8, or 4, which costs 0.3 to 0.5 dB in AdaDiff's ablation; and how they are spaced.

    spacing : "noise", that of the shipped prior, which ends at a finer level, or "time", as published
        (`networks.ddgan.schedule`).
    """

    steps: int = 8
    spacing: str = "noise"


@dataclass(frozen=True)
class MriDdganOptions:
    """The recipe of the generator.

    loop : learning rate of the generator; `clip` only stops bursts, the published recipe clips nothing.
    """

    network: GeneratorOptions = field(default_factory=GeneratorOptions)
    discriminator: DiscriminatorOptions = field(default_factory=DiscriminatorOptions)
    size: int = 256
    batch: int = 32
    diffusion: DiffusionOptions = field(default_factory=DiffusionOptions)
    objective: ObjectiveOptions = field(default_factory=ObjectiveOptions)
    augmentation: AugmentationOptions = field(default_factory=AugmentationOptions)
    loop: LoopOptions = field(default_factory=lambda: LoopOptions(learning_rate=1.6e-4, clip=100.0))


@dataclass(frozen=True)
class MriDdpmOptions:
    """The recipe of the 1000-step DDPM of the generator's size: mean square error of epsilon, all steps alike."""

    network: UNetOptions = field(default_factory=lambda: UNetOptions(widths=(128, 160, 176, 128)))
    process: Process = field(default_factory=Process)
    size: int = 256
    batch: int = 32
    augmentation: AugmentationOptions = field(default_factory=AugmentationOptions)
    loop: LoopOptions = field(default_factory=LoopOptions)
