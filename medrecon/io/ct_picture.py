"""The picture of denoised CT: low dose, result, reference and error, at one window in HU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

from torch import Tensor

from medrecon.atomic import whole_file
from medrecon.io.panels import DISCLAIMER, PAPER, Panel, Words, panel_figure, shown_slices
from medrecon.io.writable import check_writable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ERROR_SHARE = 10
"""The error is shown up to this part of the window's width, dark to bright from below to above the reference."""


@dataclass(frozen=True, eq=False)
class CtPicture:
    """What is shown: images `(slice, y, x)` in HU on the CPU, of equal shape.

    Attributes
    ----------
    low, result, reference : the input, what was made of it, and what it is held against, if anything.
    pixel_mm : (y, x) of a pixel.
    window : HU shown as black and as white.
    record : provenance of the result; method, dose, cost and scores are read from it.
    """

    low: Tensor
    result: Tensor
    reference: Tensor | None
    pixel_mm: tuple[float, float]
    window: tuple[float, float]
    record: Mapping[str, Any]


def save_ct_picture(picture: CtPicture, path: str | PathLike[str]) -> None:
    """Write up to three slices as .png, whole or not at all; raises InputError for another ending."""
    with whole_file(check_writable(path, (".png",))) as temporary:
        ct_figure(picture).savefig(temporary, format="png", dpi=150, facecolor=PAPER)


def ct_figure(picture: CtPicture) -> Figure:
    """The picture as a matplotlib figure of its own canvas."""
    rows = [list(_panels(picture, i)) for i in shown_slices(len(picture.result))]
    return panel_figure(rows, picture.pixel_mm[0] / picture.pixel_mm[1], _words(picture))


def _panels(shown: CtPicture, i: int) -> Iterator[Panel]:
    low, high = shown.window
    place = f"{i + 1} of {len(shown.result)}: " if len(shown.result) > 1 else ""
    method = str(shown.record["method"])
    yield Panel(shown.low[i], high, _scored(f"{place}low dose", shown, "input", i), bottom=low)
    yield Panel(shown.result[i], high, _scored(method, shown, "method", i), bottom=low)
    if shown.reference is not None:
        reach = (high - low) / ERROR_SHARE
        yield Panel(shown.reference[i], high, "reference", bottom=low)
        yield Panel(shown.result[i] - shown.reference[i], reach, f"error, ±{reach:g} HU", "coolwarm", bottom=-reach)


def _scored(title: str, shown: CtPicture, row: str, i: int) -> str:
    scores: Any = shown.record.get("scores")
    if not scores:
        return title
    found = scores[row]["slices"][i]
    return f"{title}   {_decimal(found['psnr'], 1)} dB / {_decimal(found['ssim'], 3)}"


def _words(shown: CtPicture) -> Words:
    record = shown.record
    weights, calls = record.get("weights"), record.get("network_calls")
    facts = [
        f"input at {record['dose']:g} of full dose",
        f"{calls} network call{'s' if calls > 1 else ''}" if calls else "no network",
        f"{record['seconds_per_slice']:.3g} s a slice on {record['device']}",
    ]
    low, high = shown.window
    foot = [
        f"window {low:g} to {high:g} HU",
        "PSNR / SSIM of the slice" if record["scores"] else "",
        f"prior {weights['name']}" if weights else "",  # in the title it would be cut where there are two panels
    ]
    title = " · ".join([str(record["method"]), *facts])
    return Words(title, _score_line(shown), f"{DISCLAIMER}\n" + "; ".join(filter(None, foot)))


def _score_line(shown: CtPicture) -> str:
    scores: Any = shown.record.get("scores")
    if not scores:
        return "no reference to score against"
    mean = scores["method"]["mean"]
    return (
        f"PSNR {_decimal(mean['psnr'], 2)} dB, SSIM {_decimal(mean['ssim'], 3)}, RMSE {_decimal(mean['rmse'], 1)} HU; "
        f"protocol {scores['protocol']}"
    )


def _decimal(value: float | None, digits: int) -> str:
    return "?" if value is None else f"{value:.{digits}f}"
