"""The reference of a scan is the same wherever and in whatever chunks it is made."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

import medrecon
from medrecon import solving
from medrecon.evaluation import reference_image
from medrecon.mri import method_class
from medrecon.solving import Task


@pytest.fixture
def on_a_device(monkeypatch):
    """A task that takes its device for another than the CPU, and two slices at once for its fill."""
    monkeypatch.setattr(solving, "REFERENCES", 2)
    device = SimpleNamespace(type="cuda")
    monkeypatch.setattr("medrecon.scan.Scan.to", lambda self, _: self)
    return Task(method_class("sense")(), None, device)


@pytest.fixture
def measured(full_scan):
    """Without its truth, as a scanner gives it."""
    return replace(full_scan, truth=None)


def test_chunks_of_a_device_make_the_reference_of_the_whole(on_a_device, measured) -> None:
    under = measured.undersample(medrecon.masks.pattern("random", 2.0, 14))
    image, kind = on_a_device.reference(under)
    expected, expected_kind = reference_image(under)  # type: ignore[misc]
    assert kind == expected_kind == "combined"
    assert measured.n_slices > 2
    assert (image - expected).abs().max() < 1e-5 * expected.max()


def test_truth_goes_before_it_and_without_either_there_is_none(on_a_device, full_scan, measured) -> None:
    under = full_scan.undersample(medrecon.masks.pattern("random", 2.0, 14))
    image, kind = on_a_device.reference(under)
    assert kind == "simulated"
    assert torch.equal(image, full_scan.truth)
    alone = replace(measured.undersample(medrecon.masks.pattern("random", 2.0, 14)), full=None)
    assert on_a_device.reference(alone) is None
