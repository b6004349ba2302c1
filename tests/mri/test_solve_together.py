"""Scans in one batch: each slice keeps its own noise and data, whoever its neighbours are."""

from dataclasses import replace

import pytest
import torch
from phantom import head

import medrecon
from medrecon.calibration import build_problem
from medrecon.mri import drawing, method_class
from medrecon.mri.together import can_share, solve_together
from medrecon.simulate.scan import simulate_scan


@pytest.fixture(scope="module")
def problems():
    """Four scans: two alike in everything, one of another matrix, one under another mask."""
    found = []
    for i, (size, accel) in enumerate([((48, 40), 2.0), ((40, 40), 2.0), ((48, 40), 2.0), ((48, 40), 3.0)]):
        scan = simulate_scan(head(2, *size), (4.0, 4.0), slice_mm=5.0, coils=3, seed=i, name=f"scan{i}")
        found.append(build_problem(scan.undersample(medrecon.masks.pattern("random", accel, 12)), first_slice=i))
    return found


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("spirit", {"steps": 3}),
        ("dds", {"steps": 2, "samples": 3, "batch": 2}),
        ("sense", {}),
        ("tv", {"iterations": 4}),
        ("wavelet", {"iterations": 3}),
        ("spirit-linear", {"iterations": 3}),
        ("zero-filled", {}),
    ],
)
def test_a_scan_has_the_bits_it_has_alone(problems, gaussian_prior, name, options) -> None:
    method = method_class(name)(**options)
    assert can_share(method)
    prior = gaussian_prior if method.needs_prior else None
    together = solve_together(method, problems, prior=prior, seed=5, most=1)
    for problem, found in zip(problems, together, strict=True):
        alone = method.solve(problem, prior=prior, seed=5)
        assert found.calls == alone.calls
        assert found.temperature == alone.temperature
        if method.needs_prior:
            assert torch.equal(found.samples, alone.samples)
        else:
            assert (found.samples - alone.samples).norm() < 1e-5 * alone.samples.norm()


@pytest.mark.parametrize("options", [{"steps": 3}, {"steps": 3, "samples": 3}])
def test_full_batches_differ_by_rounding_alone(problems, gaussian_prior, monkeypatch, options) -> None:
    """As on CUDA, with slices of two scans in one network call."""
    monkeypatch.setattr(drawing, "images_together", lambda batch, _: batch)
    sizes = []

    def denoise(x, t):
        sizes.append(len(x))
        return gaussian_prior.denoise(x, t)

    method, prior = method_class("spirit")(**options), replace(gaussian_prior, denoise=denoise)
    together = solve_together(method, problems, prior=prior, seed=5, most=16)
    assert sorted(set(sizes)) == [2 * method.samples, 4 * method.samples]
    for problem, found in zip(problems, together, strict=True):
        alone = method.solve(problem, prior=gaussian_prior, seed=5)
        assert (found.samples - alone.samples).norm() < 1e-4 * alone.samples.norm()


def test_batches_are_no_larger_than_asked(problems, gaussian_prior, monkeypatch) -> None:
    monkeypatch.setattr(drawing, "images_together", lambda batch, _: batch)
    sizes = []

    def denoise(x, t):
        sizes.append(len(x))
        return gaussian_prior.denoise(x, t)

    method = method_class("dds")(steps=2)
    solve_together(method, problems, prior=replace(gaussian_prior, denoise=denoise), seed=0, most=3)
    assert max(sizes) == 3


def test_methods_that_ask_for_the_scan_keep_it_to_themselves() -> None:
    assert not can_share(method_class("fdmr")())
    assert not can_share(method_class("spirit-paper")())
