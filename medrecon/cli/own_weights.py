"""`medrecon weights add|get`: networks into the user's own folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from medrecon.cli.parse import parse
from medrecon.errors import InputError

ADD = """Keep a trained network by name in your own folder ($MEDRECON_HOME/weights, or ~/.local/share/medrecon/weights),
where it wins over a shipped one of that name. A .pt file is opened once, as plain tensors, and converted.

medrecon weights add prior.safetensors --name mine"""
GET = """Fetch a network of the registry from a file or an address that you name, into your own folder, if its hash is
the recorded one. Nothing is ever fetched unless this command is called.

medrecon weights get mri-image-large --from https://example.org/mri-image-large.safetensors"""
HEX = 64


@dataclass(frozen=True)
class Add:
    """Options of `weights add`."""

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE")]
    """What `medrecon train` has written (.safetensors), or the weights of another program (.pt, .pth, .safetensors)."""
    name: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = None
    """What it is called from now on; unless given, as the file."""
    licence: Annotated[str | None, tyro.conf.arg(metavar="TEXT", help_behavior_hint="")] = None
    """Of the weights, for the record."""
    attribution: Annotated[str | None, tyro.conf.arg(metavar="TEXT", help_behavior_hint="")] = None
    """What it was trained on, for the record."""
    config: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """For weights that carry no settings: the recipe (.toml) whose network, levels and pixel sizes are theirs."""
    sigma_data: Annotated[float | None, tyro.conf.arg(metavar="NUMBER", help_behavior_hint="")] = None
    """For weights that carry no settings: the standard deviation of the images per real component."""
    storage: Literal["fp32", "fp16", "int8"] = "fp16"
    """How converted weights are stored."""
    replace: bool = False
    """Take the place of your own weights of the same name."""


@dataclass(frozen=True)
class Get:
    """Options of `weights get`."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """A network of the registry; with --sha256 any name."""
    source: Annotated[str, tyro.conf.arg(name="from", metavar="FILE|URL")]
    """Where it lies: a file, or an http(s) address."""
    sha256: Annotated[str | None, tyro.conf.arg(metavar="HEX", help_behavior_hint="")] = None
    """The hash of a file that the registry does not know."""
    replace: bool = False
    """Take the place of your own weights of the same name."""


def run_add(argv: Sequence[str]) -> int:
    """Convert where needed, verify that a prior can be built, then keep; raises InputError before anything is kept."""
    options = parse(Add, argv, "weights add", ADD)
    from medrecon.weights.add import described, keep
    from medrecon.weights.user import checked_name

    name = checked_name(options.name or options.file.stem)
    data = _weights_file(options)
    record = described(name, data)
    record = replace(
        record,
        licence=options.licence or record.licence,
        attribution=options.attribution or record.attribution,
    )
    _check_prior(data, options.file.name)
    keep(data, record, replacing=options.replace)
    return _kept(name)


def run_get(argv: Sequence[str]) -> int:
    """Read, compare the hash, keep; raises InputError before anything is kept."""
    options = parse(Get, argv, "weights get", GET)
    from medrecon import weights
    from medrecon.weights.add import described, keep
    from medrecon.weights.fetch import fetch
    from medrecon.weights.user import checked_name

    name = checked_name(options.name)
    known = weights.find(name)
    expected = options.sha256 or (known[0].sha256 if known else "")
    if known is None and not expected:
        raise InputError(f"no registry knows '{name}', so that nothing says what to expect; give its hash as --sha256")
    if len(expected) != HEX or set(expected.lower()) - set("0123456789abcdef"):
        raise InputError(f"the sha256 to expect is '{expected}'; give {HEX} hexadecimal digits as --sha256")
    data = fetch(options.source, expected)
    record = described(name, data)
    if known is not None and known[0].sha256 == record.sha256:
        record = replace(known[0], file=record.file)
    keep(data, record, replacing=options.replace)
    return _kept(name)


def _weights_file(options: Add) -> bytes:
    """The bytes of a weights file: as they are where medrecon has written them, converted otherwise."""
    from medrecon.weights.files import encode, is_own, read
    from medrecon.weights.foreign import PICKLED, read_foreign

    if options.file.suffix not in (*PICKLED, ".safetensors"):
        raise InputError(f"{options.file} is neither .safetensors nor {' nor '.join(PICKLED)}; give one of these")
    if options.file.suffix == ".safetensors":
        data = read(options.file)
        if is_own(data):
            return data
    tensors, settings = read_foreign(options.file)
    return encode(tensors, settings or _given_settings(options), options.storage)


def _given_settings(options: Add) -> dict[str, Any]:
    from medrecon.cli.recipe import read_recipe
    from medrecon.training.mri_image import settings_of
    from medrecon.training.mri_image_options import MriImageOptions

    if options.config is None or options.sigma_data is None:
        raise InputError(
            f"{options.file.name} holds weights alone; say what they belong to: --config with the recipe's .toml and "
            "--sigma-data"
        )
    if not options.sigma_data > 0:
        raise InputError(f"--sigma-data is {options.sigma_data}; give a positive number")
    recipe, _ = read_recipe(MriImageOptions(), options.config, {})
    return settings_of(recipe, options.sigma_data)


def _check_prior(data: bytes, name: str) -> None:
    """Raise InputError unless the file makes a prior."""
    import torch

    from medrecon.networks.load import check_kind, made_prior
    from medrecon.weights.files import decode

    tensors, settings = decode(data, name)
    check_kind(settings, name)
    made_prior(tensors, settings, torch.device("cpu"), name, None)


def _kept(name: str) -> int:
    from medrecon import weights

    record = weights.record(name)
    facts = f"{record.parameters / 1e6:.3g} M weights, sha256 {record.sha256[:12]}"
    print(f"kept {name} ({facts}) in {weights.user_folder()}")
    print(f"use it with --prior {name}")
    return 0
