"""Slices a second of `medrecon batch` against a loop of `medrecon mri`, and how long the GPU waits.

python benchmarks/batch_speed.py OUT.json [--volumes 12] [--slices 16] [--readout 640] [--lines 368] [--coils 15]
                                 [--method spirit] [--device cuda] [--singles 3] [--workers 1 2] [--folder DIR]

Synthetic fastMRI files of knees, not compressed, as fastMRI's are not: `readout` x `lines`, cropped to a square of half
the readout. After one file that is not counted, three ways: `medrecon mri` as a process for each file (of `singles` of
them), one process that loads the network once and does all files one after the other, and `medrecon batch` with its own
number of workers and those given. The clock runs from the start of the first process to the end of the last. Without
tyro and rich the same functions are called below the command line, which the JSON says. It is written anew after every
row.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import mean
from typing import Any

import h5py
import numpy as np
import torch
from batch_kill import drawn

from medrecon.batch.inputs import mri_plan
from medrecon.batch.layout import Layout
from medrecon.batch.local import LocalEngine
from medrecon.batch.manifest import Head, Manifest
from medrecon.batch.mri import MriWork
from medrecon.batch.run import work_through
from medrecon.bench.stale import commit
from medrecon.io import load, save, write_json
from medrecon.io.fastmri_write import ismrmrd_header
from medrecon.masks.undersampling import Undersampling
from medrecon.mri import method_class
from medrecon.networks import load_prior
from medrecon.operators import fft2c, ifft2c
from medrecon.pipeline import default_prior, reconstruct
from medrecon.provenance import versions
from medrecon.simulate.scan import simulate_scan

PROGRAM = "from medrecon.cli.main import main; main()"
FASTMRI = {"volumes": 199, "slices": 7135}
"""The knee validation set (multicoil_val)."""
DISTINCT = 4
"""Slices that are simulated; further ones repeat them with other noise."""
FIELD_MM, SLICE_MM = 160.0, 3.0
ACCEL = "4"
DONE = re.compile(r"(\d+) slices, [\d.]+ s")
EVERY_MS = 100


@dataclass
class Watch:
    """The share of time in which the GPU computes, as its driver counts it, in a thread beside the run."""

    used: list[tuple[float, float]] = field(default_factory=list)
    _smi: subprocess.Popen[str] | None = None

    def __enter__(self) -> Watch:
        if torch.cuda.is_available() and shutil.which("nvidia-smi"):
            card = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
            words = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-i", card]
            self._smi = subprocess.Popen([*words, f"--loop-ms={EVERY_MS}"], stdout=subprocess.PIPE, text=True)
            threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._smi is not None:
            self._smi.terminate()

    def _read(self) -> None:
        assert self._smi is not None
        assert self._smi.stdout is not None
        for line in self._smi.stdout:
            if line.strip().isdigit():
                self.used.append((time.monotonic(), float(line) / 100))

    def idle(self, start: float, end: float) -> float | None:
        """Share of that time in which nothing ran; None where nobody counted."""
        found = [share for when, share in self.used if start <= when <= end]
        return 1 - mean(found) if found else None


def main() -> None:
    if sys.argv[1:2] == ["--below"]:
        BELOW[sys.argv[2]](*sys.argv[3:])
        return
    given = _given()
    device = torch.device(given.device)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        inputs = make_volumes(folder / "in", given)
        head = {
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            "cores": len(os.sched_getaffinity(0)), "load_before": os.getloadavg()[0], "versions": versions(device),
            "commit": commit(), "below_the_command_line": not _has_command_line(), "method": given.method,
            "volumes": given.volumes, "slices": given.slices, "kspace": [given.coils, given.readout, given.lines],
            "accel": float(ACCEL), "fastmri_knee_validation": FASTMRI,
        }  # fmt: skip
        rows: list[dict[str, Any]] = []
        for row in _rows(given, inputs, folder):
            rows.append(row)
            _add_ratios(rows)
            _say(row)
            write_json({**head, "rows": rows}, given.out)


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    for name, value in (("volumes", 12), ("slices", 16), ("readout", 640), ("lines", 368), ("coils", 15)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--method", default="spirit")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--singles", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="*", default=[1])
    parser.add_argument("--folder", type=Path)
    return parser.parse_args()


def make_volumes(folder: Path, given: argparse.Namespace) -> list[Path]:
    """`volumes` fully sampled files; each has noise and a scale of its own."""
    folder.mkdir()
    height, began = given.readout // 2, time.monotonic()
    pixel = FIELD_MM / height
    shape, voxel = (height, given.lines), (pixel, pixel)
    volume = drawn("knee", shape, np.random.default_rng(0), pixel_mm=pixel, slices=min(DISTINCT, given.slices))
    scan = simulate_scan(volume, voxel, slice_mm=SLICE_MM, coils=given.coils, seed=0)
    images = ifft2c(scan.kspace, (-2,))
    wide = images.new_zeros((*images.shape[:2], given.readout, given.lines))
    first = given.readout // 2 - height // 2
    wide[..., first : first + height, :] = images
    kspace = fft2c(wide, (-2,))
    kspace = kspace[torch.arange(given.slices) % len(kspace)]
    level = 0.01 * float(kspace.abs().mean())
    paths = []
    for number in range(given.volumes):
        path = folder / f"knee_{number:02d}.h5"
        generator = torch.Generator().manual_seed(number)
        noisy = torch.randn(kspace.shape, generator=generator, dtype=kspace.dtype).mul_(level).add_(kspace)
        with h5py.File(path, "w") as file:
            file["kspace"] = noisy.mul_(1 + 0.1 * number).numpy()
            file["ismrmrd_header"] = ismrmrd_header(scan, (given.readout, given.lines), (height, height))
            file.attrs["acquisition"] = "synthetic"
        paths.append(path)
    size = paths[0].stat().st_size / 1e6
    print(f"{len(paths)} files of {size:.0f} MB in {time.monotonic() - began:.0f} s", flush=True)
    return paths


def _rows(given: argparse.Namespace, inputs: Sequence[Path], folder: Path):
    options = [given.method, given.device]
    subprocess.run(_single(inputs[0], folder, options), check=True, stdout=subprocess.DEVNULL)  # compiles kernels once
    singles = inputs[: given.singles]
    yield _timed("mri, a process a file", [_single(path, folder, options) for path in singles], given.slices)
    loop = folder / "loop"
    loop.mkdir()
    yield _timed("mri, one process", [_own("loop", inputs[0].parent, loop, *options)], given.slices)
    for workers in (None, *given.workers):
        results = folder / f"batch{workers or ''}"
        layout = Layout.of(torch.device(given.device), workers=workers)
        row = _timed("batch", [_batch(inputs[0].parent, results, options, workers)], given.slices)
        yield {**row, "workers": layout.workers, "threads": layout.threads, **_difference(inputs, loop, results)}
        shutil.rmtree(results)


def _timed(how: str, commands: Sequence[Sequence[str]], slices: int) -> dict[str, Any]:
    """Seconds of these processes, one after the other, and when their files were done."""
    done: list[tuple[float, int]] = []
    with Watch() as watch:
        began = time.monotonic()
        for command in commands:
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                found = [int(m[1]) for line in process.stdout if (m := DONE.search(line)) and _note(done, m)]
            if process.returncode:
                raise SystemExit(f"{how}: exit code {process.returncode}")
            if not found:  # medrecon mri prints a table
                done.append((time.monotonic(), slices))
        ended = time.monotonic()
        total, (first, own), (last, _) = sum(n for _, n in done), done[0], done[-1]
        steady = (total - own) / (last - first) if last > first else None
        rate = total / (ended - began)
        return {
            "how": how, "files": len(done), "slices": total, "seconds": ended - began, "slices_per_second": rate,
            "first_file_after_seconds": first - began, "steady_slices_per_second": steady,
            "gpu_idle_share": watch.idle(began, ended), "steady_gpu_idle_share": watch.idle(first, last),
            "projected_hours": FASTMRI["slices"] / rate / 3600,
        }  # fmt: skip


def _note(done: list[tuple[float, int]], found: re.Match[str]) -> bool:
    done.append((time.monotonic(), int(found[1])))
    return True


def _has_command_line() -> bool:
    return all(find_spec(name) for name in ("tyro", "rich"))


def _own(*words: object) -> list[str]:
    return [sys.executable, __file__, "--below", *map(str, words)]


def _single(path: Path, folder: Path, options: Sequence[str]) -> list[str]:
    out = folder / f"single_{path.name}"
    if not _has_command_line():
        return _own("single", path, out, *options)
    method, device = options
    words = ["mri", str(path), "-o", str(out), "--method", method, "--device", device, "--accel", ACCEL]
    return [sys.executable, "-c", PROGRAM, *words]


def _batch(inputs: Path, results: Path, options: Sequence[str], workers: int | None) -> list[str]:
    if not _has_command_line():
        return _own("batch", inputs, results, *options, workers or "")
    method, device = options
    words = ["batch", str(inputs), str(results), "--method", method, "--device", device, "--accel", ACCEL]
    return [sys.executable, "-c", PROGRAM, *words, *(["--workers", str(workers)] if workers else [])]


def single_below(path: str, out: str, method: str, device: str) -> None:
    """What `medrecon mri` does."""
    scan = Undersampling(accel=float(ACCEL)).of(load(path))
    save(reconstruct(scan, method, device=device), out)


def loop_below(inputs: str, out: str, method: str, device: str) -> None:
    """All files in one process, as a user would write it in Python."""
    kind = method_class(method)
    name = kind.default_prior or default_prior(torch.device(device))
    prior = load_prior(name, torch.device(device)) if kind.needs_prior else None
    for path in sorted(Path(inputs).iterdir()):
        began = time.monotonic()
        scan = Undersampling(accel=float(ACCEL)).of(load(path))
        save(reconstruct(scan, method, prior=prior, device=device), Path(out) / path.name)
        print(f"{scan.n_slices} slices, {time.monotonic() - began:.1f} s", flush=True)


def batch_below(inputs: str, out: str, method: str, device: str, workers: str) -> None:
    """What `medrecon batch` does."""
    layout = Layout.of(torch.device(device), workers=int(workers) if workers else None)
    work = MriWork(method_class(method)(), Undersampling(accel=float(ACCEL)))
    plan = mri_plan(Path(inputs), Path(out))
    Path(out).mkdir()
    head = Head("", work.command, work.options, work.weights(torch.device(device)), "0/1", len(plan.items), plan.digest)
    manifest = Manifest(Path(out) / "manifest.jsonl", head)
    engine = LocalEngine(manifest.path, **vars(layout))

    def say(outcome: Any, _: object) -> None:
        print(outcome.reason or f"{outcome.slices} slices, {outcome.seconds:.1f} s", flush=True)

    tally = work_through(engine, work, plan.items, plan.items, manifest, on_outcome=say, stop=lambda: False)
    manifest.close()
    sys.exit(int(tally.failed > 0))


BELOW = {"single": single_below, "loop": loop_below, "batch": batch_below}


def _difference(inputs: Sequence[Path], first: Path, second: Path) -> dict[str, Any]:
    """Of magnitudes, in units of the volume's brightest pixel: the largest and where it is, root mean square, and the
    share of the pixels that differ by more than a hundredth.
    """
    worst: tuple[float, str, tuple[int, ...]] = (0.0, "", ())
    squares: list[float] = []
    off: list[float] = []
    for path in inputs:
        with h5py.File(first / path.name) as a, h5py.File(second / path.name) as b:
            one, other = (np.asarray(file["reconstruction"]) for file in (a, b))
        error = np.abs(other - one) / one.max()
        place = tuple(int(i) for i in np.unravel_index(error.argmax(), error.shape))
        worst = max(worst, (float(error.max()), path.name, place))
        squares.append(float(np.square(error).mean()))
        off.append(float((error > 0.01).mean()))
    return {
        "largest_difference": worst[0], "largest_at": worst[1:], "rms_difference": mean(squares) ** 0.5,
        "share_above_a_hundredth": mean(off),
    }  # fmt: skip


def _add_ratios(rows: list[dict[str, Any]]) -> None:
    row = rows[-1]
    for other in rows[:-1]:
        if row["how"] == "batch" and other["how"] != "batch":
            name = "times_a_process_a_file" if "a file" in other["how"] else "times_one_process"
            row[name] = row["slices_per_second"] / other["slices_per_second"]


def _say(row: dict[str, Any]) -> None:
    workers = f", {row['workers']} workers" if "workers" in row else ""
    idle, ratio = row["gpu_idle_share"], row.get("times_a_process_a_file")
    print(
        f"{row['how']}{workers}: {row['slices']} slices in {row['seconds']:.1f} s, {row['slices_per_second']:.2f} a "
        f"second" + (f", {ratio:.2f} times a process a file" if ratio else "")
        + (f", {row['times_one_process']:.2f} times one process" if ratio else "")
        + ("" if idle is None else f", GPU idle {100 * idle:.0f} %")
        + f"; {FASTMRI['slices']} slices: {row['projected_hours']:.2f} h",
        flush=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
