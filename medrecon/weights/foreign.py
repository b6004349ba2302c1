"""Weights that another program has written: opened once, without running anything that they hold."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from torch import Tensor

from medrecon.errors import InputError
from medrecon.weights.files import read

PICKLED = (".pt", ".pth")
HOLDERS = ("ema", "weights", "state_dict", "model")
"""Keys under which programs keep the state dict; an average comes before the last weights."""


def read_foreign(path: Path) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    """State dict of a .pt or a .safetensors file, and the `settings` that lie beside it, if any.

    A .pt is opened with `weights_only=True`: plain containers and tensors, no code. Raises InputError otherwise.
    """
    content = _pickled(path) if path.suffix in PICKLED else _tensors(path)
    settings = content.get("settings")
    state = next((content[k] for k in HOLDERS if isinstance(content.get(k), Mapping)), content)
    tensors = {str(k): v for k, v in state.items() if isinstance(v, Tensor)}
    if not tensors or (state is content and len(tensors) != len(content)):
        raise InputError(
            f"{path.name} holds no state dict; give one of names and tensors, alone or under {', '.join(HOLDERS)}"
        )
    return tensors, dict(settings) if isinstance(settings, Mapping) else None


def _pickled(path: Path) -> Mapping[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give a .pt or .safetensors file") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise InputError(
            f"{path.name} is not opened: it is damaged, or holds more than tensors and plain values ({reason}); "
            "save a plain state dict"
        ) from None
    if not isinstance(content, Mapping):
        raise InputError(f"{path.name} holds a {type(content).__name__}; save a plain state dict")
    return content


def _tensors(path: Path) -> Mapping[str, Any]:
    try:
        return parse_tensors(read(path))
    except SafetensorError as error:
        raise InputError(f"{path.name} is damaged or no safetensors file ({error}); fetch it again") from None
