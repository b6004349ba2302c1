import numpy as np
import pytest
import torch

from medrecon.errors import InputError
from medrecon.evaluation.foreground import foreground_mask
from medrecon.operators import Coils, ifft2c
from medrecon.simulate.scan import evaluation_slices, phase_along_x, simulate_scan, true_maps


def volume(slices=5, shape=(72, 61)):
    """Ellipsoids, longer along y, with two tissues."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in (slices, *shape)), indexing="ij")
    head = np.sqrt((z / 1.6) ** 2 + (y / 0.9) ** 2 + (x / 0.8) ** 2) < 1
    return 100.0 * (head + 0.7 * (np.hypot(y - 0.1, x) < 0.4) * head)


GEOMETRY = {"voxel_mm": (3.0, 3.0), "slice_mm": 6.0}


def combine(scan, maps):
    return Coils(maps).H(ifft2c(scan.kspace))


@pytest.mark.parametrize("coils", [1, 8, 15])
def test_snr_is_the_one_asked_for(coils):
    scan = simulate_scan(volume(), **GEOMETRY, coils=coils, snr=30, seed=2)
    clean = simulate_scan(volume(), **GEOMETRY, coils=coils, snr=1e6, seed=2)
    maps = true_maps(volume(), **GEOMETRY, coils=coils, seed=2)
    noise = combine(scan, maps) - combine(clean, maps)
    inside = foreground_mask(scan.truth)
    std = torch.view_as_real(noise[inside]).std()
    assert float(scan.truth[inside].mean() / std) == pytest.approx(30, rel=0.03)


def test_truth_is_the_noise_free_combination():
    scan = simulate_scan(volume(), **GEOMETRY, snr=1e7, slices=[1, 3])
    maps = true_maps(volume(), **GEOMETRY, slices=[1, 3])
    torch.testing.assert_close(combine(scan, maps).abs(), scan.truth, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(scan.truth, torch.from_numpy(volume()[[1, 3]]).float())
    assert scan.is_fully_sampled
    assert scan.phase_axes == ("x",)


def test_prescan_has_the_covariance_of_the_noise_in_kspace():
    scan = simulate_scan(volume(), **GEOMETRY, coils=4, snr=10)
    clean = simulate_scan(volume(), **GEOMETRY, coils=4, snr=1e7)
    noise = (scan.kspace - clean.kspace).movedim(1, 0).flatten(1)
    prescan = scan.noise
    assert prescan.shape[1] >= 2048
    in_scan, before = (n @ n.mH / n.shape[1] for n in (noise, prescan))
    torch.testing.assert_close(in_scan, before, atol=0.06 * float(before.abs().max()), rtol=0)
    assert float(before[0, 1].abs() / before[0, 0].abs()) > 0.05


def test_slices_do_not_depend_on_their_neighbours_and_seeds_differ():
    whole = simulate_scan(volume(), **GEOMETRY, snr=1e7, seed=5)
    part = simulate_scan(volume(), **GEOMETRY, snr=1e7, seed=5, slices=[2])
    torch.testing.assert_close(whole.kspace[2:3], part.kspace, atol=1e-3, rtol=0)
    noisy = [simulate_scan(volume(), **GEOMETRY, seed=s, slices=[2]) for s in (5, 5, 6)]
    assert torch.equal(noisy[0].kspace, noisy[1].kspace)
    assert not torch.equal(noisy[0].kspace, noisy[2].kspace)


def test_global_random_state_is_untouched():
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    simulate_scan(volume(), **GEOMETRY, slices=[2])
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_the_short_side_of_the_head_becomes_x():
    turned, voxel = phase_along_x(volume().swapaxes(1, 2), (2.0, 3.0))
    np.testing.assert_array_equal(turned, volume())
    assert voxel == (3.0, 2.0)
    same, voxel = phase_along_x(volume(), (3.0, 2.0))
    assert same.shape == volume().shape
    assert voxel == (3.0, 2.0)
    # counted in mm, not in pixels
    assert phase_along_x(volume(), (1.0, 3.0))[1] == (3.0, 1.0)


def test_phase_varies_across_the_head():
    scan = simulate_scan(volume(), **GEOMETRY, snr=1e6)
    image = combine(scan, true_maps(volume(), **GEOMETRY))[2]
    inside = foreground_mask(scan.truth)[2]
    coherence = image[inside].sum().abs() / image[inside].abs().sum()
    assert float(coherence) < 0.8


def test_evaluation_slices_are_the_stated_ones():
    assert evaluation_slices(101) == (25, 31, 37, 43, 49, 56, 62, 68, 74, 80)
    assert len(evaluation_slices(48)) == 10
    assert set(evaluation_slices(5)) <= set(range(5))


@pytest.mark.parametrize(
    "change",
    [
        {"snr": 0.0},
        {"snr": float("nan")},
        {"coils": 0},
        {"slices": [9]},
        {"slices": []},
        {"seed": -1},
        {"volume": np.zeros((3, 40, 40))},
        {"volume": np.full((3, 40, 40), np.nan)},
        {"volume": np.ones((40, 40))},
    ],
)
def test_bad_input_is_one_line(change):
    arguments = {"volume": volume(), **GEOMETRY, **change}
    with pytest.raises(InputError) as error:
        simulate_scan(arguments.pop("volume"), **arguments)
    assert "\n" not in str(error.value)
