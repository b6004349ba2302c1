"""`load`: a file of k-space becomes a `Scan`; what the file is, its content decides."""

from os import PathLike
from pathlib import Path

import h5py

from medrecon.errors import InputError
from medrecon.io import fastmri, plain
from medrecon.scan import Scan

KNOWN = "a fastMRI HDF5 file, an HDF5 file with a dataset 'kspace', or a .npy array"


def load(path: str | PathLike[str], *, keep_identity: bool = False) -> Scan:
    """Read the k-space of one volume: fastMRI HDF5, plain HDF5 with `kspace`, or .npy.

    Identity attributes (patient_id) are dropped unless `keep_identity`; then they stand in `Scan.header`.
    Raises InputError, in one line, for anything that is not finite, non-zero, complex multi-coil k-space.
    """
    path = Path(path)
    try:
        return _read(path, keep_identity)
    except InputError:
        raise
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({_first_line(error)}); expected {KNOWN}: check or copy it again"
        ) from error


def _read(path: Path, keep_identity: bool) -> Scan:
    if not path.exists():
        raise InputError(f"{path}: no such file; expected {KNOWN}")
    if not path.is_file():
        raise InputError(f"{path}: is a folder; expected {KNOWN}: give one file")
    if h5py.is_hdf5(path):
        with h5py.File(path, "r") as file:
            if fastmri.is_fastmri(file):
                return fastmri.read(file, path, keep_identity=keep_identity)
            return plain.read_hdf5(file, path, keep_identity=keep_identity)
    if plain.is_npy(path):
        return plain.read_npy(path)
    raise InputError(f"{path}: neither HDF5 nor .npy; expected {KNOWN}")


def _first_line(error: OSError) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
