"""Tables of the exact fixtures say what the measured file says. No sampling."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from kept import read_json  # noqa: E402  (benchmarks is a folder of programs, not a package)
from sheets import posterior as posterior_tables  # noqa: E402


@pytest.fixture(scope="module")
def record():
    return read_json(ROOT / "benchmarks" / "results" / "posterior_fixtures.json")


def test_a_row_counts_as_posterior_exactly_where_it_meets_the_criteria(record):
    for row in record["rows"]:
        met = row["bias"] <= 0.2 and 0.85 <= row["total"] <= 1.15 and row["measured"] >= 0.6
        near = abs(row["bias"] - 0.2) < 1e-4 or min(abs(row["total"] - edge) for edge in (0.85, 1.15)) < 1e-4
        assert met == row["posterior"] or near


def test_fresh_mixtures_stand_beside_the_tuned_ones_for_the_posterior_draws(record):
    """A table of the mixtures that settings were chosen on must not stand alone."""
    drawn = [row for row in record["rows"] if row["sampler"] == "posterior draws"]
    for step in ("noise-weighted", "self-consistent"):
        fresh = {row["mixture"] for row in drawn if row["data_step"] == step} - {"tuned"}
        assert len(fresh) >= 8
    text = posterior_tables.fresh_fixtures([record])
    assert "| 4, anisotropic | 0.1 |" in text


def test_the_worst_case_is_shown_and_fresh_rows_do_not_mix_with_tuned_ones():
    def row(mixture, bias, posterior):
        return {
            "sampler": "s", "data_step": "d", "calls": 50, "components": 4, "kind": "mild", "mixture": mixture,
            "sigma": 0.1, "bias": bias, "total": 1.0, "measured": 0.9, "residual": 1.0, "posterior": posterior,
        }  # fmt: skip

    record = {
        "rows": [row("tuned", 0.1, True), row("tuned", 0.19, True), row(101, 0.4, False), row(102, 0.2, True)],
        "settings": {"cg": 10}, "problems": 2, "samples": 3, "commit": "abc", "device": "cpu",
        "versions": {"medrecon": "0", "torch": "0", "threads": 1},
    }  # fmt: skip
    assert "| s | d | 50 | 0.19 | 1.00–1.00 | 0.90–0.90 | 1.00–1.00 | 2 of 2 |" in posterior_tables.fixtures([record])
    assert "| 0.32 (0.40) |" in posterior_tables.fresh_fixtures([record])
    assert "| 1 of 2 |" in posterior_tables.fresh_fixtures([record])
