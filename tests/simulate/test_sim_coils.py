import numpy as np
import pytest

from medrecon.simulate.coils import (
    WIRE_MM,
    Loop,
    array_around,
    correlated_noise,
    loading,
    noise_covariance,
    sensitivities,
)


def summed_field(loop, point, segments=20000):
    """Biot-Savart law summed over straight segments: the independent reference."""
    n = np.asarray(loop.normal)
    e1 = np.cross(n, [1.0, 0.3, -0.2])
    e1 /= np.linalg.norm(e1)
    e2 = np.cross(n, e1)
    t = 2 * np.pi * (np.arange(segments) + 0.5) / segments
    wire = np.asarray(loop.centre) + loop.radius * (np.cos(t)[:, None] * e1 + np.sin(t)[:, None] * e2)
    tangent = loop.radius * (2 * np.pi / segments) * (-np.sin(t)[:, None] * e1 + np.cos(t)[:, None] * e2)
    r = point - wire
    return (np.cross(tangent, r) / np.linalg.norm(r, axis=1, keepdims=True) ** 3).sum(0) / (4 * np.pi)


TILTED = Loop((5.0, -20.0, 30.0), tuple(np.array([2.0, -1.0, 2.0]) / 3), 40.0)


def test_on_axis_value_is_the_textbook_one():
    loop = Loop((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 50.0)
    h = np.array([-80.0, 0.0, 35.0])
    b = loop.field(np.stack([0 * h, 0 * h, h], -1))
    np.testing.assert_allclose(b[:, 2], 50**2 / (2 * (50**2 + h**2) ** 1.5), rtol=1e-12)
    np.testing.assert_allclose(b[:, :2], 0, atol=1e-15)


@pytest.mark.parametrize("point", [(0.0, 0.0, 0.0), (40.0, -60.0, 70.0), (5.0, -20.0, 36.0), (-90.0, 10.0, 5.0)])
def test_field_is_the_sum_over_the_wire(point):
    # numpy's cross keeps handedness whatever the three axes are called
    ours = TILTED.field(np.asarray(point))
    np.testing.assert_allclose(ours, summed_field(TILTED, np.asarray(point)), rtol=1e-6, atol=1e-12)


def test_field_obeys_maxwell_outside_the_wire():
    generator = np.random.default_rng(0)
    points = generator.uniform(-60, 60, (200, 3)) + np.array([5.0, -20.0, 30.0])
    step = 1e-3
    jacobian = np.stack(
        [(TILTED.field(points + step * e) - TILTED.field(points - step * e)) / (2 * step) for e in np.eye(3)], -1
    )
    n = np.asarray(TILTED.normal)
    offset = points - np.asarray(TILTED.centre)
    height = offset @ n
    rho = np.linalg.norm(offset - height[:, None] * n, axis=1)
    free = np.hypot(rho - TILTED.radius, height) > 2 * WIRE_MM
    size = np.abs(jacobian[free]).max((1, 2))
    assert free.sum() > 100
    assert (np.abs(np.trace(jacobian[free], axis1=1, axis2=2)) < 1e-5 * size).all()
    assert (np.abs(jacobian[free] - jacobian[free].swapaxes(1, 2)).max((1, 2)) < 1e-5 * size).all()


@pytest.mark.parametrize("n", [1, 2, 8, 15, 16, 32])
def test_arrays_have_n_loops_outside_the_head_and_normalised_maps(n):
    loops = array_around(n, (220.0, 200.0))
    assert len(loops) == n
    assert all(np.hypot(c.centre[1], c.centre[2]) > 75 for c in loops)
    y, x = np.linspace(-100, 100, 21), np.linspace(-90, 90, 17)
    maps = sensitivities(loops, loading(n, np.random.default_rng(1)), 10.0, y, x)
    assert maps.shape == (n, 21, 17)
    np.testing.assert_allclose((np.abs(maps) ** 2).sum(0), 1, rtol=1e-12)


def test_each_coil_of_a_ring_sees_its_own_side_best_and_slices_differ():
    loops = array_around(8, (220.0, 200.0))
    y, x = np.linspace(-80, 80, 33), np.linspace(-70, 70, 29)
    maps = sensitivities(loops, np.ones(8, complex), 0.0, y, x)
    for loop, s in zip(loops, np.abs(maps), strict=True):
        row, column = np.unravel_index(s.argmax(), s.shape)
        assert y[row] * loop.centre[1] + x[column] * loop.centre[2] > 0
    assert np.abs(maps - sensitivities(loops, np.ones(8, complex), 50.0, y, x)).max() > 0.05


def test_loading_stays_within_its_limits():
    gains = loading(1000, np.random.default_rng(0))
    assert 0.8 <= np.abs(gains).min() < 0.82
    assert 1.18 < np.abs(gains).max() <= 1.2
    assert 9.5 < np.rad2deg(np.abs(np.angle(gains))).max() <= 10


@pytest.mark.parametrize("n", [1, 2, 3, 8, 32])
def test_covariance_is_positive_definite_with_stated_neighbours(n):
    covariance = noise_covariance(n, np.random.default_rng(n))
    np.testing.assert_array_equal(covariance, covariance.conj().T)
    np.testing.assert_array_equal(np.diag(covariance), 1)
    assert np.linalg.eigvalsh(covariance).min() > 0.1
    neighbours = np.abs(np.diag(covariance, 1))
    assert ((neighbours >= 0.1) & (neighbours <= 0.4)).all()


def test_noise_has_that_covariance():
    covariance = noise_covariance(5, np.random.default_rng(3))
    noise = correlated_noise(covariance, (200, 300), np.random.default_rng(4)).reshape(5, -1)
    measured = noise @ noise.conj().T / (2 * noise.shape[1])
    np.testing.assert_allclose(measured, covariance, atol=0.02)
    np.testing.assert_allclose(noise @ noise.T / (2 * noise.shape[1]), 0, atol=0.02)
