"""The method is known before the other options, also where there are none."""

import pytest

from medrecon.cli.parse import method_name
from medrecon.errors import InputError


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ([], "spirit"),
        (["scan.h5"], "spirit"),
        (["scan.h5", "--method", "tv"], "tv"),
        (["--method=tv", "scan.h5"], "tv"),
        (["--method", "tv", "--method", "dds"], "dds"),
    ],
)
def test_the_last_one_named_or_the_default(words, name):
    assert method_name(words, "spirit") == name


@pytest.mark.parametrize("words", [["--method"], ["--method", "--accel", "4"]])
def test_a_method_without_a_name_is_one_line(words):
    with pytest.raises(InputError, match="--method has no value"):
        method_name(words, "spirit")
