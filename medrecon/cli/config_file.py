"""`--config FILE.toml`: options of a command from a file, as if they stood on the command line, which wins."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medrecon.errors import InputError

OPTION = "--config"
COMMANDS = (
    "mri", "ct", "batch", "info", "score", "report", "simulate mri", "simulate ct", "data pack", "data pack-ct",
    "data check", "weights show", "weights get", "bench mri", "bench ct", "bench join",
)  # fmt: skip
"""Those that take it: all that have options; recipes, of `train` and `weights add`, are files of another kind."""
NOTE = "All options but files that are given without a name may stand in a file: --config FILE.toml; these here win."
SHORT = {"-o": "--out"}


@contextmanager
def configured(argv: Sequence[str]) -> Iterator[list[str]]:
    """`with_config` for a block; what the block finds wrong with an option of the file is said to be the file's."""
    words, path, added = _read(argv, SHORT)
    try:
        yield words
    except InputError as error:
        if any(re.search(rf"{re.escape(option)}(?![\w-])", str(error)) for option in added):
            raise InputError(f"{path}: {error}") from None
        raise


def with_config(argv: Sequence[str], short: Mapping[str, str] = SHORT) -> list[str]:
    """`argv` without `--config FILE`, and with the options of that file which it does not give itself.

    short : other spellings of options.

    A key is an option's name, with "-" or "_"; true is a flag, false leaves it out. Raises InputError for a file that
    cannot be read and for tables in it.
    """
    return _read(argv, short)[0]


def _read(argv: Sequence[str], short: Mapping[str, str]) -> tuple[list[str], Path | None, list[str]]:
    """The words, the file, and the options that came from it."""
    words, path = _taken_out(list(argv))
    if path is None:
        return words, None, []
    from medrecon.training.config import read_toml

    given = {_name(word, short) for word in words if word.startswith("-")}
    added: dict[str, list[str]] = {}
    for key, value in read_toml(path).items():
        option = "--" + key.replace("_", "-")
        if option == OPTION:
            raise InputError(f"{path}: a config cannot name another one; put its options into this file")
        if option not in given:
            added[option] = _words(option, value, path)
    return [*words, *(word for option in added.values() for word in option)], path, list(added)


def _taken_out(words: list[str]) -> tuple[list[str], Path | None]:
    path = None
    left: list[str] = []
    following = iter(words)
    for word in following:
        name, equals, value = word.partition("=")
        if name != OPTION:
            left.append(word)
            continue
        found = value if equals else next(following, "")
        if not found or found.startswith("-"):
            raise InputError(f"{OPTION} has no value; give a .toml file")
        path = Path(found)
    return left, path


def _name(word: str, short: Mapping[str, str]) -> str:
    name = word.partition("=")[0]
    return short.get(name, name.replace("_", "-"))


def _words(option: str, value: Any, path: Path) -> list[str]:
    if isinstance(value, bool):
        return [option] if value else []
    if isinstance(value, (int, float, str)) and (isinstance(value, str) or math.isfinite(value)):
        return [f"{option}={value}"]
    if isinstance(value, list) and all(isinstance(each, (int, float, str)) for each in value):
        return [option, *map(str, value)]
    raise InputError(f"{path}: '{option[2:]}' is {value!r}; give a number, a text in quotes, a list, true or false")
