"""Which methods `medrecon bench mri` runs and with which priors, from those that the user names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch

from medrecon import networks, weights
from medrecon.bench.conditions import METHODS
from medrecon.bench.runners import has_low_band
from medrecon.diffusion.prior import Prior
from medrecon.mri import METHODS as KNOWN
from medrecon.mri import method_class
from medrecon.pipeline import default_prior


@dataclass(frozen=True, eq=False)
class Cast:
    """The methods of a campaign, all priors that they may take, and why other methods are left out.

    names : by which the priors are loaded.
    """

    methods: tuple[str, ...]
    names: tuple[str, ...]
    priors: tuple[Prior, ...]
    left_out: tuple[str, ...] = ()


def cast(named: Sequence[str], given: Sequence[str], device: torch.device, place: torch.device | None = None) -> Cast:
    """The methods `named`, or all but the slow published forms, with the priors `given`, or each method's own.

    A method that was not named is left out where its own prior is not there, or none of those given was made for it:
    a prior of the high band for methods with a low band, one of whole images for others. They suit `device`, and are
    loaded to `place`, the same unless given.
    Raises InputError for priors that cannot be loaded; what is wrong with a method that was named, its maker says.
    """
    drawing = _drawing(named or METHODS)
    own = {method: method_class(method).default_prior or default_prior(device) for method in drawing}
    priors = _loaded(given, place or device) if drawing else ()
    lack = {} if named else _unfit(drawing, priors) if given else _absent(own)
    names = tuple(dict.fromkeys(given if priors else (own[method] for method in drawing if method not in lack)))
    return Cast(
        methods=tuple(method for method in named or METHODS if method not in lack),
        names=names,
        priors=priors or _loaded(names, place or device),
        left_out=tuple(f"method {method}, since {why}" for method, why in lack.items()),
    )


def _drawing(methods: Sequence[str]) -> list[str]:
    """Those that need a prior; a name that is no method of the package is told of where it is made."""
    return [name for name in methods if name in KNOWN and method_class(name).needs_prior]


def _loaded(names: Iterable[str], device: torch.device) -> tuple[Prior, ...]:
    return tuple(networks.load_prior(name, device) for name in dict.fromkeys(names))


def _unfit(methods: Sequence[str], priors: Sequence[Prior]) -> dict[str, str]:
    kinds = {prior.of_band is not None for prior in priors}
    return {method: "no prior given was made for it" for method in methods if has_low_band(method) not in kinds}


def _absent(own: Mapping[str, str]) -> dict[str, str]:
    return {method: f"its prior {name} is not there" for method, name in own.items() if weights.find(name) is None}
