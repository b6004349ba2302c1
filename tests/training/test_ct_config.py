"""The shipped CT configs hold every option at its default."""

from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from medrecon.training.config import read_toml, updated
from medrecon.training.ct.options import CtCodecOptions, CtColdOptions, CtDdpmOptions, CtRegressionOptions

CONFIGS = Path(__file__).parents[2] / "configs"
SHIPPED = {
    "ct-codec": CtCodecOptions(),
    "ct-cold": CtColdOptions(),
    "ct-ddpm": CtDdpmOptions(),
    "ct-regression": CtRegressionOptions(),
}


def keys(options):
    """Names of every option, as a tree."""
    return {
        f.name: keys(getattr(options, f.name)) if is_dataclass(getattr(options, f.name)) else None
        for f in fields(options)
    }


def tree(tables):
    return {k: tree(v) if isinstance(v, dict) else None for k, v in tables.items()}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_config_holds_every_option_at_its_default(name):
    tables = read_toml(CONFIGS / f"{name}.toml")
    assert tables.pop("volumes") == {}
    assert tree(tables) == keys(SHIPPED[name])
    assert updated(SHIPPED[name], tables, "config") == SHIPPED[name]
