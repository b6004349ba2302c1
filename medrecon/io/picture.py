"""The picture of a reconstruction: reference, zero-filled, reconstruction, error, standard deviation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from medrecon.atomic import whole_file
from medrecon.io.window import window_top
from medrecon.io.writable import check_writable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from medrecon.reconstruction import Reconstruction

ERROR_GAIN = 5
MAX_SLICES = 3
PANEL, MIN_WIDTH = 3.0, 8.0  # inches: longer side of a panel, and room for the heading
HEAD, FOOT, CAPTION, GAP = 0.60, 0.46, 0.30, 0.08  # inches
INK, FAINT, PAPER = "#f2f2f2", "#a8a8a8", "#101214"
DISCLAIMER = "medrecon: research use only, not for diagnosis"
LEGEND = f"grey: one window a row; error and std {ERROR_GAIN} times as bright; over the panels PSNR / SSIM of the slice"


def save_picture(reconstruction: Reconstruction, path: str | PathLike[str]) -> None:
    """Write the picture as .png, whole or not at all; raises InputError for another ending or a missing folder."""
    with whole_file(check_writable(path, (".png",))) as temporary:
        draw(reconstruction, temporary)


def draw(reconstruction: Reconstruction, path: Path) -> None:
    """Draw up to three slices, evenly spaced, one a row; matplotlib's global state stays as it is."""
    figure(reconstruction).savefig(path, format="png", dpi=150, facecolor=PAPER)


def figure(reconstruction: Reconstruction) -> Figure:
    """The picture as a matplotlib figure of its own canvas."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [list(_panels(reconstruction, i)) for i in shown_slices(reconstruction.n_slices)]
    columns, aspect = len(rows[0]), _aspect(reconstruction)
    width, height = _panel_size(reconstruction, columns, aspect)
    size = max(columns * (width + GAP) + GAP, MIN_WIDTH), len(rows) * (height + CAPTION) + HEAD + FOOT
    picture = Figure(figsize=size, facecolor=PAPER)
    FigureCanvasAgg(picture)
    for i, row in enumerate(rows):
        for j, content in enumerate(row):
            x, y = GAP + j * (width + GAP), size[1] - HEAD - (i + 1) * (height + CAPTION)
            axes = picture.add_axes((x / size[0], y / size[1], width / size[0], height / size[1]))
            _show(axes, content, aspect)
    _write_head(picture, reconstruction, size)
    return picture


def _panel_size(made: Reconstruction, columns: int, aspect: float) -> tuple[float, float]:
    """(width, height) in inches; few columns are drawn larger, up to the width that the heading needs."""
    height, width = made.image.shape[-2] * aspect, made.image.shape[-1]
    scale = PANEL / max(height, width)
    fill = (MIN_WIDTH - GAP) / columns - GAP
    scale = max(scale, min(fill / width, 1.5 * scale))
    return scale * width, scale * height


def shown_slices(n: int) -> list[int]:
    """Up to three slices, evenly spaced; the middle one if one is shown."""
    shown = min(n, MAX_SLICES)
    return [(2 * i + 1) * n // (2 * shown) for i in range(shown)]


@dataclass(frozen=True, eq=False)
class _Panel:
    image: Tensor
    top: float
    title: str
    colours: str = "gray"


def _panels(made: Reconstruction, i: int) -> Iterator[_Panel]:
    """Panels of slice `i`: grey ones share the window of the reference (else of the reconstruction)."""
    image = made.magnitude[i].cpu()
    reference = None if made.reference is None else made.reference[i].cpu()
    top = window_top(image if reference is None else reference)
    method = str(made.provenance.get("method", "reconstruction"))
    if reference is not None:
        yield _Panel(reference, top, f"{_place(i, made.n_slices)}reference ({made.reference_kind})")
    if method != "zero-filled":
        yield _Panel(made.zero_filled[i].cpu(), top, _scored("zero-filled", made, "zero_filled", i))
    yield _Panel(image, top, _scored(method, made, "method", i))
    if reference is not None:
        yield _Panel((image - reference).abs(), top / ERROR_GAIN, f"error ×{ERROR_GAIN}", "inferno")
    if made.std is not None:
        label = f"std ×{ERROR_GAIN}" + ("" if made.spread == "posterior" else ", not calibrated")
        yield _Panel(made.std[i].cpu(), top / ERROR_GAIN, label, "inferno")


def _place(i: int, n: int) -> str:
    """Which of the reconstructed slices a row shows, where there are several."""
    return f"{i + 1} of {n}: " if n > 1 else ""


def _scored(title: str, made: Reconstruction, row: str, i: int) -> str:
    slices = made.scores[row].get("slices", []) if made.scores and row in made.scores else []
    if i >= len(slices):
        return title
    return f"{title}   {_decimal(slices[i].get('psnr'), 1)} dB / {_decimal(slices[i].get('ssim'), 3)}"


def _show(axes: Axes, content: _Panel, aspect: float) -> None:
    pixels = torch.nan_to_num(content.image.float()).numpy()
    axes.imshow(pixels, cmap=content.colours, vmin=0, vmax=content.top, aspect=aspect, interpolation="nearest")
    axes.set_title(content.title, fontsize=9, color=INK, pad=4)
    axes.set_axis_off()


def _write_head(picture: Figure, made: Reconstruction, size: tuple[float, float]) -> None:
    left, height = GAP / size[0], size[1]
    record = made.provenance
    weights = record.get("weights")
    facts = [
        f"net R {_decimal(record.get('net_acceleration'), 2)}",
        f"{made.network_calls} network calls" if made.network_calls else "no network",
        f"{made.seconds_per_slice:.3g} s a slice on {record.get('device', 'cpu')}",
        f"prior {weights['name']}" if weights else "",
    ]
    title = f"{record.get('method', 'reconstruction')} · " + " · ".join(filter(None, facts))
    picture.text(left, 1 - 0.10 / height, title, fontsize=11, color=INK, va="top", weight="bold")
    picture.text(left, 1 - 0.34 / height, _score_line(made), fontsize=9, color=FAINT, va="top")
    foot = f"{DISCLAIMER}\n{LEGEND}" if made.scores else DISCLAIMER
    picture.text(left, 0.10 / height, foot, fontsize=8, color=FAINT, va="bottom")


def _score_line(made: Reconstruction) -> str:
    scores: Any = made.scores
    if not scores:
        foretold = "" if made.holdout_nmse is None else f"; NMSE on withheld samples {made.holdout_nmse:.4f}"
        return f"no reference to score against{foretold}"
    mean = scores["method"]["mean"]
    whole = f"PSNR {_decimal(mean.get('psnr'), 2)} dB, SSIM {_decimal(mean.get('ssim'), 3)}"
    inside = f"{_decimal(mean.get('psnr_foreground'), 2)} dB, {_decimal(mean.get('ssim_foreground'), 3)}"
    return f"{whole} (foreground {inside}); protocol {scores['protocol']}, reference {scores['reference']}"


def _aspect(made: Reconstruction) -> float:
    """Height of a pixel over its width."""
    return 1.0 if made.voxel_mm is None else made.voxel_mm[0] / made.voxel_mm[1]


def _decimal(value: float | None, digits: int) -> str:
    return "?" if value is None else f"{value:.{digits}f}"
