"""MR series in DICOM as images: a scanner's, and what `medrecon mri -o FOLDER` wrote."""

from dataclasses import replace

import numpy as np
import pytest
from ct_files import chest, write_ct
from dicom_files import IDENTITY, grey_head, write_series
from read_page import read_page
from result_folders import reconstruction

from medrecon.cli.main import run
from medrecon.errors import InputError
from medrecon.io import load_images, save, write_json
from medrecon.io.mr_images import load_mr_series, mr_series_grid


def test_a_scanners_series_lies_where_its_headers_say_whether_pixels_are_read_or_not(tmp_path):
    values = grey_head()
    write_series(tmp_path, values, order=[3, 0, 5, 1, 4, 2], RescaleSlope=2.0)
    found, grid = load_mr_series(tmp_path)
    assert np.array_equal(found, 2 * values)
    assert grid.shape == mr_series_grid(tmp_path).shape == values.shape
    assert np.allclose(grid.affine, [[0, 0, 1.5, -90], [0, 1, 0, -80], [4, 0, 0, 10], [0, 0, 0, 1]])
    assert np.array_equal(mr_series_grid(tmp_path).affine, grid.affine)
    assert np.array_equal(load_images(tmp_path), 2 * values)


@pytest.mark.parametrize("broken", ["two series", "ct", "empty", "cut off", "phase", "no header"])
def test_what_is_no_series_of_magnitudes_is_one_line_that_names_nobody(tmp_path, broken):
    folder = tmp_path / "series"
    folder.mkdir()
    if broken == "ct":
        write_ct(folder, chest())
    elif broken != "empty":
        write_series(
            folder, grey_head(), **({"ImageType": [["ORIGINAL", "PRIMARY", "P"]] * 6} if broken == "phase" else {})
        )
    file = next(iter(sorted(folder.iterdir())), folder / "none")
    if broken == "two series":
        write_series(folder, grey_head(), order=range(10, 16))
    if broken == "cut off":
        file.write_bytes(file.read_bytes()[:-20])
    if broken == "no header":
        (folder / "a.dcm").write_bytes(b"nothing")
    with pytest.raises(InputError) as caught:
        load_images(folder)
    said = str(caught.value)
    assert "\n" not in said
    assert str(folder) in said
    assert not any(value in said for value in IDENTITY.values())


@pytest.mark.parametrize("place", [np.diag([4.0, 2.0, 3.0, 1.0])[[2, 1, 0, 3]], None])
def test_info_and_report_show_a_derived_series(tmp_path, capsys, place):
    made = replace(reconstruction(slices=2), affine=place)
    save(made, tmp_path / "head")
    write_json(made.provenance, tmp_path / "head.json")
    assert run(["info", str(tmp_path / "head")]) == 0
    said = capsys.readouterr().out
    assert "MR series" in said
    assert ("2 x 3 mm" in said) == (place is not None)
    assert ("place           unknown" in said) == (place is None)
    assert run(["report", str(tmp_path)]) == 0
    page = read_page((tmp_path / "report.html").read_text())
    assert page.one("details", class_="volume").all("img")


def test_folders_of_derived_series_are_scored(tmp_path, capsys):
    for side in ("p", "t"):
        (tmp_path / side).mkdir()
    for name, seed in (("one", 0), ("two", 1)):
        save(reconstruction(slices=2, seed=seed), tmp_path / "p" / name)
        save(reconstruction(slices=2, seed=seed, noise=0.0), tmp_path / "t" / name)
    table = tmp_path / "scores.csv"
    assert run(["score", str(tmp_path / "p"), str(tmp_path / "t"), "--csv", str(table)]) == 0
    said = capsys.readouterr().out
    assert "full-range" in said
    assert [line.split(",")[0] for line in table.read_text().splitlines()[1:3]] == ["one", "two"]
