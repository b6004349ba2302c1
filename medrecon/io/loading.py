"""`load`: a file of k-space becomes a `Scan`; what the file is, its content decides."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import h5py

from medrecon.errors import InputError
from medrecon.io import bart, fastmri, ismrmrd_raw, matlab, plain, twix, twix_file
from medrecon.io.dicom import is_dicom
from medrecon.io.raw.pick import Pick
from medrecon.scan import Scan

KNOWN = (
    "a fastMRI HDF5 file, ISMRMRD, BART's .cfl with its .hdr, Siemens twix (.dat), MATLAB, "
    "an HDF5 file with a dataset 'kspace', or a .npy array"
)

DAMAGE = (OSError, RuntimeError, KeyError, ValueError, MemoryError)
"""What h5py raises of files that it cannot follow, and numpy of a matrix that no machine can hold."""


def load(
    path: str | PathLike[str], *, keep_identity: bool = False, pick: Mapping[str, int | str] | None = None
) -> Scan:
    """Read the k-space of one volume: fastMRI HDF5, ISMRMRD, BART cfl, Siemens twix, MATLAB, plain HDF5 or .npy.

    Identity (patient_id and the like) is dropped unless `keep_identity`; then it stands in `Scan.header`.
    `pick` tells which volume is meant of a file that holds several: `encoding`, `contrast`, `phase`, `repetition` and
    `set` of ISMRMRD (its `group` too) and twix by their numbers, `variable` of MATLAB by its name.
    Raises InputError, in one line, for anything that is not finite, non-zero, complex multi-coil k-space.
    """
    path = Path(path)
    try:
        return _read(path, keep_identity, Pick(pick, path))
    except InputError as error:
        if str(path) in str(error):
            raise
        raise InputError(f"{path}: {error}") from error
    except DAMAGE as error:
        raise InputError(
            f"{path}: cannot be read ({_first_line(error)}); expected {KNOWN}: check or copy it again"
        ) from error


def _read(path: Path, keep_identity: bool, pick: Pick) -> Scan:
    if bart.pair_of(path) is not None:
        pick.check(())
        return bart.read(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; expected {KNOWN}")
    if not path.is_file():
        raise InputError(f"{path}: is a folder; expected {KNOWN}: give one file")
    if matlab.is_matlab(path):
        return matlab.read(path, pick)
    if h5py.is_hdf5(path):
        with h5py.File(path, "r") as file:
            if group := ismrmrd_raw.find_group(file, pick):
                return ismrmrd_raw.read(group, path, pick, keep_identity=keep_identity)
            pick.check(())
            if fastmri.is_fastmri(file):
                return fastmri.read(file, path, keep_identity=keep_identity)
            return plain.read_hdf5(file, path, keep_identity=keep_identity)
    if twix_file.is_twix(path):
        return twix.read(path, pick, keep_identity=keep_identity)
    pick.check(())
    if plain.is_npy(path):
        return plain.read_npy(path)
    if is_dicom(path):
        raise InputError(f"{path}: a DICOM file, which holds images and no k-space; expected {KNOWN}")
    raise InputError(f"{path}: neither HDF5 nor .npy nor other k-space that is known here; expected {KNOWN}")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
