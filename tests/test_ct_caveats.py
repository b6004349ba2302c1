"""What is said of a CT scan that lies outside the training of its network."""

import numpy as np
import pytest
import torch

from medrecon.cli.main import run
from medrecon.ct_caveats import DOSES, ct_warnings
from medrecon.datasets.ct.bank import PairOptions
from medrecon.networks.ct.load import CtPrior
from medrecon.volume import Volume
from medrecon.weights.registry import record

SHIPPED = CtPrior("ct-cold", torch.nn.Identity(), name="ct-latent", sha256=record("ct-latent").sha256)
OWN = CtPrior("ct-cold", torch.nn.Identity(), name="mine", sha256="0" * 64)


def said(y_mm, x_mm, dose, prior):
    volume = Volume(torch.zeros(2, 8, 8), np.diag([3.0, y_mm, x_mm, 1.0]))
    return list(ct_warnings(volume, prior, dose))


def test_the_doses_are_those_of_training():
    assert (PairOptions().lowest, PairOptions().highest) == DOSES


@pytest.mark.parametrize(
    ("y_mm", "x_mm", "dose"), [(0.65, 0.65, 0.05), (0.78, 0.9, 0.25), (0.9766, 0.9766, 0.5), (0.646, 0.646, 0.1)]
)
def test_nothing_inside(y_mm, x_mm, dose):
    assert said(y_mm, x_mm, dose, SHIPPED) == []


@pytest.mark.parametrize(("y_mm", "x_mm"), [(0.49, 0.49), (0.8, 0.5), (1.2, 0.8)])
def test_pixels_outside(y_mm, x_mm):
    (warning,) = said(y_mm, x_mm, 0.25, SHIPPED)
    assert all(word in warning for word in (f"{y_mm:g} x {x_mm:g} mm", "0.65 to 0.98 mm", "ct-latent"))
    assert said(y_mm, x_mm, 0.25, OWN) == [], "of these no registry knows the pixels"
    assert said(y_mm, x_mm, 0.9, None) == [], "no network, no training"


@pytest.mark.parametrize("dose", [0.01, 0.049, 0.51, 1.0])
def test_doses_outside(dose):
    for prior in (SHIPPED, OWN):
        (warning,) = said(0.8, 0.8, dose, prior)
        assert warning.startswith(f"{dose:g} of full dose")


def test_the_command_says_it(tmp_path, capsys):
    np.save(tmp_path / "thin.npy", np.full((1, 32, 32), 40, np.float32) - 1000 * np.eye(32, dtype=np.float32))
    assert run(["ct", str(tmp_path / "thin.npy"), "--dose", "0.8", "--steps", "1", "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "Warning: pixels of 1 x 1 mm lie outside" in out
    assert "Warning: 0.8 of full dose lies outside" in out
