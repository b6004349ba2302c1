"""The shipped CT configs hold every option at its default."""

from pathlib import Path

import pytest
from option_trees import keys, tree

from medrecon.training.config import read_toml, updated
from medrecon.training.ct.options import CtCodecOptions, CtColdOptions, CtDdpmOptions, CtRegressionOptions

CONFIGS = Path(__file__).parents[2] / "configs"
SHIPPED = {
    "ct-codec": CtCodecOptions(),
    "ct-cold": CtColdOptions(),
    "ct-ddpm": CtDdpmOptions(),
    "ct-regression": CtRegressionOptions(),
}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_config_holds_every_option_at_its_default(name):
    tables = read_toml(CONFIGS / f"{name}.toml")
    assert tables.pop("volumes") == {}
    assert tree(tables) == keys(SHIPPED[name])
    assert updated(SHIPPED[name], tables, "config") == SHIPPED[name]
