"""HFS-SDE's uniform masks: as many lines as its authors' files have, their nominal acceleration beside the net one."""

import numpy as np
import pytest
from lattices import lattice_scan

from medrecon.errors import InputError
from medrecon.masks import acs_size, pattern


@pytest.mark.parametrize(
    ("accel", "acs", "lines", "net"),
    [
        (4, None, 98, 3.27), (6, None, 74, 4.32), (6, 22, 72, 4.44), (8, None, 61, 5.25), (10, None, 54, 5.93),
        (10, 22, 52, 6.15), (10, 16, 47, 6.81), (12, None, 49, 6.53), (12, 22, 47, 6.81), (12, 18, 44, 7.27),
        (14, None, 46, 6.96), (16, None, 43, 7.44), (20, 18, 34, 9.41),
    ],
)  # fmt: skip
def test_line_counts_are_those_of_the_shipped_masks(accel, acs, lines, net):
    """Specification 2.8, its whole table of uniform masks on 320 lines."""
    scan = lattice_scan(4, 320, ("x",)).undersample(pattern("hfs-uniform", accel, acs))
    assert int(scan.mask[0].sum()) == lines
    assert scan.net_acceleration == pytest.approx(net, abs=0.005)
    assert scan.nominal_acceleration == accel


def test_every_tenth_line_outside_the_centre_counted_from_the_first():
    mask, _ = pattern("hfs-uniform", 10)(lattice_scan(4, 320, ("x",)))
    outer = np.delete(np.arange(320), range(148, 172))
    assert mask[0, 148:172].all()
    assert np.flatnonzero(mask[0, outer]).tolist() == list(range(0, 296, 10))
    assert bool((mask == mask[:1]).all())


def test_there_is_one_mask_whatever_the_seed():
    scan = lattice_scan(4, 320, ("x",))
    assert bool((pattern("hfs-uniform", 10, seed=1)(scan)[0] == pattern("hfs-uniform", 10, seed=2)(scan)[0]).all())


@pytest.mark.parametrize("axis", ["x", "y"])
def test_padding_is_neither_sampled_nor_counted(axis):
    inner = slice(20, 280)
    scan = lattice_scan(300, 300, (axis,), **({"columns": inner} if axis == "x" else {"rows": inner}))
    mask, _ = pattern("hfs-uniform", 10)(scan)
    lines = mask.any(-2 if axis == "x" else -1)
    assert not (mask & ~scan.lattice).any()
    assert int(lines.sum()) == 24 + 24  # of 236 outer lines
    assert bool(lines[20])
    assert 24 in acs_size(mask, scan.lattice, (axis,))


def test_impossible_requests_are_refused():
    with pytest.raises(InputError, match=r"every R-th line, got R = 2\.5"):
        pattern("hfs-uniform", 2.5)
    with pytest.raises(InputError, match="has 24 lines, but the scan has 20"):
        pattern("hfs-uniform", 4)(lattice_scan(8, 20, ("x",)))
