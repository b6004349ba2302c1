import pytest
import torch

from medrecon.operators import Coils, Fourier, Mask
from medrecon.optimisation.sampling_normal import SamplingNormal, SenseNormal

KINDS = ["columns", "rows", "points", "all", "none"]


def mask_of(kind, shape):
    points = torch.rand(shape, generator=torch.Generator().manual_seed(0)) < 0.4
    return {
        "columns": points[:1].expand(shape),
        "rows": points[:, :1].expand(shape),
        "points": points,
        "all": torch.ones_like(points),
        "none": torch.zeros_like(points),
    }[kind]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(9, 14), (8, 11)])
def test_equals_the_gram_of_the_centred_operators(kind, shape):
    g = torch.Generator().manual_seed(1)
    maps = torch.randn(2, 3, *shape, dtype=torch.complex128, generator=g)
    x = torch.randn(2, *shape, dtype=torch.complex128, generator=g)
    mask = mask_of(kind, shape)
    sampling = Mask(mask) @ Fourier((2, 3, *shape))
    torch.testing.assert_close(SenseNormal(maps, mask)(x), (sampling @ Coils(maps)).gram(x))
    torch.testing.assert_close(SamplingNormal(mask, (2, 3, *shape))(maps), sampling.gram(maps))


def test_transforms_only_where_the_mask_varies():
    assert SamplingNormal(mask_of("columns", (9, 14)), (9, 14)).axes == (-1,)
    assert SamplingNormal(mask_of("rows", (9, 14)), (9, 14)).axes == (-2,)
    assert SamplingNormal(mask_of("all", (9, 14)), (9, 14)).axes == ()


def test_hermitian():
    g = torch.Generator().manual_seed(2)
    maps = torch.randn(1, 3, 9, 14, dtype=torch.complex128, generator=g)
    x, y = (torch.randn(1, 9, 14, dtype=torch.complex128, generator=g) for _ in range(2))
    normal = SenseNormal(maps, mask_of("points", (9, 14)))
    torch.testing.assert_close((normal(x).conj() * y).sum(), (x.conj() * normal.H(y)).sum())
