"""Registered weights are held to the registry at every load."""

from dataclasses import replace

import pytest
import torch

from medrecon import weights
from medrecon.errors import InputError
from medrecon.weights.registry import BUDGET_MIB, FOLDER, TOTAL_MIB

MIB = 2**20


@pytest.fixture
def folder(tmp_path):
    """A registry with one shipped network and one control."""
    (tmp_path / "registry.json").write_text("[]")
    rng = torch.Generator().manual_seed(0)
    state = {"conv.weight": torch.randn(4, 3, 3, 3, generator=rng), "conv.bias": torch.randn(4, generator=rng)}
    digest = weights.save(tmp_path / "small.safetensors", state, {"width": 4}, "int8")
    small = weights.Record(
        name="small",
        kind="image-prior-small",
        file="small.safetensors",
        sha256=digest,
        licence="Apache-2.0",
        attribution="made for a test",
        parameters=112,
        pixel_range=(0.7, 2.2),
        training={"hours": 1},
        validation={"psnr": 30.0},
    )
    weights.register(small, tmp_path)
    weights.register(replace(small, name="control", file=None, sha256=""), tmp_path)
    return tmp_path


def test_records_come_back_as_they_were_written(folder):
    small, control = weights.records(folder)
    assert (small.name, small.pixel_range, small.validation["psnr"]) == ("small", (0.7, 2.2), 30.0)
    assert control.file is None
    assert weights.record("small", folder) == small
    weights.register(replace(small, parameters=7), folder)
    assert [r.name for r in weights.records(folder)] == ["small", "control"]
    assert weights.record("small", folder).parameters == 7


def test_load_by_name_and_by_path_are_the_same(folder):
    state, metadata, digest = weights.load("small", folder)
    again, _, same = weights.load(folder / "small.safetensors", folder)
    assert metadata == {"width": 4}
    assert digest == same == weights.record("small", folder).sha256
    assert set(state) == {"conv.weight", "conv.bias"}
    assert all(torch.equal(state[name], again[name]) for name in state)


def test_any_flipped_byte_is_refused_at_the_next_load(folder):
    path = folder / "small.safetensors"
    data = path.read_bytes()
    weights.load("small", folder)
    for position in (0, 20, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        for source in ("small", path):
            with pytest.raises(InputError, match=r"^weights 'small' are damaged: .*fetch the file again$"):
                weights.load(source, folder)
    path.write_bytes(data)
    weights.load("small", folder)


def test_an_intact_file_with_other_content_is_refused(folder):
    weights.save(folder / "small.safetensors", {"conv.weight": torch.zeros(1)}, {"width": 4})
    with pytest.raises(InputError, match="damaged"):
        weights.load("small", folder)


def test_check_names_what_is_wrong(folder):
    assert [(r.name, problem) for r, problem in weights.check(folder)] == [("small", None)]
    (folder / "small.safetensors").unlink()
    ((entry, problem),) = weights.check(folder)
    assert entry.name == "small"
    assert problem is not None
    assert "cannot be read" in problem


def test_unknown_and_unshipped_weights_are_refused(folder):
    with pytest.raises(InputError, match="unknown weights 'big'; choose one of: small, control; or give"):
        weights.load("big", folder)
    with pytest.raises(InputError, match="not shipped"):
        weights.load("control", folder)
    with pytest.raises(InputError, match="cannot be read"):
        weights.load(folder / "none.safetensors", folder)
    (folder / "registry.json").write_text("[{]")
    with pytest.raises(InputError, match="registry cannot be read"):
        weights.records(folder)


def test_shipped_weights_are_intact():
    assert [problem for _, problem in weights.check() if problem] == []


def test_shipped_weights_keep_to_the_budget():
    sizes: dict[str, float] = {}
    for each in weights.records():
        assert each.licence
        assert each.attribution
        if each.file is not None:
            sizes[each.kind] = sizes.get(each.kind, 0) + (FOLDER / each.file).stat().st_size / MIB
    assert all(size <= BUDGET_MIB[kind] for kind, size in sizes.items())
    assert sum(sizes.values()) <= TOTAL_MIB


def test_nothing_is_shipped_that_the_registry_does_not_know():
    known = {FOLDER / each.file for each in weights.records() if each.file is not None}
    assert set(FOLDER.rglob("*.safetensors")) == known
