"""Options from dataclasses by tyro, with its box of errors brought down to one line."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import field, make_dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro

from medrecon.cli.config_file import COMMANDS as CONFIGURED
from medrecon.cli.config_file import NOTE as CONFIG_NOTE
from medrecon.cli.documented import documented
from medrecon.errors import InputError

Options = TypeVar("Options")
NOT_A_NUMBER = re.compile(r"Error parsing (?P<option>--\S+): .*?\b(?P<kind>int|float)\b.*?'(?P<given>.*?)'\]?", re.I)
UNKNOWN = re.compile(r"Unrecognized options: (?P<word>[^\s,=]+).*")
NO_VALUE = re.compile(r"Missing value for argument '(?P<option>--\S+?)'")
CHOICE = re.compile(
    r"invalid choice '(?P<given>.*?)' for argument '(?P<option>--\S+?)'\. Expected one of \((?P<all>.*)\)\s*"
)
HELP_INDENT = 8  # by which tyro sets an option's help off from the message


def parse(options: type[Options], argv: Sequence[str], command: str, description: str) -> Options:
    """An instance of the dataclass `options` from the command line; InputError for what does not fit.

    `--help` prints and leaves with exit code 0.
    """
    out, err = io.StringIO(), io.StringIO()
    if command.partition(" --")[0] in CONFIGURED:
        description += f"\n\n{CONFIG_NOTE}"
    try:
        with redirect_stdout(out), redirect_stderr(err):
            return tyro.cli(
                options,
                args=list(argv),
                prog=f"medrecon {command}",
                description=description,
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except SystemExit as leaving:
        if leaving.code:
            raise InputError(f"{_plain_words(_first_message(err.getvalue()))}; see medrecon {command} --help") from None
        sys.stdout.write(out.getvalue())
        raise


def parse_both(first: type, second: type, argv: Sequence[str], command: str, description: str) -> tuple[Any, Any]:
    """Two dataclasses that share one command line without prefixes; the help of the second is its docstring."""
    unnamed, own = tyro.conf.arg(name=""), documented(second)
    both = make_dataclass(
        "Both",
        [
            ("first", Annotated[first, unnamed], field(default_factory=first)),
            ("second", Annotated[own, unnamed], field(default_factory=own)),
        ],
    )
    found: Any = parse(both, argv, command, description)
    return found.first, second(**vars(found.second))


def method_name(argv: Sequence[str], default: str) -> str:
    """The value of `--method`, which decides what other options there are and so is read before them."""
    name = default  # without any word the "-" has no partner
    for word, following in zip(argv, [*argv[1:], "-"], strict=False):
        if word == "--method":
            if following.startswith("-"):
                raise InputError("--method has no value; give the name of a method")
            name = following
        elif word.startswith("--method="):
            name = word.removeprefix("--method=")
    return name


def check_distinct(inputs: Iterable[str | Path | None], outputs: Iterable[Path | None]) -> None:
    """Raise InputError where a file would be written twice, or over an input."""
    taken = {Path(path).resolve() for path in inputs if path is not None}
    for path in outputs:
        if path is not None and path.resolve() in taken:
            raise InputError(f"{path} is an input of this run, or written twice; give each output a name of its own")
        if path is not None:
            taken.add(path.resolve())


def _first_message(box: str) -> str:
    """The text between the title of tyro's box and its first rule, without the deeper indented help of options."""
    message: list[str] = []
    margin = 0
    for row in (line.rstrip(" │").replace("│", " ", 1) for line in box.splitlines()[1:]):
        text = row.strip()
        if not text.strip("-─╭╮╰╯├┤"):
            if message:
                break
            continue
        indent = len(row) - len(row.lstrip())
        margin = margin if message else indent
        if indent < margin + HELP_INDENT:
            message.append(text)
    return " ".join(message).rstrip(".") or "the options cannot be read"


def _plain_words(message: str) -> str:
    """The commonest complaints of tyro as a user would put them; others as they are."""
    if found := NOT_A_NUMBER.fullmatch(message):
        kind = "whole number" if found["kind"].lower() == "int" else "number"
        return f"{found['option']} is '{found['given']}'; give a {kind}"
    if found := UNKNOWN.fullmatch(message):
        word = found["word"]
        return f"unknown option {word}" if word.startswith("-") else f"'{word}' is one word too many"
    if found := CHOICE.fullmatch(message):
        return f"{found['option']} is '{found['given']}'; choose one of {found['all'].replace(chr(39), '')}"
    if found := NO_VALUE.match(message):
        return f"{found['option']} has no value; give one"
    return message


def parse_slices(text: str | None) -> tuple[int | None, int | None]:
    """(start, stop) of "A:B", either of which may be left out; None is everything."""
    if text is None:
        return None, None
    found = re.fullmatch(r"(\d*):(\d*)", text)
    if not found:
        raise InputError(f"--slices is '{text}'; give a range A:B, for example 0:2")
    start, stop = (int(number) if number else None for number in found.groups())
    return start, stop


def parse_pick(text: str | None) -> dict[str, str]:
    """Names and what was chosen of "contrast=1,repetition=0"."""
    found = {}
    for part in (text or "").split(",") if text is not None else ():
        name, sign, value = (word.strip() for word in part.partition("="))
        if not (name and sign and value):
            raise InputError(f"--pick is '{text}'; give NAME=N, for example contrast=1")
        found[name] = value
    return found
