import pytest
import torch

from medrecon.replay import Replay


def rotate(a, b, c):
    return b, c, a + b


@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param(
            "cuda",
            marks=[pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")],
        ),
    ],
)
def test_what_a_call_returns_may_be_given_back_in_another_order(device):
    values = expected = tuple(torch.tensor([float(v)], device=device) for v in (1, 2, 3))
    replay = Replay(rotate)
    for _ in range(6):
        values, expected = replay(*values), rotate(*expected)
    assert [v.item() for v in values] == [v.item() for v in expected]
