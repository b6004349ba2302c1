"""Pictures are cut about the stated place, from images that are those of the rows."""

import sys
from pathlib import Path

import numpy as np
import pytest
from campaigns import CPU, campaign, volume

from medrecon.bench.conditions import Condition

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import trust_pictures


@pytest.fixture
def studio() -> trust_pictures.Studio:
    made = trust_pictures.Studio.__new__(trust_pictures.Studio)
    made.volumes, made.device = {"head": volume()}, CPU
    return made


@pytest.fixture
def rows(tmp_path) -> list[dict]:
    made = campaign(tmp_path / "b", ["lesions"], methods=("zero-filled", "sense"), accel=(3.0,))
    made.run(CPU)
    return next(iter(made.stores.values())).rows


def test_cut_is_centred_and_black_beyond_the_edge() -> None:
    image = np.arange(1.0, 101).reshape(10, 10)
    cut = trust_pictures.Cut(0, 1, 8, (2, 3)).of(image)
    assert cut.shape == (5, 7)
    assert cut[2, 3] == image[1, 8]
    assert not cut[0].any()
    assert not cut[:, -2:].any()


def test_images_made_again_are_those_of_the_row(studio, rows) -> None:
    row = rows[1]
    assert Condition.of_row(row).as_fields() == {key: row[key] for key in Condition.of_row(row).as_fields()}
    case = studio.case(row)
    image, truth = studio.image(case, row, 1), case.reference[1].numpy()
    error = np.sqrt(((image - truth) ** 2).mean()) / float(case.reference.max())
    assert error == pytest.approx(row["slices"][1]["rmse"], rel=1e-4)


def test_one_strip_a_method_and_files_are_written(studio, rows, tmp_path) -> None:
    worst = trust_pictures.false_structures(studio, rows, 20.0)
    assert sorted(label.split("\n")[0] for label, _ in worst) == ["sense", "zero-filled"]
    strip = trust_pictures.lesions(studio, rows, 20.0)
    assert strip[0][0] == "truth"
    assert len(strip) == 3
    trust_pictures.draw(worst, ("truth", "image", "error"), tmp_path / "worst.png")
    assert (tmp_path / "worst.png").read_bytes().startswith(b"\x89PNG")
