"""A calibrated spread covers 68 and 95 %; errors are ranked."""

import numpy as np
import pytest

from medrecon.bench.coverage import (
    CALIBRATED,
    attainable_correlation,
    coverage,
    needed_factor,
    of_slices,
    rank_correlation,
)

PIXELS = 40_000


def toy(samples: int, pixels: int = PIXELS, overconfidence: float = 1.0):
    """(mean, deviation, truth): truth and draws of one normal a pixel, whose width varies over the image."""
    generator = np.random.default_rng(0)
    width = generator.uniform(0.5, 2, pixels)
    truth = width * generator.normal(size=pixels)
    draws = width / overconfidence * generator.normal(size=(samples, pixels))
    return draws.mean(0), draws.std(0, ddof=1), truth


def test_many_draws_of_the_posterior_cover_68_and_95_percent() -> None:
    mean, std, truth = toy(200, 20_000)
    assert coverage(mean - truth, std) == pytest.approx(CALIBRATED, abs=0.01)


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_needed_factor_undoes_a_wrong_width(factor: float) -> None:
    """Of many draws: with few of them the mean itself is uncertain by its own, wrong width."""
    mean, std, truth = toy(200, 20_000, overconfidence=factor)
    assert needed_factor(mean - truth, std) == pytest.approx(factor, rel=0.03)
    assert needed_factor(mean - truth, 0 * std) is None


def test_rank_correlation_sees_order_alone() -> None:
    std = np.arange(1.0, 50.0)
    assert rank_correlation(-(std**3), std) == pytest.approx(1)
    assert rank_correlation(1 / std, std) == pytest.approx(-1)
    assert rank_correlation(std, np.ones(49)) is None


def test_the_attainable_correlation_is_that_of_errors_as_wide_as_they_are_said_to_be() -> None:
    _, _, truth = toy(2)
    width = np.random.default_rng(0).uniform(0.5, 2, PIXELS)
    assert attainable_correlation(width) == pytest.approx(rank_correlation(truth, width), abs=0.02)
    assert attainable_correlation(np.ones(50)) is None


def test_slices_without_foreground_are_left_out() -> None:
    mean, std, truth = (each.reshape(2, 100, 200) for each in toy(8))
    heads = np.ones((2, 100, 200), bool)
    heads[0] = False
    (record,) = of_slices(list(mean), list(std), list(truth), list(heads))
    assert record["pixels"] == 20_000
    assert record["within_1_std"] == pytest.approx(CALIBRATED[0], abs=0.08)
    assert 0.2 < record["rank_correlation"] < record["attainable_correlation"]
