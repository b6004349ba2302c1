"""Which readouts of ISMRMRD raw data belong to the image, by the flags of their headers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medrecon.errors import InputError
from medrecon.io.ismrmrd_header import Header

NOISE, CALIBRATION, CALIBRATION_TOO, REVERSE = 19, 20, 21, 22
OTHERS = {
    23: "navigator", 24: "phase correction", 26: "feedback", 27: "dummy", 28: "feedback",
    29: "coil correction", 30: "phase stabilisation", 31: "phase stabilisation",
}  # fmt: skip
"""Readouts that are no part of the image, by the number of their flag."""
INLINE = (None, "embedded", "interleaved")
"""Calibration lines that belong to the same k-space; others were measured apart, maybe with another contrast."""


def any_flag(heads: NDArray, flags: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which readouts carry at least one of these flags, counted from 1 as the format does."""
    bits = np.uint64(sum(1 << (flag - 1) for flag in set(flags)))
    return (heads["flags"] & bits) != 0


def with_calibration(
    heads: NDArray, imaging: NDArray[np.bool_], header: Header, path: Path
) -> tuple[NDArray[np.bool_], int]:
    """Imaging readouts, and how many calibration lines were left out.

    Lines that were measured for calibration alone fill the places that no imaging line has, where they belong to the
    same k-space (embedded, interleaved); those of a scan of its own are left out.
    """
    only = imaging & any_flag(heads, (CALIBRATION,)) & ~any_flag(heads, (CALIBRATION_TOO,))
    plain = imaging & ~only
    if not plain.any():
        raise InputError(f"{path}: holds calibration readouts only; expected an image's k-space: give that file")
    if header.calibration not in INLINE:
        return plain, int(only.sum())
    idx = heads["idx"]
    places = np.stack([idx["slice"], idx["kspace_encode_step_2"], idx["kspace_encode_step_1"]], 1)
    taken = set(map(tuple, places[plain].tolist()))
    fresh = np.array([tuple(place) not in taken for place in places.tolist()])
    return plain | (only & fresh), int((only & ~fresh).sum())


def is_backwards(heads: NDArray, path: Path) -> bool:
    """Whether all readouts run backwards; a mixture needs a phase correction that is not done here."""
    reverse = any_flag(heads, (REVERSE,))
    if reverse.any() and not reverse.all():
        raise InputError(
            f"{path}: {int(reverse.sum())} of {len(heads)} readouts run backwards (EPI); medrecon does no phase "
            "correction between directions: correct them first"
        )
    return bool(reverse.all())
