"""Scans in one batch: each slice keeps its own noise, data and mask, whoever its neighbours are."""

from dataclasses import fields, replace

import pytest
import torch
from phantom import head
from properties import DEVICES

import medrecon
from medrecon.calibration import build_problem
from medrecon.diffusion.path import VP
from medrecon.diffusion.prior import Prior
from medrecon.errors import InputError
from medrecon.mri import drawing, method_class, together
from medrecon.mri.together import can_share, solve_together
from medrecon.simulate.scan import simulate_scan


@pytest.fixture(scope="module")
def problems():
    """Four scans: two alike in everything, one of another matrix, one like the two under another mask."""
    found = []
    for i, (size, accel) in enumerate([((48, 40), 2.0), ((40, 40), 2.0), ((48, 40), 2.0), ((48, 40), 3.0)]):
        scan = simulate_scan(head(2, *size), (4.0, 4.0), slice_mm=5.0, coils=3, seed=i, name=f"scan{i}")
        found.append(build_problem(scan.undersample(medrecon.masks.pattern("random", accel, 12)), first_slice=i))
    return found


METHODS = [
    ("spirit", {"steps": 3}),
    ("dds", {"steps": 2, "samples": 3, "batch": 2}),
    ("hfs", {"steps": 3}),
    ("sense", {}),
    ("tv", {"iterations": 4}),
    ("wavelet", {"iterations": 3}),
    ("spirit-linear", {"iterations": 3}),
    ("zero-filled", {}),
]


@pytest.fixture
def prior_of(gaussian_prior):
    """A prior for the method of that name."""

    def of_band(_fractions):
        return (lambda high, low, sigma: (high + 0.3 * low) / (1 + sigma[..., None, None] ** 2)), 0.1

    band = Prior(lambda x, _: x, VP(), 0.1, (0.002, 40.0), "band", of_band=of_band)
    return lambda name: {"hfs": band}.get(name, gaussian_prior) if method_class(name).needs_prior else None


@pytest.fixture
def images_a_pass(monkeypatch):
    """As on CUDA, several images a pass; the counts of the passes of `solve_together`."""
    monkeypatch.setattr(drawing, "images_together", lambda batch, _: batch)
    counts = []

    def draw(problem, *rest):
        counts.append(problem.n_slices)
        return drawing._draw(problem, *rest)

    monkeypatch.setattr(together, "_draw", draw)
    return counts


def doubled(problem):
    """The same in double precision, in which rounding stays below what anything else does."""
    floating = [
        f.name
        for f in fields(problem)
        if isinstance(v := getattr(problem, f.name), torch.Tensor) and v.dtype != torch.bool
    ]
    wide = {name: getattr(problem, name) for name in floating}
    return replace(problem, **{n: v.to(torch.complex128 if v.is_complex() else torch.float64) for n, v in wide.items()})


def distance(a, b):
    return ((a - b).norm() / b.norm()).item()


@pytest.mark.parametrize(("name", "options"), METHODS)
def test_a_scan_has_the_bits_it_has_alone(problems, prior_of, name, options) -> None:
    method, prior = method_class(name)(**options), prior_of(name)
    assert can_share(method)
    shared = solve_together(method, problems, prior=prior, seed=5, most=1)
    for problem, found in zip(problems, shared, strict=True):
        alone = method.solve(problem, prior=prior, seed=5)
        assert found.calls == alone.calls
        assert found.temperature == alone.temperature
        if method.needs_prior:
            assert torch.equal(found.samples, alone.samples)
        else:
            assert distance(found.samples, alone.samples) < 1e-5


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("name", "options"), [*METHODS, ("spirit", {"steps": 3, "samples": 3}), ("hfs", {"steps": 2, "samples": 2})]
)
def test_scans_of_other_masks_share_a_batch_and_differ_by_rounding_alone(
    problems, prior_of, images_a_pass, name, options, device
) -> None:
    method, prior = method_class(name)(**{**options, "batch": 16} if "steps" in options else options), prior_of(name)
    wide = [doubled(problem).to(device) for problem in problems]
    assert not torch.equal(wide[0].mask, wide[3].mask)
    shared = solve_together(method, wide, prior=prior, seed=5, most=16)
    if method.needs_prior:
        whole = method.samples * min(6, 16 // method.samples)
        assert images_a_pass[0] == whole, "slices of three scans, of which one has another mask"
    for problem, found in zip(wide, shared, strict=True):
        alone = method.solve(problem, prior=prior, seed=5)
        assert found.samples.dtype == torch.complex128
        # on CUDA the order of sums follows the size of the batch
        assert distance(found.samples, alone.samples) < (1e-12 if device == "cpu" else 1e-9)
    if name != "zero-filled":  # and one that got the mask of its neighbour would be far from it
        swapped = method.solve(replace(wide[3], mask=wide[0].mask), prior=prior, seed=5)
        assert distance(swapped.samples, shared[3].samples) > 1e-3


def test_low_bands_are_those_of_each_scan(problems, prior_of, images_a_pass) -> None:
    """Centres of 12 and 11 lines have a band of 6, one of 8 lines a band of 4; the width that is asked for is refused
    where a scan of the batch cannot have it."""
    rows = problems[0].kspace.shape[-2]
    sizes = (12, 11, 8)
    some = [replace(problems[i], acs=(rows, n)) for i, n in zip((0, 2, 3), sizes, strict=True)]
    method, prior = method_class("hfs")(steps=2), prior_of("hfs")
    shared = solve_together(method, some, prior=prior, seed=5, most=16)
    assert images_a_pass == [4, 2]
    for problem, found in zip(some, shared, strict=True):
        assert distance(found.samples, method.solve(problem, prior=prior, seed=5).samples) < 1e-4
    with pytest.raises(InputError, match="a low band of 10 lines was asked for, but 8"):
        solve_together(method_class("hfs")(steps=2, width=10), some, prior=prior, seed=5, most=16)


def test_batches_are_no_larger_than_asked(problems, gaussian_prior, images_a_pass) -> None:
    method = method_class("dds")(steps=2)
    solve_together(method, problems, prior=gaussian_prior, seed=0, most=3)
    assert max(images_a_pass) == 3


def test_methods_that_ask_for_the_scan_keep_it_to_themselves() -> None:
    assert not can_share(method_class("fdmr")())
    assert not can_share(method_class("spirit-paper")())
