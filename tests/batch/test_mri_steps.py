"""`MriSteps`: scans that are solved together come out as each does alone."""

from pathlib import Path

import h5py
import pytest
import torch
from phantom import head
from small_priors import band_file, image_file

from medrecon.batch.joint import images_at_once
from medrecon.batch.mri import LARGEST, MriWork
from medrecon.errors import InputError
from medrecon.io import load
from medrecon.io.fastmri_write import write_fastmri
from medrecon.masks import pattern
from medrecon.masks.undersampling import Undersampling
from medrecon.mri import drawing, method_class, together
from medrecon.simulate.scan import simulate_scan
from medrecon.solving import CHUNK

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("steps")
    for i in range(3):
        scan = simulate_scan(head(2, 32, 40), (6.0, 6.0), slice_mm=5.0, coils=3, seed=i, name=f"scan{i}")
        write_fastmri(folder / f"scan{i}.h5", scan)
    return sorted(folder.iterdir())


def work(name: str, prior: Path | None = None, **options) -> MriWork:
    return MriWork(method_class(name)(**options), Undersampling(accel=2.0), str(prior) if prior else None, seed=3)


def written(steps, given, made, out: Path) -> dict[str, bytes]:
    steps.write(given, made, out)
    with h5py.File(out) as file:
        return {name: file[name][()].tobytes() for name in file}


@pytest.mark.parametrize("name", ["spirit", "hfs"])
def test_files_solved_together_have_the_bits_they_have_alone(scans, tmp_path, name) -> None:
    prior = (band_file if name == "hfs" else image_file)(tmp_path / "prior.safetensors")
    steps = work(name, prior, steps=2, samples=2).on(CPU)
    assert steps.together == 0
    given = [steps.read(path) for path in scans]
    alone = [steps.reconstruct([scan])[0] for scan in given]
    steps.together = 6
    together = steps.reconstruct(given)
    for scan, one, several in zip(given, alone, together, strict=True):
        expected = written(steps, scan, one, tmp_path / "one.h5")
        assert {"reconstruction", "std", "zero_filled"} <= expected.keys()
        assert written(steps, scan, several, tmp_path / "several.h5") == expected


def test_files_with_masks_of_their_own_share_batches(scans, tmp_path, monkeypatch) -> None:
    """As fastMRI's folders have them; several images a pass, as on CUDA."""
    for i, path in enumerate(scans):
        write_fastmri(tmp_path / path.name, load(path).undersample(pattern("random", 2.0, 12, i)))
    steps = MriWork(method_class("spirit")(steps=2), prior=str(image_file(tmp_path / "prior.safetensors")), seed=3).on(
        CPU
    )
    given = [steps.read(tmp_path / path.name) for path in scans]
    assert len({scan.mask.numpy().tobytes() for scan in given}) == 3
    alone = [steps.reconstruct([scan])[0] for scan in given]
    monkeypatch.setattr(drawing, "images_together", lambda batch, _: batch)
    passes = []
    monkeypatch.setattr(
        together, "_draw", lambda problem, *rest: passes.append(problem) or drawing._draw(problem, *rest)
    )
    steps.together = 6
    shared = steps.reconstruct(given)
    assert [problem.n_slices for problem in passes] == [6]
    for one, several in zip(alone, shared, strict=True):
        expected = torch.cat([part.image for part in one.parts])
        assert (several.parts[0].image - expected).norm() < 2e-3 * expected.norm()  # a network of half precision
        assert torch.allclose(several.parts[0].residual, torch.cat([part.residual for part in one.parts]), rtol=1e-2)


def test_slices_keep_their_numbers(scans, tmp_path) -> None:
    asked = work("spirit", image_file(tmp_path / "prior.safetensors"), steps=2)
    steps = asked.on(CPU)
    steps.together = 6
    whole = steps.reconstruct([steps.read(path) for path in scans])
    object.__setattr__(asked, "slices", (1, None))
    last = steps.reconstruct([steps.read(path) for path in scans])
    for scan, part in zip(whole, last, strict=True):
        assert torch.equal(part.parts[0].image, scan.parts[0].image[1:])


def test_the_files_at_fault_are_for_the_caller_to_find(scans) -> None:
    steps = work("sense").on(CPU)
    steps.together = 6
    good, bad = (steps.read(path) for path in scans[:2])
    bad.kspace.zero_()
    with pytest.raises(InputError, match="scale of 0"):
        steps.reconstruct([good, bad])


def test_what_the_device_is_given_at_once_is_bounded(scans) -> None:
    steps = work("sense").on(CPU)
    scan = steps.read(scans[0])
    assert images_at_once(CPU, scan) == CHUNK // scan.kspace[0].numel()
    steps.together = 6
    many = steps.reconstruct([scan] * (LARGEST // scan.n_slices + 1))
    assert [len(solved.parts) for solved in many] == [2] * len(many)  # one chunk after the other
