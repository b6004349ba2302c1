"""Files of our own that no registry knows: every byte counts all the same."""

import hashlib

import pytest
import torch
from safetensors.torch import save_file

from medrecon import weights
from medrecon.errors import InputError


@pytest.fixture
def state():
    rng = torch.Generator().manual_seed(1)
    return {
        "a.weight": torch.randn(2, 3, generator=rng),
        "a.bias": torch.randn(2, generator=rng),
        "steps": torch.tensor(12),
    }


def test_round_trip(tmp_path, state):
    path = tmp_path / "x.safetensors"
    digest = weights.save(path, state, {"kind": "test", "levels": [0.1, 3]}, "fp32")
    loaded, metadata, found = weights.load(str(path))
    assert metadata == {"kind": "test", "levels": [0.1, 3]}
    assert digest == found == hashlib.sha256(path.read_bytes()).hexdigest()
    assert set(loaded) == set(state)
    assert all(torch.equal(loaded[name], state[name]) for name in state)


@pytest.mark.parametrize("storage", ["fp16", "int8"])
def test_each_single_byte_counts(tmp_path, state, storage):
    path = tmp_path / "x.safetensors"
    weights.save(path, state, {"kind": "test"}, storage)
    data = path.read_bytes()
    for position in range(len(data)):
        path.write_bytes(data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :])
        with pytest.raises(InputError, match=r"x\.safetensors (is damaged|carries no medrecon record)"):
            weights.load(path)


@pytest.mark.parametrize("length", [0, 7, 40, -1])
def test_truncated_files_are_refused(tmp_path, state, length):
    path = tmp_path / "x.safetensors"
    weights.save(path, state, {})
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match="damaged"):
        weights.load(path)


def test_foreign_files_are_refused(tmp_path, state):
    save_file(state, tmp_path / "foreign.safetensors")
    with pytest.raises(InputError, match="carries no medrecon record"):
        weights.load(tmp_path / "foreign.safetensors")
    torch.save(state, tmp_path / "x.pt")
    with pytest.raises(InputError, match=r"unknown weights .*x\.pt"):
        weights.load(tmp_path / "x.pt")


def test_saving_leaves_nothing_half_written(tmp_path, state):
    path = tmp_path / "x.safetensors"
    weights.save(path, state, {"version": 1})
    before = path.read_bytes()
    with pytest.raises(InputError, match="hold NaN"):
        weights.save(path, {"a": torch.tensor([1.0, float("nan")])}, {})
    with pytest.raises(TypeError):
        weights.save(path, state, {"not json": object()})
    with pytest.raises(InputError, match="does not exist"):
        weights.save(tmp_path / "nowhere" / "x.safetensors", state, {})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


def test_the_same_state_gives_the_same_file(tmp_path, state):
    first = weights.save(tmp_path / "1.safetensors", state, {"b": 1, "a": 2})
    second = weights.save(tmp_path / "2.safetensors", dict(reversed(state.items())), {"a": 2, "b": 1})
    assert first == second
