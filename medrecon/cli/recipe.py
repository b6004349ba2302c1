"""A recipe's options from its TOML file and from the command line, which wins."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from medrecon.errors import InputError
from medrecon.training.config import merged, nested, read_toml, updated

Options = TypeVar("Options")
COMMAND_LINE = "the command line"
VOLUMES = "volumes"


@dataclass(frozen=True)
class Volumes:
    """The table [volumes] of a config: a pack or a folder each, "" where the command line names it."""

    train: str = ""
    held_out: str = ""


def dotted(argv: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """The words that are no dotted option, and the tree of those that are: `--loop.steps 200`, `--a.b=[1, 2]`.

    Raises InputError for a dotted option without a value.
    """
    plain: list[str] = []
    tree: dict[str, Any] = {}
    words = iter(argv)
    for word in words:
        name, equals, text = word.partition("=")
        if not (name.startswith("--") and "." in name and name[2:].replace(".", "").replace("-", "_").isidentifier()):
            plain.append(word)
            continue
        given = text if equals else next(words, None)
        if given is None:
            raise InputError(f"{name} has no value; give one")
        tree = merged(tree, nested(name[2:].replace("-", "_"), _value(given)))
    return plain, tree


def read_recipe(default: Options, config: Path | None, given: Mapping[str, Any]) -> tuple[Options, Volumes]:
    """`default` with the values of the config, then with those of the command line; and the config's volumes."""
    volumes, options = Volumes(), default
    if config is not None:
        tables = read_toml(config)
        named = tables.pop(VOLUMES, {})
        if not isinstance(named, Mapping):
            raise InputError(f"{config}: '{VOLUMES}' is {named!r}; give a table [volumes] with train and held_out")
        volumes = updated(volumes, named, str(config), VOLUMES)
        options = updated(options, tables, str(config))
    return updated(options, given, COMMAND_LINE), volumes


def _value(text: str) -> Any:
    """A TOML value, a list without its brackets, or a word."""
    for form in (text, f"[{text}]" if "," in text else text):
        try:
            return tomllib.loads(f"value = {form}")["value"]
        except tomllib.TOMLDecodeError:
            continue
    return text
