"""Files of rows that are compressed: the same rows, the same bytes every time, one line for a damaged one."""

import gzip
import lzma

import pytest

from medrecon.bench.store import Store, join, read_rows
from medrecon.bench.text import stored
from medrecon.errors import InputError

ROW = {"suite": "standard", "code": "0", "scan": "head", "method": "tv", "versions": {"torch": "2"}, "slices": []}
PACKED = pytest.mark.parametrize(("ending", "library"), [("xz", lzma), ("gz", gzip)])


@PACKED
def test_rows_come_back_and_make_the_same_bytes(tmp_path, ending, library):
    plain, small, again = (tmp_path / name for name in ("a.json", f"a.json.{ending}", f"b.json.{ending}"))
    store = Store(plain)
    store.add(ROW)
    for out in (small, again):
        assert join([plain], out) == (1, [])
    assert read_rows(small) == read_rows(plain) == [ROW]
    assert small.read_bytes() == again.read_bytes()
    assert library.decompress(small.read_bytes()) == plain.read_bytes()
    assert Store(small).rows == [ROW]


@PACKED
@pytest.mark.parametrize("damage", ["not compressed", "no rows", "cut off", "changed", "empty", "no text"])
def test_a_damaged_file_is_one_line(tmp_path, ending, library, damage):
    whole = library.compress(b'{"rows": [1, 2, 3]}')
    path = tmp_path / f"a.json.{ending}"
    path.write_bytes({
        "not compressed": b"{}", "no rows": library.compress(b"{}"), "cut off": whole[:-4],
        "changed": whole[:12] + bytes(8) + whole[20:], "empty": b"", "no text": library.compress(b"\xff\xfe"),
    }[damage])  # fmt: skip
    with pytest.raises(InputError, match="holds no rows of medrecon bench"):
        read_rows(path)


@pytest.mark.parametrize("ending", ["xz", "gz"])
def test_a_compressed_file_stands_for_the_plain_one_that_is_not_there(tmp_path, ending):
    plain, small = tmp_path / "a.json", tmp_path / f"a.json.{ending}"
    assert stored(plain) == plain
    small.touch()
    assert stored(plain) == small
    plain.touch()
    assert stored(plain) == plain
