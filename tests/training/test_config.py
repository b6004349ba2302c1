"""Options from TOML: the shipped file holds the defaults, and what does not fit is one line."""

from pathlib import Path

import pytest
from option_trees import keys, tree

from medrecon.errors import InputError
from medrecon.networks import UNetOptions
from medrecon.training.config import merged, nested, read_toml, updated
from medrecon.training.ddgan.options import MriDdganOptions
from medrecon.training.mri_hfs_options import MriHfsOptions
from medrecon.training.mri_image_options import MriImageOptions

CONFIGS = Path(__file__).parents[2] / "configs"
SHIPPED = [
    ("mri-image.toml", MriImageOptions()),
    ("mri-hfs.toml", MriHfsOptions()),
    ("mri-ddgan.toml", MriDdganOptions()),
]


@pytest.mark.parametrize(("name", "default"), SHIPPED)
def test_the_shipped_config_holds_every_option_at_its_default(name, default):
    tables = read_toml(CONFIGS / name)
    assert tables.pop("volumes") == {}
    assert tree(tables) == keys(default)
    assert updated(default, tables, "config") == default


def test_values_reach_nested_options_and_leave_the_others():
    values = {"batch": 8, "augmentation": {"reference": {"noise": [0.01, 0.02]}}, "loop": {"seconds": 5}}
    found = updated(MriImageOptions(), values, "config")
    assert (found.batch, found.loop.seconds) == (8, 5.0)
    assert isinstance(found.loop.seconds, float)
    assert found.augmentation.reference.noise == (0.01, 0.02)
    assert found.augmentation.phase == MriImageOptions().augmentation.phase


def test_a_network_is_a_name_or_its_widths():
    widths = {"widths": [8, 12], "encoder_blocks": [1, 1], "decoder_blocks": [2, 1], "embedding": 16}
    found = updated(MriImageOptions(), {"network": widths}, "config")
    assert found.network == UNetOptions((8, 12), (1, 1), (2, 1), 16)
    assert found.architecture.multiple == 4
    assert updated(MriImageOptions(), {"network": "small"}, "config").network == "small"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"speed": 1}, "c.toml: unknown key 'speed' in the top level; it takes network, size"),
        ({"loop": {"second": 1}}, "unknown key 'second' in table [loop]; it takes seconds, steps"),
        ({"augmentation": {"phase": {"wrap": 1}}}, "unknown key 'wrap' in table [augmentation.phase]"),
        ({"network": {"width": [8]}}, "unknown key 'width' in table [network]"),
        ({"batch": 2.5}, "'batch' in the top level is 2.5; give a whole number"),
        ({"batch": True}, "'batch' in the top level is True; give a whole number"),
        ({"loop": {"seconds": "long"}}, "'seconds' in table [loop] is 'long'; give a finite number"),
        ({"loop": {"seconds": float("nan")}}, "give a finite number"),
        ({"loop": 3}, "'loop' in the top level is 3; give a table"),
        ({"network": 3}, "'network' in the top level is 3; give a text in quotes or a table"),
        (
            {"network": {"widths": [8, 0.5]}},
            "'widths' in table [network] is [8, 0.5]; give a list of any number of whole",
        ),
        (
            {"augmentation": {"reference": {"noise": [0.1]}}},
            "'noise' in table [augmentation.reference] is [0.1]; give a",
        ),
    ],
)
def test_what_does_not_fit_is_one_line_with_key_and_table(values, words):
    with pytest.raises(InputError) as error:
        updated(MriImageOptions(), values, "c.toml")
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["loop = [", "= 3", None])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path, text):
    path = tmp_path / "c.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=r"c\.toml (is not valid TOML|cannot be read)"):
        read_toml(path)


def test_trees_merge_with_the_second_winning():
    tree = merged({"a": {"b": 1, "c": 2}, "d": 3}, nested("a.b", 4))
    assert tree == {"a": {"b": 4, "c": 2}, "d": 3}
    assert merged({"network": "small"}, nested("network.widths", [8])) == {"network": {"widths": [8]}}
