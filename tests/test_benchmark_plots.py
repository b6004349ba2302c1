"""Figures hold the numbers of their results, are known by a hash of them, and are drawn only when these change."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import tables  # noqa: E402
from sheets import plots  # noqa: E402  (benchmarks is a folder of programs, not a package)
from sheets.figure import draw  # noqa: E402

PAGE = "text\n<!-- plot:snr/mine -->\n<!-- /plot -->\n"


def row(method, snr, psnr):
    slices = [{"psnr_foreground": psnr}, {"psnr_foreground": None}]
    return {
        "suite": "snr", "scan": "a", "coils": 8, "snr": snr, "simulated_slices": 2, "mask": "random", "accel": 4.0,
        "seed": 0, "method": method, "options": {}, "asked_slices": None, "weights": None, "slices": slices,
        "scored": 2,
    }  # fmt: skip


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(plots, "FIGURES", tmp_path / "figures")
    write(tmp_path, 30.0)
    return tmp_path


def write(folder: Path, psnr: float) -> None:
    rows = [row("tv", 10.0, 20.0), row("tv", 40.0, psnr), row("dds", 10.0, 25.0)]
    (folder / "mine.json").write_text(json.dumps({"device": "cpu", "rows": rows}))


def test_points_are_means_by_noise(results) -> None:
    ((path, figure),) = plots.outdated(PAGE, results)
    assert path.name == "snr-mine.svg"
    assert figure.panels == {"R 4, random": {"tv": [(10.0, 20.0), (40.0, 30.0)], "dds": [(10.0, 25.0)]}}


def test_lesions_by_size(results) -> None:
    found = [{"diameter_mm": d, "recovered": r} for d, r in ((2.0, 0.4), (2.0, 0.6), (6.0, 0.9), (6.0, None))]
    figure = plots.lesions([{"device": "cpu", "rows": [{**row("tv", 40.0, 30.0), "lesions": found}]}])
    assert figure.panels == {"R 4, random": {"tv": [(2.0, 0.5), (6.0, 0.9)]}}


def test_a_figure_is_drawn_when_its_numbers_change_and_only_then(results) -> None:
    for path, figure in plots.outdated(PAGE, results):
        draw(figure, path)
    assert plots.outdated(PAGE, results) == []
    assert "<svg" in (plots.FIGURES / "snr-mine.svg").read_text()
    write(results, 31.0)
    assert len(plots.outdated(PAGE, results)) == 1


def test_pages_link_to_figures_or_say_what_is_missing(results, monkeypatch) -> None:
    monkeypatch.setattr(tables, "RESULTS", results)
    assert "![snr](figures/snr-mine.svg)" in tables.regenerated(PAGE, results)
    assert "![snr](../figures/snr-mine.svg)" in tables.regenerated(PAGE, results / "methods")
    (results / "mine.json").unlink()
    assert "*Not measured yet: `benchmarks/results/mine.json`.*" in tables.regenerated(PAGE)
    assert plots.outdated(PAGE, results) == []


@pytest.mark.parametrize("page", tables.PAGES, ids=lambda path: path.name)
def test_figures_agree_with_results(page) -> None:
    assert plots.outdated(page.read_text(), tables.RESULTS) == [], "run python benchmarks/tables.py"
