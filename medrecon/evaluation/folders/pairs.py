"""Which prediction belongs to which target: two folders, paired by the stems of their files."""

from __future__ import annotations

from collections.abc import Callable
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
    """A prediction and the target of the same stem."""

    name: str
    prediction: Path
    target: Path


@dataclass(frozen=True)
class Pairs:
    """`pairs` in the order of their names; stems of targets without prediction, and of predictions without target."""

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
    found, held = stems(predictions, ct=ct), stems(targets, ct=ct)
    chosen = {name: path for name, path in held.items() if wanted(path)}
    pairs = tuple(Pair(name, found[name], path) for name, path in chosen.items() if name in found)
    if held and not chosen:
        raise InputError(f"{targets}: none of its {len(held)} files is of the acquisition and acceleration asked for")
    if not pairs:
        kinds = ", ".join(CT if ct else MRI) + (", or the folder of a DICOM series" if ct else "")
        raise InputError(
            f"{predictions} and {targets} have no name in common ({len(found)} and {len(held)} files of {kinds}); "
            "give folders whose files have the same stems"
        )
    missing = tuple(name for name in chosen if name not in found)
    return Pairs(pairs, missing, tuple(name for name in found if name not in held))


def stems(folder: Path, *, ct: bool) -> dict[str, Path]:
    """Images of `folder` by their stems, sorted; of CT, folders of a DICOM series too."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not _is_image(path, ct):
            continue
        name = stem_of(path)
        if name in found:
            raise InputError(f"{folder}: {found[name].name} and {path.name} have the same stem; keep one of them there")
        found[name] = path
    return found


def is_series(folder: Path) -> bool:
    """Whether DICOM files lie in `folder` itself, which then is one volume and no folder of volumes."""
    files = (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return any(path.name.lower().endswith(DICOM) or is_dicom(path) for path in files)


def _is_image(path: Path, ct: bool) -> bool:
    if path.is_dir():
        return ct and any(is_series(each) for each in (path, *filter(Path.is_dir, path.rglob("*"))))
    return ending(path, CT if ct else MRI) is not None
