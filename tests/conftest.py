"""A small simulated scan that the tests of the whole way share."""

from pathlib import Path

import pytest
import torch
from phantom import gaussian, head

from medrecon.diffusion.prior import Prior
from medrecon.scan import Scan
from medrecon.simulate.scan import simulate_scan

# workers run side by side: threads that wait for one another on shared cores cost more than they bring
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of weights, not there yet: what lies on this machine must decide nothing."""
    home = tmp_path_factory.getbasetemp() / "home"
    monkeypatch.setenv("MEDRECON_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def full_scan() -> Scan:
    """Three fully sampled slices of 64x56, 4 coils, phase along x, with truth and prescan."""
    return simulate_scan(head(), (3.0, 3.0), slice_mm=5.0, coils=4, snr=40.0, seed=1, name="head")


@pytest.fixture(scope="session")
def gaussian_prior() -> Prior:
    """Pixels independent and normal: a prior that needs no weights."""
    return gaussian()
