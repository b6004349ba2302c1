"""Damaged NIfTI files: whatever the readers make of them becomes one line."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medrecon.errors import InputError


@contextmanager
def reading_nifti(path: Path) -> Iterator[None]:
    """A block that reads `path`; raises InputError for what nibabel and zlib raise there."""
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError  # of a header whose numbers mean nothing; no ValueError

    try:
        yield
    except InputError:
        raise
    except (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, KeyError, zlib.error) as error:
        raise InputError(
            f"{path}: cannot be read as NIfTI ({type(error).__name__}), cut off?; copy or write it again"
        ) from error
