"""Packs of toy scans, and FDMR's programs called on them as from a command line."""

import json
import sys

import fdmr_cases
import torch

from medrecon.datasets.pack import write_pack
from medrecon.datasets.volume import TrainingVolume

SIZE = 40


def head(name, n=4, voxel=(3.0, 1.0, 1.0)):
    """A textured ellipse."""
    y, x = (torch.arange(SIZE) - SIZE / 2 for _ in range(2))
    inside = ((y[:, None] / 15).square() + (x / 12).square() < 1).float()
    texture = 0.2 * torch.randn(n, SIZE, SIZE, generator=torch.Generator().manual_seed(len(name)))
    return TrainingVolume(inside * (0.7 + texture).clamp(0), voxel, name, name)


def packs(folder, monkeypatch):
    """`folder` with two held-out volumes and two for tuning."""
    monkeypatch.setattr(fdmr_cases, "TINY", SIZE)
    write_pack(folder / "val.h5", [head("one"), head("other")])
    write_pack(folder / "tune.h5", [head("first_sag"), head("second")])
    return folder


def called(monkeypatch, program, data, out, *options):
    """What the program wrote."""
    quick = ["--device", "cpu", "--accel", "2", "--tiny"]
    monkeypatch.setattr(sys, "argv", [program.__name__, str(data), str(out), *options, *quick])
    program.main()
    return json.loads(out.read_text())
