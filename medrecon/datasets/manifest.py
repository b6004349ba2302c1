"""Data manifests: which files a data set is made of, and whether a folder holds them.

A manifest is a TOML file of facts beside a CSV file of the same stem, one row a file or pattern. Columns: `file`, the
end of a path or a pattern such as multicoil_val/*.h5; and where they are known `split`, `subject`, `licence`, `sha256`,
`bytes`, and `count`, the number of files that match a pattern. Other columns are free.
"""

from __future__ import annotations

import csv
import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

from medrecon.errors import InputError
from medrecon.progress import OnStep, Progress, silent

FACTS = ("name", "source", "licence", "obtain")
Verdict = Literal["present", "missing", "different"]


@dataclass(frozen=True)
class Expected:
    """One row: a file, or a pattern of file names with the number that match it, None where that is not known."""

    file: str
    split: str = ""
    sha256: str = ""
    size: int | None = None
    count: int | None = None

    @property
    def is_pattern(self) -> bool:
        return _is_pattern(self.file)


@dataclass(frozen=True)
class Manifest:
    """Name, source, licence and way to obtain a data set, and its files."""

    name: str
    source: str
    licence: str
    obtain: str
    files: tuple[Expected, ...]


@dataclass(frozen=True)
class Finding:
    """What became of one row; `why` says in which way it is missing or different."""

    expected: Expected
    verdict: Verdict
    why: str = ""


@dataclass(frozen=True)
class CheckedFolder:
    """A finding for each row, and the number of files that no row of the manifest expects."""

    findings: tuple[Finding, ...]
    unexpected: int

    @property
    def all_right(self) -> bool:
        return all(finding.verdict == "present" for finding in self.findings)


def read_manifest(path: Path) -> Manifest:
    """The manifest in the TOML file `path` and the CSV file beside it; raises InputError for what is none."""
    table = path.with_suffix(".csv")
    if path.suffix != ".toml" or not path.is_file() or not table.is_file():
        raise InputError(f"{path} is no manifest; give a .toml file with a .csv file beside it, as in data_manifests/")
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8"))
        with table.open(newline="", encoding="utf-8") as file:
            rows = tuple(_expected(row) for row in csv.DictReader(file))
    except (tomllib.TOMLDecodeError, csv.Error, UnicodeDecodeError, ValueError, KeyError) as error:
        raise InputError(f"{path} or {table.name} cannot be read ({error}); mend it") from error
    lacking = [name for name in FACTS if not isinstance(facts.get(name), str)]
    if lacking or not rows:
        raise InputError(f"{path} lacks {', '.join(lacking) or 'files'}; see data_manifests/README.md")
    return Manifest(**{name: " ".join(facts[name].split()) for name in FACTS}, files=rows)


def check_folder(
    manifest: Manifest, folder: Path, splits: Sequence[str] = (), on_step: OnStep = silent
) -> CheckedFolder:
    """Compare `folder`, at any depth, with the rows of `manifest`, or with those of `splits` only.

    A file is right if its hash is that of the manifest, or its size where there is no hash, or simply there. Raises
    InputError if there is no such folder or split.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give the one that the files of {manifest.name} lie in")
    known = sorted({row.split for row in manifest.files if row.split})
    if strange := sorted(set(splits) - set(known)):
        raise InputError(f"{manifest.name} has no split {', '.join(strange)}; choose of {', '.join(known) or 'none'}")
    tree = _Tree(folder)
    findings, expected = [], set[PurePath]()
    for done, row in enumerate(manifest.files):
        on_step(Progress("checking", done, len(manifest.files)))
        matches = tree.matches(row.file)
        expected.update(matches)
        if not splits or row.split in splits:
            findings.append(_finding(row, [folder / path for path in matches]))
    return CheckedFolder(tuple(findings), len(tree.files) - len(expected))


class _Tree:
    """The visible files below a folder, found again by the end of their path."""

    def __init__(self, folder: Path) -> None:
        found = (path.relative_to(folder) for path in sorted(folder.rglob("[!.]*")) if path.is_file())
        self.files: list[PurePath] = [PurePath(path) for path in found]
        self.by_part: dict[str, list[PurePath]] = {}
        for path in self.files:
            for part in set(path.parts):
                self.by_part.setdefault(part, []).append(path)

    def matches(self, file: str) -> list[PurePath]:
        """Only files that share a part spelled out in the pattern are compared: sets have 100 000 files."""
        spelled = next((part for part in PurePath(file).parts if not _is_pattern(part)), None)
        candidates = self.files if spelled is None else self.by_part.get(spelled, [])
        return [path for path in candidates if path.match(file)]


def _is_pattern(name: str) -> bool:
    return any(sign in name for sign in "*?[")


def _expected(row: dict[str, str]) -> Expected:
    def number(column: str) -> int | None:
        return int(row[column]) if row.get(column) else None

    if not row["file"]:
        raise ValueError("a row without a file")
    return Expected(
        row["file"], row.get("split") or "", (row.get("sha256") or "").lower(), number("bytes"), number("count")
    )


def _finding(row: Expected, files: Sequence[Path]) -> Finding:
    if not files:
        return Finding(row, "missing", "" if row.count is None else f"none of {row.count} files")
    if row.is_pattern:
        return _counted(row, len(files))
    complaints = [_complaint(row, file) for file in files]
    return Finding(row, "present") if "" in complaints else Finding(row, "different", complaints[0])


def _counted(row: Expected, found: int) -> Finding:
    if row.count is None:
        return Finding(row, "present", f"{found} files")
    if found == row.count:
        return Finding(row, "present", f"all {found} files")
    return Finding(row, "missing" if found < row.count else "different", f"{found} of {row.count} files")


def _complaint(row: Expected, file: Path) -> str:
    """In which way the file is not the one expected; empty if it is."""
    size = file.stat().st_size
    if row.size is not None and size != row.size:
        return f"{size} bytes, {row.size} expected"
    if not row.sha256:
        return ""
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    return "" if found == row.sha256 else f"sha256 {found[:12]}…, {row.sha256[:12]}… expected"
