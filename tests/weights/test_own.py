"""The user's own weights: they win by name, are verified as shipped ones are, and come from where the user says."""

import io
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import pytest
import torch

from medrecon import weights
from medrecon.errors import InputError
from medrecon.weights import fetch as fetching
from medrecon.weights.add import described, keep
from medrecon.weights.fetch import fetch
from medrecon.weights.files import encode, sha256
from medrecon.weights.foreign import read_foreign
from medrecon.weights.registry import FOLDER
from medrecon.weights.user import checked_name, user_folder

SETTINGS = {"kind": "mri-image", "pixel_range": [0.5, 2.0], "training": {"steps": 3}}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDRECON_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def content(value=1.0):
    return encode({"w": torch.full((2, 3), value)}, SETTINGS, "fp32")


def kept(name="mine", value=1.0, **options):
    data = content(value)
    keep(data, described(name, data), **options)
    return data


def test_the_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDRECON_HOME", str(tmp_path))
    assert user_folder() == tmp_path / "weights"
    monkeypatch.delenv("MEDRECON_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert user_folder() == tmp_path / "data" / "medrecon" / "weights"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert user_folder() == Path.home() / ".local" / "share" / "medrecon" / "weights"


def test_own_weights_load_by_name_with_their_record(home):
    data = kept()
    state, settings, digest = weights.load("mine")
    assert torch.equal(state["w"], torch.ones(2, 3))
    assert (settings, digest) == (SETTINGS, sha256(data))
    record = weights.record("mine")
    assert (record.pixel_range, record.parameters, record.training) == ((0.5, 2.0), 6, {"steps": 3})
    assert record.licence == "not stated"


def test_own_weights_win_over_shipped_ones_and_leave_them_alone(home):
    (name, *_) = [r.name for r in weights.records()]
    shipped = weights.load(name)[2]
    data = kept(name)
    assert weights.load(name)[2] == sha256(data)
    assert weights.load(FOLDER / weights.record(name, FOLDER).file)[2] == shipped
    assert [p for _, p in weights.check(FOLDER) if p] == []


def test_any_changed_byte_of_own_weights_is_refused_at_the_next_load(home):
    kept()
    path = user_folder() / weights.record("mine").file
    data = path.read_bytes()
    for position in (0, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        for source in ("mine", path):
            with pytest.raises(InputError, match="weights 'mine' are damaged"):
                weights.load(source)
    assert [r.name for r, complaint in weights.check(user_folder()) if complaint] == ["mine"]


def test_a_name_is_replaced_only_when_asked_and_leaves_one_file(home):
    first = kept()
    with pytest.raises(InputError, match=r"has other weights called 'mine' already .*--replace"):
        kept(value=2.0)
    assert weights.load("mine")[2] == sha256(first)
    second = kept(value=2.0, replacing=True)
    assert weights.load("mine")[2] == sha256(second)
    assert len(list(user_folder().glob("*.safetensors"))) == 1
    kept(value=2.0)  # the same again mends what may be damaged
    assert [r.name for r in weights.records(user_folder())] == ["mine"]


def test_a_damaged_registry_of_the_user_is_named(home):
    kept()
    (user_folder() / "registry.json").write_text("[{]")
    with pytest.raises(InputError, match=r"mend or delete .*registry\.json"):
        weights.load("mine")


@pytest.mark.parametrize("name", ["../x", "a/b", "", "x.safetensors", ".hidden"])
def test_names_that_are_no_file_names_are_refused(name):
    with pytest.raises(InputError, match="cannot name weights"):
        checked_name(name)


def test_a_pickle_of_tensors_is_read_and_one_with_code_is_not(tmp_path):
    class Code:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    state = {"w": torch.ones(2)}
    torch.save({"ema": state, "state_dict": {"w": torch.zeros(2)}, "settings": {"a": 1}}, tmp_path / "a.pt")
    tensors, settings = read_foreign(tmp_path / "a.pt")
    assert torch.equal(tensors["w"], state["w"])
    assert settings == {"a": 1}
    torch.save(state, tmp_path / "b.pth")
    assert read_foreign(tmp_path / "b.pth")[1] is None
    torch.save({"w": Code()}, tmp_path / "c.pt")
    with pytest.raises(InputError, match=r"c\.pt is not opened: .*more than tensors"):
        read_foreign(tmp_path / "c.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"no pickle", {"epoch": 3}, [1, 2], {"w": torch.ones(1), "epoch": 3}])
def test_what_is_no_state_dict_is_one_line(tmp_path, content):
    path = tmp_path / "x.pt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(InputError, match=r"x\.pt") as error:
        read_foreign(path)
    assert "\n" not in str(error.value)


def test_a_fetched_file_is_held_to_the_hash(tmp_path, monkeypatch):
    data = content()
    (tmp_path / "x.safetensors").write_bytes(data)
    assert fetch(str(tmp_path / "x.safetensors"), sha256(data).upper()) == data
    with pytest.raises(InputError, match=r"has sha256 .*, expected 000000000000; nothing was kept"):
        fetch(str(tmp_path / "x.safetensors"), "0" * 64)
    asked = []

    def answer(url, timeout):
        asked.append(url)
        return io.BytesIO(data)

    monkeypatch.setattr(fetching, "urlopen", answer)
    assert fetch("https://example.org/x", sha256(data)) == data
    assert asked == ["https://example.org/x"]

    def refuse(url, timeout):
        raise URLError("no route")

    monkeypatch.setattr(fetching, "urlopen", refuse)
    with pytest.raises(InputError, match=r"https://example\.org/x cannot be fetched .*no route"):
        fetch("https://example.org/x", sha256(data))


def test_loading_never_reaches_out(home, monkeypatch):
    """Names that are unknown, not shipped or damaged end in a line, never in a download."""

    def forbidden(*_, **__):
        raise AssertionError("a download")

    monkeypatch.setattr("socket.socket.connect", forbidden)
    kept()
    weights.register(replace(weights.record("mine"), name="control", file=None), user_folder())
    for name in ("control", "nobody"):
        with pytest.raises(InputError):
            weights.load(name)
    weights.load("mine")
