"""Properties that every linear operator must have, on any device."""

import pytest
import torch
from torch import Tensor

from medrecon.operators import LinearOperator

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")],
    ),
]


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.complex128, device: str = "cpu") -> Tensor:
    """Standard normal numbers from a generator of their own."""
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed)).to(device)


def adjointness(
    operator: LinearOperator, dtype: torch.dtype = torch.complex128, lead: tuple[int, ...] = (), device: str = "cpu"
) -> float:
    """|<A x, y> - <x, A^H y>| / (|A x| |y|) for random x and y, whose shapes are checked on the way."""
    x = noise(*lead, *operator.in_shape, seed=1, dtype=dtype, device=device)
    y = noise(*lead, *operator.out_shape, seed=2, dtype=dtype, device=device)
    ax, ahy = operator(x), operator.H(y)
    assert ax.shape == y.shape
    assert ahy.shape == x.shape
    assert ax.dtype == ahy.dtype == dtype
    scale = (ax.norm() * y.norm()).clamp_min(torch.finfo(torch.float32).tiny)
    return float((torch.vdot(y.flatten(), ax.flatten()) - torch.vdot(ahy.flatten(), x.flatten())).abs() / scale)


def nonlinearity(operator: LinearOperator) -> float:
    """Relative size of A(a x + b y) - a A x - b A y."""
    x, y = noise(*operator.in_shape, seed=3), noise(*operator.in_shape, seed=4)
    a, b = 0.3 - 1.7j, -2.1 + 0.4j
    together, apart = operator(a * x + b * y), a * operator(x) + b * operator(y)
    return float((together - apart).norm() / together.norm().clamp_min(1e-30))
