"""Rows that differ in their seed alone say how far a value varies with it."""

import pytest

from medrecon.bench.seeds import spread_over_seeds


def row(scan, seed, error, **further):
    return {"suite": "standard", "scan": scan, "seed": seed, "method": "hfs", "low_band_error": error, **further}


def spread(rows):
    return spread_over_seeds(rows, lambda r: r["low_band_error"])


def test_spread_is_over_seeds_alone():
    """Two scans far apart, each with seeds 2 apart: sqrt(2), whatever lies between the scans."""
    table = [row("a", 0, 1.0), row("a", 1, 3.0), row("b", 0, 11.0), row("b", 1, 13.0), row("c", 0, 99.0)]
    assert spread(table) == pytest.approx(2**0.5)
    assert spread(table[::2]) is None
    assert spread([row("a", 0, 1.0, options={"steps": 5}), row("a", 1, 3.0, options={"steps": 20})]) is None


def test_rows_without_a_value_are_passed_over():
    assert spread([row("a", 0, None), row("a", 1, 3.0)]) is None
    assert spread([]) is None
