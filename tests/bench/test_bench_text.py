"""Files of rows that are compressed: the same rows, the same bytes every time, one line for a damaged one."""

import gzip

import pytest

from medrecon.bench.store import Store, join, read_rows
from medrecon.bench.text import stored
from medrecon.errors import InputError

ROW = {"suite": "standard", "code": "0", "scan": "head", "method": "tv", "versions": {"torch": "2"}, "slices": []}


def test_rows_come_back_and_make_the_same_bytes(tmp_path):
    plain, small, again = (tmp_path / name for name in ("a.json", "a.json.gz", "b.json.gz"))
    store = Store(plain)
    store.add(ROW)
    for out in (small, again):
        assert join([plain], out) == (1, [])
    assert read_rows(small) == read_rows(plain) == [ROW]
    assert small.read_bytes() == again.read_bytes()
    assert gzip.decompress(small.read_bytes()) == plain.read_bytes()
    assert Store(small).rows == [ROW]


@pytest.mark.parametrize(
    "held",
    [b"{}", gzip.compress(b"{}"), gzip.compress(b'{"rows": []}')[:-4]],
    ids=["not compressed", "no rows", "cut off"],
)
def test_a_damaged_file_is_one_line(tmp_path, held):
    path = tmp_path / "a.json.gz"
    path.write_bytes(held)
    with pytest.raises(InputError, match="holds no rows of medrecon bench"):
        read_rows(path)


def test_a_compressed_file_stands_for_the_plain_one_that_is_not_there(tmp_path):
    plain, small = tmp_path / "a.json", tmp_path / "a.json.gz"
    assert stored(plain) == plain
    small.touch()
    assert stored(plain) == small
    plain.touch()
    assert stored(plain) == plain
