"""`medrecon batch` as a user runs it: what `mri` and `ct` would write, in any layout; and what it refuses."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pytest
from ct_bodies import bodies
from ct_files import PEOPLE, chest, write_ct
from phantom import head
from small_priors import image_file

from medrecon.cli.batch_options import BatchMri
from medrecon.cli.main import run
from medrecon.cli.mri import Mri
from medrecon.cli.mri_work import mri_work
from medrecon.io.fastmri_write import write_fastmri
from medrecon.mri import method_class
from medrecon.simulate.scan import simulate_scan

FAST = ["--device", "cpu", "--threads", "1"]
OPTIONS = ["--method", "spirit", "--steps", "2", "--samples", "2", "--accel", "3"]


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    """Three scans of two slices, and a file that is none."""
    folder = tmp_path_factory.mktemp("batch") / "scans"
    folder.mkdir()
    for i in range(3):
        volume = head(2, 32 + i, 32)
        path = folder / f"scan{i}.h5"
        write_fastmri(path, simulate_scan(volume, (6.0, 6.0), slice_mm=5.0, coils=3 + i, seed=i, name=path.stem))
    (folder / "text.h5").write_text("not HDF5")
    return folder


def data_sets(path: Path) -> dict[str, bytes]:
    with h5py.File(path) as file:
        return {name: file[name][()].tobytes() for name in file}


def entries(folder: Path) -> list[dict]:
    lines = [line for path in sorted(folder.glob("manifest*.jsonl")) for line in path.read_text().splitlines()]
    return [found for found in map(json.loads, lines) if "status" in found]


def test_results_are_those_of_mri_for_any_workers_and_shards(scans, tmp_path, capsys) -> None:
    prior = str(image_file(tmp_path / "prior.safetensors"))
    options = [*OPTIONS, *FAST, "--prior", prior]
    whole, dealt, single = tmp_path / "whole", tmp_path / "dealt", tmp_path / "single"
    assert run(["batch", str(scans), str(whole), *options, "--workers", "2"]) == 1
    said = capsys.readouterr().out
    assert "4 files, 6 slices" in said
    assert "failed: text.h5: neither HDF5 nor .npy" in said
    assert "3 of 4 files done" in said
    codes = [run(["batch", str(scans), str(dealt), *options, "--shard", f"{i}/2", "--workers", "1"]) for i in (1, 0)]
    assert codes == [1, 0]
    single.mkdir()
    for i in range(3):
        name = f"scan{i}.h5"
        assert run(["mri", str(scans / name), "-o", str(single / name), *options]) == 0
        expected = data_sets(single / name)
        assert "std" in expected
        assert expected == data_sets(whole / name) == data_sets(dealt / name)
    assert sorted(path.name for path in dealt.iterdir()) == [
        "manifest-0of2.jsonl", "manifest-1of2.jsonl", "scan0.h5", "scan1.h5", "scan2.h5",
    ]  # fmt: skip
    assert sorted(e["file"] for e in entries(dealt)) == sorted(path.name for path in scans.iterdir())
    assert str(tmp_path) not in "".join(path.read_text() for path in dealt.glob("*.jsonl"))
    capsys.readouterr()
    assert run(["batch", str(scans), str(dealt), *options, "--resume", "--pattern", "scan*.h5"]) == 0
    assert "3 done before" in capsys.readouterr().out


def test_the_same_options_are_the_same_work_as_of_mri() -> None:
    words = {
        "accel": 3.0, "mask": "uniform", "acs": 14, "seed": 5, "slices": "1:3", "prior": "own.safetensors",
        "pick": "contrast=1", "holdout": True,
    }  # fmt: skip
    method, usual = method_class("spirit")(steps=7), mri_work(Mri(), method_class("spirit")())
    work = mri_work(Mri(**words), method)
    assert work == mri_work(BatchMri(**words), method)
    assert mri_work(BatchMri(), method_class("spirit")()) == usual
    assert not [f.name for f in fields(work) if getattr(work, f.name) == getattr(usual, f.name)]
    assert work.pick == {"contrast": "1"}


def test_ctrl_c_leaves_what_can_be_resumed(scans, tmp_path) -> None:
    argv = ["batch", str(scans), str(tmp_path / "out"), "--method", "sense", *FAST, "--workers", "1"]
    program = [sys.executable, "-c", "from medrecon.cli.main import main; main()", *argv]
    process = subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert "4 files" in process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the workers too
    _, err = process.communicate()
    assert process.returncode == 130
    assert err == f"medrecon: interrupted; {tmp_path / 'out'} is whole: --resume goes on with it\n"
    assert run([*argv, "--resume"]) == 1
    assert len(entries(tmp_path / "out")) == 4


def test_config_gives_options_and_the_command_line_wins(scans, tmp_path, capsys) -> None:
    config = tmp_path / "batch.toml"
    config.write_text('method = "sense"\naccel = 2\nprior_variance = 0.01\nholdout = true\npattern = "scan0.h5"\n')
    out = tmp_path / "out"
    argv = ["batch", str(scans), str(out), "--config", str(config), "--accel", "3", *FAST]
    assert run([*argv, "--workers", "1"]) == 0
    with h5py.File(out / "scan0.h5") as file:
        made = json.loads(file.attrs["provenance"])
    assert made["method"] == "sense"
    assert made["options"]["prior_variance"] == 0.01
    assert made["net_acceleration"] == pytest.approx(3, rel=0.1)
    assert made["holdout_nmse"] > 0
    assert run([*argv[:-4], "--resume", "--accel", "2", *FAST]) == 2
    assert "option accel = 3.0, and --resume came with 2.0" in capsys.readouterr().err
    for text, words in (("acel = 2", "unknown option --acel"), ("[a]\nb = 1", "'a' is {'b': 1}"), ("a = ", "TOML")):
        config.write_text(text)
        assert run(argv) == 2
        err = capsys.readouterr().err
        assert words in err
        assert err.count("\n") == 1


def test_volumes_and_series_as_ct_writes_them_and_nothing_of_the_patient(tmp_path, capsys) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    nib.save(
        nib.Nifti1Image(bodies(2, 32).numpy().transpose(2, 1, 0), np.diag([-3.0, -3.0, 5.0, 1.0])), folder / "v.nii"
    )
    write_ct(folder / "Roe_Jane" / "s1", chest(2))
    write_ct(folder / "Roe_Jane" / "s2", chest(2))
    next((folder / "Roe_Jane" / "s2").iterdir()).write_bytes(b"cut off")
    write_ct(folder / "good.1", chest(2))
    (folder / "Roe_Jane" / "s2" / "ROE.dcm").write_bytes(b"cut off")
    options = ["--method", "tv", "--dose", "0.25", *FAST]
    assert run(["batch", str(folder), str(out), *options, "--workers", "1"]) == 1
    said = capsys.readouterr()
    status = {e["file"]: e["status"] for e in entries(out)}
    assert sorted(status.values()) == ["done", "done", "done", "failed"]
    written = said.out + said.err + "".join(str(p.relative_to(out)) for p in out.rglob("*"))
    written += (out / "manifest.jsonl").read_text()
    content = b"".join(p.read_bytes() for p in out.rglob("*") if p.is_file()).lower()
    for word in (*PEOPLE["PatientName"].split("^"), "jane", PEOPLE["PatientID"], PEOPLE["PatientBirthDate"]):
        assert word.lower() not in written.lower().replace(str(tmp_path), "")
        assert word.lower().encode() not in content
    assert run(["ct", str(folder / "v.nii"), "-o", str(tmp_path / "v.nii.gz"), *options]) == 0
    assert run(["ct", str(folder / "good.1"), "-o", str(tmp_path / "good"), *options]) == 0
    assert np.array_equal(nib.load(tmp_path / "v.nii.gz").dataobj, nib.load(out / "v.nii.gz").dataobj)
    assert pixels(tmp_path / "good") == pixels(out / "good_1")
    (out / ".0a1b2c3d.good_1").mkdir()
    assert run(["batch", str(folder), str(out), *options, "--workers", "1", "--resume"]) == 1
    assert "1 failed, 0 left" in capsys.readouterr().out
    assert not list(out.glob(".*"))


def pixels(folder: Path) -> list[bytes]:
    import pydicom

    return [pydicom.dcmread(path).PixelData for path in sorted(folder.iterdir())]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "IN_DIR and OUT_DIR are needed"),
        (["IN"], "IN_DIR and OUT_DIR are needed"),
        (["none", "OUT"], "is no folder"),
        (["IN", "none/OUT"], "does not exist; create it first"),
        (["IN", "."], "holds the inputs"),
        (["IN", "IN"], "holds the inputs"),
        (["IN", "OUT", "--shard", "2/2"], "from 0 to n - 1"),
        (["IN", "OUT", "--workers", "0"], "--workers is 0"),
        (["IN", "OUT", "--threads", "0"], "--threads is 0"),
        (["IN", "OUT", "--accel", "0.5"], "--accel is 0.5"),
        (["IN", "OUT", "--mask", "m.npy", "--acs", "12"], "decides all samples"),
        (["IN", "OUT", "--method", "sense", "--prior", "x"], "uses no prior"),
        (["IN", "OUT", "--method", "best"], "unknown method 'best'"),
        (["IN", "OUT", "--method", "nlm"], "--dose is missing"),
        (["IN", "OUT", "--method", "nlm", "--dose", "2"], "--dose is 2"),
        (["IN", "OUT", "--prior", "none.safetensors"], "none.safetensors"),
        (["IN", "OUT", "--pattern", "*.npy"], "holds nothing that is *.npy"),
        (["IN", "OUT", "--config"], "--config has no value"),
        (["IN", "USED"], "USED holds x already; --resume"),
        (["IN", "USED", "--resume"], "no manifest to resume from"),
    ],
)
def test_bad_calls_are_one_line_and_write_nothing(scans, tmp_path, monkeypatch, capsys, words, said) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "IN").symlink_to(scans)
    (tmp_path / "USED").mkdir()
    (tmp_path / "USED" / "x").touch()
    if words[1:2] == ["."]:
        (tmp_path / "IN").unlink()
        (tmp_path / "IN").mkdir()
    assert run(["batch", *words, *FAST[:2]]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["IN", "USED"]
