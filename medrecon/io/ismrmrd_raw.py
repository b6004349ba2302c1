"""ISMRMRD raw data (Inati et al., Magn Reson Med 77:411, 2017): a group with `xml` and `data`, in HDF5.

Read with h5py alone. Positions and directions are those of DICOM's patient axes; the image grows along `read_dir` and
`phase_dir`, and `position` is its voxel n // 2, the point of zero phase.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from medrecon.errors import InputError
from medrecon.io.ismrmrd_flags import NOISE, OTHERS, any_flag, is_backwards, with_calibration
from medrecon.io.ismrmrd_header import Header, header_identity, parse_header
from medrecon.io.raw.noise import prescan
from medrecon.io.raw.pick import COUNTERS, Pick
from medrecon.io.raw.readouts import Encoding, Readouts
from medrecon.io.raw.scan_of import scan_of
from medrecon.scan import Scan

BLOCK = 4096
HEAD = (
    "flags", "idx", "encoding_space_ref", "trajectory_dimensions", "active_channels", "number_of_samples",
    "discard_pre", "discard_post", "center_sample", "sample_time_us", "position", "read_dir", "phase_dir", "slice_dir",
)  # fmt: skip
STEPS = ("kspace_encode_step_1", "kspace_encode_step_2", "slice", *COUNTERS[1:])
"""What is read of each readout's header, and of the counters in it."""


def find_group(file: h5py.File, pick: Pick) -> h5py.Group | None:
    """The group that holds acquisitions, None if there is none; of several, `group` of the pick."""
    groups = {name: node for name, node in file.items() if isinstance(node, h5py.Group) and _is_raw(node)}
    wanted = pick.word("group")
    if not groups:
        return None
    if wanted is None and len(groups) > 1:
        raise InputError(
            f"{pick.path}: holds {len(groups)} data sets ({', '.join(groups)}); one is read: "
            f"pick one, such as group={next(iter(groups))} (--pick group={next(iter(groups))})"
        )
    if wanted is not None and wanted not in groups:
        raise InputError(f"{pick.path}: has no data set '{wanted}'; it holds {', '.join(groups)}: pick one of these")
    return groups[wanted or next(iter(groups))]


def _is_raw(group: h5py.Group) -> bool:
    data = group.get("data")
    return isinstance(group.get("xml"), h5py.Dataset) and isinstance(data, h5py.Dataset) and _has_head(data)


def _has_head(data: h5py.Dataset) -> bool:
    if data.ndim != 1 or not {"head", "data"} <= set(data.dtype.names or ()):
        return False
    head = data.dtype["head"]
    return set(HEAD) <= set(head.names or ()) and set(STEPS) <= set(head["idx"].names or ())


def read(group: h5py.Group, path: Path, pick: Pick, *, keep_identity: bool = False) -> Scan:
    """The scan of one encoding and one contrast, phase, repetition and set; averages are averaged.

    Noise scans become `Scan.noise`, at the power that they have in the images. Raises InputError, in one line, for
    several images without a pick, readouts off a Cartesian grid, mixed directions (EPI), and damage.
    """
    pick.check((*COUNTERS, "group"))
    heads = group["data"].fields("head")[:]  # type: ignore[union-attr]
    if len(heads) == 0:
        raise InputError(f"{path}: holds no readouts; expected ISMRMRD raw data: check how it was written")
    xml = _xml(group, path)
    imaging = ~any_flag(heads, (NOISE, *OTHERS))
    encoding = pick.number("encoding", _present(heads["encoding_space_ref"][imaging], path))
    header = parse_header(xml, path, encoding)
    imaging &= heads["encoding_space_ref"] == encoding
    _refuse_trajectories(header, heads[imaging], path)
    chosen = {}
    for name in COUNTERS[1:]:
        chosen[name] = pick.number(name, _present(heads["idx"][name][imaging], path))
        imaging &= heads["idx"][name] == chosen[name]
    imaging, apart = with_calibration(heads, imaging, header, path)
    backwards = is_backwards(heads[imaging], path)

    readouts = _readouts(group["data"], heads, np.flatnonzero(imaging), backwards, path)  # type: ignore[arg-type]
    facts = _facts(header, heads, chosen, apart)
    if keep_identity:
        facts |= header_identity(xml)
    grid_of = Encoding(header.encoded, header.recon, header.limits, header.partitions)
    scan, grid = scan_of(readouts, grid_of, path, facts)
    noisy = np.flatnonzero(any_flag(heads, (NOISE,)))
    noise = prescan(
        _samples(group["data"], heads, noisy, path),  # type: ignore[arg-type]
        scan.n_coils,
        path,
        dwell=_dwell(heads, noisy, imaging),
        receiver=header.receiver_bandwidth,
        averages=grid.averages,
    )
    most = int(grid.averages.max())
    return replace(scan, noise=noise, header={**scan.header, **({"averages": most} if most > 1 else {})})


def _xml(group: h5py.Group, path: Path) -> bytes:
    values = np.ravel(group["xml"][()])  # type: ignore[index]
    if len(values) != 1:
        raise InputError(f"{path}: has {len(values)} headers in 'xml'; expected one: write it again")
    return values[0]


def _present(values: NDArray, path: Path) -> list[int]:
    if len(values) == 0:
        raise InputError(f"{path}: holds no imaging readouts; expected k-space beside noise and calibration scans")
    return np.unique(values).tolist()


def _refuse_trajectories(header: Header, heads: NDArray, path: Path) -> None:
    trajectory = str(header.facts.get("trajectory", "cartesian")).lower()
    if trajectory == "epi":
        raise InputError(f"{path}: echo-planar readouts (trajectory epi); regrid and phase-correct them first")
    if trajectory != "cartesian" or (heads["trajectory_dimensions"] > 0).any():
        named = trajectory if trajectory != "cartesian" else "readouts with a trajectory of their own"
        raise InputError(f"{path}: not Cartesian ({named}); medrecon reads Cartesian k-space only: grid it first")


def _samples(data: h5py.Dataset, heads: NDArray, chosen: NDArray, path: Path) -> list[NDArray[np.complex64]]:
    """`(coil, sample)` of each chosen readout, without the samples that its header discards."""
    found: list[NDArray[np.complex64]] = []
    for first in range(0, len(chosen), BLOCK):
        some = chosen[first : first + BLOCK]
        raw = data.fields("data")[some[0] : some[-1] + 1][some - some[0]]
        found += [_readout(values, heads[i], int(i), path) for i, values in zip(some, raw, strict=True)]
    return found


def _readout(values: NDArray, head: NDArray, number: int, path: Path) -> NDArray[np.complex64]:
    coils, samples = int(head["active_channels"]), int(head["number_of_samples"])
    first, last = int(head["discard_pre"]), samples - int(head["discard_post"])
    if values.size != 2 * coils * samples or coils == 0 or first >= last:
        raise InputError(
            f"{path}: readout {number} holds {values.size // 2} values, {coils} coils of {samples} samples were "
            "expected, cut off?; write it again"
        )
    return np.ascontiguousarray(values, np.float32).view(np.complex64).reshape(coils, samples)[:, first:last]


def _readouts(data: h5py.Dataset, heads: NDArray, chosen: NDArray, backwards: bool, path: Path) -> Readouts:
    samples, heads = _samples(data, heads, chosen, path), heads[chosen]
    if len({part.shape[0] for part in samples}) > 1:
        raise InputError(f"{path}: its readouts have different numbers of coils; store one volume a file")
    centre = heads["center_sample"].astype(int) - heads["discard_pre"]
    if backwards:
        samples = [part[:, ::-1] for part in samples]
        centre = np.array([part.shape[1] for part in samples]) - 1 - centre
    idx = heads["idx"]
    directions = np.stack([heads[f"{name}_dir"] for name in ("read", "phase", "slice")], 1).astype(float)
    return Readouts(
        samples=samples,
        centre=centre,
        line=idx["kspace_encode_step_1"].astype(int),
        partition=idx["kspace_encode_step_2"].astype(int),
        slice=idx["slice"].astype(int),
        position=heads["position"].astype(float),
        directions=directions if directions.any() else None,
    )


def _dwell(heads: NDArray, noisy: NDArray, imaging: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Time a sample of the noise scan and of the images; None where the file does not tell."""
    times = heads["sample_time_us"]
    noise, image = (float(np.median(times[part])) if len(times[part]) else 0.0 for part in (noisy, imaging))
    return (noise, image) if noise > 0 and image > 0 else None


def _facts(header: Header, heads: NDArray, chosen: Mapping[str, int], apart: int) -> dict[str, Any]:
    facts: dict[str, Any] = {"format": "ISMRMRD", **header.facts}
    if chosen["contrast"] < len(header.echoes_ms):
        facts["te_ms"] = header.echoes_ms[chosen["contrast"]]
    counts = Counter({"calibration": apart})
    for flag, name in OTHERS.items():
        counts[name] += int(any_flag(heads, (flag,)).sum())
    left = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return {**facts, **({"readouts left out": left} if left else {})}
