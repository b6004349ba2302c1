"""CT networks from their weights: the shipped ones by name, others by path; latent ones with the codec they know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from medrecon import weights
from medrecon.errors import InputError
from medrecon.networks.ct.codec import CodecOptions, CtCodec
from medrecon.networks.ct.cold import ColdNet, ColdOptions
from medrecon.networks.ct.ddpm import CtDdpm, DdpmOptions
from medrecon.networks.ct.red_cnn import RedCnn, RedCnnOptions
from medrecon.networks.ct.space import PIXELS, LatentScale, Space
from medrecon.networks.ready import misfit_explained, network_dtype, ready_network
from medrecon.weights.registry import folders, records

CODEC, COLD, DDPM, REGRESSION = "ct-codec", "ct-cold", "ct-ddpm", "ct-regression"
KINDS = (CODEC, COLD, DDPM, REGRESSION)
RED_CNN, ONE_STEP = "red-cnn", "one-step"
"""Architectures of a regression."""


@dataclass(frozen=True, eq=False)
class CtPrior:
    """A CT network, ready on its device.

    Attributes
    ----------
    kind : "ct-codec", "ct-cold", "ct-ddpm" or "ct-regression".
    network : `CtCodec`, `ColdNet`, `CtDdpm`; a regression is a `ColdNet` to be called at t = 1, or a `RedCnn`.
    space : where a `ColdNet` works; a codec's own latents; pixels for the others.
    name, sha256, record : which weights these are; the record goes into the provenance.
    """

    kind: str
    network: nn.Module
    space: Space = PIXELS
    name: str = "analytic"
    sha256: str | None = None
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def codec(self) -> CtCodec | None:
        """Of a latent space, or the network itself."""
        return self.space.codec

    @property
    def multiple(self) -> int:
        """Image sides must be multiples of this."""
        options = getattr(self.network, "options", None)
        own = getattr(options, "multiple", 1)
        return own if self.kind == CODEC else own * self.space.factor

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    def encode(self, u: Tensor) -> Tensor:
        """States `(n, c, h, w)` of images `(n, 1, y, x)` in network units; latents are scaled to unit size."""
        return self.space.encode(u)

    def decode(self, state: Tensor) -> Tensor:
        """Images of states."""
        return self.space.decode(state)


def load_ct(name: str, device: torch.device | str = "cpu", *, codec: str | None = None) -> CtPrior:
    """The CT network called `name`, or in the .safetensors file of that path, verified and ready on `device`.

    A latent network names its codec by hash: it is looked for among the registered weights and beside the file, unless
    `codec` is its name or path. Convolutions compute in the device's number format (`ready.network_dtype`).
    Raises InputError for an unknown name, a damaged file, weights of another kind, or another codec.
    """
    tensors, settings, sha256 = weights.load(name)
    kind = settings.get("kind")
    if kind not in KINDS:
        raise InputError(f"{name} holds weights of kind '{kind}'; a CT network is of kind {', '.join(KINDS)}")
    on = torch.device(device)
    wanted = settings.get("codec")
    if wanted is None:
        return made_ct(tensors, settings, on, Path(name).name, sha256)
    found, about, digest = weights.load(codec or _codec_of(name, wanted))
    if digest != wanted["sha256"]:
        raise InputError(
            f"{name} works in the latents of the codec {wanted['name']} (sha256 {wanted['sha256'][:12]}), and "
            f"{codec or 'the one found'} has sha256 {digest[:12]}; give the codec that it was trained with"
        )
    space = latent_space(found, about, on, wanted["name"])
    return made_ct(tensors, settings, on, Path(name).name, sha256, space)


def made_ct(
    tensors: Mapping[str, Tensor],
    settings: Mapping[str, Any],
    device: torch.device,
    name: str,
    sha256: str | None,
    latent: Space | None = None,
) -> CtPrior:
    """A network from weights and the settings that were stored with them; `latent` is the space of a latent one.

    Raises InputError if they do not fit.
    """
    kind = settings["kind"]
    with misfit_explained(name, f"network of kind {kind}"):
        if kind == CODEC:
            space = latent_space(tensors, settings, device, name)
            assert space.codec is not None
            return CtPrior(kind, space.codec, space, name, sha256, settings)
        if kind == DDPM:
            options = DdpmOptions.from_dict(settings["options"])
            network = CtDdpm(ready_network(tensors, options.architecture, device), options).to(device)
            return CtPrior(kind, network, PIXELS, name, sha256, settings)
        if kind == REGRESSION and settings["architecture"] == RED_CNN:
            network = _ready(lambda: RedCnn(RedCnnOptions(**settings["options"])), tensors, device)
            return CtPrior(kind, network, PIXELS, name, sha256, settings)
        cold = ColdOptions.from_dict(settings["options"])
        space = latent if cold.space == "latent" else Space.of(cold)
        if space is None or (space.codec is not None and space.codec.options.channels != cold.channels):
            raise ValueError(f"a latent network of {cold.channels} channels needs its codec")
        network = ColdNet(ready_network(tensors, cold.architecture, device), cold)
        return CtPrior(kind, network, space, name, sha256, settings)


def latent_space(tensors: Mapping[str, Tensor], settings: Mapping[str, Any], device: torch.device, name: str) -> Space:
    """The space of a codec's latents, scaled; raises InputError for weights that are no codec's."""
    if settings.get("kind") != CODEC:
        raise InputError(f"{name} holds weights of kind '{settings.get('kind')}'; a codec is of kind '{CODEC}'")
    with misfit_explained(name, "codec"):
        codec = _ready(lambda: CtCodec(CodecOptions(**settings["options"])), tensors, device)
        return Space("latent", codec.options.factor, codec, LatentScale.from_dict(settings, device))


def _ready(make: Callable[[], nn.Module], tensors: Mapping[str, Tensor], device: torch.device) -> Any:
    """Convolutions in the device's format; buffers, such as the codec's linear path, stay in single precision."""
    with torch.random.fork_rng(devices=[]):  # weights that are drawn only to be replaced
        network = make()
    network.load_state_dict({k: v.float() for k, v in tensors.items()})
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    for parameter in network.parameters():
        parameter.data = parameter.data.to(network_dtype(device))
    return network.eval().requires_grad_(False)


def _codec_of(name: str, wanted: Mapping[str, Any]) -> str:
    """Where the codec of that hash lies."""
    for folder in folders():
        for each in records(folder):
            if each.sha256 == wanted["sha256"] and each.file is not None:
                return str(folder / each.file)
    beside = Path(name).parent / f"{wanted['name']}.safetensors"
    if Path(name).suffix == ".safetensors" and beside.is_file():
        return str(beside)
    raise InputError(
        f"{name} needs the codec '{wanted['name']}' (sha256 {wanted['sha256'][:12]}), which is neither registered nor "
        f"beside it; put {beside.name} there, or keep it by medrecon weights add"
    )
