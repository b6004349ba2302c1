"""Regularisation weights: the user's, or a noise rule's, one a slice; and checks of the options."""

import math

import torch
from torch import Tensor

from medrecon.errors import InputError
from medrecon.problem import Problem


def per_slice(weight: float | None, rule: Tensor, problem: Problem) -> Tensor:
    """`weight` for every slice, or where it is None the `rule` `(slice,)`; shape `(slice, 1, 1)`.

    Raises InputError if `weight` is negative or not finite.
    """
    if weight is None:
        return rule[:, None, None]
    if not (math.isfinite(weight) and weight >= 0):
        raise InputError(f"weight is {weight}; give a number >= 0, or none for the noise rule")
    return torch.full_like(problem.noise, weight)[:, None, None]


def check_count(name: str, count: int) -> None:
    """Raise InputError unless the option `name` is a positive count."""
    if count < 1:
        raise InputError(f"{name} is {count}; give a whole number of at least 1")
