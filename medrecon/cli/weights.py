"""`medrecon weights list|check|show`: the networks at hand, shipped and the user's own, and whether they are intact."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from medrecon.cli.parse import parse
from medrecon.errors import InputError

if TYPE_CHECKING:
    from medrecon.weights.registry import Record

LIST = """Print name, size, validation score, hash, licence and training data of every network: your own, then the
shipped ones. Where a name stands twice, your own is taken."""
CHECK = "Compare every weights file, shipped or your own, with the hash in its record; exit code 2 if one differs."
SHOW = "Print the record of a network, what its file says, and its model card."
SCORES = {"psnr_foreground_r4": "foreground PSNR in dB at R 4", "psnr_foreground_r8": "at R 8"}
WIDTH = 100


@dataclass(frozen=True)
class Nothing:
    """These commands have no options."""


@dataclass(frozen=True)
class Show:
    """Options of `weights show`."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """A network by name, or a .safetensors file."""


def run_list(argv: Sequence[str]) -> int:
    """Print the registries, one paragraph a network."""
    parse(Nothing, argv, "weights list", LIST)
    print("\n\n".join(_paragraph(record, folder) for record, folder in _all()))
    return 0


def run_check(argv: Sequence[str]) -> int:
    """Say of every file whether it is intact; raises InputError that names those that are not."""
    parse(Nothing, argv, "weights check", CHECK)
    from medrecon.weights import check
    from medrecon.weights.registry import folders

    damaged = []
    for folder in folders():
        for record, complaint in check(folder):
            print(f"{record.name}{_whose(folder)}: {complaint or 'intact'}")
            if complaint:
                damaged.append(record.name)
    if damaged:
        raise InputError(
            f"{len(damaged)} weights file(s) differ from their record: {', '.join(damaged)}; fetch them again"
        )
    return 0


def run_show(argv: Sequence[str]) -> int:
    """Print all that is known of one network; the file is verified on the way."""
    options = parse(Show, argv, "weights show", SHOW)
    from medrecon import weights

    found = weights.find(options.name)
    if found is None:
        _, settings, sha256 = weights.load(options.name)
        print("\n".join([options.name, _folded("sha256", sha256), *_settings(settings)]))
        return 0
    record, folder = found
    print(_paragraph(record, folder))
    if record.training:
        print(_folded("training", ", ".join(f"{k} {_rounded(v)}" for k, v in record.training.items())))
    if record.file is None:
        return 0
    print("\n".join(_settings(weights.load(options.name)[1])))
    print(f"  {'file':<12}{folder / record.file}")
    card = folder / f"{record.name}.md"
    if card.is_file():
        print("\n" + _prose(card.read_text(encoding="utf-8")))
    return 0


def _all() -> Iterator[tuple[Record, Path]]:
    from medrecon.weights import records
    from medrecon.weights.registry import folders

    for folder in folders():
        for record in records(folder):
            yield record, folder


def _paragraph(record: Record, folder: Path) -> str:
    facts = {
        "stored": "not shipped" if record.file is None else _mebibytes(folder / record.file),
        "parameters": f"{record.parameters / 1e6:.3g} M",
        "pixels": "unknown" if record.pixel_range is None else "{:g} to {:g} mm".format(*record.pixel_range),
        "validation": ", ".join(f"{SCORES.get(k, k)} {_rounded(v)}" for k, v in record.validation.items()) or "none",
        "sha256": record.sha256,
        "licence": record.licence,
        "trained on": record.attribution,
    }
    return "\n".join([record.name + _whose(folder), *(_folded(label, value) for label, value in facts.items())])


def _whose(folder: Path) -> str:
    from medrecon.weights.registry import FOLDER

    return "" if folder == FOLDER else " (your own)"


def _settings(settings: Mapping[str, Any]) -> Iterator[str]:
    """What a file says of its network; training and validation stand in the record."""
    for key, value in settings.items():
        if key not in ("training", "validation", "pixel_range"):
            plain = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else _rounded(value)
            yield _folded(key, plain)


def _prose(card: str) -> str:
    """The sentences of a model card, without its heading and the table that repeats the record."""
    paragraphs = [p for p in re.split(r"\n\s*\n", card) if p.strip() and not p.lstrip().startswith(("#", "|"))]
    return "\n\n".join(fill(" ".join(p.replace("**", "").split()), WIDTH) for p in paragraphs)


def _folded(label: str, value: str) -> str:
    return fill(value, WIDTH, initial_indent=f"  {label:<12}", subsequent_indent=" " * 14, break_long_words=False)


def _rounded(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _mebibytes(path: Path) -> str:
    return f"{path.stat().st_size / 2**20:.2f} MiB" if path.is_file() else "missing"
