"""The strongest false structure is found where it was put, with its sign and size; lone noisy pixels are not."""

import numpy as np
import pytest
from phantom import head

from medrecon.bench.false_structure import strongest

TRUTH = head(1, 96, 96)[0]


def blob(diameter: int, height: float) -> np.ndarray:
    y, x = np.mgrid[:96, :96]
    return height * (np.hypot(y - 60, x - 40) <= diameter / 2)


@pytest.mark.parametrize("height", [0.25, -0.25])
def test_blob_is_found_in_units_of_local_intensity(height: float) -> None:
    noise = 0.02 * np.random.default_rng(0).normal(size=TRUTH.shape)
    found = strongest(TRUTH + blob(9, height) + noise, TRUTH, 4, (1.0, 1.0))
    assert found is not None
    assert found.slice == 4
    assert np.hypot(found.y - 60, found.x - 40) < 4
    assert found.strength == pytest.approx(height / TRUTH[60, 40], rel=0.2)
    assert found.diameter_mm == pytest.approx(9, rel=0.2)


def test_what_holds_together_outweighs_a_single_pixel() -> None:
    image = TRUTH + blob(7, 0.1)
    image[30, 50] += 0.5
    found = strongest(image, TRUTH, 0, (1.0, 1.0))
    assert found is not None
    assert abs(found.y - 60) < 4


def test_errors_outside_the_head_do_not_count_and_nothing_is_nothing() -> None:
    image = TRUTH.copy()
    image[:4, :4] = 5
    found = strongest(image, TRUTH, 0, (1.0, 1.0))
    assert found is not None
    assert found.strength == 0
    assert strongest(np.ones((20, 20)), np.zeros((20, 20)), 0, (1.0, 1.0)) is None


def test_lengths_are_millimetres() -> None:
    """The same picture with pixels of half the size has a blob of half the size."""
    coarse, fine = (strongest(TRUTH + blob(16, 0.2), TRUTH, 0, (mm, mm)) for mm in (1.0, 0.5))
    assert coarse is not None
    assert fine is not None
    assert fine.diameter_mm == pytest.approx(coarse.diameter_mm / 2, rel=0.15)
