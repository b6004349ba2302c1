"""Relaxation times of a head at 3 T and the signal equations that turn them into contrast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np


@final
@dataclass(frozen=True)
class Tissue:
    """T1 and T2 in ms, proton density relative to water."""

    t1: float
    t2: float
    pd: float


# T1, T2: Stanisz et al., MRM 2005; Wansapura et al., JMRI 1999; de Bazelaire et al., Radiology 2004 (3 T), rounded.
# Fat and bone as a fast spin echo shows them.
AIR = Tissue(1000, 1, 0.0)
SKIN = Tissue(1000, 45, 0.62)
FAT = Tissue(380, 85, 0.88)
MUSCLE = Tissue(1420, 42, 0.80)
BONE = Tissue(1000, 8, 0.20)
MARROW = Tissue(500, 62, 0.60)
CSF = Tissue(4200, 1100, 1.00)
GREY = Tissue(1500, 99, 0.83)
WHITE = Tissue(1000, 72, 0.70)
CAUDATE = Tissue(1350, 88, 0.82)
PUTAMEN = Tissue(1300, 82, 0.81)
PALLIDUM = Tissue(1050, 62, 0.74)
THALAMUS = Tissue(1250, 84, 0.79)
VITREOUS = Tissue(4000, 700, 0.99)
LENS = Tissue(1000, 30, 0.65)
MUCOSA = Tissue(1600, 160, 0.90)
BLOOD_FLOW = Tissue(1900, 4, 0.30)
LESION = Tissue(1550, 170, 0.88)


def spin_echo(tissue: Tissue, tr_ms: float, te_ms: float) -> float:
    """PD (1 - exp(-TR / T1)) exp(-TE / T2)."""
    return tissue.pd * (1 - np.exp(-tr_ms / tissue.t1)) * np.exp(-te_ms / tissue.t2)


def spoiled_gradient_echo(tissue: Tissue, tr_ms: float, te_ms: float, flip_deg: float) -> float:
    """PD sin(a) (1 - E1) / (1 - E1 cos(a)) exp(-TE / T2), E1 = exp(-TR / T1) (Ernst); T2 stands in for T2*."""
    e1, a = np.exp(-tr_ms / tissue.t1), np.deg2rad(flip_deg)
    return tissue.pd * np.sin(a) * (1 - e1) / (1 - e1 * np.cos(a)) * np.exp(-te_ms / tissue.t2)
