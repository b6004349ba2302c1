"""Options of a method with the words of its docstring as their help."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, Field, field, fields, make_dataclass
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import tyro

ENTRY = re.compile(r"^(?P<name>\w+) : (?P<text>.*(?:\n +\S.*)*)", re.MULTILINE)


def documented(kind: type) -> type:
    """A dataclass of the same fields and defaults as `kind`, each with its `name : text` of the docstrings as help."""
    hints, texts = get_type_hints(kind), _texts(kind)
    return make_dataclass(
        kind.__name__,
        [
            (f.name, Annotated[hints[f.name], _argument(f, hints[f.name], texts.get(f.name))], _default(f))
            for f in fields(kind)
        ],
    )


def _texts(kind: type) -> dict[str, str]:
    """Of the class and those that it derives from, whose entries it may replace."""
    docs = [inspect.cleandoc(base.__doc__ or "") for base in reversed(kind.__mro__)]
    return {entry["name"]: _sentence(entry["text"]) for doc in docs for entry in ENTRY.finditer(doc)}


def _sentence(text: str) -> str:
    words = " ".join(text.split())
    return words[:1].upper() + words[1:]


def _argument(option: Field[Any], hint: Any, text: str | None) -> Any:
    if option.default is None:
        words = [str(word) for kind in get_args(hint) if get_origin(kind) is Literal for word in get_args(kind)]
        return tyro.conf.arg(help=text, metavar="|".join(words) or "NUMBER", help_behavior_hint="")
    return tyro.conf.arg(help=text)


def _default(option: Field[Any]) -> Any:
    return field(default_factory=option.default_factory) if option.default is MISSING else field(default=option.default)  # type: ignore[arg-type]
