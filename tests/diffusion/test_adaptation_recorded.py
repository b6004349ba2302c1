"""What a CUDA graph asks of an iteration, shown without CUDA; and on CUDA, that it is the same."""

import pytest
import torch
from properties import DEVICES, noise
from tiny_ddgan import tiny_prior
from torch._subclasses.fake_tensor import FakeTensorMode

from medrecon.diffusion.adaptation import adapt
from medrecon.diffusion.adaptation.adam import Adam
from medrecon.diffusion.adaptation.adapt import Adaptation
from medrecon.diffusion.adaptation.misfit import Misfit
from medrecon.diffusion.adaptation.stopping import Count, Discrepancy, HoldOut
from medrecon.mri.fdmr.adapters import adapter_of
from medrecon.mri.fdmr.holdout import withheld_samples
from medrecon.problem import Problem
from medrecon.replay import _apart

SHAPE, COILS = (12, 14), 2


def problem(first=5, n=2):
    maps = noise(n, COILS, *SHAPE, seed=first, dtype=torch.complex64)
    maps = maps / maps.abs().square().sum(1, keepdim=True).sqrt()
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[:, [0, 2, 4, 5, 6, 7, 8, 9, 11]] = True
    kspace = 0.3 * noise(n, COILS, *SHAPE, seed=first + 1, dtype=torch.complex64) * mask
    ones, each = torch.ones(n, *SHAPE), torch.ones(n)
    return Problem(
        kspace, mask, maps, ones.bool(), 0.03 * each, 0.04 * each, None, 0.01 * each, 0.01 * each, ones, 1.0, ("x",),
        (12, 4), tuple(range(first, first + n)),
    )  # fmt: skip


class Batches:
    """An adaptation and what it is called with, batch by batch."""

    def __init__(self, kind, rule=None, device="cpu"):
        self.count = 1 if kind == "all" else 2
        self.denoiser = tiny_prior().denoise.to(device)
        self.adapter, self.misfit = adapter_of(self.denoiser, kind, 2), Misfit(problem().mask.to(device))
        self.run = Adaptation(self.adapter, self.misfit, rule or HoldOut(patience=4), Adam(0.02), 14)
        self.device = device

    def given(self, first):
        made = problem(first, self.count)
        held = withheld_samples(made, 0.3, 0).to(self.device)
        made = made.to(self.device)
        z = torch.randn(self.count, 6, generator=torch.Generator().manual_seed(first)).to(self.device)
        state = made.forward.H(made.kspace)
        return (state, torch.tensor(1, device=self.device), z), self.misfit.samples(made, held)

    def __call__(self, first):
        return self.run(*self.given(first), self.adapter.start(self.count))


class Emulated:
    """`Replay` as it is on CUDA: always the same buffers in and out, overwritten by every call."""

    def __init__(self, function):
        self.function, self.inputs, self.outputs = function, None, None

    def __call__(self, *inputs):
        if self.inputs is None:
            self.inputs = tuple(x.clone() for x in inputs)
            self.outputs = tuple(torch.full_like(x, 7) for x in self.function(*self.inputs))
        for own, given in zip(self.inputs, [_apart(x, self.inputs) for x in inputs], strict=True):
            own.copy_(given)
        for own, new in zip(self.outputs, self.function(*self.inputs), strict=True):
            own.copy_(new)
        return self.outputs


@pytest.mark.parametrize("kind", ["modulation", "all"])
def test_results_outlive_the_buffers_that_they_were_made_in(kind, monkeypatch):
    plain = [Batches(kind)(5), Batches(kind)(7)]
    monkeypatch.setattr(adapt, "Replay", Emulated)
    batches = Batches(kind)
    recorded = [batches(5), batches(7)]
    for a, b in zip(plain, recorded, strict=True):
        assert a.kept.tolist() == b.kept.tolist()
        assert torch.allclose(a.image, b.image, atol=1e-5)
        assert torch.allclose(a.values, b.values, atol=1e-4)


@pytest.mark.parametrize(("kind", "rule"), [("modulation", Discrepancy()), ("low-rank", HoldOut()), ("all", Count())])
def test_an_iteration_looks_at_no_value_on_the_host(kind, rule):
    """Tensors without values: whatever asks for one raises."""
    batches = Batches(kind, rule)
    inputs, samples = batches.given(5)
    start = batches.adapter.start(batches.count)
    tensors = (*adapt._begin(start, inputs[0]), *inputs, *samples)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        found = batches.run._updated(*(mode.from_tensor(x) for x in tensors))
    assert [x.shape for x in found[:11]] == [x.shape for x in tensors[:11]]
    assert [x.dtype for x in found[:11]] == [x.dtype for x in tensors[:11]]
    assert not any(x.requires_grad for x in found)


@pytest.mark.parametrize("device", DEVICES[1:])
@pytest.mark.parametrize("kind", ["modulation", "low-rank", "all"])
def test_on_cuda_as_on_the_cpu(device, kind):
    """Several batches through one graph; a few iterates, before rounding decides.

    Without TensorFloat-32, whose rounding Adam's steps of one size make a tenth of the peak of, emulated on a CPU too.
    """
    here, there = Batches(kind, Count()), Batches(kind, Count(), device)
    for first in (5, 7):
        a = here(first)
        with torch.backends.cudnn.flags(allow_tf32=False):
            b = there(first)
        assert a.kept.tolist() == b.kept.tolist()
        assert (a.image - b.image.cpu()).abs().max() < 0.02 * a.image.abs().max()
