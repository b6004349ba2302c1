"""Registries of trained networks: what there is, under which licence, and the hash that every load is held to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from medrecon.atomic import whole_file
from medrecon.errors import InputError
from medrecon.weights.files import decode, read, sha256
from medrecon.weights.user import user_folder

FOLDER = Path(__file__).parent
REGISTRY = "registry.json"
BUDGET_MIB = {
    "image-prior": 12.0,
    "image-prior-small": 4.0,
    "hfs": 8.0,
    "ddgan": 8.0,
    "ct-codec": 1.5,
    "ct-latent": 2.5,
}
TOTAL_MIB = 36.0


@dataclass(frozen=True)
class Record:
    """One trained network.

    Attributes
    ----------
    name, kind : what it is called, and what it serves as; for shipped ones a key of BUDGET_MIB.
    file : safetensors file beside the registry, None for a control that is not shipped.
    sha256 : of the whole file.
    licence, attribution : of the weights, and of the data that they were trained on.
    parameters : number of weights.
    pixel_range : (smallest, largest) pixel size in mm seen in training.
    training : settings of the run.
    validation : scores with their conditions.
    calibration : of the spread of its draws, on tuning images: `levels` and `errors` of the denoiser, `temperature`.
    """

    name: str
    kind: str
    file: str | None
    sha256: str
    licence: str
    attribution: str
    parameters: int
    pixel_range: tuple[float, float] | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    validation: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)


def records(folder: Path = FOLDER) -> list[Record]:
    """All records of a folder's registry. Raises InputError if it cannot be read."""
    try:
        return [_record(entry) for entry in json.loads((folder / REGISTRY).read_text())]
    except (OSError, ValueError, TypeError) as error:
        reason, cure = str(error).splitlines()[0], "install medrecon again"
        cure = cure if folder == FOLDER else f"mend or delete {folder / REGISTRY}"
        raise InputError(f"the weights registry cannot be read ({reason}); {cure}") from None


def folders() -> list[Path]:
    """Where registered weights lie, the user's own folder before the shipped one."""
    own = user_folder()
    return [own, FOLDER] if (own / REGISTRY).exists() else [FOLDER]


def find(name_or_path: str | Path, folder: Path | None = None) -> tuple[Record, Path] | None:
    """Record and folder of registered weights, by name or by their file; None if no registry knows them.

    The user's folder comes before the shipped one, unless `folder` is the only one to look in.
    """
    path = Path(name_or_path)
    for place in folders() if folder is None else [folder]:
        for each in records(place):
            is_file = each.file is not None and path.resolve() == (place / each.file).resolve()
            if is_file if path.suffix == ".safetensors" else each.name == str(name_or_path):
                return each, place
    return None


def known(sha256: str) -> Record | None:
    """Record of the weights with this hash, wherever their file lies; None if no registry knows them."""
    return next((each for place in folders() for each in records(place) if each.sha256 == sha256), None)


def record(name: str, folder: Path | None = None) -> Record:
    """The record called `name`; raises InputError with the names that exist."""
    found = find(name, folder)
    if found is not None:
        return found[0]
    places = folders() if folder is None else [folder]
    names = ", ".join(dict.fromkeys(r.name for place in places for r in records(place))) or "none is registered yet"
    raise InputError(f"unknown weights '{name}'; choose one of: {names}; or give a .safetensors file")


def load(name_or_path: str | Path, folder: Path | None = None) -> tuple[dict[str, Tensor], dict[str, Any], str]:
    """State dict (float32), metadata and sha256 of registered weights or of a .safetensors file.

    By name the user's own weights win over shipped ones. At every load a registered file is held to the registry's
    sha256, and any file to the hash that it carries over its own content. Raises InputError for unknown names, foreign
    formats and files in which one byte has changed.
    """
    found = find(name_or_path, folder)
    if found is not None:
        return _load_registered(*found)
    path = Path(name_or_path)
    if path.suffix != ".safetensors":
        record(str(name_or_path), folder)
    data = read(path)
    return *decode(data, path.name), sha256(data)


def check(folder: Path = FOLDER) -> Iterator[tuple[Record, str | None]]:
    """Every file of a folder's registry with what is wrong with it, None if it is intact."""
    for each in records(folder):
        if each.file is None:
            continue
        try:
            _load_registered(each, folder)
        except InputError as error:
            yield each, str(error)
        else:
            yield each, None


def register(new: Record, folder: Path = FOLDER) -> None:
    """Add `new` to the registry, or put it where a record of the same name stands."""
    known = {each.name: each for each in (records(folder) if (folder / REGISTRY).exists() else [])}
    text = json.dumps([asdict(each) for each in {**known, new.name: new}.values()], indent=2, sort_keys=False)
    with whole_file(folder / REGISTRY) as temporary:
        temporary.write_text(text + "\n")


def _load_registered(entry: Record, folder: Path) -> tuple[dict[str, Tensor], dict[str, Any], str]:
    if entry.file is None:
        recipe = entry.training.get("recipe", "their recipe")
        raise InputError(
            f"weights '{entry.name}' are a control that is not shipped; train them by {recipe}, and name the file"
        )
    data = read(folder / entry.file)
    found = sha256(data)
    if found != entry.sha256:
        raise InputError(
            f"weights '{entry.name}' are damaged: {entry.file} has sha256 {found[:12]}, the registry says "
            f"{entry.sha256[:12]}; fetch the file again"
        )
    return *decode(data, entry.file), found


def _record(entry: dict[str, Any]) -> Record:
    pixels = entry.get("pixel_range")
    return Record(**{**entry, "pixel_range": None if pixels is None else (float(pixels[0]), float(pixels[1]))})
