"""HTML out of words and numbers: the one place where text is escaped, and templates are filled."""

from __future__ import annotations

import math
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

NOTHING = "–"


def fill(template: str, **parts: str) -> str:
    """The template file of this folder with its `$names` replaced by HTML; every one must be given."""
    return Template(source(f"{template}.html")).substitute(parts)


@cache
def source(name: str) -> str:
    """Text of a file of this folder."""
    return files("medrecon.report").joinpath(name).read_text(encoding="utf-8")


def text(value: object) -> str:
    """Any value as text of an element or of an attribute in double quotes."""
    return escape(str(value))


def number(value: float | None, form: str) -> str:
    """As people read it."""
    return NOTHING if value is None or math.isnan(value) else format(value, form)


def cell(value: float | None, form: str, below: str = "") -> str:
    """A table cell that sorts by the whole number, `data-value`, and shows the rounded one."""
    exact = "" if value is None or math.isnan(value) else repr(value)
    return f'<td data-value="{exact}">{number(value, form)}{f"<small>{below}</small>" if below else ""}</td>'


def items(values: tuple[str, ...] | list[str], tag: str) -> str:
    """A list of text, `tag` being its opening tag without brackets; nothing for no values."""
    name = tag.split()[0]
    return f"<{tag}>" + "".join(f"<li>{text(value)}</li>" for value in values) + f"</{name}>" if values else ""
