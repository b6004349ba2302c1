"""Half precision and int8 per output channel."""

import pytest
import torch

from medrecon.weights.quantise import pack, unpack


def weight(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)) * torch.logspace(-4, 3, shape[0]).reshape(
        -1, *[1] * (len(shape) - 1)
    )


@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 3, 3), (1, 7)])
def test_int8_is_within_half_a_step_of_each_channel(shape):
    value = weight(*shape)
    packed = pack({"w": value}, "int8")
    assert packed["w.q"].dtype == torch.int8
    assert packed["w.scale"].shape == (shape[0], *[1] * (len(shape) - 1))
    step = value.abs().flatten(1).amax(1) / 127
    error = (unpack(packed)["w"] - value).abs().flatten(1).amax(1)
    assert bool((error <= 0.5001 * step).all())


def test_int8_takes_a_quarter_of_single_precision():
    packed = pack({"w": weight(64, 64, 3, 3)}, "int8")
    assert sum(v.numel() * v.element_size() for v in packed.values()) < 0.26 * 4 * 64 * 64 * 9


def test_packing_again_changes_nothing():
    once = unpack(pack({"w": weight(6, 9)}, "int8"))
    twice = unpack(pack(once, "int8"))
    assert torch.allclose(once["w"], twice["w"], rtol=1e-6)


def test_vectors_are_halved_and_integers_kept():
    state = {"b": torch.tensor([1.0, 1 + 2**-12]), "n": torch.tensor([300, -2]), "big": torch.tensor([1e6])}
    for storage in ("fp16", "int8"):
        packed = pack(state, storage)
        assert packed["b"].dtype == torch.float16
        assert packed["n"].dtype == torch.int64
        restored = unpack(packed)
        assert restored["b"].tolist() == [1.0, 1.0]
        assert torch.equal(restored["n"], state["n"])
        assert torch.equal(restored["big"], state["big"])
    assert unpack(pack(state, "fp32"))["b"].tolist() == state["b"].tolist()


def test_names_that_look_packed_survive():
    state = {"head.q": weight(3, 4).clamp(-9, 9), "head.scale": torch.ones(3, 4)}
    for storage in ("fp16", "int8"):
        restored = unpack(pack(state, storage))
        assert set(restored) == set(state)
        assert torch.allclose(restored["head.scale"], state["head.scale"])


def test_a_channel_of_zeros_stays_zero():
    assert not unpack(pack({"w": torch.zeros(3, 4)}, "int8"))["w"].any()


def test_views_are_stored_by_themselves():
    shared = torch.arange(6.0).reshape(2, 3)
    packed = pack({"a": shared, "b": shared.T}, "fp32")
    assert packed["b"].is_contiguous()
    assert torch.equal(packed["b"], shared.T)
