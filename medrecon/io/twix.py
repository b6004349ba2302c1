"""Siemens twix raw data (VB, VD, VE) as a `Scan`. The tests build their files from the format's layout.

Open readers disagree about the sign of the readout and phase directions, so no place in the patient is claimed; slices
are ordered by their positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medrecon.errors import InputError
from medrecon.io.raw.noise import prescan
from medrecon.io.raw.pick import Pick
from medrecon.io.raw.readouts import Readouts
from medrecon.io.raw.scan_of import scan_of
from medrecon.io.twix_file import Line, Measurement, read_measurements
from medrecon.io.twix_protocol import acquisition, dwell_times, encoding_of, identity, positive, yaps
from medrecon.scan import Scan

COUNTERS = {"contrast": "Eco", "phase": "Phs", "repetition": "Rep", "set": "Set"}
LEFT_OUT = {
    "PHASCOR": "phase correction", "RTFEEDBACK": "feedback", "HPFEEDBACK": "feedback", "PACE": "navigator",
    "REFPHASESTABSCAN": "phase stabilisation", "PHASESTABSCAN": "phase stabilisation", "RETRO_DUMMYSCAN": "dummy",
    "CT_NORMALIZE": "coil correction", "SLICE_ACCEL_REFSCAN": "single-band reference",
    "SLICE_ACCEL_PHASCOR": "phase correction", "B1_CONTROLLOOP": "feedback",
}  # fmt: skip
CARTESIAN, APART = 1, 4
"""Numbers of the protocol: ucTrajectory, and sPat.ucRefScanMode of reference lines inside the scan is 2
(inplace); from this one on they are a scan of their own."""
PLACE = "unknown: the signs of twix directions are not trusted here"


def read(path: Path, pick: Pick, *, keep_identity: bool = False) -> Scan:
    """The scan of the last measurement; noise lines of any measurement become `Scan.noise`.

    Raises InputError for several images without a pick, other trajectories, mixed directions (EPI), and damage.
    """
    pick.check(COUNTERS)
    measurements = read_measurements(path)
    last = measurements[-1]
    lines, facts = _chosen(last, pick, path)
    try:
        encoding = encoding_of(last.protocol, lines)
        facts = {"format": "Siemens twix", **acquisition(last.protocol, lines[0]), **facts}
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{path}: its protocol lacks what a grid needs ({error}); expected a Cartesian scan"
        ) from error
    if keep_identity:
        facts |= identity(last.protocol)
    scan, grid = scan_of(_readouts(lines, path), encoding, path, facts)
    noisy = [(line, m) for m in measurements for line in m.lines if "NOISEADJSCAN" in line.flags]
    noise = prescan(
        [line.data for line, _ in noisy],
        scan.n_coils,
        path,
        dwell=dwell_times(noisy[0][1].protocol, last.protocol) if noisy else None,
        receiver=None,
        averages=grid.averages,
    )
    most = int(grid.averages.max())
    more = {"averages": most} if most > 1 else {}
    return replace(scan, noise=noise, header={**scan.header, "place": PLACE, **more})


def _chosen(measured: Measurement, pick: Pick, path: Path) -> tuple[list[Line], dict[str, Any]]:
    """The readouts of one image, and what was left out."""
    trajectory = yaps(measured.protocol, "sKSpace", "ucTrajectory")
    if trajectory not in (None, CARTESIAN):
        raise InputError(f"{path}: not Cartesian (ucTrajectory {trajectory}); medrecon reads Cartesian k-space only")
    counts: dict[str, int] = {}
    image = []
    for line in measured.lines:
        kind = next((LEFT_OUT[flag] for flag in LEFT_OUT if flag in line.flags), None)
        if kind is not None:
            counts[kind] = counts.get(kind, 0) + 1
        elif "NOISEADJSCAN" not in line.flags:
            image.append(line)
    if not image:
        raise InputError(f"{path}: its last measurement holds no imaging readouts; expected k-space: export the scan")
    for name, counter in COUNTERS.items():
        present = sorted({int(getattr(line.mdh.Counter, counter)) for line in image})
        wanted = pick.number(name, present)
        image = [line for line in image if getattr(line.mdh.Counter, counter) == wanted]
    image, apart = _with_calibration(image, measured)
    if apart:
        counts["calibration"] = apart
    if len({"REFLECT" in line.flags for line in image}) > 1:
        raise InputError(
            f"{path}: some of its readouts run backwards (EPI); medrecon does no phase correction between directions: "
            "correct them first"
        )
    left = ", ".join(f"{count} {name}" for name, count in counts.items())
    return image, {"readouts left out": left} if left else {}


def _with_calibration(image: list[Line], measured: Measurement) -> tuple[list[Line], int]:
    """Reference lines inside the scan fill the places that no imaging line has; a reference scan is left out."""
    only = [line for line in image if _is_reference(line)]
    plain = [line for line in image if not _is_reference(line)]
    mode = positive(yaps(measured.protocol, "sPat", "ucRefScanMode"))
    if not plain or (mode is not None and mode >= APART):
        return plain or only, len(only) if plain else 0
    taken = {_place(line) for line in plain}
    fresh = [line for line in only if _place(line) not in taken]
    return plain + fresh, len(only) - len(fresh)


def _is_reference(line: Line) -> bool:
    return "PATREFSCAN" in line.flags and "PATREFANDIMASCAN" not in line.flags


def _place(line: Line) -> tuple[int, int, int]:
    counter = line.mdh.Counter
    return int(counter.Sli), int(counter.Par), int(counter.Lin)


def _readouts(lines: Sequence[Line], path: Path) -> Readouts:
    if len({line.data.shape[0] for line in lines}) > 1:
        raise InputError(f"{path}: its readouts have different numbers of coils; export one image a file")
    backwards = "REFLECT" in lines[0].flags
    samples, centre = [], []
    for line in lines:
        first, last = int(line.mdh.CutOff.Pre), line.data.shape[1] - int(line.mdh.CutOff.Post)
        data, middle = line.data[:, first:last], int(line.mdh.CenterCol) - first
        samples.append(data[:, ::-1] if backwards else data)
        centre.append(data.shape[1] - 1 - middle if backwards else middle)
    places = np.array([_place(line) for line in lines])
    return Readouts(samples, np.array(centre), places[:, 2], places[:, 1], _by_position(lines, places[:, 0]))


def _by_position(lines: Sequence[Line], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Slices counted along the line on which they lie, towards left, back and head; as numbered where they do not."""
    first = {int(number): i for i, number in reversed(list(enumerate(numbers)))}
    place = {n: np.array([getattr(lines[i].mdh.SliceData.SlicePos, a) for a in ("Sag", "Cor", "Tra")], float)
             for n, i in first.items()}  # fmt: skip
    ends = np.array(list(place.values()))
    across = ends[np.argmax(np.linalg.norm(ends - ends[0], axis=1))] - ends[0]
    if np.linalg.norm(across) < 1e-3:
        return numbers
    across *= np.sign(across[np.argmax(np.abs(across))])
    order = {n: i for i, n in enumerate(sorted(place, key=lambda n: float(place[n] @ across)))}
    return np.array([order[int(n)] for n in numbers])
