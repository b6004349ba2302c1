"""Rows that today's code or weights would make differently; they are found, and never silently mixed with new ones.

A row is stale if its weights have another hash than those of the same name in this run, or if the code that takes part
in its numbers has another digest: that of its method, mask and suite and of what all rows share, not of others.
The commit stands in the row for people: it also moves with a word in the docs.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import medrecon
from medrecon.bench.closure import closure
from medrecon.bench.identity import Row
from medrecon.bench.runners import CONTROL, has_low_band
from medrecon.masks import KINDS
from medrecon.mri import METHODS, method_class
from medrecon.networks.load import MAKERS

PACKAGE = Path(medrecon.__file__).parent
ROOMS = (
    "calibration", "diffusion", "evaluation", "masks", "mri", "networks", "operators", "optimisation", "simulate",
    "bench/cases.py", "bench/sources.py", "bench/suite.py", "datasets/magnitudes.py", "datasets/pack.py",
    "weights/files.py", "weights/quantise.py", "crop.py", "problem.py", "scan.py",
)  # fmt: skip
"""Where code stands that can decide numbers; imports are followed no further."""
SHARED = ("bench/cases.py", "bench/sources.py", "bench/suite.py")
"""Where the code of every row begins."""
MASKS = ("masks",)
"""Where that of rows under any mask does."""
NETWORK = ("networks/load.py", "weights/files.py", "weights/quantise.py")
"""How the network of any prior comes from its file."""
LOW_BAND = ("bench/low_band_error.py",)
"""What is measured of methods with a low band alone."""
DIGITS = 12
OTHER_CODE, EARLIER_WEIGHTS = "other code", "earlier weights"


@dataclass(frozen=True)
class Stale:
    """A row and why it is stale."""

    row: Row
    why: str

    def __str__(self) -> str:
        row = self.row
        how = f"dose {row['dose']:g}" if "dose" in row else f"{row['mask']} R {row['accel']:g}"
        return f"{row['scan']} {how} seed {row['seed']} {row['method']}: {self.why}"


@cache
def code_digest(method: str, science: tuple[str, ...] = (), mask: str | None = None, package: Path = PACKAGE) -> str:
    """Hash of the code, docstrings apart, that decides rows of `method` in a suite with this `science`.

    `mask` names the sampling pattern; None takes the code of all.
    """
    return files_digest(decisive(method, science, mask, package), package)


def files_digest(files: Iterable[str], package: Path = PACKAGE) -> str:
    """Hash of those files of the package, docstrings apart."""
    digest = sha256()
    for file in files:
        digest.update(file.encode())
        digest.update(_without_words((package / file).read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:DIGITS]


def decisive(method: str, science: tuple[str, ...] = (), mask: str | None = None, package: Path = PACKAGE) -> list[str]:
    """The files of that code, by their path below the package."""
    return closure(package, (*SHARED, *_masks(mask), *science, *_own(method)), ROOMS)


def _masks(name: str | None) -> tuple[str, ...]:
    """Where the code of one mask or of all begins; a name that no mask has rests on none."""
    if name is None:
        return MASKS
    return (_file(KINDS[name]),) if name in KINDS else ()


def _own(method: str) -> tuple[str, ...]:
    """Where the method's own code begins; a control from outside has none in the package."""
    if method == CONTROL:
        return ("networks/unrolled.py", *NETWORK)
    if method not in METHODS:
        return ()
    return (_file(METHODS[method]), *_network(method), *(LOW_BAND if has_low_band(method) else ()))


def _network(method: str) -> tuple[str, ...]:
    """How the network of its prior comes from its file; of a kind that is none of its own, an image prior."""
    if not method_class(method).needs_prior:
        return ()
    own = MAKERS.get(method_class(method).default_prior or "")
    return (*NETWORK, *(() if own is None else (_file(own),)))


def _file(place: str) -> str:
    """The file of "package.module:Class", by its path below the package."""
    _, *words = place.split(":")[0].split(".")
    return "/".join(words) + ".py"


@cache
def _without_words(source: str) -> str:
    """The source with its docstrings left out: what they say decides no number."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (1 + (node.end_lineno or 0) - node.lineno)
    return "\n".join(line for line in lines if line.strip())


@cache
def commit() -> str:
    """Short name of the commit that the package was run from, "+" for one with changes, "unknown" outside a clone."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(PACKAGE), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        name = git("rev-parse", "--short", "HEAD")
        changed = git("status", "--porcelain", "--", ".")
    except OSError:  # no git on this machine
        return "unknown"
    return (name + ("+" if changed else "")) or "unknown"


def stale(rows: Iterable[Row], science: tuple[str, ...], hashes: Mapping[str, str | None]) -> list[Stale]:
    """The stale ones of `rows` of a suite with this `science`; `hashes` are those of the weights at hand, by name."""
    return stale_by(lambda row: code_digest(row["method"], science, row.get("mask")), rows, hashes)


def stale_by(code: Callable[[Row], str], rows: Iterable[Row], hashes: Mapping[str, str | None]) -> list[Stale]:
    """The same where `code` tells the digest that a row would have today."""
    found = []
    for row in rows:
        weights = row.get("weights")
        if weights and weights["name"] in hashes and weights["sha256"] != hashes[weights["name"]]:
            found.append(Stale(row, EARLIER_WEIGHTS))
        elif row.get("code") != code(row):
            found.append(Stale(row, OTHER_CODE))
    return found
