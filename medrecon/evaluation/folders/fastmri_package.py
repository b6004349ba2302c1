"""Scores as the fastMRI package computes them (fastmri.evaluate), down to its crop and its rounding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from medrecon.evaluation.protocols import Scores, score


def fastmri_scores(prediction: np.ndarray, target: np.ndarray) -> Scores:
    """Scores of `(slice, y, x)` magnitudes in the precision of their files, whose sides may differ.

    Those of protocol "fastmri" on the package's own crop, with NMSE in the package's own rounding, and `mse` in the
    file's units, squared. Raises InputError as `score` does.
    """
    target = fastmri_crop(_floating(target), (target.shape[-1], target.shape[-1]))
    prediction = fastmri_crop(_floating(prediction), (target.shape[-2], target.shape[-1]))
    found = score(prediction, target, "fastmri")
    mse = float(np.mean((target.astype(np.float64) - prediction) ** 2))
    return replace(found, mean={**found.mean, "nmse": fastmri_nmse(prediction, target), "mse": mse})


def fastmri_nmse(prediction: np.ndarray, target: np.ndarray) -> float:
    """|t - p|^2 / |t|^2 by norms in the files' precision.

    In single precision, which fastMRI's files have, the sum over a volume is 1e-4 of itself off; the published
    figures have it in them.
    """
    return float(np.linalg.norm(target - prediction) ** 2 / np.linalg.norm(target) ** 2)


def fastmri_crop(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The central `size` as fastMRI takes it, from (n - m) // 2 on; an axis that is already smaller stays as it is.

    One pixel before `medrecon.crop` where n is even and m is odd.
    """
    rows, columns = (
        slice(max(n - m, 0) // 2, max(n - m, 0) // 2 + m) for n, m in zip(image.shape[-2:], size, strict=True)
    )
    return image[..., rows, columns]


def _floating(image: np.ndarray) -> np.ndarray:
    return image if image.dtype.kind == "f" else image.astype(np.float32)
