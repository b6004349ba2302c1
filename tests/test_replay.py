import gc

import pytest
import torch

from medrecon.replay import Replay, uncollected

ON_CUDA = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]


def rotate(a, b, c):
    return b, c, a + b


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=ON_CUDA)])
def test_what_a_call_returns_may_be_given_back_in_another_order(device):
    values = expected = tuple(torch.tensor([float(v)], device=device) for v in (1, 2, 3))
    replay = Replay(rotate)
    for _ in range(6):
        values, expected = replay(*values), rotate(*expected)
    assert [v.item() for v in values] == [v.item() for v in expected]


def test_garbage_waits_for_the_end_even_of_a_failure():
    def fails():
        with uncollected():
            assert not gc.isenabled()
            raise ValueError("inside")

    assert gc.isenabled()
    with pytest.raises(ValueError, match="inside"):
        fails()
    assert gc.isenabled()


def test_collection_that_was_off_stays_off():
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_an_older_graph_is_not_freed_while_another_is_recorded():
    """Collection at every allocation, and a graph in a ring of references that nothing else holds."""

    class Holder:
        def __init__(self):
            self.replay = Replay(self.once)

        def once(self, a):
            return (torch.stack([a * n for n in range(8)]).sum(0),)

    one = torch.ones(3, device="cuda")
    thresholds = gc.get_threshold()
    for _ in range(2):
        Holder().replay(one)
    gc.set_threshold(1)
    try:
        assert Holder().replay(one)[0].tolist() == [28.0] * 3
    finally:
        gc.set_threshold(*thresholds)
