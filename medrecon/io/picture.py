"""The picture of a reconstruction: reference, zero-filled, reconstruction, error, standard deviation."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medrecon.atomic import whole_file
from medrecon.io.panels import DISCLAIMER, PAPER, Panel, Words, panel_figure, shown_slices
from medrecon.io.window import window_top
from medrecon.io.writable import check_writable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from medrecon.reconstruction import Reconstruction

ERROR_GAIN = 5
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
    rows = [list(_panels(reconstruction, i)) for i in shown_slices(reconstruction.n_slices)]
    return panel_figure(rows, _aspect(reconstruction), _words(reconstruction))


def _panels(made: Reconstruction, i: int) -> Iterator[Panel]:
    """Panels of slice `i`: grey ones share the window of the reference (else of the reconstruction)."""
    image = made.magnitude[i].cpu()
    reference = None if made.reference is None else made.reference[i].cpu()
    top = window_top(image if reference is None else reference)
    method = str(made.provenance.get("method", "reconstruction"))
    if reference is not None:
        yield Panel(reference, top, f"{_place(i, made.n_slices)}reference ({made.reference_kind})")
    if method != "zero-filled":
        yield Panel(made.zero_filled[i].cpu(), top, _scored("zero-filled", made, "zero_filled", i))
    yield Panel(image, top, _scored(method, made, "method", i))
    if reference is not None:
        yield Panel((image - reference).abs(), top / ERROR_GAIN, f"error ×{ERROR_GAIN}", "inferno")
    if made.std is not None:
        label = f"std ×{ERROR_GAIN}" + ("" if made.spread == "posterior" else ", not calibrated")
        yield Panel(made.std[i].cpu(), top / ERROR_GAIN, label, "inferno")


def _place(i: int, n: int) -> str:
    """Which of the reconstructed slices a row shows, where there are several."""
    return f"{i + 1} of {n}: " if n > 1 else ""


def _scored(title: str, made: Reconstruction, row: str, i: int) -> str:
    slices = made.scores[row].get("slices", []) if made.scores and row in made.scores else []
    if i >= len(slices):
        return title
    return f"{title}   {_decimal(slices[i].get('psnr'), 1)} dB / {_decimal(slices[i].get('ssim'), 3)}"


def _words(made: Reconstruction) -> Words:
    record = made.provenance
    weights = record.get("weights")
    facts = [
        f"net R {_decimal(record.get('net_acceleration'), 2)}",
        f"{made.network_calls} network calls" if made.network_calls else "no network",
        f"{made.seconds_per_slice:.3g} s a slice on {record.get('device', 'cpu')}",
        f"prior {weights['name']}" if weights else "",
    ]
    title = f"{record.get('method', 'reconstruction')} · " + " · ".join(filter(None, facts))
    return Words(title, _score_line(made), f"{DISCLAIMER}\n{LEGEND}" if made.scores else DISCLAIMER)


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
