"""Pictures of what the lesion suite of `medrecon bench mri` found, cut from images that are made again from its rows.

python benchmarks/trust_pictures.py ROWS.json VOLUMES FOLDER [--accel 8] [--mm 40] [--control FILE] [--device cpu]

FOLDER/false-structures.png shows the strongest structure of every method that is not in the truth: truth, image and
error about its place. FOLDER/lesions.png shows the lesions of one slice, from large to small: truth and every method.
The supervised control is shown where --control gives its weights.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from sheets.parts import record

from medrecon.bench.cases import Case, in_scan_units, solved
from medrecon.bench.conditions import Condition
from medrecon.bench.runners import CONTROL, Runner, control, made, methods
from medrecon.bench.sources import Volume, sources
from medrecon.bench.suites.lesions import LesionCase, Lesions
from medrecon.networks import load_prior

Row = dict[str, Any]


@dataclass(frozen=True)
class Cut:
    """A square of one slice about a pixel, `half` pixels (y, x) to each side."""

    slice: int
    y: int
    x: int
    half: tuple[int, int]

    def of(self, image: np.ndarray) -> np.ndarray:
        """`(2 half_y + 1, 2 half_x + 1)` of the slice `(y, x)`, black beyond its edge."""
        y, x = self.half
        return np.pad(image, ((y, y), (x, x)))[self.y : self.y + 2 * y + 1, self.x : self.x + 2 * x + 1]


class Studio:
    """Makes images of rows again: volumes by name, priors by the name and hash that the row holds."""

    def __init__(self, data: Path, device: torch.device, supervised: Path | None = None) -> None:
        self.volumes = {source.name: source for source in sources(data)[0] if isinstance(source, Volume)}
        self.device, self.supervised = device, supervised

    def case(self, row: Row) -> LesionCase:
        return Lesions().prepare(self.volumes[row["scan"]], Condition.of_row(row), self.device)

    def runner(self, row: Row) -> Runner:
        weights = row["weights"]
        if row["method"] == CONTROL:
            assert self.supervised is not None
            registry = control(self.supervised, self.device)
        else:
            registry = methods([load_prior(weights["name"], self.device)] if weights else [])
        (found,) = made(registry, row["method"], row["options"])
        if weights != found.weights:
            raise SystemExit(f"the row of {row['method']} was made with other weights than are here now")
        return found

    def image(self, case: Case, row: Row, index: int) -> np.ndarray:
        """`(y, x)` magnitude of one slice."""
        done = solved(case.problem.select(slice(index, index + 1)), self.runner(row), case.seed)
        return in_scan_units(done.solution.image, done.problem, case.scan).abs()[0].numpy()


def by_method(rows: Sequence[Row], key: Callable[[Row], float]) -> list[Row]:
    """Of every method with its options and weights the row for which `key` is largest."""
    found: dict[str, Row] = {}
    for row in sorted(rows, key=key):
        found[json.dumps([row["method"], row["options"], row["weights"]])] = row
    return list(found.values())


def false_structures(studio: Studio, rows: Sequence[Row], mm: float) -> list[tuple[str, list[np.ndarray]]]:
    """A label and (truth, image, error) for every method, each in grey values 0 to 1."""

    def strength(row: Row) -> float:
        return max(abs(x["strength"]) for x in row["false_structures"])

    found = []
    for row in by_method(rows, strength):
        worst = max(row["false_structures"], key=lambda x: abs(x["strength"]))
        case = studio.case(row)
        cut = Cut(worst["slice"], worst["y"], worst["x"], _half(case, mm))
        image, truth = studio.image(case, row, cut.slice), case.reference[cut.slice].numpy()
        white = np.percentile(truth, 99.5)
        pictures = [cut.of(truth) / white, cut.of(image) / white, 0.5 + cut.of(image - truth) / white]
        found.append((f"{_name(row)}\n{row['scan']}\nslice {cut.slice}, {100 * worst['strength']:+.0f} %", pictures))
    return found


def lesions(studio: Studio, rows: Sequence[Row], mm: float) -> list[tuple[str, list[np.ndarray]]]:
    """Truth and every method about the lesions of the first slice of one scan, large ones first."""
    several = by_method([row for row in rows if row["scan"] == rows[0]["scan"]], lambda row: -row["seed"])
    case = studio.case(several[0])
    index = several[0]["lesions"][0]["slice"]
    found = sorted(case.lesions[index], key=lambda lesion: -lesion.diameter_mm)
    cuts = [Cut(index, lesion.y, lesion.x, _half(case, mm / 2)) for lesion in found]
    truth = case.whole.reference[index].numpy()
    white = np.percentile(truth, 99.5)
    strip = [("truth", truth), *((_name(row), studio.image(case.whole, row, index)) for row in several)]
    return [(label, [cut.of(image) / white for cut in cuts]) for label, image in strip]


def draw(strip: Sequence[tuple[str, Sequence[np.ndarray]]], titles: Sequence[str], path: Path) -> None:
    """One row of pictures a label."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = len(strip[0][1])
    figure = Figure(figsize=(1.7 * columns + 1.6, 1.75 * len(strip) + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (label, pictures) in zip(figure.subplots(len(strip), columns, squeeze=False), strip, strict=True):
        for ax, picture in zip(axes, pictures, strict=True):
            ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
        axes[0].set_ylabel(label, fontsize="xx-small")
        if label == strip[0][0]:
            for ax, title in zip(axes, titles, strict=True):
                ax.set_title(title, fontsize="small")
    figure.savefig(path, dpi=110)
    few_greys(path)
    print(f"wrote {path}")


def few_greys(path: Path) -> None:
    """As a palette of 64, which looks the same at half the size."""
    with Image.open(path) as drawn:
        palette = drawn.convert("RGB").quantize(64, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette.save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path)
    parser.add_argument("volumes", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--accel", type=float, default=8.0)
    parser.add_argument("--mm", type=float, default=40.0)
    parser.add_argument("--control", type=Path)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    shown = (row for row in record(options.rows)["rows"] if options.control or row["method"] != CONTROL)
    rows = [row for row in shown if row["accel"] == options.accel]
    if not rows:
        raise SystemExit(f"{options.rows} holds no rows at R {options.accel:g}")
    studio = Studio(options.volumes, torch.device(options.device), options.control)
    options.folder.mkdir(exist_ok=True)
    worst = false_structures(studio, rows, options.mm)
    draw(worst, ("truth", "image", "error"), options.folder / "false-structures.png")
    strip = lesions(studio, rows, options.mm)
    sizes = sorted(x["diameter_mm"] for x in rows[0]["lesions"] if x["slice"] == rows[0]["lesions"][0]["slice"])[::-1]
    draw(strip, [f"{size:g} mm" for size in sizes], options.folder / "lesions.png")


def _half(case: LesionCase, mm: float) -> tuple[int, int]:
    y, x = (round(mm / 2 / side) for side in case.voxel_mm)
    return y, x


def _name(row: Row) -> str:
    return ", ".join([row["method"], *(f"{k} {v}" for k, v in row["options"].items())])


if __name__ == "__main__":
    main()
