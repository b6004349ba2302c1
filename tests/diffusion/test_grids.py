import pytest
import torch

from medrecon.diffusion.grids import Karras, LogSNR, UniformT
from medrecon.diffusion.path import VE, VP
from medrecon.errors import InputError

GRIDS = [Karras(), Karras(3.0), LogSNR(), UniformT()]


@pytest.mark.parametrize("path", [VE(), VP()])
@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("steps", [1, 2, 17])
def test_levels_descend_from_start_to_end_and_then_to_zero(path, grid, steps):
    levels = grid(path, 20.0, 0.01, steps)
    assert levels.shape == (steps + 1,)
    assert (levels.diff() < 0).all()
    assert path.sigma(levels[0]).item() == pytest.approx(20, rel=1e-6)
    assert path.sigma(levels[-1]) == 0
    if steps > 1:
        assert path.sigma(levels[-2]).item() == pytest.approx(0.01, rel=1e-6)


def test_each_grid_is_uniform_in_its_own_variable():
    path = VP()
    assert torch.diff(path.sigma(Karras(5.0)(path, 9.0, 0.1, 8)[:-1]) ** 0.2).std() < 1e-9
    assert torch.diff(path.sigma(LogSNR()(path, 9.0, 0.1, 8)[:-1]).log()).std() < 1e-9
    assert torch.diff(UniformT()(path, 9.0, 0.1, 8)[:-1]).std() < 1e-12


def test_karras_tends_to_log_snr():
    high = Karras(1e5)(VE(), 9.0, 0.1, 8)
    assert torch.allclose(high, LogSNR()(VE(), 9.0, 0.1, 8), rtol=1e-3)


@pytest.mark.parametrize(("start", "end", "steps"), [(1, 0.1, 0), (1, 0, 5), (0.1, 1, 5), (float("nan"), 0.1, 5)])
def test_nonsense_is_refused(start, end, steps):
    with pytest.raises(InputError):
        Karras()(VE(), start, end, steps)
