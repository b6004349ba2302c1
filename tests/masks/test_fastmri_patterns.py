"""fastMRI's named masks: those of the package for the same seed; nominal and net are told apart."""

import warnings

import pytest
import torch
from lattices import lattice_scan
from random_state import random_state_untouched

from medrecon.errors import InputError
from medrecon.masks import pattern

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    subsample = pytest.importorskip("fastmri.data.subsample")


@pytest.mark.parametrize("kind", ["fastmri-random", "fastmri-equispaced"])
@pytest.mark.parametrize("accel", [2, 4, 8])
@pytest.mark.parametrize("n", [128, 320, 367])
@pytest.mark.parametrize("seed", [0, 7])
def test_equals_the_package(kind, accel, n, seed):
    function = {
        "fastmri-random": subsample.RandomMaskFunc,
        "fastmri-equispaced": subsample.EquiSpacedMaskFunc,
    }[kind]
    expected, n_centre = function([0.08 if accel < 8 else 0.04], [accel])((1, 4, n, 2), seed=seed)
    mask, nominal = pattern(kind, accel, seed=seed)(lattice_scan(4, n, ("x",)))
    assert torch.equal(mask[0], expected.flatten().bool())
    assert nominal == accel
    fixed, _ = pattern(kind, accel, acs=n_centre, seed=seed)(lattice_scan(4, n, ("x",)))
    assert torch.equal(fixed, mask)


def test_nominal_is_not_net():
    scan = lattice_scan(8, 368, ("x",)).undersample(pattern("fastmri-equispaced", 4))
    assert scan.nominal_acceleration == 4
    assert scan.net_acceleration == pytest.approx(3.24, abs=0.03)
    ours = lattice_scan(8, 368, ("x",)).undersample(pattern("equispaced", 4))
    assert ours.nominal_acceleration is None
    assert ours.net_acceleration == 4


def test_padding_is_not_sampled():
    scan = lattice_scan(8, 100, ("x",), columns=slice(10, 90))
    mask, _ = pattern("fastmri-random", 4, seed=1)(scan)
    whole, _ = pattern("fastmri-random", 4, seed=1)(lattice_scan(8, 100, ("x",)))
    assert torch.equal(mask, whole & scan.lattice)


def test_global_random_state_is_left_alone():
    with random_state_untouched():
        pattern("fastmri-random", 4, seed=1)(lattice_scan(8, 100, ("x",)))


def test_impossible_requests_are_refused():
    with pytest.raises(InputError, match=r"every R-th line, got R = 2\.5"):
        pattern("fastmri-equispaced", 2.5)
    with pytest.raises(InputError, match="fewer than the 40"):
        pattern("fastmri-random", 4, acs=40)(lattice_scan(8, 100, ("x",)))
    with pytest.raises(InputError, match="at least 1"):
        pattern("fastmri-random", 0.5)
