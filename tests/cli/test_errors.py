"""What a user can mend is one line, exit code 2, and no file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from medrecon.cli.main import run
from medrecon.scan import Scan
from medrecon.weights import save


def write(path: Path, kspace: np.ndarray, mask: np.ndarray | None = None) -> Path:
    with h5py.File(path, "w") as file:
        file["kspace"] = kspace
        if mask is not None:
            file["mask"] = mask
        file.attrs["phase_axes"] = "x"
    return path


@dataclass(frozen=True)
class Files:
    """Writes the inputs of one test from a good k-space array."""

    folder: Path
    kspace: np.ndarray

    def good(self) -> Path:
        return write(self.folder / "good.h5", self.kspace)

    def text(self) -> Path:
        path = self.folder / "notes.txt"
        path.write_text("not a scan")
        return path

    def truncated(self) -> Path:
        path = self.good()
        path.write_bytes(path.read_bytes()[:5000])
        return path

    def without_kspace(self) -> Path:
        path = self.folder / "image.h5"
        with h5py.File(path, "w") as file:
            file["image"] = np.ones((4, 4))
        return path

    def with_nan(self) -> Path:
        kspace = self.kspace.copy()
        kspace[0, 0, 3, 3] = np.nan
        return write(self.folder / "nan.h5", kspace)

    def real(self) -> Path:
        return write(self.folder / "real.h5", self.kspace.real)

    def flat(self) -> Path:
        return write(self.folder / "flat.h5", self.kspace.ravel())

    def without_acs(self) -> Path:
        lines = np.arange(self.kspace.shape[-1]) % 3 == 1
        return write(self.folder / "noacs.h5", self.kspace * lines, lines)

    def undersampled(self) -> Path:
        lines = np.arange(self.kspace.shape[-1]) % 2 == 0
        lines[20:36] = True
        return write(self.folder / "under.h5", self.kspace * lines, lines)

    def damaged_weights(self) -> Path:
        path = self.folder / "prior.safetensors"
        save(path, {"weight": torch.ones(40, 40)}, {"kind": "mri-image"})
        data = bytearray(path.read_bytes())
        data[-5] ^= 1
        path.write_bytes(data)
        return path

    def narrow(self) -> Path:
        return write(self.folder / "narrow.h5", self.kspace[..., :3, :3])

    def row(self) -> Path:
        return write(self.folder / "row.h5", self.kspace[..., :1, :])

    def wrong_mask(self) -> Path:
        path = self.folder / "mask.npy"
        np.save(path, np.ones((3, 7), bool))
        return path


@pytest.fixture
def files(tmp_path: Path, full_scan: Scan) -> Files:
    return Files(tmp_path, full_scan.kspace[:1].numpy())


def mri(*options: str) -> Callable[[Files], list[str]]:
    return lambda files: [str(files.good()), *options]


CASES: dict[str, tuple[Callable[[Files], list[str]], str]] = {
    "missing file": (lambda f: [str(f.folder / "none.h5")], "no such file"),
    "text file": (lambda f: [str(f.text())], "neither HDF5 nor .npy"),
    "truncated HDF5": (lambda f: [str(f.truncated())], "cannot be read"),
    "no kspace key": (lambda f: [str(f.without_kspace())], "no dataset 'kspace'"),
    "NaN": (lambda f: [str(f.with_nan())], "NaN"),
    "real dtype": (lambda f: [str(f.real())], "expected complex"),
    "1-D array": (lambda f: [str(f.flat())], "expected"),
    "accel 0.5": (mri("--accel", "0.5"), "at least 1"),
    "accel -3": (mri("--accel", "-3"), "at least 1"),
    "accel nan": (mri("--accel", "nan"), "at least 1"),
    "accel 1000": (mri("--accel", "1000"), "1000"),
    "accel a word": (mri("--accel", "four"), "--accel"),
    "acs below kernel": (mri("--acs", "3"), "3"),
    "no ACS": (lambda f: [str(f.without_acs())], "centre"),
    "accel for undersampled": (lambda f: [str(f.undersampled()), "--accel", "4"], "--accel"),
    "unknown method": (mri("--method", "magic"), "unknown method 'magic'"),
    "unknown option": (mri("--stepps", "3"), "--stepps"),
    "unknown mask": (mri("--mask", "spiral"), "unknown mask 'spiral'"),
    "unknown device": (mri("--device", "tpu"), "unknown device 'tpu'"),
    "zero threads": (mri("--threads", "0"), "--threads is 0"),
    "empty slices": (mri("--slices", "5:9"), "5:9"),
    "slices a word": (mri("--slices", "all"), "--slices is 'all'"),
    "output folder": (lambda f: [str(f.good()), "-o", str(f.folder / "no" / "x.h5")], "does not exist"),
    "output ending": (lambda f: [str(f.good()), "-o", str(f.folder / "x.tiff")], "ending"),
    "picture ending": (lambda f: [str(f.good()), "--picture", str(f.folder / "x.jpg")], ".png"),
    "mask of wrong shape": (lambda f: [str(f.good()), "--mask", str(f.wrong_mask())], "(3, 7)"),
    "mask file and accel": (lambda f: [str(f.good()), "--mask", str(f.wrong_mask()), "--accel", "4"], "--accel"),
    "mask file missing": (mri("--mask", "nowhere.npy"), "does not exist"),
    "unknown prior": (mri("--method", "dds", "--prior", "nobody"), "nobody"),
    "one byte of the weights": (
        lambda f: [str(f.good()), "--method", "dds", "--prior", str(f.damaged_weights())],
        "damaged",
    ),
    "acs negative": (mri("--acs", "-4"), "--acs is -4"),
    "acs a fraction": (mri("--acs", "2.5"), "--acs is '2.5'; give a whole number"),
    "accel without a value": (lambda f: [str(f.good()), "--accel"], "--accel has no value"),
    "method without a value": (mri("--method"), "--method has no value"),
    "method before an option": (lambda f: ["--method", "--seed", "1", str(f.good())], "--method has no value"),
    "option of another method": (mri("--samples", "3"), "unknown option --samples; see medrecon mri --method sense"),
    "two inputs": (lambda f: [str(f.good()), "other.h5"], "'other.h5' is one word too many"),
    "seed a word": (mri("--seed", "x"), "--seed is 'x'; give a whole number"),
    "slices backwards": (mri("--slices", "9:3"), "9:3"),
    "folder as input": (lambda f: [str(f.folder)], "is a folder"),
    "folder as output": (lambda f: [str(f.good()), "-o", str(f.folder)], "is a folder"),
    "output over the input": (lambda f: [str(f.good()), "-o", str(f.good())], "name of its own"),
    "one file for two outputs": (
        lambda f: [str(f.good()), "-o", str(f.folder / "a.png"), "--picture", str(f.folder / "a.png")],
        "name of its own",
    ),
    "prior where none is used": (mri("--prior", "mri-image-small"), "leave --prior out"),
    "matrix of 3 x 3": (lambda f: [str(f.narrow())], "lines"),
    "matrix of one row": (lambda f: [str(f.row())], "centre to calibrate on"),
    "zero steps": (mri("--method", "spirit", "--steps", "0"), "steps"),
}


@pytest.mark.parametrize("case", CASES)
def test_one_line_exit_2_and_no_file(case: str, files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, words = CASES[case]
    outputs = ["-o", str(files.folder / "out.h5"), "--json", str(files.folder / "out.json")]
    argv = ["mri", "--method", "sense", "--device", "cpu", *outputs, *arguments(files)]
    before = sorted(files.folder.iterdir())
    assert run(argv) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert words in said.err
    assert sorted(files.folder.iterdir()) == before


def test_folder_that_takes_no_files(files: Files, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("medrecon.io.writable.TemporaryFile", refuse)
    assert run(["mri", str(files.good()), "-o", str(files.folder / "out.h5")]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "cannot be written to" in said


def test_disk_that_fills_up_is_one_line_and_no_file(files: Files, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("medrecon.io.saving.np.save", refuse)
    argv = ["mri", str(files.good()), "--method", "zero-filled", "--device", "cpu", "-o", str(files.folder / "out.npy")]
    assert run(argv) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "No space left on device" in said
    assert [path.name for path in files.folder.iterdir()] == ["good.h5"]


@pytest.mark.parametrize("device", ["cuda", "cuda:9"])
def test_cuda_that_is_not_there(device: str, files: Files, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: device == "cuda:9")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert run(["mri", str(files.good()), "--device", device]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert device in said


def test_undersampled_scan_is_reconstructed_as_it_is(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    out = files.folder / "out.h5"
    assert run(["mri", str(files.undersampled()), "--method", "sense", "--device", "cpu", "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "as it is" in said
    assert out.is_file()


@pytest.mark.parametrize("command", ["info", "score", "simulate mri", "train mri-image"])
def test_missing_arguments_are_one_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command.split()) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert f"medrecon {command} --help" in said


def test_a_value_that_is_no_choice_lists_the_choices_as_a_user_types_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["batch", "in", "out", "--engine", "foo"]) == 2
    assert capsys.readouterr().err == (
        "medrecon: --engine is 'foo'; choose one of local, ray; see medrecon batch --help\n"
    )
