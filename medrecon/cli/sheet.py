"""Sample sheets: what the averaged weights make of noisy images, level by level, while a prior is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, final

import torch
from torch import Tensor

from medrecon.atomic import whole_file

if TYPE_CHECKING:
    from medrecon.datasets.augmentation import Augmentation
    from medrecon.training.watch import Snapshot

SHOWN = 3
LEVELS = (0.03, 0.1, 0.3, 1.0)
"""Noise per real component, in units of the image's 99th percentile: from a good scan's to one that hides the head."""
SEED = 0x5EE7
INCH = 1.6


@final
class Sheets:
    """Writes `FOLDER/STEP.png` for each snapshot: rows are images, columns pairs of noisy and denoised."""

    def __init__(self, folder: Path, held_out: Augmentation | None = None) -> None:
        self.folder, self.held_out = folder, held_out

    def __call__(self, snapshot: Snapshot) -> None:
        source = snapshot.images if self.held_out is None else self.held_out
        clean = source(SHOWN, torch.Generator(source.bank.images.device).manual_seed(SEED))
        levels = [each for each in LEVELS if snapshot.settings["levels"][0] <= each <= snapshot.settings["levels"][1]]
        columns = [("image" if self.held_out is None else "held-out image", clean.abs())]
        for level, noisy, denoised in denoised_images(snapshot, clean, levels):
            error = (denoised - clean).abs().square().mean().sqrt()
            columns += [(f"noise {level:g}", noisy.abs()), (f"denoised, rms error {error:.3f}", denoised.abs())]
        self.folder.mkdir(exist_ok=True)
        _draw(columns, f"averaged weights after {snapshot.step} steps", self.folder / f"{snapshot.step:07d}.png")


@torch.no_grad()
def denoised_images(snapshot: Snapshot, clean: Tensor, levels: list[float]) -> list[tuple[float, Tensor, Tensor]]:
    """(level, noisy, denoised) for each level, with the same noise every time; images `(batch, y, x)` complex."""
    from medrecon.networks.load import image_denoiser

    device = clean.device
    denoise = image_denoiser(snapshot.weights, snapshot.settings, device)
    generator = torch.Generator(device).manual_seed(SEED)
    noise = torch.view_as_complex(torch.randn((*clean.shape, 2), generator=generator, device=device))
    found = []
    for level in levels:
        noisy = clean + level * noise
        found.append((level, noisy, denoise.denoise_padded(noisy, torch.full((len(clean),), level, device=device))))
    return found


def _draw(columns: list[tuple[str, Tensor]], title: str, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = len(columns[0][1])
    figure = Figure(figsize=(INCH * len(columns), INCH * rows + 0.7), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=9)
    axes = figure.subplots(rows, len(columns), squeeze=False)
    for j, (name, images) in enumerate(columns):
        for i, image in enumerate(images.float().cpu()):
            axes[i, j].imshow(image.numpy(), cmap="gray", vmin=0, vmax=1.1, interpolation="nearest")
            axes[i, j].set_axis_off()
        axes[0, j].set_title(name, fontsize=6)
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=110)
