from dataclasses import replace

import numpy as np

from medrecon.simulate.phase import draw_phase


def grid(n=64, radius=90.0):
    line = np.linspace(-radius, radius, n)
    return line[:, None], line[None, :]


def test_phase_is_seeded_smooth_and_wraps_more_than_once():
    y, x = grid()
    spans = []
    for seed in range(20):
        phase = draw_phase(np.random.default_rng(seed))
        image = phase(30.0, y, x)
        np.testing.assert_array_equal(image, draw_phase(np.random.default_rng(seed))(30.0, y, x))
        # away from the sinus the phase does not jump from pixel to pixel
        assert max(np.abs(np.diff(image, axis=a)).max() for a in (0, 1)) < np.pi
        spans.append(np.ptp(image[np.hypot(y, x) < 90]) / (2 * np.pi))
    assert max(spans) > 1.5
    assert max(spans) < 8


def test_dipole_falls_off_with_the_cube_of_distance():
    phase = draw_phase(np.random.default_rng(0))
    z0, y0, x0 = phase.sinus_mm

    bare = replace(phase, quadratic=(0.0,) * 4, ramp=0.0, receive=(0.0,) * 9)

    def on_axis(distance):
        return float(bare(z0 + distance, y0, x0))

    assert abs(on_axis(30.0) / on_axis(60.0) - 8) < 1e-9
    assert abs(on_axis(14.0) - phase.sinus_phase) < 1e-9
    # half as strong and of opposite sign across the field
    assert abs(float(bare(z0, y0 + 30.0, x0)) / on_axis(30.0) + 0.5) < 1e-9


def test_coefficients_stay_within_three_wraps():
    for seed in range(50):
        phase = draw_phase(np.random.default_rng(seed))
        assert np.abs(phase.quadratic).sum() <= 6 * np.pi + 1e-9
        assert abs(phase.ramp) <= np.pi
