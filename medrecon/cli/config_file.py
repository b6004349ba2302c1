"""`--config FILE.toml`: options of a command from a file, as if they stood on the command line, which wins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medrecon.errors import InputError

OPTION = "--config"


def with_config(argv: Sequence[str], short: dict[str, str] | None = None) -> list[str]:
    """`argv` without `--config FILE`, and with the options of that file which it does not give itself.

    short : other spellings of options, such as {"-o": "--out"}.

    A key is an option's name, with "-" or "_"; true is a flag, false leaves it out. Raises InputError for a file that
    cannot be read and for tables in it.
    """
    words, path = _taken_out(list(argv))
    if path is None:
        return words
    from medrecon.training.config import read_toml

    given = {_name(word, short or {}) for word in words if word.startswith("-")}
    added: list[str] = []
    for key, value in read_toml(path).items():
        option = "--" + key.replace("_", "-")
        if option == OPTION:
            raise InputError(f"{path}: a config cannot name another one; put its options into this file")
        if option not in given:
            added += _words(option, value, path)
    return [*added, *words]


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


def _name(word: str, short: dict[str, str]) -> str:
    name = word.partition("=")[0]
    return short.get(name, name.replace("_", "-"))


def _words(option: str, value: Any, path: Path) -> list[str]:
    if isinstance(value, bool):
        return [option] if value else []
    if isinstance(value, (int, float, str)) and (isinstance(value, str) or math.isfinite(value)):
        return [f"{option}={value}"]
    if isinstance(value, list) and value and all(isinstance(each, (int, float, str)) for each in value):
        return [option, *map(str, value)]
    raise InputError(f"{path}: '{option[2:]}' is {value!r}; give a number, a text in quotes, a list, true or false")
