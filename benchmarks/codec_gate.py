"""Whether a CT codec may carry a latent network: every line of the gate, as JSON, and inserts through it as a picture.

python benchmarks/codec_gate.py CODEC PACK OUT.json [--picture OUT.png] [--phantoms 8] [--toy]

CODEC is a weights file or name, PACK a CT pack: its held-out volumes are the patients, those of training give the
latent's scale. Phantoms are others than those of training. Patients are shown at full dose and at a quarter of it, and
their error is smoothed by a Gaussian of 5 mm full width at half maximum. Contrast is the slope of what an insert
changes in the output on what it changes in the input; the picture shows input, output and ten times their difference.
Exit code 1 if a line fails.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from skimage.io import imsave
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from medrecon.ct.units import to_hu, to_units
from medrecon.datasets.ct.held_out import HeldOutOptions, held_out_pairs
from medrecon.datasets.ct.noise import standard_noise
from medrecon.datasets.ct.pack import read_ct_pack
from medrecon.datasets.ct.volume import CtVolume
from medrecon.networks.ct.codec import CodecOptions, CtCodec
from medrecon.networks.ct.load import CODEC, CtPrior, load_ct
from medrecon.provenance import versions
from medrecon.simulate.ct.phantom import Phantom, textured_phantom

FIRST_SEED = 50_000
"""Of the phantoms here; those of training are drawn from seeds of their own."""
PIXEL_MM = 0.75
SMOOTHED_MM = 5.0
AROUND = 3
"""Pixels around an insert that belong to its contrast."""
SHOWN, CROP, ZOOM, GAIN = 8, 40, 5, 10
LOW, HIGH = -110.0, 190.0
"""HU of the picture's black and white."""


def main() -> int:
    given = arguments()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    codec = load_ct(given.codec, device)
    if codec.kind != CODEC or codec.codec is None:
        sys.exit(f"{given.codec} is no codec")
    n = 128 if given.toy else 512
    phantoms = [textured_phantom(FIRST_SEED + i, n, PIXEL_MM * 512 / n) for i in range(given.phantoms)]
    lines = [
        *budget(codec, given.codec),
        *phantom_lines(codec, phantoms, device),
        *patient_lines(codec, given, device),
        latent_line(codec, read_ct_pack(given.pack, "train"), device),
    ]
    record = {"codec": codec.name, "sha256": codec.sha256, "device": str(device), "versions": versions(device)}
    record["rows"] = lines
    record["passes"] = all(line["passes"] for line in lines if line["wanted"] is not None)
    given.out.write_text(json.dumps(record, indent=1))
    for line in lines:
        verdict = "    " if line["wanted"] is None else "pass" if line["passes"] else "FAIL"
        print(f"{verdict}  {line['what']}: {line['found']:.4g}  {line['wanted'] or ''}")
    if given.picture:
        imsave(given.picture, picture(codec, phantoms, device), check_contrast=False)
    return 0 if record["passes"] else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("codec")
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--phantoms", type=int, default=8)
    parser.add_argument("--slices", type=int, default=8, help="of each held-out volume")
    parser.add_argument("--toy", action="store_true")
    return parser.parse_args()


def line(what: str, found: float, wanted: str | None = None, passes: bool = True) -> dict[str, Any]:
    return {"what": what, "found": found, "wanted": wanted, "passes": passes}


@torch.no_grad()
def through(codec: CtPrior, hu: Tensor, device: torch.device) -> Tensor:
    """Slices `(slice, y, x)` in HU through the codec, one by one."""
    images = [to_hu(codec.decode(codec.encode(to_units(s.to(device))[None, None])))[0, 0] for s in hu]
    return torch.stack(images).cpu()


def budget(codec: CtPrior, file: str) -> Iterator[dict[str, Any]]:
    options = codec.codec.options if codec.codec else CodecOptions()
    share = options.channels / options.factor**2
    yield line("latent values over pixels", share, "<= 0.5", share <= 0.5)
    with torch.device("meta"), FlopCounterMode(display=False) as count, torch.no_grad():
        network = CtCodec(options)
        network.decode(network.encode(torch.zeros(1, 1, 512, 512)))
    tmac = count.get_total_flops() / 2e12
    yield line("TMAC of a round trip at 512x512", tmac, "< 0.1", tmac < 0.1)
    if Path(file).is_file():
        mib = Path(file).stat().st_size / 2**20
        yield line("MiB of the file", mib, "<= 1.5", mib <= 1.5)


def phantom_lines(codec: CtPrior, phantoms: Sequence[Phantom], device: torch.device) -> Iterator[dict[str, Any]]:
    truth = torch.stack([phantom.hu for phantom in phantoms]).clamp(-1024, 3072)
    without = truth - torch.stack([phantom.contrast for phantom in phantoms])
    out, out_without = through(codec, truth, device), through(codec, without, device)
    error = out - truth
    each = error.square().mean((1, 2)).sqrt()
    rmse = float(error.square().mean().sqrt())
    yield line("noise-free phantoms, RMSE in HU", rmse, "<= 6", rmse <= 6)
    yield line("the worst of them", float(each.max()))
    inside = torch.from_numpy(np.stack([np.asarray(ndimage.binary_fill_holes(t.numpy() > -300)) for t in truth]))
    bias = float(error[inside].mean())
    yield line("bias in the body, HU", bias, "within 2", abs(bias) <= 2)
    found = list(contrasts(phantoms, out - out_without))
    recovered = mean(slope for _, slope, _ in found)
    yield line("contrast of inserts recovered", recovered, ">= 0.95", recovered >= 0.95)
    yield line("of the worst insert", min(slope for _, slope, _ in found))
    by_size = defaultdict(list)
    for diameter, slope, _ in found:
        by_size[round(diameter)].append(slope)
    for diameter, slopes in sorted(by_size.items()):
        yield line(f"of {diameter} mm inserts", mean(slopes))
    offsets = [float(e[(p.inserts > 0)].mean()) for e, p in zip(error, phantoms, strict=True) if (p.inserts > 0).any()]
    worst = max(offsets, key=abs)
    yield line("bias in inserts, HU, worst phantom", worst, "within 2", abs(worst) <= 2)


def contrasts(phantoms: Sequence[Phantom], changes: Tensor) -> Iterator[tuple[float, float, tuple[int, int, int]]]:
    """(diameter in mm, slope, where) of every insert."""
    for i, (phantom, change) in enumerate(zip(phantoms, changes, strict=True)):
        pixel = PIXEL_MM * 512 / len(phantom.hu)
        labels = phantom.inserts.numpy()
        for number in range(1, int(labels.max()) + 1):
            mask = labels == number
            if not mask.any():
                continue
            y, x = np.argwhere(mask).mean(0).round().astype(int).tolist()
            diameter = 2 * (mask.sum() / np.pi) ** 0.5 * pixel
            near = torch.from_numpy(ndimage.binary_dilation(mask, iterations=AROUND))
            given, got = phantom.contrast[near], change[near]
            yield diameter, float((given * got).sum() / given.square().sum()), (i, y, x)


def patient_lines(codec: CtPrior, given: argparse.Namespace, device: torch.device) -> Iterator[dict[str, Any]]:
    noise = replace(standard_noise(), views=90) if given.toy else standard_noise()
    for volume in read_ct_pack(given.pack, "held-out"):
        canvas = max(volume.values.shape[1:])
        options = HeldOutOptions(doses=(0.25,), slices=given.slices, canvas=canvas, noise=noise)
        pairs = held_out_pairs([volume], options, device)
        for words, hu in (("at full dose", pairs.full), ("at a quarter of the dose", pairs.low[0.25])):
            seen = hu.cpu().clamp(-1024, 3072)
            error = through(codec, seen, device) - seen
            smooth = float(smoothed(error, volume).square().mean().sqrt())
            yield line(f"{volume.name} {words}, smoothed over 5 mm, RMSE in HU", smooth, "<= 3", smooth <= 3)
            yield line(f"{volume.name} {words}, not smoothed", float(error.square().mean().sqrt()))


def smoothed(error: Tensor, volume: CtVolume) -> Tensor:
    sigma = [0.0, *(SMOOTHED_MM / 2.3548 / mm for mm in volume.voxel_mm[1:])]
    return torch.from_numpy(ndimage.gaussian_filter(error.numpy(), sigma, mode="nearest"))


@torch.no_grad()
def latent_line(codec: CtPrior, volumes: Sequence[CtVolume], device: torch.device) -> dict[str, Any]:
    """Standard deviation of scaled latents on slices of the training volumes, volumes alike."""
    variances = []
    for volume in volumes:
        some = volume.values[:: max(1, len(volume.values) // 8)].to(device).float()
        latents = torch.cat([codec.encode(to_units(s)[None, None]) for s in some])
        variances.append(latents.square().mean())
    std = float(torch.stack(variances).mean().sqrt())
    return line("standard deviation of scaled latents", std, "0.9 to 1.1", 0.9 <= std <= 1.1)


def picture(codec: CtPrior, phantoms: Sequence[Phantom], device: torch.device) -> np.ndarray:
    """Rows of inserts, the hardest first: input, output, ten times the difference."""
    truth = torch.stack([phantom.hu for phantom in phantoms]).clamp(-1024, 3072)
    out = through(codec, truth, device)
    change = out - through(codec, truth - torch.stack([phantom.contrast for phantom in phantoms]), device)
    rows = []
    for _, _, (i, y, x) in sorted(contrasts(phantoms, change), key=lambda found: found[1])[:SHOWN]:
        top, left = (min(max(at - CROP // 2, 0), truth.shape[-1] - CROP) for at in (y, x))
        cut = (i, slice(top, top + CROP), slice(left, left + CROP))
        panels = [truth[cut], out[cut], GAIN * (out[cut] - truth[cut]) + (LOW + HIGH) / 2]
        grey = (torch.cat(panels, 1) - LOW) / (HIGH - LOW)
        rows.append(grey.clamp(0, 1).mul(255).round().byte())
    return np.kron(torch.cat(rows).numpy(), np.ones((ZOOM, ZOOM), np.uint8))


if __name__ == "__main__":
    sys.exit(main())
