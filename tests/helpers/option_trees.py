"""Names of options as trees: of dataclasses, and of the tables of a config."""

from dataclasses import fields, is_dataclass


def keys(options):
    """Names of every option, as a tree."""
    return {
        f.name: keys(getattr(options, f.name)) if is_dataclass(getattr(options, f.name)) else None
        for f in fields(options)
    }


def tree(tables):
    """Names of every key, as a tree."""
    return {k: tree(v) if isinstance(v, dict) else None for k, v in tables.items()}
