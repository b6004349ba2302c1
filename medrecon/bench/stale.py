"""Rows that today's code or weights would make differently; they are found, and never silently mixed with new ones.

A row is stale if its weights have another hash than those of the same name in this run, or if the code that takes part
in its numbers has another digest. The commit stands in the row for people: it also moves with a word in the docs.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import medrecon
from medrecon.bench.identity import Row

PACKAGE = Path(medrecon.__file__).parent
ROOMS = (
    "calibration", "diffusion", "evaluation", "masks", "mri", "networks", "operators", "optimisation", "simulate",
    "bench/cases.py", "bench/sources.py", "bench/suite.py", "datasets/magnitudes.py", "datasets/pack.py",
    "weights/files.py", "weights/quantise.py", "crop.py", "problem.py", "scan.py",
)  # fmt: skip
DIGITS = 12
OTHER_CODE, EARLIER_WEIGHTS = "other code", "earlier weights"


@dataclass(frozen=True)
class Stale:
    """A row and why it is stale."""

    row: Row
    why: str

    def __str__(self) -> str:
        row = self.row
        return f"{row['scan']} {row['mask']} R {row['accel']:g} seed {row['seed']} {row['method']}: {self.why}"


@cache
def code_digest(science: tuple[str, ...] = ()) -> str:
    """Hash of the code, docstrings apart, of `ROOMS` and of a suite's own `science`, paths below the package."""
    digest = sha256()
    for part in (*ROOMS, *science):
        whole = PACKAGE / part
        for path in sorted(whole.rglob("*.py")) if whole.is_dir() else [whole]:
            digest.update(path.relative_to(PACKAGE).as_posix().encode())
            digest.update(_without_words(path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:DIGITS]


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


def stale(rows: Iterable[Row], digest: str, hashes: Mapping[str, str | None]) -> list[Stale]:
    """The stale ones of `rows`; `hashes` are those of the weights at hand, by name."""
    found = []
    for row in rows:
        weights = row.get("weights")
        if weights and weights["name"] in hashes and weights["sha256"] != hashes[weights["name"]]:
            found.append(Stale(row, EARLIER_WEIGHTS))
        elif row.get("code") != digest:
            found.append(Stale(row, OTHER_CODE))
    return found
