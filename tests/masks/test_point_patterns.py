"""2-D patterns: exact net acceleration, centre, distance, seeds."""

import numpy as np
import pytest
import torch
from lattices import lattice_scan
from random_state import random_state_untouched

from medrecon.errors import InputError
from medrecon.masks import acs_size, net_acceleration, pattern

kinds = pytest.mark.parametrize("kind", ["poisson", "gaussian2d"])


@kinds
@pytest.mark.parametrize("accel", [1, 1.2, 3, 8])
@pytest.mark.parametrize("size", [(64, 48), (51, 57)])
def test_net_factor_within_one_per_cent(kind, accel, size):
    scan = lattice_scan(*size, ("y", "x"))
    mask, nominal = pattern(kind, accel, seed=2)(scan)
    assert net_acceleration(mask, scan.lattice) == pytest.approx(accel, rel=0.01)
    assert nominal is None
    assert min(acs_size(mask, scan.lattice, scan.phase_axes)) >= 8


@kinds
def test_counts_on_the_lattice_only(kind):
    scan = lattice_scan(60, 70, ("y", "x"), rows=slice(6, 60), columns=slice(9, 61))
    mask, _ = pattern(kind, 4, acs=10)(scan)
    assert not (mask & ~scan.lattice).any()
    assert int(mask.sum()) == round(54 * 52 / 4)
    assert bool(mask[25:35, 30:40].all())


@kinds
def test_seed_decides_and_global_random_state_is_left_alone(kind):
    scan = lattice_scan(40, 40, ("y", "x"))
    with random_state_untouched():
        first, again, other = (pattern(kind, 4, seed=seed)(scan)[0] for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@kinds
def test_a_readout_axis_is_refused(kind):
    with pytest.raises(InputError, match=r"needs two phase axes, but lattice is phase encoded along y only; choose"):
        pattern(kind, 4)(lattice_scan(32, 32, ("y",)))


@kinds
def test_too_few_points_are_refused(kind):
    scan = lattice_scan(32, 32, ("y", "x"))
    with pytest.raises(InputError, match=r"leaves 51 of 1024 points, fewer than the 8x8"):
        pattern(kind, 20)(scan)
    with pytest.raises(InputError, match="leaves none of 1024 points"):
        pattern(kind, 1e5)(scan)
    with pytest.raises(InputError, match="40x40"):
        pattern(kind, 2, acs=40)(scan)


def test_poisson_disc_keeps_its_distance():
    """Far from the centre a random draw of the same density has many more neighbours."""
    outer = pattern("poisson", 6, acs=12)(lattice_scan(96, 96, ("y", "x")))[0][:24]
    draw = torch.rand(outer.shape, generator=torch.Generator().manual_seed(0)) < outer.float().mean()

    def neighbours(mask: torch.Tensor) -> float:
        return float((mask[1:] & mask[:-1]).sum() + (mask[:, 1:] & mask[:, :-1]).sum()) / float(mask.sum())

    assert neighbours(outer) < 0.2 * neighbours(draw)


def test_gaussian_density_falls_with_the_radius():
    mask, _ = pattern("gaussian2d", 8, acs=8)(lattice_scan(128, 128, ("y", "x")))
    y, x = np.mgrid[-64:64, -64:64]
    radius = np.hypot(y, x)
    shares = [float(mask.numpy()[(radius >= a) & (radius < a + 16)].mean()) for a in (8, 24, 40)]
    assert shares[0] > 1.5 * shares[1] > 2 * shares[2] > 0
