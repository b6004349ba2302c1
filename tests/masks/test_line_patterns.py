"""1-D patterns: net acceleration, centre, axes, seeds, density."""

import numpy as np
import pytest
import torch
from lattices import lattice_scan
from random_state import random_state_untouched

from medrecon.errors import InputError
from medrecon.masks import acs_size, default_acs, net_acceleration, pattern
from medrecon.masks.random_lines import Random

KINDS = ["random", "uniform", "equispaced", "gaussian"]
kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
@pytest.mark.parametrize("accel", [1, 1.5, 2, 3.3, 4, 8, 10])
@pytest.mark.parametrize("n", [96, 161])
def test_net_factor_within_one_line_of_the_request(kind, accel, n):
    scan = lattice_scan(n, 6)
    mask, nominal = pattern(kind, accel, seed=3)(scan)
    sampled = int(mask.any(1).sum())
    assert abs(sampled - n / accel) <= 0.5
    assert torch.equal(mask, mask[:, :1].expand_as(mask))
    assert nominal is None
    assert net_acceleration(mask, scan.lattice) == pytest.approx(n / sampled)
    assert acs_size(mask, scan.lattice, scan.phase_axes)[0] >= min(default_acs(accel, n), sampled)


@kinds
def test_counts_on_the_lattice_only(kind):
    scan = lattice_scan(40, 120, ("x",), rows=slice(3, 37), columns=slice(10, 101))
    mask, _ = pattern(kind, 4)(scan)
    assert not (mask & ~scan.lattice).any()
    assert int(mask.any(0).sum()) == round(91 / 4)
    undersampled = scan.undersample(pattern(kind, 4))
    assert undersampled.net_acceleration == pytest.approx(91 / 23)
    assert undersampled.nominal_acceleration is None


@kinds
def test_follows_the_phase_axis(kind):
    along_y, _ = pattern(kind, 3, seed=1)(lattice_scan(64, 48, ("y",)))
    along_x, _ = pattern(kind, 3, seed=1)(lattice_scan(48, 64, ("x",)))
    assert torch.equal(along_y, along_x.T)
    both, _ = pattern(kind, 3, seed=1)(lattice_scan(48, 64, ("y", "x")))
    assert torch.equal(both, along_x)


@kinds
def test_seed_decides_and_global_random_state_is_left_alone(kind):
    scan = lattice_scan(64, 4)
    with random_state_untouched():
        masks = [pattern(kind, 4, seed=seed)(scan)[0] for seed in (0, 0, 1, 2, 3)]
    assert torch.equal(masks[0], masks[1])
    assert any(not torch.equal(masks[0], other) for other in masks[2:])


@kinds
def test_given_centre_is_sampled_and_counted(kind):
    scan = lattice_scan(101, 4)
    mask, _ = pattern(kind, 4, acs=11)(scan)
    assert bool(mask[45:56].all())
    assert int(mask.any(1).sum()) == 25


@kinds
@pytest.mark.parametrize("accel", [0.5, -3, 0, float("nan"), float("inf")])
def test_impossible_accelerations_are_refused(kind, accel):
    with pytest.raises(InputError, match=r"give a finite number of at least 1$"):
        pattern(kind, accel)


@kinds
def test_too_few_lines_are_refused(kind):
    scan = lattice_scan(64, 4)
    with pytest.raises(InputError, match=r"leaves none of 64 lines"):
        pattern(kind, 1000)(scan)
    with pytest.raises(InputError, match=r"leaves 8 of 64 lines, fewer than the 20"):
        pattern(kind, 8, acs=20)(scan)
    with pytest.raises(InputError, match="centre has -1"):
        pattern(kind, 4, acs=-1)
    with pytest.raises(InputError, match="seed is -1"):
        pattern(kind, 4, seed=-1)


def test_unknown_kinds_are_refused():
    with pytest.raises(InputError, match=r"unknown mask 'spiral'; choose one of random, uniform"):
        pattern("spiral", 4)
    with pytest.raises(InputError, match="unknown density"):
        Random(4, density="odd")  # type: ignore[arg-type]


def test_variable_density_follows_its_weights():
    """First line drawn outside the centre, over many seeds: frequency = weight (evaluation.md 1)."""
    scan = lattice_scan(41, 1)
    counts = np.zeros(41)
    for seed in range(4000):
        mask, _ = Random(41 / 9, acs=8, seed=seed)(scan)
        counts += mask[:, 0].numpy()
    outside = np.r_[0:16, 24:41]
    weights = np.exp(-(((outside - 20) / 20) ** 2) / 0.3)
    expected = 4000 * weights / weights.sum()
    chi2 = float(((counts[outside] - expected) ** 2 / expected).sum())
    assert (counts[16:24] == 4000).all()
    assert chi2 < 70  # 32 degrees of freedom: exceeded once in ten thousand


def test_equispaced_gaps_differ_by_one_line_at_most():
    mask, _ = pattern("equispaced", 5, acs=12, seed=4)(lattice_scan(200, 1))
    sampled = torch.nonzero(mask[:, 0]).flatten().numpy()
    below, above = np.diff(sampled[sampled < 94]), np.diff(sampled[sampled > 105])
    gaps = np.concatenate([below, above])
    assert len(gaps) > 20
    assert gaps.max() - gaps.min() <= 1
