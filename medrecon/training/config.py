"""Options from a TOML file: its tables are the nested dataclasses, and every value is held to its field's type."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from medrecon.errors import InputError

Options = TypeVar("Options")
PLAIN = {int: "a whole number", float: "a finite number", str: "a text in quotes", bool: "true or false"}


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; raises InputError if it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"config {path} cannot be read ({error.strerror}); give a .toml file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"config {path} is not valid TOML ({error}); mend that line") from None


def updated(options: Options, values: Mapping[str, Any], source: str, table: str = "") -> Options:
    """The dataclass `options` with `values` in place of its own, tables in place of nested dataclasses.

    source, table : where the values stand, for the message. Raises InputError for an unknown key or a wrong type, with
    the key and its table.
    """
    hints, known = get_type_hints(type(options)), [f.name for f in fields(options)]  # type: ignore[arg-type]
    changes = {}
    for key, value in values.items():
        if key not in hints or key not in known:
            raise InputError(f"{source}: unknown key '{key}' in {_place(table)}; it takes {', '.join(known)}")
        name = f"{table}.{key}" if table else key
        changes[key] = _fitted(hints[key], getattr(options, key), value, source, name)
    return replace(options, **changes)  # type: ignore[type-var]


def nested(name: str, value: Any) -> dict[str, Any]:
    """`{"a": {"b": value}}` for the name "a.b"."""
    for key in reversed(name.split(".")):
        value = {key: value}
    return value


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Both trees in one; where both have a value, that of `second`."""
    joined = dict(first)
    for key, value in second.items():
        both = isinstance(value, Mapping) and isinstance(joined.get(key), Mapping)
        joined[key] = merged(joined[key], value) if both else value
    return joined


def _fitted(hint: Any, current: Any, value: Any, source: str, name: str) -> Any:
    choices = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    groups = [kind for kind in choices if is_dataclass(kind)]
    if groups and isinstance(value, Mapping):
        return updated(current if is_dataclass(current) else groups[0](), value, source, name)  # type: ignore[arg-type]
    for kind in choices:
        if get_origin(kind) is tuple and isinstance(value, list):
            return _fitted_list(kind, value, source, name)
        if _is_a(kind, value):
            return float(value) if kind is float else value
    raise _wrong(name, value, " or ".join(_words(kind) for kind in choices), source)


def _fitted_list(kind: Any, value: list[Any], source: str, name: str) -> tuple[Any, ...]:
    inner = get_args(kind)
    if inner[-1] is Ellipsis:
        inner = inner[:1] * len(value)
    if len(inner) != len(value) or not all(_is_a(k, v) for k, v in zip(inner, value, strict=True)):
        raise _wrong(name, value, _words(kind), source)
    return tuple(k(v) for k, v in zip(inner, value, strict=True))


def _is_a(kind: Any, value: Any) -> bool:
    if isinstance(value, bool) or kind is bool:
        return kind is bool and isinstance(value, bool)
    if kind is float:
        return isinstance(value, (int, float)) and math.isfinite(value)
    return kind in PLAIN and isinstance(value, kind)


def _words(kind: Any) -> str:
    if is_dataclass(kind):
        return "a table"
    if get_origin(kind) is not tuple:
        return PLAIN[kind]
    inner = get_args(kind)
    count = "any number of" if inner[-1] is Ellipsis else str(len(inner))
    return f"a list of {count} {'whole ' if inner[0] is int else ''}numbers"


def _wrong(name: str, value: Any, expected: str, source: str) -> InputError:
    table, _, key = name.rpartition(".")
    return InputError(f"{source}: '{key}' in {_place(table)} is {value!r}; give {expected}")


def _place(table: str) -> str:
    return f"table [{table}]" if table else "the top level"
