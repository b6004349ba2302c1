"""Which files of the package a piece of code rests on: those that it imports, those that these import, and so on.

Files are given by their path below the package. They are read, not run: what a string names (`import_module`) is not
seen, and whoever asks names it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path


def closure(package: Path, roots: Iterable[str], rooms: tuple[str, ...]) -> list[str]:
    """The files of `roots` and all that they reach inside `rooms`, sorted; a folder stands for its files."""
    found: set[str] = set()
    left = [file for root in roots for file in _files(package, root)]
    while left:
        file = left.pop()
        if file not in found:
            found.add(file)
            left += (other for other in _imported(package, file) if _is_in(other, rooms))
    return sorted(found)


def _files(package: Path, root: str) -> list[str]:
    whole = package / root
    return [path.relative_to(package).as_posix() for path in whole.rglob("*.py")] if whole.is_dir() else [root]


def _is_in(file: str, rooms: tuple[str, ...]) -> bool:
    return any(file == room or file.startswith(room + "/") for room in rooms)


@cache
def _imported(package: Path, file: str) -> frozenset[str]:
    homes = (_home(package, module, name) for module, name in _imports(package / file))
    return frozenset(home.relative_to(package).as_posix() for home in homes if home is not None)


def _home(package: Path, module: str, name: str) -> Path | None:
    """The file that defines `name` of `module`, None outside the package; what a package only passes on lies deeper."""
    top, *words = module.split(".")
    if top != package.name:
        return None
    place = package.joinpath(*words)
    if not place.is_dir():
        return place.with_suffix(".py")
    opening = place / "__init__.py"
    passed_on = next((source for source, given in _imports(opening) if given == name), None)
    if name and passed_on:
        return _home(package, passed_on, name)
    return next((path for path in (place / f"{name}.py", place / name / "__init__.py") if path.is_file()), opening)


@cache
def _imports(path: Path) -> tuple[tuple[str, str], ...]:
    """(module, name) of every import, inside functions too; the name is empty where the module itself is imported."""
    found: list[tuple[str, str]] = []
    for node in _running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found += ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            found += ((alias.name, "") for alias in node.names)
    return tuple(found)


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all below it, without what is there for type checkers alone."""
    yield node
    for child in _branch(node):
        yield from _running(child)


def _branch(node: ast.AST) -> Iterable[ast.AST]:
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return node.orelse
    return ast.iter_child_nodes(node)
