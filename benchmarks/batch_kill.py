"""`medrecon batch` killed with SIGKILL at random moments and resumed: are the results those of `medrecon mri`?

python benchmarks/batch_kill.py OUT.json [--files 40] [--kills 10] [--workers 1 2 3] [--method sense] [--seed 0]
                                [--engine local|ray] [--victims sender group worker]

Synthetic fastMRI files, heads and knees; one is cut off, one holds NaN, one has odd sides, one has four coils instead
of six, and one is done before the run. For each number of workers the run is killed so many times (the sender alone,
its whole process group, or one worker, with Ray an actor), resumed each time, and at the end held against `medrecon mri
-o` of every file, data set by data set, bit for bit.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from io import StringIO
from pathlib import Path

import h5py
import numpy as np
import torch

from medrecon.batch.manifest import read_manifest
from medrecon.cli.main import run
from medrecon.io import write_json
from medrecon.io.fastmri_write import write_fastmri
from medrecon.provenance import versions
from medrecon.simulate.scan import simulate_scan
from medrecon.simulate.shapes import Plane, inside

PROGRAM = "from medrecon.cli.main import main; main()"
SIDE, ODD = (64, 56), (63, 55)
PIXEL_MM, SLICE_MM = 3.0, 5.0
COILS, FEWER = 6, 4
CUT, BROKEN, STRANGE, FEW, BEFORE = 3, 1, 2, 4, 0
"""Which files are cut off, hold NaN, have odd sides or four coils, are done before."""
MOST_LINES = 5
LONGEST_PAUSE = 0.6
CONDITIONS = ("--device", "cpu", "--threads", "1", "--accel", "3")
MARKS = (b"spawn_main", b"ray::Desk")
"""Of the command lines of workers."""


VICTIMS = ("sender", "group", "worker")


@dataclass(frozen=True)
class Moments:
    """When a run is killed, after how many of its lines and seconds, and who of it."""

    most_lines: int = MOST_LINES
    longest_pause: float = LONGEST_PAUSE
    victims: tuple[str, ...] = VICTIMS


@dataclass
class Trial:
    """What was found with one number of workers."""

    workers: int
    engine: str = "local"
    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VICTIMS, 0))
    starts: int = 0
    identical: int = 0
    different: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    done_again: bool = False
    exit_code: int = -1
    seconds: float = 0.0

    def passed(self, expected: int, failures: set[str]) -> bool:
        wrong = [*self.different, *self.lost, *self.torn, *self.left_behind]
        whole = self.identical == expected and set(self.failed) == failures and not self.done_again
        return whole and not wrong and self.exit_code == 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--method", default="sense")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--victims", nargs="+", choices=VICTIMS, default=VICTIMS)
    given = parser.parse_args()
    moments = Moments(victims=tuple(given.victims))
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        inputs = make_inputs(Path(folder) / "in", given.files)
        references = one_by_one(inputs, Path(folder) / "one", given.method)
        print(
            f"{given.files} files, {len(references)} of them reconstructed one by one with {given.method}", flush=True
        )
        trials = []
        for workers in given.workers:
            generator = np.random.default_rng([given.seed, workers])
            results = Path(folder) / f"out{workers}"
            trials.append(
                killed(
                    inputs, results, references, given.method, workers, given.kills, generator,
                    engine=given.engine, moments=moments,
                )
            )  # fmt: skip
            print(said(trials[-1], len(references), failures(inputs)), flush=True)
    good = all(trial.passed(len(references), failures(inputs)) for trial in trials)
    record = {
        "files": given.files, "method": given.method, "seed": given.seed, "passed": good,
        "versions": versions(torch.device("cpu")), "ray": _ray_version(given.engine),
        "trials": [asdict(trial) for trial in trials],
    }  # fmt: skip
    write_json(record, given.out)
    sys.exit(not good)


def _ray_version(engine: str) -> str | None:
    return version("ray") if engine == "ray" else None


def make_inputs(folder: Path, count: int) -> list[Path]:
    """`count` fastMRI files in turn of heads and knees, the first ones with what can be the matter with a file."""
    folder.mkdir()
    paths = []
    for number in range(count):
        shape, kind = ODD if number == STRANGE else SIDE, "head" if number % 2 == 0 else "knee"
        path = folder / f"{kind}_{number:02d}.h5"
        volume = drawn(kind, shape, np.random.default_rng(number))
        coils = FEWER if number == FEW else COILS
        voxel = (PIXEL_MM, PIXEL_MM)
        write_fastmri(path, simulate_scan(volume, voxel, slice_mm=SLICE_MM, coils=coils, seed=number, name=path.stem))
        paths.append(path)
    os.truncate(paths[CUT], paths[CUT].stat().st_size // 2)
    with h5py.File(paths[BROKEN], "r+") as file:
        file["kspace"][0, 0, 5, 7] = np.nan
    return paths


def drawn(
    kind: str,
    shape: tuple[int, int],
    generator: np.random.Generator,
    *,
    pixel_mm: float = PIXEL_MM,
    slices: int = 2,
) -> np.ndarray:
    """Slices `(slice, y, x)`: a skull with brain and ventricles, or a leg with femur, tibia and cartilage."""
    y, x = ((np.arange(n) - n // 2) * pixel_mm for n in shape)
    plane, images = Plane(y, x), []
    scale = generator.uniform(0.85, 1.0)
    for height in np.linspace(0, 1, slices):
        image = np.zeros(shape)
        for centre, axes, bright in _head(height) if kind == "head" else _knee(height):
            cover = inside(plane.ellipse(centre, (axes[0] * scale, axes[1] * scale)), pixel_mm)
            image += cover * (bright - image)
        images.append(image * (1 + 0.05 * plane.noise(generator, 8.0, 40.0)) * (image > 0))
    return np.abs(np.stack(images))


def _head(z: float) -> list[tuple[tuple[float, float], tuple[float, float], float]]:
    return [
        ((0, 0), (66, 80), 0.9), ((0, 0), (60, 74), 0.15), ((0, 0), (56, 70), 0.7),
        ((-10, -8), (7, 22 - 4 * z), 0.25), ((10, -8), (7, 22 - 4 * z), 0.25), ((20, 30), (9, 7), 0.95),
    ]  # fmt: skip


def _knee(z: float) -> list[tuple[tuple[float, float], tuple[float, float], float]]:
    return [
        ((0, 0), (58, 86), 0.8), ((0, -4), (50, 80), 0.35), ((0, -42), (32, 36 - 3 * z), 0.65),
        ((0, 44), (30, 34), 0.6), ((0, 0), (26, 5), 1.0), ((-30, 4), (7, 18), 0.1),
    ]  # fmt: skip


def failures(inputs: list[Path]) -> set[str]:
    """Files that cannot be reconstructed."""
    return {inputs[CUT].name, inputs[BROKEN].name}


def one_by_one(inputs: list[Path], folder: Path, method: str) -> dict[str, dict[str, np.ndarray]]:
    """Data sets of every file by `medrecon mri -o`, those that fail left out."""
    folder.mkdir()
    found = {}
    for path in inputs:
        argv = ["mri", str(path), "-o", str(folder / path.name), "--method", method, *CONDITIONS]
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            code = run(argv)
        if code == 0:
            found[path.name] = data_sets(folder / path.name)
    return found


def data_sets(path: Path) -> dict[str, np.ndarray]:
    """Every data set of a file."""
    with h5py.File(path) as file:
        return {name: file[name][()] for name in file}


def same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    """Whether both hold the same data sets, bit for bit."""
    equal = (first[name].dtype == second[name].dtype and first[name].tobytes() == second[name].tobytes()
             for name in first)  # fmt: skip
    return first.keys() == second.keys() and all(equal)


def killed(
    inputs: list[Path],
    results: Path,
    references: dict[str, dict[str, np.ndarray]],
    method: str,
    workers: int,
    kills: int,
    generator: np.random.Generator,
    *,
    engine: str = "local",
    done_before: bool = True,
    moments: Moments = Moments(),
) -> Trial:
    """Run, kill, look, resume, and so on; then let it end and look at everything."""
    trial, began = Trial(workers, engine), time.monotonic()
    folder, argv = inputs[0].parent, ["--method", method, *CONDITIONS, "--workers", str(workers), "--engine", engine]
    command = [sys.executable, "-c", PROGRAM, "batch", str(folder), str(results), *argv]
    before = results / inputs[BEFORE].name
    if done_before:
        subprocess.run([*command, "--pattern", before.name], check=True, capture_output=True)
    written = before.stat().st_mtime_ns if done_before else None
    while sum(trial.kills.values()) < kills:
        if not _interrupted([*command, "--resume"], trial, generator, kills, moments):
            break
        trial.torn += _torn(results)
    ended = subprocess.run([*command, "--resume"], capture_output=True, text=True)
    trial.starts += 1
    trial.exit_code = ended.returncode
    trial.done_again = written is not None and before.stat().st_mtime_ns != written
    _judge(trial, results, references, inputs)
    trial.seconds = round(time.monotonic() - began, 1)
    return trial


def _interrupted(
    command: list[str], trial: Trial, generator: np.random.Generator, kills: int, moments: Moments
) -> bool:
    """One start, until a kill ends it; False if it came to its end."""
    trial.starts += 1
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        while sum(trial.kills.values()) < kills:
            if not _moment_came(process, generator, moments):
                return False
            victim = moments.victims[int(generator.integers(len(moments.victims)))]
            if victim == "worker":
                team = _workers(process.pid)
                if team:
                    _kill(team[int(generator.integers(len(team)))])
                    trial.kills[victim] += 1
                continue
            (os.killpg if victim == "group" else os.kill)(process.pid, signal.SIGKILL)
            trial.kills[victim] += 1
            break
        process.kill()
    return True


def _moment_came(process: subprocess.Popen[str], generator: np.random.Generator, moments: Moments) -> bool:
    """Wait for some lines and then some seconds; False if the run came to its end before."""
    assert process.stdout is not None
    for _ in range(int(generator.integers(0, moments.most_lines))):
        if not process.stdout.readline():
            process.wait()
            return False
    time.sleep(float(generator.uniform(0, moments.longest_pause)))
    return process.poll() is None


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _workers(parent: int) -> list[int]:
    """Workers among the descendants of a process, by Linux's own lists: spawned ones, or those of Ray."""
    found, left = [], [parent]
    while left:
        children = _children(left.pop())
        left += children
        found += [child for child in children if any(mark in _command(child) for mark in MARKS)]
    return found


def _children(pid: int) -> list[int]:
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return [int(child) for words in lists for child in words.split()]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _torn(results: Path) -> list[str]:
    """Outputs that are there and not whole."""
    found = []
    for path in results.glob("[!.]*.h5"):
        try:
            data_sets(path)
        except (OSError, KeyError):
            found.append(path.name)
    return found


def _judge(trial: Trial, results: Path, references: dict[str, dict[str, np.ndarray]], inputs: list[Path]) -> None:
    _, entries, _ = read_manifest(results / "manifest.jsonl")
    trial.failed = {name: entry.reason or "" for name, entry in entries.items() if entry.status == "failed"}
    trial.lost = [path.name for path in inputs if path.name not in entries]
    for name, reference in references.items():
        path = results / name
        if not path.exists():
            trial.lost.append(name)
        elif same(reference, data_sets(path)):
            trial.identical += 1
        else:
            trial.different.append(name)
    known = {*references, "manifest.jsonl"}
    trial.left_behind = [path.name for path in results.iterdir() if path.name not in known]


def said(trial: Trial, expected: int, broken: set[str]) -> str:
    """The finding in words."""
    kinds = ", ".join(f"{n} of the {kind}" for kind, n in sorted(trial.kills.items()))
    cost = f"{trial.starts} starts, {trial.seconds:.0f} s"
    lines = [
        f"{trial.engine}, {trial.workers} workers: {sum(trial.kills.values())} kills ({kinds}), {cost}",
        f"  {trial.identical} of {expected} outputs bit for bit those of medrecon mri; "
        f"{len(trial.different)} different, {len(trial.lost)} lost, {len(trial.torn)} torn, "
        f"{len(trial.left_behind)} files left behind, exit code {trial.exit_code}",
        *(f"  failed: {name}: {why}" for name, why in trial.failed.items()),
        f"  {'passed' if trial.passed(expected, broken) else 'NOT PASSED'}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
