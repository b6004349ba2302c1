"""`medrecon report` as a user runs it, over what `medrecon mri` and `medrecon ct` wrote."""

import json

import pytest
from read_page import read_page

from medrecon.cli.main import run
from medrecon.io.fastmri_write import write_fastmri


@pytest.fixture
def results(tmp_path, full_scan):
    folder = tmp_path / "results"
    folder.mkdir()
    scan = str(write_fastmri(tmp_path / "scan.h5", full_scan))
    for method in ("zero-filled", "sense"):
        assert run(["mri", scan, "--method", method, "--device", "cpu", "-o", str(folder / f"{method}.h5")]) == 0
    ct = ["ct", "--method", "tv", "--slices", "0:1", "--device", "cpu", "-o", str(folder / "phantom.nii.gz")]
    assert run([*ct, "--json", str(folder / "phantom.json")]) == 0
    return folder


def test_a_page_over_what_the_commands_wrote(results, tmp_path, capsys):
    capsys.readouterr()
    assert run(["report", str(results)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"wrote {results / 'report.html'} (")
    assert "3 volume(s)" in said.out
    assert said.err == ""
    page = read_page((results / "report.html").read_text())
    assert [v.one("h3").text for v in page.all("details", class_="volume")] == ["phantom", "sense", "zero-filled"]
    made = json.loads((results / "phantom.json").read_text())["scores"]["method"]["mean"]["psnr"]
    shown = next(td for td in page.all("td") if td.attributes.get("data-value") == repr(made))
    assert shown.text == f"{made:.2f}"


def test_a_damaged_result_is_named_and_passed_over(results, tmp_path, capsys):
    whole = (results / "sense.h5").read_bytes()
    (results / "sense.h5").write_bytes(whole[: len(whole) // 2])
    page = tmp_path / "page.html"
    assert run(["report", str(results), "-o", str(page)]) == 1
    assert capsys.readouterr().err.startswith("left out sense.h5: ")
    assert "sense.h5" in read_page(page.read_text()).one("div", class_="alert").text


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["none"], "none is no folder"),
        ([".", "--limit", "0"], "--limit is 0; give the MiB"),
        ([".", "-o", "page.pdf"], "use .html"),
        ([".", "-o", "page.html"], "holds no result of medrecon"),
    ],
)
def test_what_cannot_be_reported_is_one_line(argv, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["report", *argv]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
