"""Which prediction belongs to which target: two folders, paired by the places of their files, endings apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from medrecon.errors import InputError
from medrecon.io.ct_series import ENDINGS as DICOM
from medrecon.io.dicom import is_dicom
from medrecon.io.records import stem_of
from medrecon.io.writable import ending

MRI = (".h5", ".hdf5", ".nii.gz", ".nii", ".npy")
CT = (".nii.gz", ".nii", ".npy")


@dataclass(frozen=True)
class Pair:
    """A prediction and the target of the same name: the place in the folder without the ending."""

    name: str
    prediction: Path
    target: Path


@dataclass(frozen=True)
class Pairs:
    """`pairs` in the order of their names; names of targets without prediction, and of predictions without target."""

    pairs: tuple[Pair, ...]
    missing: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()


def pair_by_stem(
    predictions: Path, targets: Path, *, ct: bool, wanted: Callable[[Path], bool] = lambda _: True
) -> Pairs:
    """Pairs of two folders; a target that is not `wanted` counts on neither side.

    Other files (records, pictures, hidden ones) are left alone. Raises InputError where two files of a folder have
    one stem, and where nothing pairs.
    """
    found = named(predictions, ct=ct, without=targets)
    held = named(targets, ct=ct, without=predictions)
    chosen = {name: path for name, path in held.items() if wanted(path)}
    pairs = tuple(Pair(name, found[name], path) for name, path in chosen.items() if name in found)
    if held and not chosen:
        raise InputError(f"{targets}: none of its {len(held)} files is of the acquisition and acceleration asked for")
    if not pairs:
        kinds = ", ".join(CT if ct else MRI) + ", or the folder of a DICOM series"
        raise InputError(
            f"{predictions} and {targets} have no name in common ({len(found)} and {len(held)} files of {kinds}); "
            "give folders whose files have the same stems"
        )
    missing = tuple(name for name in chosen if name not in found)
    return Pairs(pairs, missing, tuple(name for name in found if name not in held))


def named(folder: Path, *, ct: bool, without: Path | None = None) -> dict[str, Path]:
    """Images of `folder` by their names, sorted, DICOM series among them, but for those of the folder `without`."""
    found: dict[str, Path] = {}
    for path in images(folder, CT if ct else MRI, without=without):
        name = name_of(path, folder)
        if name in found:
            raise InputError(f"{folder}: {found[name].name} and {path.name} have the same stem; keep one of them there")
        found[name] = path
    return dict(sorted(found.items()))


def images(folder: Path, endings: tuple[str, ...], *, without: Path | None = None) -> Iterator[Path]:
    """Files of `folder` and of folders in it, and folders of DICOM series, sorted; hidden ones are left alone."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or (without is not None and path.resolve() == without.resolve()):
            continue
        if not path.is_dir():
            yield from [path] if ending(path, endings) else []
        elif is_series(path):
            yield path
        else:
            yield from images(path, endings, without=without)


def name_of(path: Path, folder: Path) -> str:
    """The place in the folder, without the ending."""
    return path.with_name(stem_of(path)).relative_to(folder).as_posix()


def is_series(folder: Path) -> bool:
    """Whether DICOM files lie in `folder` itself, which then is one volume and no folder of volumes."""
    files = (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return any(path.name.lower().endswith(DICOM) or is_dicom(path) for path in files)
